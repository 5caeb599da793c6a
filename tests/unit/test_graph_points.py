"""The points of graphs: what each segment adds, and to whose data it belongs."""

from __future__ import annotations

import struct

from tcptrace_py.graph.points import GRAPHS, SERIES, Point, Points
from tcptrace_py.packet import Segment
from tools.segments import MS, START, Talk

Told = tuple[str, str, int, int | None, tuple[str, ...], int | None]


class Drawn:
    """A talk whose segments are looked at as they pass."""

    def __init__(self, *graphs: str, averaged: int = 10) -> None:
        self.talk = Talk()
        self.points = Points(frozenset(graphs), averaged)
        self.found: list[Point] = []

    def feed(self, made: Segment) -> list[Told]:
        self.talk.feed(made)
        found = list(self.points.segment(self.talk.now, made))
        self.found += found
        return [(p.sender, p.series, p.value, p.to, p.marks, p.of) for p in found]

    def client(self, letters: str, seq: int, ack: int = 0, length: int = 0, window: int = 1000) -> list[Told]:
        return self.feed(self.talk.make(self.talk.to_server, letters, seq, ack, length, window))

    def server(self, letters: str, seq: int, ack: int = 0, length: int = 0, window: int = 1000) -> list[Told]:
        return self.feed(self.talk.make(self.talk.to_client, letters, seq, ack, length, window))

    def open(self) -> Drawn:
        self.client("S", 100)
        self.talk.at(20)
        self.server("S.", 300, 101)
        self.client(".", 101, 301)
        self.talk.at(100)
        return self


def test_time_sequence_from_syn_to_fin() -> None:
    drawn = Drawn("time-sequence")
    assert drawn.client("S", 100) == [("client", "syn", 0, None, (), None)]
    assert drawn.server("S.", 300, 101) == [
        ("server", "syn", 0, None, (), None),
        ("client", "ack", 1, None, (), None),
        ("client", "limit", 1001, None, (), None),
    ]
    drawn.client(".", 101, 301)
    assert drawn.client("P.", 101, 301, 50) == [
        ("client", "segment", 1, 51, (), None),
        ("server", "ack", 1, None, (), None),
        ("server", "limit", 1001, None, (), None),
    ]
    assert drawn.client("F.", 151, 301)[0] == ("client", "fin", 51, None, (), None)
    assert drawn.server("R.", 301, 152) == [("server", "rst", 1, None, (), None)]


def test_what_is_sent_again_names_its_original() -> None:
    drawn = Drawn("time-sequence").open()
    drawn.client(".", 101, 301, 100)
    drawn.client(".", 201, 301, 100)
    drawn.talk.at(400)
    assert drawn.client(".", 101, 301, 100)[0] == ("client", "segment", 1, 101, ("retransmission", "timeout"), 4)


def test_sack_blocks_and_closed_windows() -> None:
    drawn = Drawn("time-sequence").open()
    for seq in (101, 201, 301):
        drawn.client(".", seq, 301, 100)
    made = drawn.talk.make(drawn.talk.to_client, ".", 301, 101)
    made.sacks, made.buf = 1, struct.pack(">II", 301, 401) + bytes(64)
    assert ("client", "sack", 201, 301, (), None) in drawn.feed(made)
    closed = drawn.server(".", 301, 401, window=0)
    assert closed == [
        ("client", "ack", 301, None, ("zero_window",), None),
        ("client", "limit", 301, None, ("zero_window",), None),
    ]


def test_windows_are_scaled() -> None:
    drawn = Drawn("time-sequence")
    for way, letters, seq, ack in ((drawn.talk.to_server, "S", 100, 0), (drawn.talk.to_client, "S.", 300, 101)):
        made = drawn.talk.make(way, letters, seq, ack, window=500)
        made.wscale = 4
        drawn.feed(made)
    assert [p.value for p in drawn.found if p.series == "limit"] == [501], "of a SYN never"
    assert drawn.client(".", 101, 301, window=500)[-1][2] == 1 + 500 * 16


def test_throughput_by_three_measures() -> None:
    drawn = Drawn("throughput", averaged=2).open()
    assert drawn.client(".", 101, 301, 100) == []
    last: list[Told] = []
    for at, seq in ((200, 201), (250, 301), (300, 401)):
        drawn.talk.at(at)
        last = drawn.client(".", seq, 301, 100)
    assert last == [
        ("client", "instantaneous", 2000, None, (), None),
        ("client", "average", 2000, None, (), None),
        ("client", "total", 1500, None, (), None),
    ]


def test_round_trips_name_the_frame_that_they_measure() -> None:
    drawn = Drawn("rtt").open()
    drawn.client(".", 101, 301, 100)
    drawn.talk.at(130)
    assert drawn.server(".", 301, 201) == [("client", "rtt", 30 * MS, None, (), 4)]
    assert drawn.server(".", 301, 201) == []


def test_bytes_on_their_way() -> None:
    drawn = Drawn("outstanding").open()
    assert drawn.client(".", 101, 301, 100)[0] == ("client", "bytes", 100, None, (), None)
    drawn.client(".", 201, 301, 100)
    assert drawn.server(".", 301, 201) == [
        ("client", "bytes", 100, None, (), None),
        ("client", "window", 1000, None, (), None),
    ]


def test_sizes_and_copies() -> None:
    drawn = Drawn("segment-size", "time-sequence").open()
    made = drawn.talk.make(drawn.talk.to_server, ".", 101, 301, 70)
    assert ("client", "size", 70, None, (), None) in drawn.feed(made)
    copy = drawn.talk.make(drawn.talk.to_server, ".", 101, 301, 70)
    copy.ip_id, copy.time = made.ip_id, made.time + 1000
    assert drawn.feed(copy) == [("client", "segment", 1, 71, ("captured_twice",), None)]


def test_points_have_a_time_a_frame_and_a_known_series() -> None:
    drawn = Drawn(*GRAPHS).open()
    drawn.client("P.", 101, 301, 100)
    drawn.server(".", 301, 201)
    assert {p.graph for p in drawn.found} <= set(GRAPHS)
    assert {p.series for p in drawn.found} <= set(SERIES)
    assert all(p.time >= START and p.frame >= 1 for p in drawn.found)
