"""Both directions of a connection: which bytes of which stream a segment carries, and what it says of the other one."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import ACK, BAD, FIN, RST, SYN, URG, Segment
from tcptrace_py.reassembly.pieces import Budget, Outlet
from tcptrace_py.reassembly.stream import Stream

_UNKNOWN_SCALE: Final = 14  # where the SYN was not seen, its window scale may be as large as any (RFC 7323, 2.3)


@mypyc_attr(acyclic=True)
class Conversation:
    """Puts the two streams of one connection together."""

    def __init__(self, number: i64, outlet: Outlet, budget: Budget, eager: bool) -> None:
        self.client = Stream(number, 0, outlet, budget, eager)
        self.server = Stream(number, 1, outlet, budget, eager)
        self.client_scale: i64 = -2  # of what it offers in its windows; -1: it does not scale, -2: its SYN was not seen
        self.server_scale: i64 = -2
        self.reset_by: i64 = -1  # the side that sent a RST first
        self.bad_checksums: i64 = 0  # segments left out for it
        self.client_urgent: i64 = (
            0  # segments with an urgent pointer (RFC 9293, 3.8.5); what it points to is data (RFC 6093, 3)
        )
        self.server_urgent: i64 = 0

    def segment(self, seg: Segment, side: i64) -> None:
        """Take in a segment that was sent by ``side``."""
        s = self.client
        p = self.server
        if side:
            s = self.server
            p = self.client
        flags = seg.flags
        if seg.checksum == BAD:  # its receiver drops it (RFC 9293, 3.1)
            self.bad_checksums += 1
            return
        if flags & (SYN | RST | URG):
            if flags & RST:  # what it may carry is no data of the stream (RFC 9293, 3.5.3)
                if self.reset_by < 0:
                    self.reset_by = side
                return
            if flags & SYN:
                self.syn(s, p, seg, side)
            elif side:
                self.server_urgent += 1
            else:
                self.client_urgent += 1
        start: i64 = seg.seq
        if flags & SYN:
            start = (start + 1) & 0xFFFFFFFF
        if s.origin < 0:
            s.origin = start
        start = s.offset_of(start)
        length = seg.length
        if length:
            s.add(start, length, seg.buf, seg.payload_at, seg.captured, seg.number)
        elif start > s.claimed:
            s.claimed = start
        if flags & FIN and start + length > s.fin:
            s.fin = start + length
        if flags & ACK:
            self.acknowledge(p, seg, side)

    def syn(self, s: Stream, p: Stream, seg: Segment, side: i64) -> None:
        """A SYN says where its sender's stream begins, a SYN-ACK where the other one does, if that is not known."""
        s.begin((seg.seq + 1) & 0xFFFFFFFF)
        if seg.flags & ACK and p.origin < 0:
            p.begin(seg.ack)
        if side:
            self.server_scale = seg.wscale
        else:
            self.client_scale = seg.wscale

    def acknowledge(self, p: Stream, seg: Segment, side: i64) -> None:
        """The ACK, and the window as ``p`` must understand it."""
        if p.origin < 0:
            p.origin = seg.ack
        scale: i64 = self.client_scale
        other: i64 = self.server_scale
        if side:
            scale = other
            other = self.client_scale
        if scale == -2 or (scale >= 0 and other == -2):
            scale = _UNKNOWN_SCALE
        elif scale < 0 or other < 0 or seg.flags & SYN:
            scale = 0
        p.acknowledge(p.offset_of(seg.ack), seg.window << scale)

    def close(self) -> None:
        """Nothing more will come."""
        self.client.close()
        self.server.close()
