"""Streams as files: one a direction in a folder, and beside them a list of what is missing or contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from tcptrace_py.extraction.folder import Folder
from tcptrace_py.extraction.rows import ConflictRow, HoleRow, LateRow, Sender, StreamRow
from tcptrace_py.reassembly.conversation import Conversation
from tcptrace_py.reassembly.pieces import Piece
from tcptrace_py.reassembly.stream import Stream
from tcptrace_py.report.identity import address_text, ports
from tcptrace_py.report.model import Address

LIST = "streams.ndjson"
"""The side list."""

MOST_FILLED = 1 << 30
"""Bytes that holes are filled with in one run; captures may claim any number."""

_LIST_BUFFER = 64 * 1024
SIDES: tuple[Sender, Sender] = ("client", "server")


@dataclass
class Totals:
    """The figures of a run."""

    connections: int = 0
    streams: int = 0
    """With at least one byte."""
    bytes: int = 0
    complete: int = 0
    holes: int = 0
    missing_bytes: int = 0
    unacknowledged_bytes: int = 0
    given_up_bytes: int = 0
    late_bytes: int = 0
    cut_bytes: int = 0
    outside_bytes: int = 0
    conflicts: int = 0
    urgent_segments: int = 0
    bad_checksums: int = 0
    unfilled_bytes: int = 0

    def add(self, talk: Conversation) -> None:
        """Count a conversation that has been told."""
        self.connections += 1
        self.urgent_segments += talk.client_urgent + talk.server_urgent
        self.bad_checksums += talk.bad_checksums
        for stream in (talk.client, talk.server):
            self.streams += stream.bytes > 0
            self.complete += is_complete(stream)
            for name in SUMS:
                setattr(self, name, getattr(self, name) + getattr(stream, name))
            self.given_up_bytes += stream.forced_bytes


SUMS = (
    "bytes",
    "holes",
    "missing_bytes",
    "unacknowledged_bytes",
    "late_bytes",
    "cut_bytes",
    "outside_bytes",
    "conflicts",
)
"""Figures that a stream and the totals share."""


def is_complete(stream: Stream) -> bool:
    """Whether it was seen from its beginning to its FIN."""
    return stream.begun and stream.fin >= 0 and not stream.holes


class StreamFiles:
    """An Outlet."""

    def __init__(self, folder: Folder, keys: Mapping[int, bytes], count: int, fill: int | None) -> None:
        """``keys``: the four-tuples of the connections, by number; ``count``: how many connections the capture has.

        ``fill``: the byte to put where some are missing; None: what follows a hole comes right behind it.
        """
        self.folder = folder
        self.keys = keys
        self.width = max(6, len(str(count)))
        self.fill = fill
        self.filled = 0
        self.totals = Totals()
        self.lengths: dict[tuple[int, int], int] = {}  # of the files that are being written, holes counted
        self._lines: list[bytes] = []
        self._lines_length = 0
        self._encode = msgspec.json.Encoder().encode

    # -- names -- #

    def name(self, number: int, side: int) -> str:
        """The file of a stream: safe in every file system, and sorted as the connections are numbered."""
        key = self.keys[number]
        half = (len(key) - 4) // 2
        p, q = ports(key)
        ends = [f"{address_text(key[:half])}_{p}", f"{address_text(key[half : 2 * half])}_{q}"]
        source, target = ends if side == 0 else reversed(ends)
        return f"{number:0{self.width}}-{SIDES[side]}-{source}-{target}.bin".replace(":", "-")

    def names(self) -> Iterable[str]:
        """All that may be written."""
        yield LIST
        for number in self.keys:
            yield self.name(number, 0)
            yield self.name(number, 1)

    # -- what it is told -- #

    def data(self, stream: Stream, pieces: list[Piece]) -> None:
        """Write it."""
        number, side = int(stream.number), int(stream.side)
        name = self.name(number, side)
        self.lengths.setdefault((number, side), 0)
        if self.fill is None:
            self.folder.append(name, [piece.data for piece in pieces])
        else:
            self._write_filled(name, stream, pieces)

    def hole(self, stream: Stream, start: int, end: int, position: int, acknowledged: bool, cut: bool) -> None:
        """List it."""
        number, sender = int(stream.number), SIDES[stream.side]
        self._line(HoleRow(number, sender, start, end - start, position, acknowledged, cut))

    def conflict(self, stream: Stream, start: int, first: Piece, at: int, other: bytes, frame: int) -> None:
        """List it."""
        number, sender = int(stream.number), SIDES[stream.side]
        shown = first.data[at : at + len(other)]
        self._line(ConflictRow(number, sender, start, first.frame, frame, shown.hex(), other[: len(shown)].hex()))

    def late(self, stream: Stream, start: int, end: int, frame: int) -> None:
        """List it."""
        self._line(LateRow(int(stream.number), SIDES[stream.side], start, end - start, frame))

    def close(self, talk: Conversation) -> None:
        """A conversation is over."""
        talk.close()
        self.totals.add(talk)
        urgent = (talk.client_urgent, talk.server_urgent)
        for stream in (talk.client, talk.server):
            number, side = int(stream.number), int(stream.side)
            self._line(self.row(stream, talk.reset_by >= 0, urgent[side]))
            if self.lengths.pop((number, side), None) is not None:
                self.folder.forget(self.name(number, side))

    def row(self, stream: Stream, reset: bool, urgent: int) -> StreamRow:
        """What is said of a stream."""
        number, side = int(stream.number), int(stream.side)
        key = self.keys[number]
        half = (len(key) - 4) // 2
        p, q = ports(key)
        ends = [Address(address_text(key[:half]), p), Address(address_text(key[half : 2 * half]), q)]
        return StreamRow(
            connection=number,
            sender=SIDES[side],
            source=ends[side],
            target=ends[1 - side],
            file=self.name(number, side) if (number, side) in self.lengths else None,
            bytes=stream.bytes,
            begun=stream.begun,
            ended="fin" if stream.fin >= 0 else "reset" if reset else None,
            complete=is_complete(stream),
            holes=stream.holes,
            missing_bytes=stream.missing_bytes,
            unacknowledged_bytes=stream.unacknowledged_bytes,
            given_up_bytes=stream.forced_bytes,
            may_end_in_fin=stream.ends_unknown,
            repeated_bytes=stream.repeated_bytes,
            conflicts=stream.conflicts,
            late_bytes=stream.late_bytes,
            outside_bytes=stream.outside_bytes,
            cut_bytes=stream.cut_bytes,
            urgent_segments=urgent,
        )

    def finish(self) -> None:
        """Write the rest of the list."""
        self._flush()
        self.folder.close()

    # -- writing -- #

    def _write_filled(self, name: str, stream: Stream, pieces: list[Piece]) -> None:
        """Write it with the holes filled, as far as that stays within bounds."""
        which = (int(stream.number), int(stream.side))
        length = self.lengths[which]
        buffers: list[bytes] = []
        for piece in pieces:
            gap = piece.start - stream.base - length
            if gap > 0:
                length += gap
                if self.filled + gap > MOST_FILLED:
                    self.totals.unfilled_bytes += gap
                elif self.fill == 0:
                    self.filled += gap
                    self.folder.append(name, buffers)
                    self.folder.append(name, (), gap)  # takes no room on most file systems
                    buffers = []
                else:
                    self.filled += gap
                    buffers.extend(blocks(self.fill or 0, gap))
            buffers.append(piece.data)
            length += len(piece.data)
        self.folder.append(name, buffers)
        self.lengths[which] = length

    def _line(self, row: HoleRow | LateRow | ConflictRow | StreamRow) -> None:
        """A line of the list."""
        line = self._encode(row) + b"\n"
        self._lines.append(line)
        self._lines_length += len(line)
        if self._lines_length > _LIST_BUFFER:
            self._flush()

    def _flush(self) -> None:
        self.folder.append(LIST, [b"".join(self._lines)])
        self._lines.clear()
        self._lines_length = 0


def blocks(byte: int, count: int) -> Iterable[bytes]:
    """So many times the same byte, in pieces of which the long ones are one object."""
    block = bytes((byte,)) * min(count, 1 << 20)
    for _ in range(count >> 20):
        yield block
    yield block[: count & 0xFFFFF]
