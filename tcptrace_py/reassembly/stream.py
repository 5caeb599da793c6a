"""One direction of a connection: pieces in any order → bytes in order, and holes.

The rules of this file:

- **Offsets**: 0 is the first byte behind the SYN, or, where no SYN was seen, some byte near the first one seen; ``base``
  says which offset the stream begins with.  They go on beyond 4 GiB: a sequence number is taken for the nearest offset.
- **First copy wins**: what passed first stays.  A later copy is compared with it as long as it is kept, and told of where
  it differs; nothing is ever replaced.
- **Holes**: what does not follow on waits.  A hole is given up when the peer has acknowledged what lies there and enough
  has come since (the capture misses it), when too much waits, or at the end.
- **Bounds**: what waits, and what is kept to compare with, are bounded for each stream here and for all in ``assembly``.

``pieces`` holds what is kept, sorted and without overlap: those before ``handed`` have been handed on, those before
``ready`` are in order, and the others wait behind a hole.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.reassembly.pieces import (
    EAGER_GRACE,
    FAR,
    GRACE,
    HAND_OVER,
    KEEP,
    MOST_GAPS,
    MOST_PIECES,
    MOST_WAITING,
    PIECE_COST,
    Budget,
    Gap,
    Outlet,
    Piece,
)

_SHOWN: Final = 16
"""Bytes of either copy that are told where two differ."""


@mypyc_attr(acyclic=True)
class Stream:
    """What one side sends.  ``eager``: hand on at once what is in order, and keep nothing back."""

    def __init__(self, number: i64, side: i64, outlet: Outlet | None, budget: Budget, eager: bool) -> None:
        # first what nearly every segment asks for
        self.next: i64 = 0  # all before this offset is in order, or given up
        self.opened: bool = False  # it is known where the stream begins
        self.eager = eager
        self.ready: i64 = 0
        self.handed: i64 = 0
        self.pieces: list[Piece] = []
        self.origin: i64 = -1  # the sequence number of offset 0
        self.top: i64 = 0  # where the furthest payload ends that was captured
        self.acked: i64 = -1  # up to where the peer acknowledged; -1: not at all
        self.edge: i64 = -1  # up to where the peer's window ever reached; -1: unknown
        self.bytes: i64 = 0  # in order so far, without holes
        self.unhanded: i64 = 0  # cost of the pieces in order that have not been handed on
        self.kept: i64 = 0  # cost of all pieces in order
        self.waiting: i64 = 0  # cost of the others
        self.budget = budget
        self.outlet = outlet
        self.number = number  # of the connection
        self.side = side
        self.frame: i64 = 0  # the one that is being looked at
        self.base: i64 = 0
        self.fin: i64 = -1  # where its FIN stands
        self.claimed: i64 = 0  # where segments without payload say that it stands
        self.gaps: list[Gap] = []  # the last holes
        self.told: i64 = 0  # those before this index have been told
        # what is told at the end
        self.begun: bool = False  # the beginning was seen, or is known from the peer's SYN-ACK
        self.holes: i64 = 0
        self.missing_bytes: i64 = 0  # in holes
        self.unacknowledged_bytes: i64 = 0  # of them, those that the peer did not acknowledge
        self.forced_bytes: i64 = 0  # of them, those that were given up for want of room
        self.cut_bytes: i64 = 0  # that passed, but not into the capture
        self.repeated_bytes: i64 = 0
        self.late_bytes: i64 = 0
        self.outside_bytes: i64 = 0  # far from everything, or beyond every window
        self.conflicts: i64 = 0
        self.ends_unknown: bool = False  # the last hole may hold a FIN, which is no byte

    # -- where it stands -- #

    def near(self) -> i64:
        """An offset near which sequence numbers are expected."""
        if self.acked > self.next:
            return self.acked
        return self.next

    def offset_of(self, number: i64) -> i64:
        """The offset of a sequence number: of all that it may be, the nearest (RFC 9293, 3.4)."""
        near: i64 = self.near()
        ahead: i64 = (number - self.origin - near) & 0xFFFFFFFF
        if ahead >= 0x80000000:
            ahead -= 0x100000000
        return near + ahead

    def begin(self, number: i64) -> None:
        """The SYN, or the SYN-ACK that answers it, says that the stream begins with this sequence number."""
        if self.opened and self.begun and number == self.origin:
            return
        if not self.bytes and not self.pieces and not self.gaps:  # of several, the last one before there is data
            self.origin = number
            self.opened = True
            self.begun = True
            self.next = 0
            self.base = 0
            self.top = 0
            self.acked = -1
            self.edge = -1
            self.claimed = 0
            self.fin = -1
        elif not self.opened and self.pieces:
            start: i64 = self.offset_of(number)
            if 0 <= self.pieces[0].start - start <= GRACE:  # it was overtaken by its data
                self.begun = True
                self.open(start)

    def open(self, start: i64) -> None:
        """The stream begins at this offset; what was sent before is left out."""
        self.opened = True
        self.next = start
        self.base = start
        pieces = self.pieces
        while pieces and pieces[0].start < start:
            piece = pieces[0]
            stays: i64 = piece.start + len(piece.data) - start
            if stays > 0:
                self.outside_bytes += start - piece.start
                self.weigh(stays - len(piece.data))
                piece.data = piece.data[len(piece.data) - stays :]
                piece.start = start
            else:
                self.outside_bytes += len(piece.data)
                self.weigh(-(len(piece.data) + PIECE_COST))
                del pieces[0]
        self.advance()

    def weigh(self, cost: i64) -> None:
        """Count what begins, or ceases, to wait."""
        self.waiting += cost
        self.budget.held += cost

    # -- payload -- #

    def add(self, start: i64, length: i64, buf: bytes, at: i64, captured: i64, frame: i64) -> None:
        """``length`` bytes of payload at offset ``start``, of which the first ``captured`` stand in ``buf`` at ``at``."""
        if start == self.next and captured == length and self.ready == len(self.pieces) and self.opened:
            self.pieces.append(Piece(start, buf[at : at + length], frame))
            self.ready += 1
            self.next = start + length
            if start + length > self.top:
                self.top = start + length
            self.bytes += length
            cost: i64 = length + PIECE_COST
            self.unhanded += cost
            self.kept += cost
            self.budget.held += cost
            if self.unhanded > HAND_OVER or self.eager:
                self.hand_over()
        else:
            self.frame = frame
            self.place(start, length, buf, at, captured)

    def place(self, start: i64, length: i64, buf: bytes, at: i64, captured: i64) -> None:
        """Payload that does not simply follow on."""
        end: i64 = start + length
        if start > self.near() + FAR:
            self.outside_bytes += length
            return
        if length == 1 and (end == self.top or start == self.fin or (end <= self.acked and not self.opened)):
            self.repeated_bytes += 1  # a keep-alive, whose byte may be anything (RFC 1122, 4.2.3.6)
            return
        have: i64 = start + captured
        if have > self.top:
            self.top = have
        here: i64 = start
        if self.opened:
            floor: i64 = self.next
            if self.ready:
                floor = self.pieces[0].start
            if here < floor:  # it was kept once, or given up
                skipped: i64 = min(have, floor)
                self.repeated_bytes += skipped - here
                self.find_late(here, skipped)
                here = skipped
        self.fill(here, have, buf, at + here - start)
        if self.opened:
            self.advance()
            if have < end:
                self.cut_bytes += end - have
                if have <= self.next < end:
                    self.give_up(self.limit_of(end), True)
                    self.advance()
        self.settle()

    def limit_of(self, end: i64) -> i64:
        """Where a hole up to ``end`` ends, as something that waits may begin before."""
        if self.ready < len(self.pieces) and self.pieces[self.ready].start < end:
            return self.pieces[self.ready].start
        return end

    def fill(self, here: i64, have: i64, buf: bytes, at: i64) -> None:
        """Put the bytes from ``here`` to ``have`` where nothing is yet, and compare the others with what is there."""
        pieces = self.pieces
        i: i64 = self.find(here)
        while here < have:
            stop: i64 = have
            if i < len(pieces):
                piece = pieces[i]
                if piece.start <= here:
                    stop = min(have, piece.start + len(piece.data))
                    self.compare(piece, here, buf[at : at + stop - here])
                    at += stop - here
                    here = stop
                    i += 1
                    continue
                stop = min(have, piece.start)
            if here < self.next and self.opened:
                stop = min(stop, self.next)
                self.tell_late(here, stop)
            else:
                pieces.insert(i, Piece(here, buf[at : at + stop - here], self.frame))
                self.weigh(stop - here + PIECE_COST)
                i += 1
            at += stop - here
            here = stop

    def find_late(self, start: i64, end: i64) -> None:
        """Of bytes that lie before all that is kept, those of a hole are not repeated: they are late."""
        i: i64 = len(self.gaps) - 1
        while i >= 0 and self.gaps[i].end > start:
            left: i64 = max(self.gaps[i].start, start)
            right: i64 = min(self.gaps[i].end, end)
            if left < right:
                self.repeated_bytes -= right - left
                self.tell_late(left, right)
            i -= 1

    def tell_late(self, start: i64, end: i64) -> None:
        """These bytes came when their hole had been given up."""
        self.late_bytes += end - start
        if self.outlet is not None:
            self.outlet.late(self, start - self.base, end - self.base, self.frame)

    def find(self, offset: i64) -> i64:
        """The index of the first piece that ends behind ``offset``."""
        pieces = self.pieces
        low: i64 = 0
        high: i64 = len(pieces)
        while low < high:
            middle: i64 = (low + high) >> 1
            piece = pieces[middle]
            if piece.start + len(piece.data) > offset:
                high = middle
            else:
                low = middle + 1
        return low

    def compare(self, piece: Piece, start: i64, data: bytes) -> None:
        """``data`` comes again at ``start``, inside ``piece``."""
        self.repeated_bytes += len(data)
        at: i64 = start - piece.start
        if piece.data[at : at + len(data)] == data:
            return
        self.conflicts += 1
        if self.outlet is None:
            return
        low: i64 = 0
        high: i64 = len(data)
        while high - low > 1:  # the first byte that differs lies between
            middle: i64 = (low + high) >> 1
            if piece.data[at + low : at + middle] == data[low:middle]:
                low = middle
            else:
                high = middle
        other = data[low : low + _SHOWN]
        self.outlet.conflict(self, start + low - self.base, piece, at + low, other, self.frame)

    # -- order -- #

    def advance(self) -> None:
        """What waits and follows on is in order now."""
        pieces = self.pieces
        i: i64 = self.ready
        while i < len(pieces) and pieces[i].start == self.next:
            length: i64 = len(pieces[i].data)
            self.next += length
            self.bytes += length
            cost: i64 = length + PIECE_COST
            self.waiting -= cost
            self.kept += cost
            self.unhanded += cost
            i += 1
        self.ready = i
        if self.unhanded > HAND_OVER or (self.eager and self.unhanded):
            self.hand_over()

    def settle(self) -> None:
        """Give up holes that will not be filled, or that make too much wait."""
        if not self.opened:
            if self.waiting > GRACE:
                self.open(self.pieces[0].start)
            return
        while self.ready < len(self.pieces):
            end: i64 = self.pieces[self.ready].start
            if self.waiting > MOST_WAITING or len(self.pieces) - self.ready > MOST_PIECES:
                self.forced_bytes += max(0, end - self.near())  # these might still come
            elif end > self.acked or self.waiting <= (EAGER_GRACE if self.eager else GRACE):
                return
            self.give_up(end, False)
            self.advance()

    def give_up(self, end: i64, cut: bool) -> None:
        """The bytes up to ``end`` are missing."""
        start: i64 = self.next
        self.next = end
        gaps = self.gaps
        if self.told < len(gaps):
            last = gaps[len(gaps) - 1]
            if last.end == start and last.position == self.bytes and last.cut == cut:
                last.end = end
                return
        gaps.append(Gap(start, end, self.bytes, cut))
        if len(gaps) > MOST_GAPS:
            self.tell_gaps(False)

    def tell_gaps(self, last: bool) -> None:
        """Tell holes that are acknowledged, or too many; ``last``: all of them.  The latest may grow until data follows."""
        gaps = self.gaps
        i: i64 = self.told
        while i < len(gaps):
            gap = gaps[i]
            if not last and ((gap.end > self.acked and len(gaps) - i <= MOST_GAPS) or gap.position == self.bytes):
                break
            acked: i64 = min(max(self.acked, gap.start), gap.end)
            self.missing_bytes += gap.end - gap.start
            self.unacknowledged_bytes += gap.end - acked
            self.tell_part(gap, gap.start, acked, True)
            self.tell_part(gap, acked, gap.end, False)
            i += 1
        self.told = i
        if i > 2 * MOST_GAPS:
            del gaps[: i - MOST_GAPS]
            self.told = MOST_GAPS

    def tell_part(self, gap: Gap, start: i64, end: i64, acknowledged: bool) -> None:
        """One hole, or that part of it that was acknowledged or was not, unless it is empty."""
        if start >= end:
            return
        self.holes += 1
        if self.outlet is not None:
            self.outlet.hole(self, start - self.base, end - self.base, gap.position, acknowledged, gap.cut)

    def hand_over(self) -> None:
        """Hand on what is in order, and keep the last of it."""
        if self.eager:
            self.tell_gaps(True)
        if self.handed < self.ready and self.outlet is not None:
            self.outlet.data(self, self.pieces[self.handed : self.ready])
        self.handed = self.ready
        self.unhanded = 0
        if self.kept > KEEP + KEEP:
            self.trim(KEEP)

    def trim(self, keep: i64) -> None:
        """Forget what was handed on, but for the last ``keep`` of it."""
        pieces = self.pieces
        i: i64 = self.handed
        kept: i64 = self.unhanded
        while i > 0 and kept < keep:
            i -= 1
            kept += len(pieces[i].data) + PIECE_COST
        del pieces[:i]
        self.handed -= i
        self.ready -= i
        self.budget.held -= self.kept - kept
        self.kept = kept

    # -- what the peer says, and the end -- #

    def acknowledge(self, offset: i64, window: i64) -> None:
        """The peer has everything before ``offset``, and room for ``window`` bytes more."""
        if offset > self.near() + FAR:
            return
        if offset > self.acked:
            self.acked = offset
        if offset + window > self.edge:
            self.edge = offset + window
        if self.told < len(self.gaps):
            self.tell_gaps(False)
        if self.ready < len(self.pieces):
            first = self.pieces[0]
            if not self.opened and self.acked >= first.start + len(first.data):
                self.open(first.start)  # nobody will send anything from before any more
            self.settle()

    def close(self) -> None:
        """Nothing more will come: tell everything."""
        if not self.opened:
            self.open(self.pieces[0].start if self.pieces else 0)
        self.leave_out()
        while self.ready < len(self.pieces):
            self.give_up(self.pieces[self.ready].start, False)
            self.advance()
        end: i64 = self.fin
        if end < 0:
            end = self.acked
            if end < self.claimed and (self.edge < 0 or self.claimed <= self.edge):
                end = self.claimed
            self.ends_unknown = end > self.next
        if end > self.next:
            self.give_up(end, False)
        self.tell_gaps(True)
        self.hand_over()
        self.trim(0)

    def leave_out(self) -> None:
        """What waits beyond every window that the peer ever offered was not for it (RFC 9293, 3.10.7.4, first check)."""
        if self.edge < 0:
            return
        pieces = self.pieces
        while len(pieces) > self.ready and pieces[len(pieces) - 1].start > self.edge:
            length: i64 = len(pieces[len(pieces) - 1].data)
            self.outside_bytes += length
            self.weigh(-(length + PIECE_COST))
            del pieces[len(pieces) - 1]

    def relieve(self) -> None:
        """Memory is short: give up what waits."""
        if not self.opened:
            if not self.pieces:
                return
            self.open(self.pieces[0].start)
        while self.ready < len(self.pieces):
            end: i64 = self.pieces[self.ready].start
            self.forced_bytes += max(0, end - self.near())
            self.give_up(end, False)
            self.advance()
        self.hand_over()
        self.trim(0)
