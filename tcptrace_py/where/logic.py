"""And, or and not where something may be unknown: three values, after Kleene, as in SQL.

True and False are sure; None is neither.  What is unknown stays so under ``not``, and an expression that comes out unknown does
not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tcptrace_py.where.look import Look

Test = Callable[[Look], "bool | None"]
"""Of a connection; None: not known."""


def both(one: Test, other: Test) -> Test:
    """One and the other."""

    def test(look: Look) -> bool | None:
        first = one(look)
        if first is False:
            return False
        second = other(look)
        return second if first or second is False else None

    return test


def either(one: Test, other: Test) -> Test:
    """One or the other."""

    def test(look: Look) -> bool | None:
        first = one(look)
        if first is True:
            return True
        second = other(look)
        return second if first is False or second else None

    return test


def opposite(one: Test) -> Test:
    """Not so."""

    def test(look: Look) -> bool | None:
        known = one(look)
        return None if known is None else not known

    return test


def any_of(values: Iterable[object], holds: Callable[[object], bool]) -> bool | None:
    """Of one of several values, each of which may be None."""
    found: bool | None = False
    for value in values:
        if value is None:
            found = None
        elif holds(value):
            return True
    return found
