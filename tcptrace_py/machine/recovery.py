"""What is remembered of the losses of one direction: its holes, what was sent again and why, and what was needless.

Made at the first hole, SACK block or repetition of a direction; most directions have none of them.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.ranges import Ranges
from tcptrace_py.machine.sequence import distance
from tcptrace_py.packet import Segment

MAX_RECENT: Final = 64
"""Repetitions remembered, for what may yet show of them."""
_MAX_GAPS: Final = 64
_LOW: Final = -(1 << 40)

# what a repetition was found to be needless by
ACKNOWLEDGED: Final = 1
BY_DSACK: Final = 2
BY_TIMESTAMP: Final = 3
WHY_SPURIOUS: Final = ("", "acknowledged", "dsack", "timestamp")


@mypyc_attr(acyclic=True)
class Gap:
    """A hole as it was when it appeared, and the segment that jumped over it."""

    def __init__(self, left: i64, right: i64, seg: Segment, step: i64) -> None:
        self.left = left
        self.right = right
        self.time = seg.time
        self.ip_id = seg.ip_id
        self.tsval = seg.tsval
        self.step = step  # from the IP id of the segment before to this one's, modulo 2^16; -1: not known


@mypyc_attr(acyclic=True)
class Again:
    """One segment with data that had passed before, or had been lost before the capture point."""

    def __init__(self, seg: Segment, start: i64, end: i64, oldest: bool) -> None:
        self.start = start
        self.end = end
        self.frame = seg.number
        self.time = seg.time
        self.tsval = seg.tsval
        self.ip_id = seg.ip_id
        self.bytes: i64 = 0  # of it, how many had passed
        self.mark: i64 = 0  # what made its sender repeat it, one of ``marks``; 0: that does not show
        self.oldest = oldest  # it begins with the oldest data that is not acknowledged
        self.filled: bool = False  # it filled a hole: the first one did not pass
        self.since_tsval: i64 = -1  # of the segment that had jumped over that hole: what was sent later was sent again
        self.since_id: i64 = -1
        self.late: bool = False  # it filled a hole, and was the first one: nothing was repeated
        self.spurious: i64 = 0  # what shows that it was needless
        self.original: i64 = -1  # the frame that carried it before, where that is kept
        self.waited: i64 = -1  # ns that its sender's timer had run
        self.alone: bool = False  # nothing else awaited acknowledgement


@mypyc_attr(acyclic=True)
class Recovery:
    """What is remembered of one direction's losses, which most have none of; offsets as in ``sequence``."""

    def __init__(self) -> None:
        self.retransmitted_packets: i64 = 0
        self.retransmitted_bytes: i64 = 0
        self.missing_bytes: i64 = 0
        self.hardware_duplicates: i64 = 0
        self.timeouts: i64 = 0
        self.fast: i64 = 0
        self.by_sack: i64 = 0
        self.tail_probes: i64 = 0
        self.spurious: i64 = 0
        self.unknown: i64 = 0
        self.out_of_order: i64 = 0
        self.copied: i64 = 0  # on the way
        self.lost_packets: i64 = 0  # sent again, and the first one did not pass
        self.lost_bytes: i64 = 0
        self.proven: i64 = 0  # offset up to which its own sequence numbers prove that it had sent
        self.sacked: i64 = -1  # the highest offset that the peer reported to have, above a hole
        self.until: i64 = -1  # what had been sent when the present recovery began; -1: none
        self.because: i64 = 0  # the mark that it began with
        self.gaps: list[Gap] = []
        self.recent: list[Again] = []
        self.low: Ranges | None = None  # what passed of the bytes before the first that was seen (midstream)

    def count(self, marks: i64, by: i64 = 1) -> None:
        """One repetition more, or less, of a kind."""
        if marks & mk.SPURIOUS:
            self.spurious += by
        elif marks & mk.TIMEOUT:
            self.timeouts += by
        elif marks & mk.FAST:
            self.fast += by
        elif marks & mk.SACK:
            self.by_sack += by
        elif marks & mk.TAIL_PROBE:
            self.tail_probes += by
        else:
            self.unknown += by

    def remember(self, again: Again) -> None:
        """Keep a repetition for what may yet show of it."""
        recent = self.recent
        if len(recent) >= MAX_RECENT:
            del recent[0]
        recent.append(again)

    def turns_out_spurious(self, again: Again, why: i64) -> None:
        """Something shows afterwards that it was needless."""
        again.spurious = why
        if not again.filled:
            self.count(again.mark, -1)
            self.spurious += 1

    def was_probe(self, start: i64, waited: i64) -> None:
        """A timer ran ``waited`` and repeats what begins at ``start``: was the last time a tail probe?

        Of a single segment a probe looks like a timeout, as it waits as long; but it does not double the next wait.
        """
        if not self.recent:
            return
        last = self.recent[len(self.recent) - 1]
        if last.alone and last.start == start and last.mark == mk.TIMEOUT and not self.repeats(last):
            if 2 * waited < 3 * last.waited and not last.spurious:
                last.mark = mk.TAIL_PROBE
                self.count(mk.TIMEOUT, -1)
                self.tail_probes += 1

    def repeats(self, last: Again) -> bool:
        """Whether the last repetition was not the first of its segment."""
        before: i64 = len(self.recent) - 2
        return before >= 0 and self.recent[before].start == last.start

    # -- holes -- #

    def opens(self, left: i64, right: i64, seg: Segment, last_ip_id: i64) -> None:
        """A segment leaves a hole before it."""
        gaps = self.gaps
        if len(gaps) >= _MAX_GAPS:
            del gaps[0]
        step: i64 = -1
        if seg.ip_id > 0 and last_ip_id > 0:
            step = (seg.ip_id - last_ip_id) & 0xFFFF
        gaps.append(Gap(left, right, seg, step))

    def gap_at(self, start: i64, floor: i64) -> Gap | None:
        """The hole that lies at ``start``; those below ``floor`` are forgotten."""
        gaps = self.gaps
        while gaps and gaps[0].right <= floor:
            del gaps[0]
        for gap in gaps:
            if gap.left <= start < gap.right:
                return gap
        return None

    def below(self, start: i64, end: i64) -> i64:
        """Bytes before the first that was seen: returns how many of them are new."""
        low = self.low
        if low is None:
            low = Ranges(_LOW)
            self.low = low
        return low.add(start, end)

    def was_overtaken(self, start: i64, end: i64) -> bool:
        """Whether what passes although it is no news is the first one, behind the repetition that filled its hole; else a copy."""
        return any(again.filled and again.start <= start and end <= again.end for again in self.recent)

    def was_sent_since(self, start: i64, end: i64, seg: Segment) -> bool:
        """Whether ``seg`` was sent after the first time that these bytes were, as far as that is remembered: by its
        timestamp, or its IP id.
        """
        i: i64 = len(self.recent) - 1
        while i >= 0:
            again = self.recent[i]
            i -= 1
            if again.start < end and start < again.end:
                tsval: i64 = again.since_tsval if again.filled else again.tsval
                ip_id: i64 = again.since_id if again.filled else again.ip_id
                if seg.tsval >= 0 and tsval >= 0 and seg.tsval != tsval:
                    return seg.tsval != again.tsval and distance(tsval, seg.tsval) > 0
                return (
                    seg.ip_id > 0
                    and ip_id > 0
                    and seg.ip_id != again.ip_id
                    and 0 < (seg.ip_id - ip_id) & 0xFFFF < 0x8000
                )
        return False
