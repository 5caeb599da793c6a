"""Payload that comes again, compared with what passed first: for an analysis, which keeps no streams.

Only as much of each direction is kept as a repetition is likely to need, and a bounded number of bytes of all.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import BAD, RST, SYN, Segment
from tcptrace_py.reassembly.pieces import GRACE, Budget, Piece
from tcptrace_py.reassembly.stream import Stream

MEMORY: Final = 64 * 1024 * 1024
MOST_STREAMS: Final = 65536


@mypyc_attr(acyclic=True)
class Conflict:
    """What was found last: where in the stream the copies differ, and which frame had the first one."""

    def __init__(self) -> None:
        self.found: bool = False
        self.start: i64 = 0
        self.first_frame: i64 = 0

    def data(self, stream: Stream, pieces: list[Piece]) -> None:
        """Nobody reads it here."""

    def hole(self, stream: Stream, start: int, end: int, position: int, acknowledged: bool, cut: bool) -> None:
        """The analysis knows holes by itself."""

    def late(self, stream: Stream, start: int, end: int, frame: int) -> None:
        """Nothing to compare with."""

    def conflict(self, stream: Stream, start: int, first: Piece, at: int, other: bytes, frame: int) -> None:
        """Of several in one segment, the first."""
        if not self.found:
            self.found = True
            self.start = start
            self.first_frame = first.frame


class Comparison:
    """The recent payload of all connections."""

    def __init__(self, memory: i64 = MEMORY) -> None:
        self.streams: dict[int, Stream] = {}  # by twice the connection's number, and the side
        self.budget = Budget(memory)
        self.conflict = Conflict()

    def segment(self, number: i64, side: i64, seg: Segment) -> bool:
        """Whether bytes of this segment, of connection ``number``, differ from those that passed first: see ``conflict``."""
        length = seg.length
        if length == 0 or seg.flags & RST or seg.checksum == BAD:
            return False
        start: i64 = seg.seq
        if seg.flags & SYN:
            start = (start + 1) & 0xFFFFFFFF
        stream = self.streams.get(2 * number + side)
        if stream is None:
            if len(self.streams) >= MOST_STREAMS:
                self.forget()
            stream = Stream(number, side, self.conflict, self.budget, False)
            stream.begin(start)
            self.streams[2 * number + side] = stream
        self.conflict.found = False
        stream.add(stream.offset_of(start), length, seg.buf, seg.payload_at, seg.captured, seg.number)
        if stream.waiting > GRACE:
            stream.relieve()
        if self.budget.held > self.budget.limit:
            self.forget()
        return self.conflict.found

    def forget(self) -> None:
        """Make room: let go of the older half of the streams, or of the only one."""
        numbers = list(self.streams)
        count: i64 = (len(numbers) + 1) >> 1
        for number in numbers[:count]:
            self.budget.held -= self.streams[number].kept + self.streams[number].waiting
            del self.streams[number]
