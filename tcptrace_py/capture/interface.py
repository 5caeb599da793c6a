"""An interface of a pcapng section: its link type, its clock, and what it dropped."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.reader import MAX_TIME

NANOSECONDS: Final = 1000000000
DEFAULT_RESOLUTION: Final = 6  # microseconds, unless if_tsresol says otherwise
BINARY: Final = 0x80  # this bit of if_tsresol: the rest is a power of two, not of ten


@mypyc_attr(acyclic=True)
class Interface:
    """What an interface description block says."""

    def __init__(self, link: i64, snaplen: i64, resolution: i64, offset: int) -> None:
        """``resolution`` as in if_tsresol (10^-n, or 2^-n with the top bit set); ``offset`` in seconds, if_tsoffset."""
        self.link: i64 = link
        self.snaplen: i64 = snaplen  # 0: no limit
        self.resolution: i64 = resolution
        self.offset: int = offset
        self.scale: i64 = 0  # nanoseconds a tick, where that is a whole number and nothing else is to be done
        self.max_ticks: i64 = -1  # the most ticks that ``scale`` may be used for
        if resolution <= 9 and offset == 0:
            self.scale = 1
            left: i64 = 9 - resolution
            while left > 0:
                self.scale *= 10
                left -= 1
            self.max_ticks = MAX_TIME // self.scale
        self.statistics_drops: i64 = -1  # from the last statistics block, which counts from the start of the capture
        self.delivered: i64 = -1  # packets that its last statistics block says are in the file; -1: it does not say
        self.until: i64 = -1  # when the capture on it ended, by the same block
        self.packet_drops: i64 = -1  # the sum of what packet blocks tell, each about the time since the one before

    def time(self, high: i64, low: i64) -> i64:
        """Nanoseconds since the epoch for a time stamp's two 32-bit halves."""
        if high <= 0x3FFFFFFF:
            ticks: i64 = (high << 32) | low
            if ticks <= self.max_ticks:
                return ticks * self.scale
        return self.exact_time(high, low)

    def exact_time(self, high: int, low: int) -> i64:
        """As ``time``, for any clock, in unbounded integers; what lies outside 0 ... MAX_TIME becomes that bound."""
        ticks = high * 4294967296 + low
        resolution = int(self.resolution)
        if resolution & BINARY:
            time = (ticks * NANOSECONDS) >> (resolution & 0x7F)
        elif resolution <= 9:
            time = ticks * 10 ** (9 - resolution)
        else:
            time = ticks // 10 ** (resolution - 9)
        time += self.offset * NANOSECONDS
        return max(0, min(time, MAX_TIME))

    def dropped(self) -> i64:
        """Packets dropped on this interface; -1 if nothing tells."""
        return max(self.statistics_drops, self.packet_drops)
