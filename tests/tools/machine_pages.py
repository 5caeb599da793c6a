"""The states and transitions in docs/machine.md, made from ``tcptrace_py.explain``.

They stand between ``<!-- machine -->`` and ``<!-- end -->``.  ``PYTHONPATH=.:tests python tests/tools/machine_pages.py
docs/machine.md`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS, Pair, arrows, evidence, source
from tcptrace_py.machine import events as ev
from tools.explained import bullets, heading, link, plain

MARKS = re.compile(r"(<!-- machine -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PAGE = "machine.md"


def fill(text: str) -> str:
    """The document with its states and transitions as they should be."""
    lines = ["## States", ""]
    for name, entry in STATES.items():
        lines += [f"### {name}", "", plain(entry.text.summary), "", *bullets(entry, name, PAGE), *onwards(name), ""]
    lines += ["## Transitions", ""]
    for pair in TRANSITIONS:
        lines += of_transition(pair)
    lines += ["## Steps that are no transitions of their own", ""]
    for pair in ASIDES:
        lines += of_aside(pair)
    pages = "\n".join(lines)
    return MARKS.sub(lambda m: f"{m[1]}\n{pages}\n{m[3]}", text)


def onwards(state: str) -> Iterator[str]:
    """Where it comes from, and where it leads to."""
    for title, pairs in (
        ("Comes from", [pair for pair in TRANSITIONS if pair[1] == state != pair[0]]),
        ("Leads to", [pair for pair in TRANSITIONS if pair[0] == state != pair[1]]),
    ):
        if pairs:
            yield f"- **{title}:** {', '.join(link(':'.join(pair), PAGE) for pair in pairs)}"


def of_transition(pair: Pair) -> Iterator[str]:
    """A transition: its events, and its parts."""
    name = ":".join(pair)
    entry = TRANSITIONS[pair]
    yield from (f"### {heading(name)}", "", plain(entry.text.summary), "")
    for arrow in arrows(pair):
        what = f"{ev.NAMES[arrow.event]}: {arrow.because} ({source(arrow.section)})"
        yield f"- **Event:** {plain(what)}; {evidence(arrow)}"
    yield from (*bullets(entry, name, PAGE), "")


def of_aside(pair: Pair) -> Iterator[str]:
    """A step of the RFC that is no arrow of the table."""
    entry = ASIDES[pair]
    yield from (f"### {heading(':'.join(pair))}", "", plain(entry.text), "")
    if entry.instead:
        yield f"- **It is made of:** {', '.join(link(':'.join(step), PAGE) for step in entry.instead)}"
    yield from (f"- **References:** {'; '.join(entry.references)}", "")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
