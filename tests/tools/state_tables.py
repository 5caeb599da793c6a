"""The diagram and the table of transitions in docs/states.md, made from ``machine.table``.

They stand between ``<!-- diagram -->`` or ``<!-- transitions -->`` and ``<!-- end -->``.
``python tests/tools/state_tables.py docs/states.md`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.table import ARROWS, Arrow

MARKS = re.compile(r"(<!-- (diagram|transitions) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

LEFT_OUT = {ev.SEND_RST, ev.RECEIVE_RST, ev.TIMEOUT_GIVE_UP, ev.CLOSE_UNSEEN, ev.RECEIVE_ICMP}
"""Events that lead from nearly everywhere to CLOSED, or leave no frame: in the table, not in the diagram."""


def fill(text: str) -> str:
    """The document with its generated parts as they should be."""
    return MARKS.sub(lambda m: m[1] + "\n" + (diagram() if m[2] == "diagram" else transitions()) + "\n" + m[4], text)


def diagram() -> str:
    """The usual life of an endpoint, for Mermaid; events that lead the same way share an arrow."""
    ways: dict[tuple[int, int], list[str]] = {}
    for arrow in ARROWS:
        if arrow.event not in LEFT_OUT and arrow.from_state != arrow.to_state:
            ways.setdefault((arrow.from_state, arrow.to_state), []).append(ev.NAMES[arrow.event])
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> CLOSED", "    [*] --> LISTEN"]
    for (start, end), events in ways.items():
        label = " or ".join(events).replace(":", "")  # a colon begins a label
        lines.append(f"    {st.NAMES[start]} --> {st.NAMES[end]} : {label}")
    return "\n".join([*lines, "```"]) + "\n"


def transitions() -> str:
    """Every arrow, a row each, in the order of the table."""
    rows = ["| from | event | to | RFC 9293 | because |", "| --- | --- | --- | --- | --- |"]
    rows += [row(arrow) for arrow in ARROWS]
    return "\n".join(rows) + "\n"


def row(arrow: Arrow) -> str:
    """One arrow."""
    start, end = st.NAMES[arrow.from_state], st.NAMES[arrow.to_state]
    return f"| {start} | {ev.NAMES[arrow.event]} | {end} | {arrow.section} | {arrow.because} |"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
