"""Parked connections: small, and whole again when another segment comes."""

from __future__ import annotations

import pytest

from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.tracker import Tracker
from tools.segments import Talk, names


def closed(parks: bool) -> Talk:
    talk = Talk()
    if parks:
        talk.tracker.keeps_first = 0
    talk.established()
    start = talk.ms
    return talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).at(start + 21).client(".", 112, 312)


def whole(tracker: Tracker) -> list[Connection]:
    return tracker.flows.connections()


def summary(c: Connection) -> list[object]:
    ends = [(e.state, names(e.possible), e.timer_from) for e in (c.client, c.server)]
    return [c.number, c.incarnation, c.packets, c.facts, c.history, c.start, c.end, c.outcome, ends]


def test_what_closed_well_is_parked_only_where_nobody_wants_it() -> None:
    assert whole(closed(parks=True).tracker) == []
    assert len(whole(closed(parks=False).tracker)) == 1


def test_what_closed_well_is_counted_once_at_the_end() -> None:
    talk = closed(parks=True)
    assert talk.end() == []
    (parked,) = talk.tracker.gone
    assert isinstance(parked, Parked)


@pytest.mark.parametrize("late", ["FIN again", "reset", "new SYN", "old SYN", "nothing"])
def test_a_late_segment_finds_the_same_connection(late: str) -> None:
    told = []
    for parks in (True, False):
        talk = closed(parks)
        talk.at(talk.ms + 30_000)
        if late == "FIN again":
            talk.server("F.", 311, 112).client(".", 112, 312)
        elif late == "reset":
            talk.server("R", 312)
        elif late == "new SYN":
            talk.client("S", 900_000)
        elif late == "old SYN":
            talk.client("S", 100)
        if late == "nothing":
            assert talk.now.packets == 9
        talk.tracker.keeps_first = 1 << 62
        found = talk.tracker.connection(talk.to_server)
        assert found is not None
        told.append([summary(c) for c in talk.end(talk.ms + 1000)])
    assert told[0][-1:] == told[1][-1:]
