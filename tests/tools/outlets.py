"""An outlet that keeps everything it is told, for tests of reassembly."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.packet import Segment
from tcptrace_py.reassembly.conversation import Conversation
from tcptrace_py.reassembly.pieces import Budget, Piece
from tcptrace_py.reassembly.stream import Stream
from tools.segments import START, TO_CLIENT, TO_SERVER, flags


class Hole(NamedTuple):
    start: int
    end: int
    position: int
    acknowledged: bool
    cut: bool


class Differs(NamedTuple):
    start: int
    first: bytes
    other: bytes
    first_frame: int
    frame: int


class Kept:
    """What was told of the streams of one connection, by side."""

    def __init__(self) -> None:
        self.pieces: tuple[list[Piece], list[Piece]] = ([], [])
        self.holes: tuple[list[Hole], list[Hole]] = ([], [])
        self.conflicts: tuple[list[Differs], list[Differs]] = ([], [])
        self.lates: tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]] = ([], [])
        self.order: list[str] = []

    def data(self, stream: Stream, pieces: list[Piece]) -> None:
        self.pieces[stream.side].extend(pieces)
        self.order.append("data")

    def hole(self, stream: Stream, start: int, end: int, position: int, acknowledged: bool, cut: bool) -> None:
        self.holes[stream.side].append(Hole(start, end, position, acknowledged, cut))
        self.order.append("hole")

    def conflict(self, stream: Stream, start: int, first: Piece, at: int, other: bytes, frame: int) -> None:
        had = first.data[at : at + len(other)]
        self.conflicts[stream.side].append(Differs(start, had, other, int(first.frame), frame))

    def late(self, stream: Stream, start: int, end: int, frame: int) -> None:
        self.lates[stream.side].append((start, end, frame))

    def text(self, side: int = 0) -> bytes:
        """All bytes, without holes."""
        return b"".join(piece.data for piece in self.pieces[side])


class Exchange:
    """A conversation that is fed segments with payload, as letters and numbers."""

    def __init__(self, *, eager: bool = False, limit: int = 1 << 30) -> None:
        self.kept = Kept()
        self.talk = Conversation(1, self.kept, Budget(limit), eager)
        self.number = 0

    def send(
        self,
        side: int,
        letters: str,
        seq: int,
        ack: int = 0,
        data: bytes = b"",
        *,
        window: int = 65535,
        wscale: int = -1,
        urgent: int = 0,
        length: int = -1,
        checksum: int = 0,
    ) -> Exchange:
        """One segment; ``length``: that of the payload, where not all of it was captured."""
        self.number += 1
        made = Segment()
        made.number = self.number
        made.time = START + self.number
        made.key = (TO_SERVER, TO_CLIENT)[side]
        made.flags = flags(letters)
        made.seq, made.ack, made.window, made.wscale = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, window, wscale
        made.urgent, made.checksum = urgent, checksum
        made.length = len(data) if length < 0 else length
        made.captured = len(data)
        made.buf, made.payload_at = b"...." + data + bytes(64), 4
        self.talk.segment(made, side)
        return self

    def client(self, letters: str, seq: int, ack: int = 0, data: bytes = b"", **more: int) -> Exchange:
        return self.send(0, letters, seq, ack, data, **more)

    def server(self, letters: str, seq: int, ack: int = 0, data: bytes = b"", **more: int) -> Exchange:
        return self.send(1, letters, seq, ack, data, **more)

    def handshake(self) -> Exchange:
        """The client's ISN is 100, the server's 300."""
        return self.client("S", 100).server("S.", 300, 101).client(".", 101, 301)

    def end(self) -> Kept:
        self.talk.close()
        return self.kept
