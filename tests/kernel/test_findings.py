"""The rules against recorded kernels: they keep silent where nothing happened, and name the cause where something did."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kernel.findings import (
    CAUSES,
    KINDS,
    QUIET,
    causes_named,
    copies,
    doubled,
    false_alarms,
    findings,
    quiet_connections,
)
from kernel.judging import RUNS
from kernel.runs import TAPS, Run, load, packets
from kernel.score import ORDINARY
from tcptrace_py.config import Thresholds
from tcptrace_py.rules.catalogue import RULES


@pytest.fixture(scope="module")
def clean() -> Run:
    return load(RUNS / "clean")


@pytest.mark.parametrize("tap", TAPS)
def test_nothing_is_said_where_nothing_happened(clean: Run, tap: str) -> None:
    assert quiet_connections(clean) > 2000
    assert list(false_alarms(clean, tap)) == []


def test_copies_are_copies(clean: Run) -> None:
    capture = clean.captures["middle"]
    once, twice = list(packets(capture)), list(packets(doubled(capture)))
    assert len(twice) == 2 * len(once)
    assert sorted(twice) == sorted(copies(capture))
    beside = sum(a[1] == b[1] for a, b in pairwise(twice))
    assert beside < len(once) // 2  # the other half have a TTL of their own, or stand further away


def test_real_faults_are_not_silenced_by_copies(clean: Run) -> None:
    named = {
        tap: sum(
            finding["severity"] != "info" and seen.record["scenario"] not in QUIET
            for seen in findings(clean, capture, "middle", Thresholds().stuck)
            for finding in seen.found
        )
        for tap, capture in (("once", clean.captures["middle"]), ("twice", doubled(clean.captures["middle"])))
    }
    assert named["once"] > 100
    assert named["twice"] >= named["once"] * 0.98


@pytest.mark.parametrize("scenario", sorted(CAUSES))
def test_the_cause_is_named(scenario: str) -> None:
    hits = causes_named()[scenario]
    # of the few that are recorded of each, one may have been decided by the weather
    assert hits.named >= hits.of * 0.95 or hits.of - hits.named == 1, hits


def test_causes_are_named_in_all() -> None:
    named = sum(hits.named for hits in causes_named().values())
    assert named >= 0.98 * sum(hits.of for hits in causes_named().values())


def test_the_tables_know_their_names() -> None:
    played = {record["scenario"] for kind in KINDS for record in load(RUNS / kind).truth}
    assert set(CAUSES) <= played
    assert QUIET <= ORDINARY <= played | {"client_reboot"}
    assert {name for names in CAUSES.values() for name in names} <= {rule.name for rule in RULES}
