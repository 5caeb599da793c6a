"""IP fragments, of both versions, put together within limits (RFC 791, 3.2; RFC 8200, 4.5; RFC 5722).

A datagram that is not complete ``MAX_AGE`` after its first fragment is given up, and so are the oldest when there
are too many or their bytes too much.  Overlapping fragments are never resolved one way or the other, as two hosts
would differ: the datagram is dropped.  Bytes that the capture length cut from a fragment are missing from the
result as they would be from an unfragmented packet: its length is known, what was captured ends at the first gap.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import PROTOCOL
from tcptrace_py.decode.reasons import (
    FRAGMENT_BAD,
    FRAGMENT_DUPLICATE,
    FRAGMENT_LIMIT,
    FRAGMENT_OVERLAP,
    FRAGMENT_WAITING,
)
from tcptrace_py.words import PADDING

MAX_AGE: Final = 30_000_000_000  # nanoseconds: what Linux grants IPv4; RFC 8200 allows IPv6 twice as long
MAX_DATAGRAMS: Final = 16384
MAX_SIZE: Final = 65535  # no fragment may end beyond
PIECE_COST: Final = 160  # bytes of memory besides the payload
DATAGRAM_COST: Final = 800


@mypyc_attr(acyclic=True)
class Piece:
    """One fragment: where it starts in the datagram, how long it is, and as much of it as was captured, in which frame."""

    def __init__(self, start: i64, length: i64, data: bytes, frame: i64) -> None:
        self.start: i64 = start
        self.length: i64 = length
        self.data: bytes = data
        self.frame: i64 = frame


@mypyc_attr(acyclic=True)
class Datagram:
    """The fragments of one datagram so far, in order and without overlap."""

    def __init__(self, time: i64) -> None:
        self.time: i64 = time
        self.pieces: list[Piece] = []
        self.held: i64 = 0  # bytes of the datagram that are there
        self.total: i64 = -1  # its length, once the last fragment is there
        self.cost: i64 = DATAGRAM_COST
        self.congested: bool = False  # a fragment was marked CE: the whole is (RFC 3168, 5.3)
        # from the first fragment
        self.kind: i64 = 0
        self.ttl: i64 = 0
        self.ecn: i64 = 0


class Fragments:
    """The datagrams that wait for fragments."""

    def __init__(self, max_memory: i64) -> None:
        self.max_memory: i64 = max_memory
        self.memory: i64 = 0
        self.datagrams: OrderedDict[bytes, Datagram] = OrderedDict()  # oldest first
        self.latest: Datagram | None = None  # the one that was completed last
        self.reassembled: i64 = 0  # datagrams, as the ones below
        self.expired: i64 = 0
        self.evicted: i64 = 0
        self.dropped: i64 = 0

    def add(self, cursor: Cursor) -> i64:
        """Take the fragment at the cursor; put the cursor into the datagram where that completes it."""
        start: i64 = cursor.fragment_offset
        length: i64 = cursor.stop - cursor.at
        if length <= 0 or start + length > MAX_SIZE or (cursor.fragment_more and length % 8 != 0):
            return FRAGMENT_BAD
        self.expire(cursor.time)
        key = self.key(cursor)
        datagram = self.datagrams.get(key)
        if datagram is None:
            datagram = Datagram(cursor.time)
            self.datagrams[key] = datagram
            self.memory += DATAGRAM_COST
        piece = Piece(start, length, cursor.buf[cursor.at : cursor.end], cursor.number)
        reason: i64 = insert(datagram, piece, cursor.fragment_more)
        if reason == FRAGMENT_DUPLICATE:
            return reason
        if reason != 0:
            self.remove(key)
            self.dropped += 1
            return reason
        cost: i64 = PIECE_COST + len(piece.data)
        datagram.cost += cost
        self.memory += cost
        note_header(datagram, cursor)
        if datagram.held == datagram.total:
            self.remove(key)
            self.reassembled += 1
            self.latest = datagram
            complete(datagram, cursor)
            return PROTOCOL
        if not self.make_room(key):
            return FRAGMENT_LIMIT
        return FRAGMENT_WAITING

    def frames(self) -> list[int]:
        """The frames of the datagram that was completed last."""
        if self.latest is None:
            return []
        return [piece.frame for piece in self.latest.pieces]

    def key(self, cursor: Cursor) -> bytes:
        """What the fragments of one datagram share: addresses and identification; the protocol too in IPv4."""
        buf = cursor.buf
        src: i64 = cursor.src_at
        dst: i64 = cursor.dst_at
        at: i64 = cursor.fragment_at
        width: i64 = cursor.width
        key = buf[src : src + width] + buf[dst : dst + width] + buf[at : at + cursor.fragment_width]
        if width == 4:
            key += buf[at + 5 : at + 6]
        return key

    def expire(self, now: i64) -> None:
        """Give up the datagrams whose first fragment is too old (or, in a capture whose clock went back, too new)."""
        while self.datagrams:
            key = next(iter(self.datagrams))
            age: i64 = now - self.datagrams[key].time
            if -MAX_AGE <= age <= MAX_AGE:
                return
            self.remove(key)
            self.expired += 1

    def make_room(self, newest: bytes) -> bool:
        """Give up the oldest until the limits hold; False where that took the datagram just added to."""
        while self.memory > self.max_memory or len(self.datagrams) > MAX_DATAGRAMS:
            key = next(iter(self.datagrams))
            self.remove(key)
            self.evicted += 1
            if key == newest:
                return False
        return True

    def remove(self, key: bytes) -> None:
        """Forget a datagram."""
        self.memory -= self.datagrams.pop(key).cost


def insert(datagram: Datagram, piece: Piece, more: bool) -> i64:
    """Put a fragment in its place: 0, or the reason why it cannot be."""
    pieces = datagram.pieces
    index: i64 = place(pieces, piece.start)
    stop: i64 = piece.start + piece.length
    if index < len(pieces):
        other = pieces[index]
        twin = other.start == piece.start and other.length == piece.length and same(other.data, piece.data)
        if twin and more == (datagram.total != stop):
            return FRAGMENT_DUPLICATE
        if other.start < stop:
            return FRAGMENT_OVERLAP
    if index > 0:
        other = pieces[index - 1]
        if other.start + other.length > piece.start:
            return FRAGMENT_OVERLAP
    if not more:
        if datagram.total >= 0 or index < len(pieces):  # a second end, or one before what is already there
            return FRAGMENT_OVERLAP
        datagram.total = stop
    elif datagram.total >= 0 and stop > datagram.total:
        return FRAGMENT_OVERLAP
    pieces.insert(index, piece)
    datagram.held += piece.length
    return 0


def place(pieces: list[Piece], start: i64) -> i64:
    """The index of the first piece that does not start before ``start``."""
    low: i64 = 0
    high: i64 = len(pieces)
    if high > 0 and pieces[high - 1].start < start:  # the usual order
        return high
    while low < high:
        middle: i64 = (low + high) // 2
        if pieces[middle].start < start:
            low = middle + 1
        else:
            high = middle
    return low


def same(left: bytes, right: bytes) -> bool:
    """Whether two captures of one fragment agree as far as both go."""
    return left.startswith(right) or right.startswith(left)


def note_header(datagram: Datagram, cursor: Cursor) -> None:
    """Keep what the segment will tell of its IP header: the first fragment's."""
    if cursor.ecn == 3:
        datagram.congested = True
    if cursor.fragment_offset == 0:
        datagram.kind = cursor.kind
        datagram.ttl = cursor.ttl
        datagram.ecn = cursor.ecn


def complete(datagram: Datagram, cursor: Cursor) -> None:
    """Put the cursor into the whole datagram, laid out as an IP header without options would leave it."""
    width: i64 = cursor.width
    parts = [
        cursor.buf[cursor.src_at : cursor.src_at + width],
        cursor.buf[cursor.dst_at : cursor.dst_at + width],
    ]
    captured: i64 = 0
    for piece in datagram.pieces:
        parts.append(piece.data)
        captured += len(piece.data)
        if len(piece.data) < piece.length:
            break
    parts.append(PADDING)
    cursor.buf = b"".join(parts)
    cursor.src_at = 0
    cursor.jumbo_at = -1
    cursor.dst_at = width
    cursor.at = 2 * width
    cursor.end = cursor.at + captured
    cursor.stop = cursor.at + datagram.total
    cursor.kind = datagram.kind
    cursor.ttl = datagram.ttl
    cursor.ecn = datagram.ecn
    if datagram.congested:
        cursor.ecn = 3
    cursor.reassembled = True
