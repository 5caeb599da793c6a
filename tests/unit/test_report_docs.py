from __future__ import annotations

from pathlib import Path

from tcptrace_py.extraction.rows import ROWS
from tcptrace_py.report.events import EVENTS, Found
from tcptrace_py.report.schema import report_schema
from tools.field_tables import MARKS, fill
from tools.program import SAMPLES, report


def test_the_report_is_documented_field_by_field(checkout: Path) -> None:
    text = (checkout / "docs" / "report.md").read_text(encoding="utf-8")
    assert fill(text) == text, "write them anew: python tests/tools/field_tables.py docs/report.md"
    lines_of_ndjson = {"CaptureLine", "SummaryLine", "Line", *(event.__name__ for event in EVENTS)}
    assert {match[2] for match in MARKS.finditer(text)} == set(report_schema()["$defs"]) - lines_of_ndjson


def test_the_list_of_streams_is_documented_field_by_field(checkout: Path) -> None:
    text = (checkout / "docs" / "extract.md").read_text(encoding="utf-8")
    assert fill(text) == text, "write them anew: python tests/tools/field_tables.py docs/extract.md"
    assert {match[2] for match in MARKS.finditer(text)} == {row.__name__ for row in ROWS}


def test_the_events_of_live_are_documented_field_by_field(checkout: Path) -> None:
    text = (checkout / "docs" / "live.md").read_text(encoding="utf-8")
    assert fill(text) == text, "write them anew: python tests/tools/field_tables.py docs/live.md"
    assert {match[2] for match in MARKS.finditer(text)} == {event.__name__ for event in EVENTS if event is not Found}


def test_every_letter_of_a_history_is_documented(checkout: Path) -> None:
    text = (checkout / "docs" / "report.md").read_text(encoding="utf-8")
    letters = {
        letter for sample in SAMPLES.glob("*.pcap") for c in report(sample)["connections"] for letter in c["history"]
    }
    assert len(letters) > 8
    assert all(f"`{letter}`" in text for letter in letters)
