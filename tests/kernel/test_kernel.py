"""tcpfsm against recorded kernels: every figure is at least as good as its bar, and the document says what the figures are."""

from __future__ import annotations

import re

import pytest

from kernel import tables
from kernel.bars import Bar, hold, load_held
from kernel.causes import misfits
from kernel.judge import DOCUMENT
from kernel.judging import KINDS, RUNS, all_bars, bars_of, cases
from kernel.runs import TAPS, Run, load
from kernel.score import ORDINARY
from kernel.sockdiag import STATES

NAMES = [f"{kind}{cut}, {tap}" for cut in ("", ", cut") for kind in KINDS for tap in TAPS]
RENEW = "if this is meant: python tests/kernel/judge.py --write"


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_within_its_bar(name: str) -> None:
    (case,) = (case for case in cases() if case.name == name)
    found = bars_of(case, load_held())
    assert len(found) >= 8
    assert [bar for bar in found if bar.most is not None and bar.measured > bar.most] == [], RENEW


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_mostly_what_nobody_can_know(name: str) -> None:
    (case,) = (case for case in cases() if case.name == name)
    found = [bar for bar in bars_of(case, {}) if bar.margin is not None]
    assert len(found) == 3 - (case.tap == "middle") - (case.kind == "midstream")
    assert [bar for bar in found if not bar.excused] == []


def test_what_is_held_is_as_tight_as_it_can_be() -> None:
    held = {(name, figure) for name, figures in load_held().items() for figure in figures}
    measured: dict[tuple[str, str], Bar] = {(bar.case, bar.figure.name): bar for bar in all_bars()}
    assert held <= set(measured)
    loose = [measured[key] for key in held if is_loose(measured[key])]
    assert loose == [], RENEW


def is_loose(bar: Bar) -> bool:
    """The target is reached, or more is allowed than is needed and twice the usual slack."""
    return bar.held is not None and (bar.reached or bar.held > hold(hold(bar.measured)))


def test_looseness_is_noticed() -> None:
    figure = all_bars()[0].figure
    assert is_loose(Bar("", figure, measured=4.0, target=5.0, held=6.0))
    assert is_loose(Bar("", figure, measured=6.0, target=5.0, held=9.0))
    assert not is_loose(Bar("", figure, measured=6.0, target=5.0, held=hold(6.0)))
    assert not is_loose(Bar("", figure, measured=6.0, target=5.0, held=None))


def test_the_document_has_these_tables() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in tables.MAKERS)
    assert tables.fill(text) == text, RENEW


def test_the_document_names_scenarios_that_are_played() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## What frames cannot tell\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+_\w+)`", section))
    assert len(named) > 15
    assert named <= {record["scenario"] for record in load(RUNS / "clean").truth}


# ---- the recordings


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest) -> Run:
    return load(RUNS / request.param)


def test_a_recording_has_enough_in_it(run: Run) -> None:
    assert len(run.truth) >= 400
    assert (run.facts["contradictions"], run.facts["misfits"]) == (0, 0)
    scenarios = {record["scenario"] for record in run.truth}
    assert len(scenarios) >= 80
    assert scenarios >= ORDINARY
    ends = [record[side] for record in run.truth for side in ("client", "server")]
    assert {entry["state"] for end in ends for entry in end["timeline"]} == set(STATES.values())
    open_ended = {"ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"}
    assert {end["final"] for end in ends} >= {*open_ended, "CLOSED"}


def test_the_truth_fits_the_frames(run: Run) -> None:
    if run.facts["parameters"]["warmup"]:
        assert run.begin > min(record["t_start"] for record in run.truth)  # frames are missing: nothing to compare
        return
    assert list(misfits(run)) == []


def test_a_truth_that_does_not_fit_is_noticed() -> None:
    run = load(RUNS / "clean")
    late = 200_000_000
    for record in run.truth:
        for side in ("client", "server"):
            for entry in record[side]["timeline"][1:]:
                entry["t"] -= late
                entry.pop("hi", None)
    assert len(list(misfits(run))) > len(run.truth) / 2


def test_the_recordings_are_small() -> None:
    assert sorted(path.name for path in RUNS.iterdir()) == sorted(KINDS)
    assert sum(path.stat().st_size for path in RUNS.rglob("*.*")) < 12_000_000
