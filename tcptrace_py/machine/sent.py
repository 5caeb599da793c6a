"""What one endpoint sent, counted: the figures of ``endpoint.sent`` in the report.

Unknown is -1 here and ``null`` in the report.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.recovery import Recovery
from tcptrace_py.packet import Segment


@mypyc_attr(acyclic=True)
class Sent:
    """Counters of one direction.  Bytes are payload bytes; times are nanoseconds."""

    def __init__(self) -> None:
        # first what nearly every segment counts
        self.packets: i64 = 0
        self.ack_packets: i64 = 0
        self.pure_acks: i64 = 0  # ACK, no SYN, FIN or RST, no payload
        self.window_scale: i64 = -1
        self.max_window: i64 = -1  # scaled where both offers are known
        self.min_window: i64 = -1
        self.data_packets: i64 = 0
        self.payload_bytes: i64 = 0
        self.unique_bytes: i64 = 0  # sequence space sent at least once
        self.push: i64 = 0
        # time until its segments were acknowledged (Karn: never of a segment sent twice)
        self.rtt_samples: i64 = 0
        self.rtt_min: i64 = -1
        self.rtt_max: i64 = -1
        self.rtt_sum: i64 = 0
        # then the rest
        self.syn: i64 = 0
        self.fin: i64 = 0
        self.rst: i64 = 0
        self.urgent: i64 = 0
        self.retransmitted_packets: i64 = 0  # data that overlaps data seen before; SYN and FIN are counted apart
        self.retransmitted_bytes: i64 = 0
        self.syn_retransmits: i64 = 0
        self.fin_retransmits: i64 = 0
        self.keepalives: i64 = 0
        self.window_probes: i64 = 0
        self.missing_bytes: i64 = 0  # acknowledged by the peer, never seen
        self.duplicate_acks: i64 = 0  # RFC 5681, 2
        self.sack_packets: i64 = 0
        self.zero_windows: i64 = 0
        self.mss: i64 = -1
        self.sack_permitted: i64 = -1  # 0 no, 1 yes, -1 SYN not seen
        self.timestamps: i64 = -1
        self.fast_open: i64 = -1
        self.mptcp: i64 = -1
        self.syn_ttl: i64 = -1  # TTL or hop limit
        self.recovery: Recovery | None = None  # what is remembered of its losses, once there are any
        # capture quality
        self.hardware_duplicates: i64 = 0
        self.truncated_packets: i64 = 0
        self.bad_checksums: i64 = 0

    def offer(self, seg: Segment) -> None:
        """Take the options of a SYN in."""
        self.mss = seg.mss
        self.syn_ttl = seg.ttl
        self.window_scale = seg.wscale
        self.sack_permitted = 1 if seg.sack_ok else 0
        self.timestamps = 1 if seg.tsval >= 0 else 0
        self.fast_open = 1 if seg.fast_open >= 0 else 0
        self.mptcp = 1 if seg.mptcp else 0

    def losses(self) -> Recovery:
        """What is remembered of its losses; made when first asked for."""
        recovery = self.recovery
        if recovery is None:
            recovery = Recovery()
            self.recovery = recovery
        return recovery

    def rtt(self, sample: i64) -> None:
        """Take one round-trip sample in."""
        self.rtt_samples += 1
        self.rtt_sum += sample
        if sample > self.rtt_max:
            self.rtt_max = sample
        if self.rtt_min < 0 or sample < self.rtt_min:
            self.rtt_min = sample
