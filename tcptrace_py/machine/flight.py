"""Which segments of one direction are on their way: what each carried, in which frame, when, and how often it was sent.

Kept only where detailed figures are asked for.  It tells which frame a repetition repeats, and how long acknowledgements
take: of segments sent once (Karn), or of the very transmission whose timestamp the acknowledgement echoes (RFC 7323, 4).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import Segment
from tcptrace_py.words import vec

MAX_FLOWN: Final = 1 << 16
"""Segments kept a direction; beyond that (a capture without acknowledgements) the oldest are forgotten."""
MAX_WAITS: Final = 64
"""Repetitions of one segment whose intervals are kept."""
_ACKNOWLEDGED: Final = 64
"""Acknowledged segments kept, for those that are sent again all the same."""

_WORDS: Final = 5
"""Numbers that a packed segment takes."""


@mypyc_attr(acyclic=True)
class Repeats:
    """That a stretch of sequence space was sent again: how often, and when the last time."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.last_time: i64 = 0
        self.last_tsval: i64 = -1
        self.last_frame: i64 = -1
        self.waits: list[int] = []  # ns between one time and the next

    def add(self, seg: Segment, before: i64) -> None:
        """Once more, in ``seg``; the last time was at ``before``."""
        self.count += 1
        if len(self.waits) < MAX_WAITS:
            self.waits.append(seg.time - before)
        self.last_time = seg.time
        self.last_tsval = seg.tsval
        self.last_frame = seg.number


@mypyc_attr(acyclic=True)
class Flown:
    """One stretch of sequence space, as it was first sent."""

    def __init__(self, start: i64, end: i64, frame: i64, time: i64, tsval: i64) -> None:
        self.start = start
        self.end = end
        self.frame = frame
        self.time = time
        self.tsval = tsval
        self.again: Repeats | None = None


_NONE: Final[list[Flown]] = []


@mypyc_attr(acyclic=True)
class Flight:
    """Stretches in the order of the sequence space; those before ``head`` are acknowledged."""

    def __init__(self) -> None:
        self.flown = _NONE
        self.head: i64 = 0
        self.packed = vec[i64]()  # all of them, when no more are expected

    def pack(self) -> None:
        """No more are expected: keep them small, unless there is more to say of one than when it was sent."""
        flown = self.flown
        for one in flown:
            if one.again is not None:
                return
        packed = vec[i64]([0] * (_WORDS * len(flown)))
        at: i64 = 0
        for one in flown:
            packed[at] = one.start
            packed[at + 1] = one.end
            packed[at + 2] = one.frame
            packed[at + 3] = one.time
            packed[at + 4] = one.tsval
            at += _WORDS
        self.packed = packed
        self.flown = _NONE

    def unpack(self) -> list[Flown]:
        """All of them, one by one."""
        packed = self.packed
        size: i64 = len(packed)
        if size:
            self.flown = []
            at: i64 = 0
            while at < size:
                self.flown.append(Flown(packed[at], packed[at + 1], packed[at + 2], packed[at + 3], packed[at + 4]))
                at += _WORDS
            self.packed = vec[i64]()
        return self.flown

    def is_all_acknowledged(self) -> bool:
        """Whether none is on its way."""
        if len(self.packed):
            return self.head * _WORDS >= len(self.packed)
        return self.head >= len(self.flown)

    def sends(self, start: i64, end: i64, seg: Segment) -> None:
        """Data that had not passed before: mostly behind all the rest.  What is on its way already is not kept again."""
        flown = self.unpack()
        count: i64 = len(flown)
        if count == 0:
            flown = []
            self.flown = flown
        if count == 0 or flown[count - 1].end <= start:
            flown.append(Flown(start, end, seg.number, seg.time, seg.tsval))
            if count >= MAX_FLOWN:
                del flown[: MAX_FLOWN // 2]
                self.head = max(self.head - MAX_FLOWN // 2, 0)
            return
        at: i64 = self.find(start)
        if flown[at].start >= end:
            flown.insert(at, Flown(start, end, seg.number, seg.time, seg.tsval))
            if at < self.head:
                self.head += 1

    def find(self, start: i64) -> i64:
        """The first stretch that ends behind ``start``."""
        flown = self.flown
        low: i64 = 0
        high: i64 = len(flown)
        while low < high:
            middle: i64 = (low + high) >> 1
            if flown[middle].end <= start:
                low = middle + 1
            else:
                high = middle
        return low

    def repeats(self, start: i64, end: i64, seg: Segment) -> Flown | None:
        """Data that had passed, or some of it: returns the first stretch that it repeats, as far as that is kept."""
        flown = self.unpack()
        at: i64 = self.find(start)
        first: Flown | None = None
        while at < len(flown) and flown[at].start < end:
            one = flown[at]
            again = one.again
            if again is None:
                again = Repeats()
                one.again = again
                again.add(seg, one.time)
            else:
                again.add(seg, again.last_time)
            if first is None:
                first = one
            at += 1
        if at == len(flown) and at > 0 and flown[at - 1].end < end:
            flown.append(Flown(max(start, flown[at - 1].end), end, seg.number, seg.time, seg.tsval))
        return first

    def trim(self) -> None:
        """Forget what was acknowledged long ago."""
        if self.head > 4 * _ACKNOWLEDGED:
            del self.flown[: self.head - _ACKNOWLEDGED]
            self.head = _ACKNOWLEDGED
