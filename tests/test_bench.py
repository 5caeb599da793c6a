"""The benchmarks run: what is measured is what it says, and a program that is missing is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import suite
from bench.compare import PROGRAMS, Program, lines, measure
from bench.generate import KINDS, generate
from tools.program import environment
from tools.stories import report


@pytest.fixture(autouse=True)
def _the_one_under_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are called from the folder of the capture: there, too, tcpfsm is the one that is tested."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])


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


def test_the_suite_measures_a_case_and_puts_it_in_its_place(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "FLAT", (("bulk", (900, 1200)),))
    monkeypatch.setattr(suite, "OFTEN", 1)
    monkeypatch.setattr(suite, "KEPT", (("open", "open", 1),))
    monkeypatch.setattr(suite, "MANY", 20)
    text = (checkout / "docs" / "performance.md").read_text(encoding="utf-8")
    document = tmp_path / "performance.md"
    document.write_text(text, encoding="utf-8")
    case = suite.CASES[0]._replace(amount=30, programs=("tcpfsm", "cat"))
    made = {
        "web": list(suite.compared(case, tmp_path, 1)),
        "flat": list(suite.flat(tmp_path, 1)),
        "memory": list(suite.memory(tmp_path, 1)),
        "machine": list(suite.machine(tmp_path, 1)),
    }
    assert [line.split(" | ")[0] for line in made["web"][5:]] == ["| tcpfsm", "| cat"]
    assert "exit" not in "".join(made["web"])
    assert [line.split(" | ")[1] for line in made["flat"][4:]] == ["900", "1,200"]
    assert len(made["memory"]) == 3
    for name in suite.TABLES:
        suite.place(document, name, "\n".join(made.get(name, ["a table"])))
    again = document.read_text(encoding="utf-8")
    assert again.count("a table") == len(suite.TABLES) - len(made)
    assert "\n".join(made["web"]) in again
