"""Which segments of one direction are on their way: what each carried, in which frame, when, and how often it was sent.

Kept only where detailed figures are asked for.  It tells which frame a repetition repeats, and how long acknowledgements
take: of segments sent once (Karn), or of the very transmission whose timestamp the acknowledgement echoes (RFC 7323, 4).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import Segment

MAX_FLOWN: Final = 1 << 16
"""Segments kept a direction; beyond that (a capture without acknowledgements) the oldest are forgotten."""
MAX_WAITS: Final = 64
"""Repetitions of one segment whose intervals are kept."""
_ACKNOWLEDGED: Final = 64
"""Acknowledged segments kept, for those that are sent again all the same."""

_NO_WAITS: Final[list[int]] = []


@mypyc_attr(acyclic=True)
class Flown:
    """One stretch of sequence space, as it was first sent and as it was last."""

    def __init__(self, start: i64, end: i64, seg: Segment) -> None:
        self.start = start
        self.end = end
        self.frame = seg.number
        self.time = seg.time
        self.tsval = seg.tsval
        self.last_time = seg.time
        self.last_tsval = seg.tsval
        self.last_frame = seg.number
        self.again: i64 = 0  # how often it was sent again
        self.waits = _NO_WAITS  # ns between one time and the next


@mypyc_attr(acyclic=True)
class Flight:
    """Stretches in the order of the sequence space; those before ``head`` are acknowledged."""

    def __init__(self) -> None:
        self.flown: list[Flown] = []
        self.head: i64 = 0

    def sends(self, start: i64, end: i64, seg: Segment) -> None:
        """Data that had not passed before: mostly behind all the rest.  What is on its way already is not kept again."""
        flown = self.flown
        count: i64 = len(flown)
        if count == 0 or flown[count - 1].end <= start:
            flown.append(Flown(start, end, seg))
            if count >= MAX_FLOWN:
                del flown[: MAX_FLOWN // 2]
                self.head = max(self.head - MAX_FLOWN // 2, 0)
            return
        at: i64 = self.find(start)
        if flown[at].start >= end:
            flown.insert(at, Flown(start, end, seg))
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
        flown = self.flown
        at: i64 = self.find(start)
        first: Flown | None = None
        while at < len(flown) and flown[at].start < end:
            one = flown[at]
            one.again += 1
            if one.waits is _NO_WAITS:
                one.waits = []
            if len(one.waits) < MAX_WAITS:
                one.waits.append(seg.time - one.last_time)
            one.last_time = seg.time
            one.last_tsval = seg.tsval
            one.last_frame = seg.number
            if first is None:
                first = one
            at += 1
        if at == len(flown) and at > 0 and flown[at - 1].end < end:
            flown.append(Flown(max(start, flown[at - 1].end), end, seg))
        return first

    def trim(self) -> None:
        """Forget what was acknowledged long ago."""
        if self.head > 4 * _ACKNOWLEDGED:
            del self.flown[: self.head - _ACKNOWLEDGED]
            self.head = _ACKNOWLEDGED
