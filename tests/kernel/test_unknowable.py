"""What nobody can know: that the frames are alike indeed, in the recorded runs, and how the least is counted."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise

import pytest

from kernel.bars import Bar
from kernel.judging import RUNS, all_bars, cases
from kernel.runs import load
from kernel.score import Spell, state_at
from kernel.shapes import ACK, FIN, RST, SECOND, SYN, Head, Seen, Sign, shape, tail
from kernel.unknowable import GROUPS, Group, Member, classes, judge, least_changes, least_time, members

PLACES = [(tap, group) for group in GROUPS for tap in group.taps]
NEARLY = 0.06
"""Seconds by which the same timers may differ ..."""
SHARE = 0.1
"""... or as a share of what they were set to."""


# ---- the frames


def test_no_connection_is_counted_twice() -> None:
    places = [(tap, scenario) for tap, group in PLACES for scenario in group.scenarios]
    assert len(places) == len(set(places))


@cache
def seen(kind: str, tap: str) -> Seen:
    return Seen(load(RUNS / kind), tap)


@cache
def candidates(tap: str) -> list[tuple[str, Member]]:
    """The endpoints of two whole runs that may look alike."""
    found: list[tuple[str, Member]] = []
    for kind in ("clean", "defaults"):
        (spells,) = (case.score.spells for case in cases() if (case.kind, case.tap, case.cut) == (kind, tap, False))
        found += ((kind, member) for member in members(seen(kind, tap), tap, spells))
    return found


@pytest.mark.parametrize(("tap", "group"), PLACES, ids=lambda value: value if isinstance(value, str) else value.frames)
def test_frames_are_alike_where_the_kernels_differ(tap: str, group: Group) -> None:
    """Each scenario with another one: the same segments, and different states behind them at the same age."""
    together: set[str] = set()
    for kind in ("clean", "defaults"):
        here = [member for run, member in candidates(tap) if run == kind and member.alike[0] == GROUPS.index(group)]
        tails = {id(m): tail(seen(kind, tap).heads(m.spell.record, m.spell.frames_until)) for m in here}
        for one, other in (pair for alike in classes(here) for pair in combinations(alike, 2)):
            names = {one.spell.record["scenario"], other.spell.record["scenario"]}
            if len(names) > 1 and differ(one, other) and same(tails[id(one)], tails[id(other)]):
                together |= names
    assert together == group.scenarios


def differ(one: Member, other: Member) -> bool:
    """Whether the kernels were in different states some time after the frames became alike, at the same age."""
    last = min(one.end - one.since, other.end - other.since)
    ages = (0.01 + step / 2 for step in range(60))
    return any(state(one, age) != state(other, age) for age in ages if age < last)


def state(member: Member, age: float) -> str:
    return state_at(member.spell.true, member.since + age)


def same(some: list[tuple[int, Sign]], others: list[tuple[int, Sign]]) -> bool:
    """Every segment, as long as both are seen, and the times between them nearly."""
    pairs = list(zip(some, others, strict=False))
    if any(mine[1] != theirs[1] for mine, theirs in pairs):
        return False
    gaps = ((b[0][0] - a[0][0], b[1][0] - a[1][0]) for a, b in pairwise(pairs))
    return all(abs(mine - theirs) <= max(NEARLY * SECOND, SHARE * max(mine, theirs)) for mine, theirs in gaps)


def test_frames_that_are_not_alike_are_noticed() -> None:
    silent = next(tail(found) for found in seen("clean", "client").found.values() if found[-1].flags & FIN)
    later = [(time + round(n * SECOND), sign) for n, (time, sign) in enumerate(silent)]
    other = [(time, sign._replace(missing=sign.missing + 1)) for time, sign in silent]
    assert len(silent) > 2
    assert same(silent, silent)
    assert same(silent, silent[:1])  # as far as both are seen
    assert not same(silent, later)
    assert not same(silent, other)


def test_shapes() -> None:
    def say(*segments: tuple[float, str, int, int, int, int]) -> str:
        """Time, direction, flags, sequence number, acknowledgement, length."""
        made = [Head(round(s[0] * SECOND), s[1] == ">", s[2], s[3], s[4], s[5], 1000, b"") for s in segments]
        return str(shape(made))

    opened = (0.0, ">", SYN, 9, 0, 0), (0.01, "<", SYN | ACK, 99, 10, 0), (0.02, ">", ACK, 10, 100, 0)
    data = (0.03, ">", ACK, 10, 100, 50), (0.04, "<", ACK, 100, 60, 0)
    fin, again = (0.3, ">", FIN | ACK, 60, 100, 0), (0.5, ">", FIN | ACK, 60, 100, 0)
    assert say(*opened) == "S> s< k"
    assert say(opened[0], *opened) == "S>+ s< k"
    assert say(opened[0], *opened, *data) == "S> s< k d"
    assert say(*opened, data[0]) == "S> s< k u>"
    assert say(*opened, *data, fin) == "S> s< k d F> after 0.2 s"
    assert say(*opened, *data, fin, again) == "S> s< k d F>+ after 0.2 s"
    assert say(*opened, *data, fin, (0.31, "<", ACK, 100, 61, 0)) == "S> s< k d F> a<"
    assert say(*opened, *data, fin, (0.31, "<", ACK, 100, 60, 0)) == "S> s< k d F> n<"
    assert say(*opened, *data, (1.0, ">", ACK, 59, 100, 0)) == "S> s< k d p> after 0.9 s"
    assert say(*opened, *data, fin, (0.31, "<", ACK, 100, 61, 0), again) == "S> s< k d F>+ a< ~F>"
    assert say(*opened, *data, (1.0, "<", RST, 100, 0, 0)) == "S> s< k d R<= after 0.9 s"
    assert say(*opened, *data, (1.0, "<", RST, 105, 0, 0)) == "S> s< k d R<+ after 0.9 s"


# ---- the least


def member(name: str, *history: tuple[float, str], until: float = 10.0, since: float = 0.0, said: str = "") -> Member:
    """An endpoint whose frames are alike to others' from ``since`` on, which the report has in one state."""
    true = [(since + t, state) for t, state in history]
    last = true[-1][1]
    said = said or last
    spell = Spell({"scenario": name}, "server", since, since + until, true, [], 0, last, [(0.0, said)], said)
    return Member((0, "alike"), since, spell, since + until)


def test_the_least_time_is_that_of_the_rarer_state_at_every_age() -> None:
    up, down = member("a", (0, "ESTABLISHED")), member("b", (0, "CLOSED"))
    later = member("b", (0, "ESTABLISHED"), (4, "CLOSED"), since=100.0)
    assert least_time([up]) == 0
    assert least_time([up, up]) == 0
    assert least_time([up, down]) == pytest.approx(10)
    assert least_time([up, up, down]) == pytest.approx(10)
    assert least_time([up, later]) == pytest.approx(6)
    assert least_time([up, later, down]) == pytest.approx(10)
    assert least_time([later, later, down]) == pytest.approx(4)
    assert least_time([up, member("b", (0, "CLOSED"), until=3)]) == pytest.approx(3)


def test_the_least_of_ends_may_change_with_age_but_not_with_every_connection() -> None:
    assert least_changes([]) == 0
    assert least_changes(["A", "A", "B", "A"]) == 0
    assert least_changes(["A", "B", "A", "B"]) == 1
    assert least_changes(["A", "B", "A", "B", "A", "B"]) == 2
    assert least_changes(["A", "A", "A", "B", "B", "C"]) == 0


def test_one_scenario_alone_is_no_mystery() -> None:
    one, same_script = member("a", (0, "ESTABLISHED")), member("a", (0, "CLOSED"))
    assert judge([one, same_script]).least.time == 0
    assert judge([one, member("b", (0, "CLOSED"))]).least.time == pytest.approx(10)
    turns = [member("ab"[n % 2], (0, ("ESTABLISHED", "CLOSED")[n % 2]), until=n + 1.0) for n in range(6)]
    assert judge(turns).least.finals["server"] == 2


def test_what_was_guessed() -> None:
    one, other = member("a", (0, "ESTABLISHED"), until=4), member("b", (0, "CLOSED"), said="ESTABLISHED")
    assert judge([one, other]).least.time == pytest.approx(4)
    assert judge([one, other]).guessed.time == pytest.approx(10)
    assert judge([one, other]).guessed.finals["server"] == 1


def test_what_is_not_excused_is_noticed() -> None:
    figure = all_bars()[0].figure
    assert Bar("", figure, 5.0, 6.0, None, 2.0, 4.0, 1.5).excused
    assert not Bar("", figure, 5.0, 6.0, None, 2.0, 3.0, 1.5).excused  # too much is wrong of the others
    assert not Bar("", figure, 5.0, 6.0, None, 4.5, 4.0, 1.5).excused  # the least is none
