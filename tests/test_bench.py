"""The benchmarks run: what is measured is what it says, and a program that is missing is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.compare import PROGRAMS, Program, lines, measure
from bench.generate import KINDS, generate
from tools.stories import report

OUTCOMES = {"flood": "unanswered", "half-open": "half_open", "bulk": "open", "lossy": "open", "open": "open"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_capture_holds_what_it_says(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    count = 2000 if kind in ("bulk", "lossy") else 60
    generate(kind, count, str(path))
    made = report(path)
    summary = made["summary"]
    assert made["capture"]["problems"] == []
    assert summary["outcomes"] == {OUTCOMES.get(kind, "closed"): 200 if kind in ("bulk", "lossy") else count}
    assert summary["findings"].keys() <= ({"retransmission"} if kind == "lossy" else set())
    assert made["capture"]["link_types"] == ["ETHERNET"]
    assert (":" in made["connections"][0]["client"]["address"]) == (kind == "six")
    again = tmp_path / "again"
    generate(kind, count, str(again), 96)
    assert report(again)["summary"]["outcomes"] == summary["outcomes"], "cut short, it is the same connections"


def test_programs_are_measured_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    generate("web", 20, str(path))
    missing = Program("another", ("no-such-program", "FILE"))
    failing = Program("failing", ("cat", "FILE", "no-such-file"))
    programs = [PROGRAMS[0], failing, missing]
    runs = measure(programs, str(path), 1)
    table = list(lines(programs, runs))
    assert len(runs[PROGRAMS[0].name]) == 1
    assert table[2].startswith(f"| {PROGRAMS[0].name} | ")
    assert table[2].endswith(" | 1.00 | 1.00 |")
    assert "exit 1" in table[3]
    assert "not installed" in table[4]
