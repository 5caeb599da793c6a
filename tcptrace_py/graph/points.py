"""One connection's segments → the points of its graphs: sequence numbers, throughput, round trips, bytes on their way, sizes.

A point belongs to the side whose data it is about: an ACK, and the window that comes with it, to its receiver.  Sequence
numbers are relative: the SYN is 0, the first byte 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.machine.detail import scale_of
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.sequence import unwrap
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment
from tcptrace_py.words import read_i64_be

TIME_SEQUENCE = "time-sequence"
THROUGHPUT = "throughput"
RTT = "rtt"
OUTSTANDING = "outstanding"
SEGMENT_SIZE = "segment-size"
GRAPHS = {
    TIME_SEQUENCE: "segments, ACKs, SACK blocks and windows over time, in sequence numbers, with marks",
    THROUGHPUT: "bytes a second: between two segments, over the last few, and since the first",
    RTT: "round trips: how long an ACK took, and which frame it measures",
    OUTSTANDING: "bytes on their way, and the window that the peer allows",
    SEGMENT_SIZE: "payload of each segment",
}
"""The graphs, and what each shows."""
SERIES = {
    "segment": "data from `value` to `to`",
    "syn": "a SYN, at its sequence number",
    "fin": "a FIN, at its sequence number",
    "rst": "a RST, at its sequence number",
    "ack": "everything below `value` is acknowledged",
    "sack": "data from `value` to `to` is reported as received",
    "limit": "the peer's window ends at `value`",
    "instantaneous": "bytes a second since the segment before",
    "average": "bytes a second over the last segments",
    "total": "bytes a second since the first segment with payload",
    "rtt": "seconds from frame `of` to its ACK",
    "bytes": "bytes on their way, after this frame",
    "window": "bytes that the peer's window allows",
    "size": "bytes of payload",
}
"""What the points of a graph may be."""
AVERAGED = 10
"""Segments that the average throughput is over, if nothing else is said."""


class Point(Struct, frozen=True, gc=False):
    """One point.  Times are nanoseconds."""

    graph: str
    time: int
    frame: int
    sender: str
    """client or server: whose data it is about."""
    series: str
    value: int
    to: int | None = None
    marks: tuple[str, ...] = ()
    of: int | None = None
    """The frame that it refers to: the original of a repetition, the segment that a round trip measures."""


class Flow:
    """What is kept of one direction between two points."""

    def __init__(self, averaged: int) -> None:
        self.first = -1  # time of the first segment with payload
        self.total = 0  # bytes since
        self.last: deque[tuple[int, int]] = deque(maxlen=averaged + 1)  # times and bytes of the last ones


class Points:
    """Takes the segments of one connection in their order."""

    def __init__(self, graphs: frozenset[str], averaged: int = AVERAGED) -> None:
        self.graphs = graphs
        self.flows = (Flow(averaged), Flow(averaged))

    def segment(self, c: Connection, seg: Segment) -> Iterator[Point]:
        """The points that a segment of ``c`` adds, now that the tracker has had it."""
        side = CLIENT if seg.key == c.key else 1 - CLIENT
        e, p = c.side(side), c.side(1 - side)
        if e.origin < 0:
            return
        maker = Maker(seg, ("client", "server")[side], ("server", "client")[side], e, p)
        if TIME_SEQUENCE in self.graphs:
            yield from maker.time_sequence()
        if seg.marks & mk.DUPLICATE:
            return
        if seg.length and not seg.flags & RST:
            if THROUGHPUT in self.graphs:
                yield from maker.throughput(self.flows[side])
            if SEGMENT_SIZE in self.graphs:
                yield maker.own(SEGMENT_SIZE, "size", seg.length, marks=maker.marks)
        if RTT in self.graphs:
            yield from maker.round_trip()
        if OUTSTANDING in self.graphs:
            yield from maker.outstanding()


class Maker:
    """Makes the points of one segment, sent by ``e`` to ``p``."""

    def __init__(self, seg: Segment, sender: str, receiver: str, e: Endpoint, p: Endpoint) -> None:
        self.seg = seg
        self.sender = sender
        self.receiver = receiver
        self.e = e
        self.p = p
        self.start = int(unwrap(seg.seq, e.origin, e.snd_nxt)) + (1 if seg.flags & SYN else 0)
        self.has_ack = bool(seg.flags & ACK) and p.origin >= 0 and not seg.flags & RST
        self.ack = int(unwrap(seg.ack, p.origin, p.snd_nxt)) if self.has_ack else -1
        marks = int(seg.marks)
        self.marks = tuple(mk.names(marks & mk.OF_DATA))
        self.ack_marks = tuple(mk.names(marks & mk.OF_ACKS))

    def own(self, graph: str, series: str, value: int, **more: object) -> Point:
        """A point of the sender's own data."""
        return self.point(graph, self.sender, series, value, **more)

    def about_peer(self, graph: str, series: str, value: int, **more: object) -> Point:
        """A point of the receiver's data."""
        return self.point(graph, self.receiver, series, value, **more)

    def point(self, graph: str, sender: str, series: str, value: int, **more: object) -> Point:
        """A point at this segment."""
        return Point(graph, int(self.seg.time), int(self.seg.number), sender, series, int(value), **more)  # type: ignore[arg-type]

    def time_sequence(self) -> Iterator[Point]:
        """The segment, and what it acknowledges."""
        seg = self.seg
        flags = seg.flags
        end = self.start + int(seg.length)
        if flags & SYN:
            yield self.own(TIME_SEQUENCE, "syn", self.start - 1, marks=self.marks)
        if flags & RST:
            yield self.own(TIME_SEQUENCE, "rst", self.start)
        elif seg.length or (self.marks and not flags & (SYN | FIN)):
            yield self.own(TIME_SEQUENCE, "segment", self.start, to=end, marks=self.marks, of=self.original())
        if flags & FIN and not flags & RST:
            yield self.own(TIME_SEQUENCE, "fin", end, marks=self.marks)
        if not self.has_ack or seg.marks & mk.DUPLICATE:
            return
        yield self.about_peer(TIME_SEQUENCE, "ack", self.ack, marks=self.ack_marks)
        for n in range(int(seg.sacks)):
            edges = int(read_i64_be(seg.buf, seg.sack_at + 8 * n))
            left, right = (int(unwrap(edge & 0xFFFFFFFF, self.p.origin, self.ack)) for edge in (edges >> 32, edges))
            marks = ("dsack",) if n == 0 and seg.marks & mk.DSACK else ()
            yield self.about_peer(TIME_SEQUENCE, "sack", left, to=right, marks=marks)
        yield self.about_peer(TIME_SEQUENCE, "limit", self.ack + self.window(), marks=self.ack_marks)

    def window(self) -> int:
        """The window of this segment, scaled where that is known."""
        scale = 0 if self.seg.flags & SYN else max(int(scale_of(self.e, self.p)), 0)
        return int(self.seg.window) << scale

    def original(self) -> int | None:
        """Of data that was sent again: the frame that it repeats."""
        recovery = self.e.recovery
        if not self.seg.marks & mk.RETRANSMISSION or recovery is None or not recovery.recent:
            return None
        frame = int(recovery.recent[-1].original)
        return None if frame < 0 else frame

    def throughput(self, flow: Flow) -> Iterator[Point]:
        """How fast, by three measures; where no time has passed there is none."""
        time, length = int(self.seg.time), int(self.seg.length)
        if flow.first < 0:
            flow.first = time
            flow.last.append((time, length))
            return
        flow.total += length
        flow.last.append((time, length))
        before = flow.last[-2][0]
        sizes = [size for _, size in flow.last]
        spans = (
            ("instantaneous", before, length),
            ("average", flow.last[0][0], sum(sizes[1:])),
            ("total", flow.first, flow.total),
        )
        for series, since, size in spans:
            if time > since:
                yield self.own(THROUGHPUT, series, size * 10**9 // (time - since))

    def round_trip(self) -> Iterator[Point]:
        """What its ACK measures."""
        detail = self.p.detail
        if self.has_ack and detail is not None and detail.sample >= 0:
            yield self.about_peer(RTT, "rtt", detail.sample, of=int(detail.sample_of))

    def outstanding(self) -> Iterator[Point]:
        """What is on its way after it, of the one whose it changes."""
        detail = self.e.detail
        if self.seg.length and detail is not None and not self.seg.flags & RST:
            yield self.own(OUTSTANDING, "bytes", detail.in_flight)
        peer = self.p.detail
        if self.has_ack:
            if peer is not None and peer.flight_time == self.seg.time:
                yield self.about_peer(OUTSTANDING, "bytes", peer.in_flight)
            yield self.about_peer(OUTSTANDING, "window", self.window())
