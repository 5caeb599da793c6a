"""What one endpoint sent, counted: the figures that the engine and the rules ask for, of every connection.

All others of ``endpoint.sent`` in the report are in ``detail``, which is there only where a report shows them.
Unknown is -1 here and ``null`` in the report.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.recovery import Recovery
from tcptrace_py.packet import ACK, CWR, ECE, Segment

# Sent.options: what a SYN offers
SACK_PERMITTED: Final = 1
TIMESTAMPS: Final = 2
FAST_OPEN: Final = 4
MPTCP: Final = 8
ECN: Final = 16
CUT: Final = 32
"""The capture cut them: whether it offers what is not among the others is not known."""


@mypyc_attr(acyclic=True)
class Sent:
    """Counters of one direction.  Bytes are payload bytes."""

    def __init__(self) -> None:
        # first what nearly every segment counts
        self.packets: i64 = 0
        self.ack_packets: i64 = 0
        self.window_scale: i64 = -1
        self.min_window: i64 = -1  # scaled where both offers are known
        self.data_packets: i64 = 0
        self.payload_bytes: i64 = 0
        self.unique_bytes: i64 = 0  # sequence space sent at least once
        # then the rest
        self.syn: i64 = 0
        self.syn_acks: i64 = 0  # of those
        self.fins: i64 = 0
        self.rst: i64 = 0
        self.zero_windows: i64 = 0
        self.mss: i64 = -1
        self.options: i64 = -1  # what its SYN offers, as a set; -1: SYN not seen
        self.syn_ttl: i64 = -1  # TTL or hop limit
        self.recovery: Recovery | None = None  # what is remembered of its losses, once there are any
        self.detail: Detail | None = None

    def offer(self, seg: Segment) -> None:
        """Take the options of a SYN in."""
        self.mss = seg.mss
        self.syn_ttl = seg.ttl
        self.window_scale = seg.wscale
        options: i64 = 0
        if seg.sack_ok:
            options |= SACK_PERMITTED
        if seg.tsval >= 0:
            options |= TIMESTAMPS
        if seg.fast_open >= 0:
            options |= FAST_OPEN
        if seg.mptcp:
            options |= MPTCP
        # RFC 3168, 6.1.1: a SYN asks with both bits, a SYN-ACK agrees with one
        if seg.flags & (ECE | CWR) == (ECE if seg.flags & ACK else ECE | CWR):
            options |= ECN
        if seg.cut_options:
            options |= CUT
        self.options = options

    def begin_with(self, syn: Sent) -> None:
        """Take over what was counted of its SYN while that was not known to be its own."""
        self.packets = syn.packets
        self.syn = syn.syn
        self.mss = syn.mss
        self.syn_ttl = syn.syn_ttl
        self.window_scale = syn.window_scale
        self.options = syn.options

    @property
    def retransmitted_packets(self) -> i64:
        """Segments whose data overlaps data seen before; SYN and FIN are counted apart."""
        return 0 if self.recovery is None else self.recovery.retransmitted_packets

    @property
    def retransmitted_bytes(self) -> i64:
        """The bytes that overlap."""
        return 0 if self.recovery is None else self.recovery.retransmitted_bytes

    @property
    def missing_bytes(self) -> i64:
        """Acknowledged by the peer, never seen."""
        return 0 if self.recovery is None else self.recovery.missing_bytes

    @property
    def hardware_duplicates(self) -> i64:
        """Frames captured twice."""
        return 0 if self.recovery is None else self.recovery.hardware_duplicates

    def losses(self) -> Recovery:
        """What is remembered of its losses; made when first asked for."""
        recovery = self.recovery
        if recovery is None:
            recovery = Recovery()
            self.recovery = recovery
        return recovery
