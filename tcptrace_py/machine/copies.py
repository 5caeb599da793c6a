"""Frames that the capture holds twice, with others in between: a burst, seen at two ports of a switch.

Most copies come right after their original, and are found by comparing a segment with its sender's last one (account).  Only a
connection that has shown such a copy gets one of these, so that all others pay nothing.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import FIN, SYN, Segment

_KEPT: Final = 128
"""Of both sides: more than a switch holds back."""
_WITHIN: Final = 1_000_000
"""A copy that comes later (ns) is a segment of its own."""


@mypyc_attr(acyclic=True)
class Trace:
    """What tells one frame from all others of its connection, save its copies."""

    def __init__(self, side: i64, seg: Segment) -> None:
        self.time = seg.time
        self.side = side
        self.seq = seg.seq
        self.ack = seg.ack
        self.ip_id = seg.ip_id
        self.check = seg.checksum_field
        self.flags = seg.flags
        self.length = seg.length
        self.ttl = seg.ttl
        self.interface = seg.interface
        self.copied: bool = False

    def is_of(self, side: i64, seg: Segment) -> bool:
        """Whether the segment is the same frame.

        One that has no IP id and carries nothing is told from no other, unless it passed elsewhere: behind a router, or on
        another interface.
        """
        if seg.seq != self.seq or seg.checksum_field != self.check or side != self.side or seg.ip_id != self.ip_id:
            return False
        if seg.ack != self.ack or seg.flags != self.flags or seg.length != self.length:
            return False
        if seg.ip_id > 0 or seg.length > 0 or seg.flags & (SYN | FIN) != 0:
            return True
        return seg.ttl != self.ttl or seg.interface != self.interface


@mypyc_attr(acyclic=True)
class Copies:
    """The last frames of a connection that is captured twice."""

    def __init__(self, time: i64) -> None:
        self.began = time  # of the copy that showed it: what passed before is not kept
        self.kept: list[Trace] = []
        self.next: i64 = 0

    def knows(self, time: i64) -> bool:
        """Whether all is kept that a copy which comes at this time could be a copy of."""
        return time - self.began >= _WITHIN

    def holds(self, side: i64, seg: Segment) -> bool:
        """Whether the segment is the copy of a frame kept here; if not, it is kept to compare others with."""
        kept = self.kept
        count: i64 = len(kept)
        for back in range(1, count + 1):
            trace = kept[(self.next - back) % count]
            if seg.time - trace.time >= _WITHIN:
                break
            if not trace.copied and seg.time >= trace.time and trace.is_of(side, seg):
                trace.copied = True
                return True
        if count < _KEPT:
            kept.append(Trace(side, seg))
            self.next = 0
        else:
            kept[self.next] = Trace(side, seg)
            self.next = (self.next + 1) % _KEPT
        return False
