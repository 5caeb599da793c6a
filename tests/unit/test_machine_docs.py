"""docs/states.md: what is made from the table is current, and what it tells is so."""

from __future__ import annotations

from pathlib import Path

from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES
from tcptrace_py.machine.table import ARROWS
from tools.segments import Talk, names, state, trail
from tools.state_tables import MARKS, diagram, fill, transitions


def test_the_generated_parts_are_current(checkout: Path) -> None:
    text = (checkout / "docs" / "states.md").read_text(encoding="utf-8")
    assert fill(text) == text, "write them anew: python tests/tools/state_tables.py docs/states.md"
    assert [match[2] for match in MARKS.finditer(text)] == ["diagram", "transitions"]


def test_every_arrow_has_its_row_and_every_state_its_place() -> None:
    assert transitions().count("\n") == len(ARROWS) + 2
    for name in st.NAMES:
        assert f" {name}" in diagram()


def test_every_kind_of_evidence_is_explained(checkout: Path) -> None:
    text = (checkout / "docs" / "states.md").read_text(encoding="utf-8")
    for name in EVIDENCE_NAMES:
        assert f"| `{name}` |" in text


def test_the_example_is_true() -> None:
    talk = Talk().client("S", 100)
    assert (trail(talk.now.client), names(talk.now.client.possible)) == ("CLOSED? SYN_SENT", {"SYN_SENT"})
    assert (state(talk.now.server), names(talk.now.server.possible)) == ("LISTEN", {"LISTEN", "SYN_RECEIVED"})
    talk.at(20).server("S.", 300, 101)
    assert trail(talk.now.client).endswith("SYN_SENT ESTABLISHED?")
    assert names(talk.now.client.possible) == {"SYN_SENT", "ESTABLISHED"}
    assert (trail(talk.now.server), names(talk.now.server.possible)) == ("LISTEN? SYN_RECEIVED?", {"SYN_RECEIVED"})
    talk.at(21).client(".", 101, 301)
    assert trail(talk.now.client).endswith("SYN_SENT ESTABLISHED")
    assert names(talk.now.client.possible) == {"ESTABLISHED"}
    assert trail(talk.now.server).endswith("ESTABLISHED?")
    assert names(talk.now.server.possible) == {"SYN_RECEIVED", "ESTABLISHED"}
    talk.at(60).server("P.", 301, 101, 10)
    assert trail(talk.now.server).endswith("ESTABLISHED")
    assert names(talk.now.server.possible) == {"ESTABLISHED"}
