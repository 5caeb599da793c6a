"""Which bytes of a direction passed the observer, once they did not pass in order.

A direction whose bytes pass in order needs none of this; the first hole makes one.  Offsets as in ``sequence``.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from mypy_extensions import i64, mypyc_attr

MAX_ISLANDS: Final = 1024
"""Islands kept a direction; beyond that the lowest hole is given up as missing."""


@mypyc_attr(acyclic=True)
class Ranges:
    """The bytes up to ``contiguous``, and islands above it, sorted, apart, and none touching another."""

    def __init__(self, contiguous: i64) -> None:
        self.contiguous = contiguous
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.missing: i64 = 0  # bytes given up: acknowledged but never seen, or too many holes

    def add(self, start: i64, end: i64) -> i64:
        """Mark [start, end) as seen; returns how many of its bytes were new."""
        if start < self.contiguous:
            start = self.contiguous
        if end <= start:
            return 0
        starts = self.starts
        ends = self.ends
        # the islands [low, high) touch or overlap [start, end)
        low: i64 = bisect_left(ends, start)
        high: i64 = low
        new: i64 = end - start
        left: i64 = start
        right: i64 = end
        while high < len(starts) and starts[high] <= end:
            s: i64 = starts[high]
            e: i64 = ends[high]
            common: i64 = min(e, end) - max(s, start)
            if common > 0:
                new -= common
            left = min(left, s)
            right = max(right, e)
            high += 1
        if left <= self.contiguous:
            del starts[low:high]
            del ends[low:high]
            self.contiguous = right
        else:
            starts[low:high] = [left]
            ends[low:high] = [right]
            if len(starts) > MAX_ISLANDS:
                self.give_up(starts[0])
        return new

    def give_up(self, upto: i64) -> i64:
        """Stop waiting for unseen bytes below ``upto``; returns how many there were."""
        lost: i64 = 0
        while self.contiguous < upto:
            if self.starts and self.starts[0] <= upto:
                lost += self.starts[0] - self.contiguous
                self.contiguous = self.ends[0]
                del self.starts[0]
                del self.ends[0]
            else:
                lost += upto - self.contiguous
                self.contiguous = upto
        # an island that begins exactly here is no longer apart
        while self.starts and self.starts[0] <= self.contiguous:
            self.contiguous = max(self.contiguous, self.ends[0])
            del self.starts[0]
            del self.ends[0]
        self.missing += lost
        return lost

    def is_whole(self) -> bool:
        """No hole is left."""
        return not self.starts
