"""A connection as it is now, copied: the copy may be let stand as if nothing more came, and the original goes on.

What only grows with segments and never with time (counters, holes, notes, retractions) is shared or copied as a list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint, Step

T = TypeVar("T")


def copy_of(c: Connection) -> Connection:
    """A connection that time may pass for."""
    client, server = _endpoint(c.client), _endpoint(c.server)
    copy = Connection(c.number, c.key, client, server, c.start, c.first_frame)
    _fill(copy, c)
    copy.client, copy.server = client, server
    copy.one, copy.two = client, server
    copy.notes = list(c.notes)
    return copy


def _endpoint(e: Endpoint) -> Endpoint:
    copy = Endpoint(e.state, 0, -1, "")
    _fill(copy, e)
    copy.steps = [_step(step) for step in e.steps]
    copy.step = copy.steps[-1]
    copy.retracted = list(e.retracted)
    if e.doubt is not None:
        copy.doubt = _step(e.doubt)
    return copy


def _step(step: Step) -> Step:
    return _fill(Step(step.state, step.time, step.frame, step.evidence, step.why), step)


def _fill(copy: T, original: T) -> T:
    """Give it all that the original has."""
    kind: Any = type(original)
    names = _attributes(kind)
    if names:
        for name in names:
            setattr(copy, name, getattr(original, name))
    else:
        vars(copy).update(vars(original))
    return copy


@lru_cache
def _attributes(kind: Any) -> tuple[str, ...]:
    """The names of what a compiled object has; none: it is interpreted, and they stand in its dictionary."""
    return getattr(kind, "__mypyc_attrs__", ())
