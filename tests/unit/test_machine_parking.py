"""Parked connections: small, and whole again when another segment comes."""

from __future__ import annotations

import pytest

from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.machine.endpoint import Endpoint, Step
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.sent import Sent
from tcptrace_py.machine.tracker import Tracker
from tools.segments import Talk, names
from tools.twins import attributes

LOST = {
    *("step", "steps", "retracted"),  # the trail but for its end
    *attributes(Sent()),  # the counters
    *("syn_frame", "syn_last_frame", "syn_tsval"),  # the client's serve for both
    *("timed_at", "clock", "data_last", "data_count"),  # all data is acknowledged
    *("last_ip_id", "last_tsval", "last_check", "last_seq", "last_flags", "last_length", "last_window"),
    *("alive", "refuted", "expired_at", "fin_gap", "hole"),  # nothing was refuted, nothing sent again
}
"""What a parked connection forgets of its endpoints, because nothing asks for it once both have had everything."""


def closed(parks: bool, closer: str = "client", segments: int = 4, *, by_the_book: bool = False) -> Talk:
    talk = Talk()
    talk.tracker.detailed = False  # none of those is parked
    if parks:
        talk.tracker.keeps_first = 0
    if by_the_book:
        talk.tracker.go_by_the_book()
    talk.established()
    start = talk.ms
    if closer == "server":
        talk.server("F.", 311, 111).at(start + 20).client("F.", 111, 312).at(start + 21).server(".", 312, 112)
        return talk
    talk.client("F.", 111, 311)
    if segments == 4:
        talk.at(start + 10).server(".", 311, 112)
    return talk.at(start + 20).server("F.", 311, 112).at(start + 21).client(".", 112, 312)


def last(steps: list[Step]) -> list[object]:
    """What must be known of the last two steps."""
    top = steps[-1]
    return [top.passed, top.frame, top.evidence, top.confirmed_by, top.heard, *(s.state for s in steps[-2:])]


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
            assert talk.now.packets == 10
        talk.tracker.keeps_first = 1 << 62
        found = talk.tracker.connection(talk.to_server)
        assert found is not None
        told.append([summary(c) for c in talk.end(talk.ms + 1000)])
    assert told[0][-1:] == told[1][-1:]


@pytest.mark.parametrize(("closer", "segments"), [("client", 4), ("client", 3), ("server", 3)])
def test_what_went_by_the_book_is_packed_alike(closer: str, segments: int) -> None:
    one, other = (closed(True, closer, segments, by_the_book=it).tracker.parked[0] for it in (True, False))
    for name in sorted(attributes(one)):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize(("closer", "segments"), [("client", 4), ("client", 3), ("server", 3)])
def test_restored_it_is_what_it_was(closer: str, segments: int) -> None:
    parked, kept = (closed(parks, closer, segments).tracker for parks in (True, False))
    key = kept.flows.connections()[0].key
    assert isinstance(parked.flows.find(key), Parked)
    found, whole = parked.connection(key), kept.connection(key)
    assert found is not None
    assert whole is not None
    for name in set(attributes(whole)) - {"client", "server", "one", "two", "settled"}:
        assert getattr(found, name) == getattr(whole, name), name
    for side in (CLIENT, 1 - CLIENT):
        e, model = found.side(side), whole.side(side)
        assert isinstance(e, Endpoint)
        for name in set(attributes(model)) - LOST:
            assert getattr(e, name) == getattr(model, name), name
        assert last(e.steps) == last(model.steps)
        assert e.step is e.steps[-1]
