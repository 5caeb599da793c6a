"""SYNs that nothing followed: counted without making connections of them, and told of as if they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.generate import generate
from tcptrace_py.capture import open_captures
from tcptrace_py.config import Config, Thresholds
from tcptrace_py.decode import Decoder
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.lone import Lone, LoneJudge
from tcptrace_py.machine.plain import Asked
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.report.build import finding as built
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge
from tcptrace_py.rules.rule import Rule
from tools.segments import MS, START, TO_CLIENT, TO_SERVER, linux_timers, segment
from tools.twins import Twins


class AskingJudge(Judge):
    """One that has every connection made whole."""

    def lone(self) -> LoneJudge | None:
        return None


def told(judge: Judge, path: Path, bound: int) -> tuple[list[bytes], dict[str, Any], set[int]]:
    """The findings, the figures, and the connections that were shown."""
    found: list[Finding] = []
    shown: set[int] = set()

    def take(c: Any, findings: list[Finding]) -> None:
        shown.add(int(c.number))
        found.extend(findings)

    tracker = Tracker(linux_timers(), Limits(bound, 60 * SECOND))
    pipeline = Pipeline(open_captures([str(path)]), Decoder(), tracker, judge, take, 10, None)
    pipeline.run()
    tally = pipeline.tally
    figures = {
        name: getattr(tally, name)
        for name in ("connections", "fine", "unfinished", "evicted", "findings", "severities", "midstream")
    }
    figures |= {"outcomes": list(tally.outcomes), "states": list(tally.pairs), "living": tracker.living}
    return [msgspec.json.encode(built(f)) for f in [*found, *pipeline.capture_findings]], figures, shown


@pytest.mark.parametrize("bound", [0, 700])
@pytest.mark.parametrize("kind", ["flood", "half-open"])
@pytest.mark.parametrize("patience", [0.002, 3.0])
@pytest.mark.parametrize("ignore", [(), ("syn-flood",), ("syn-unanswered", "handshake-incomplete")])
def test_nothing_else_is_told_than_of_whole_connections(
    kind: str, bound: int, patience: float, ignore: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "capture"
    generate(kind, 1500, str(path))
    thresholds = Thresholds(unanswered=patience, half_open=patience, flood_age=patience / 2, flood_rate=200)
    config = Config(thresholds=thresholds, ignore=ignore)
    one, other = told(Judge(config), path, bound), told(AskingJudge(config), path, bound)
    assert one == other
    assert one[1]["connections"] == 1500
    if patience < 1 and not ignore:
        assert one[1]["findings"]["syn-flood"] == 1
        assert len(one[2]) < 200


def test_unanswered_syns_are_folded_only_where_they_are_a_flood(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    generate("flood", 1500, str(path))
    slow = Config(thresholds=Thresholds(unanswered=0.001, flood_age=0.001, flood_rate=1e9))
    assert told(Judge(slow), path, 0)[1]["findings"]["syn-unanswered"] > 1000
    fast = Config(thresholds=Thresholds(unanswered=0.001, flood_age=0.001), ignore=("syn-flood",))
    _, figures, _ = told(Judge(fast), path, 0)
    assert figures["findings"]["syn-unanswered"] < 200, "the others are in one finding more"


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("seconds", [1, 60, 64, 65, 134, 135, 500])
def test_where_it_leaves_both_sides(answered: bool, seconds: int) -> None:
    twins = Twins(linux_timers())
    twins.segment(segment(1, START, TO_SERVER, "S", 100))
    if answered:
        twins.segment(segment(2, START + 20 * MS, TO_CLIENT, "S.", 300, 101))
    flow = twins.plain.flows.find(TO_SERVER)
    assert isinstance(flow, Asked)
    until = START + seconds * SECOND
    twins.whole.end(until)
    (c,) = twins.whole.finished
    lone = Lone(flow, until, False)
    lone.conclude(linux_timers())
    assert (lone.client, lone.server, lone.facts) == (c.client.state, c.server.state, c.facts)
    assert lone.facts & (fa.SYN_UNANSWERED | fa.HALF_OPEN)
    assert (lone.client == st.ESTABLISHED) == answered


class AnotherRule(Rule):
    """One that nobody has thought of."""

    name = "another-rule"
    facts = fa.HALF_OPEN


def test_every_rule_that_may_want_one_is_known_to_the_judge() -> None:
    judge = Judge(Config())
    assert judge.lone() is not None
    judge.rules.append(AnotherRule(judge.rules[0].config, judge.crowds))
    assert judge.lone() is None, "it is to be asked"
