"""The language of ``--where`` for a terminal: how it is written, and the fields there are."""

from __future__ import annotations

from collections.abc import Iterator

from tcptrace_py.explain.as_text import wrapped
from tcptrace_py.machine.states import NAMES
from tcptrace_py.where.fields import Field, fields
from tcptrace_py.where.kinds import Word

WRITTEN = (
    ("FIELD == VALUE   !=", "it is that, or not"),
    ("FIELD < VALUE   <=  >  >=", "it is less or greater; units: 5s, 100ms, 2min, 64kB, 1MiB, 10k"),
    ("FIELD in (A, B, C..D)   not in", "it is one of these; networks for addresses: 10.0.0.0/8"),
    ("FIELD ~ 'PATTERN'   !~", "a regular expression occurs in its text"),
    ("FIELD == null", "it is not known. What is not known is neither equal nor different, less nor more"),
    ("A and B   A or B   not A   ( )", "from the tightest: not, and, or"),
    ("client.F   server.F   both.F   F", "of that side, of both, of either; F != VALUE: of neither"),
)
EXAMPLE = "server.port == 443 and finding == closing"


def where() -> Iterator[str]:
    """The lines."""
    yield "--where EXPR  (only connections of which it holds)"
    yield ""
    yield f"  tcpfsm analyze CAPTURE --where '{EXAMPLE}'"
    yield ""
    for left, right in WRITTEN:
        yield from wrapped(f"{left:<33} {right}", "  ", " " * 36)
    every = fields().values()
    for title, of in (
        ("Of the connection", [one for one in every if not one.is_sided and not one.name.startswith("finding.")]),
        ("Of each endpoint, with client., server., both. or nothing before it", [one for one in every if one.is_sided]),
        ("Of its findings; finding alone is finding.rule", [one for one in every if one.name.startswith("finding.")]),
    ):
        yield from ("", title)
        for line in dict.fromkeys(described(one) for one in of):
            yield from wrapped(line, "  ", "      ")


def described(field: Field) -> str:
    """A field in a sentence."""
    kind = field.kind.name
    if isinstance(field.kind, Word):
        kind = "state" if set(field.kind.words) == set(NAMES) else ", ".join(field.kind.words)
    name, meaning = field.name, field.meaning
    if name.startswith("time_in_state."):
        name, meaning = "time_in_state.STATE", "how long it was in that state; 0: never"
    return f"{name} ({'list of ' if field.is_many else ''}{kind}): {meaning}"
