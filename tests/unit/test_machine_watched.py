from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND, Timers
from tcptrace_py.machine.watched import NEVER, WatchedTracker
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment

WAITS = [3 * SECOND, 60 * SECOND]


def tracker(most: int = 0, *, tells: bool = True) -> WatchedTracker:
    timers = Timers(60 * SECOND, 60 * SECOND, 134 * SECOND, 64 * SECOND, 112 * SECOND, 2 * SECOND)
    return WatchedTracker(timers, Limits(most, 60 * SECOND), fa.UNFINISHED | fa.RETRANSMISSION, WAITS, tells)


class Wire:
    """Feeds a tracker segment by segment."""

    def __init__(self, t: WatchedTracker) -> None:
        self.t = t
        self.frame = 0
        self.time = 1000 * SECOND

    def send(self, flags: int, seq: int, ack: int, *, back: bool = False, port: int = 4000, length: int = 0) -> None:
        self.frame += 1
        self.time += SECOND // 1000
        seg = Segment()
        ends = [b"\x0a\0\0\x01", b"\x0a\0\0\x02"]
        ports = [port.to_bytes(2, "big"), (80).to_bytes(2, "big")]
        if back:
            ends.reverse()
            ports.reverse()
        seg.key = b"".join((*ends, *ports))
        seg.number, seg.time, seg.flags, seg.seq, seg.ack = self.frame, self.time, flags, seq, ack
        seg.window, seg.length = 1000, length
        self.t.segment(seg)

    def open(self, port: int = 4000) -> None:
        self.send(SYN, 100, 0, port=port)
        self.send(SYN | ACK, 500, 101, back=True, port=port)
        self.send(ACK, 101, 501, port=port)
        self.send(ACK, 101, 501, port=port, length=10)
        self.send(ACK, 501, 111, port=port, back=True)


def test_a_connection_is_worth_a_look_when_it_changes_and_when_time_may_change_it() -> None:
    t = tracker()
    wire = Wire(t)
    wire.send(SYN, 100, 0)
    (watch,) = t.worth_a_look(wire.time)
    t.looked(watch, wire.time)
    assert t.worth_a_look(wire.time + SECOND) == []
    assert watch.due == wire.time + 3 * SECOND
    (watch,) = t.worth_a_look(watch.due)
    t.looked(watch, watch.due)
    assert watch.due == wire.time + 60 * SECOND
    wire.send(SYN, 100, 0)
    assert t.worth_a_look(wire.time) == [watch]


def test_one_that_is_established_and_well_is_left_alone() -> None:
    t = tracker()
    wire = Wire(t)
    wire.open()
    assert t.worth_a_look(wire.time) == []
    assert t.open[0].due == NEVER
    assert t.worth_a_look(wire.time + 1000 * SECOND) == []
    wire.send(ACK, 101, 501, length=10)  # again
    assert [watch.c.number for watch in t.worth_a_look(wire.time)] == [1]


def test_one_that_is_over_and_well_is_left_alone() -> None:
    t = tracker()
    wire = Wire(t)
    wire.open()
    wire.send(FIN | ACK, 111, 501)
    assert len(t.worth_a_look(wire.time)) == 1
    wire.send(FIN | ACK, 501, 112, back=True)
    wire.send(ACK, 112, 502)
    assert t.worth_a_look(wire.time) == []


def test_what_is_gone_leaves_the_list() -> None:
    t = tracker()
    wire = Wire(t)
    for port in range(4000, 4100):
        wire.open(port)
        wire.send(RST, 111, 0, port=port)
    assert len(t.open) == 100
    t.expire(wire.time + 1000 * SECOND)
    assert t.living == 0
    t.worth_a_look(wire.time)
    assert t.open == []
    assert len(t.finished) == 100


def test_that_somebody_lets_go_early_does_not_move_the_clock() -> None:
    t = tracker()
    wire = Wire(t)
    wire.open()
    now, due = t.now, t.next_sweep
    t.expire(wire.time + 1000 * SECOND)
    assert (t.now, t.next_sweep) == (now, due)


def test_a_bound_holds_for_what_is_watched_too() -> None:
    t = tracker(10)
    wire = Wire(t)
    for port in range(4000, 4500):
        wire.send(SYN, 100, 0, port=port)
    assert t.living == 10
    t.worth_a_look(wire.time)
    assert len(t.open) == len(t.ages) == 10


def test_the_oldest_that_hang_and_the_youngest_of_all() -> None:
    t = tracker()
    wire = Wire(t)
    wire.open(4000)
    for port in (4001, 4002, 4003):
        wire.send(SYN, 100, 0, port=port)
    wire.open(4004)
    assert [c.number for c in t.hanging(2)] == [2, 3]
    assert [c.number for c in t.youngest(2)] == [5, 4]
    assert len(t.youngest(99)) == 5


def test_who_was_touched_is_told_only_if_wanted() -> None:
    for tells in (True, False):
        t = tracker(tells=tells)
        wire = Wire(t)
        wire.open()
        assert bool(t.touched) == tells
        t.touched = []
        wire.send(ACK, 111, 501, length=10)  # nothing can have changed
        assert t.touched == []
        wire.send(FIN | ACK, 121, 501)
        assert [c.number for c in t.touched] == [1] * tells
