"""The cursor: where in a record the decoder stands, and what the headers behind it have said."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.decode.reasons import TRUNCATED_HEADER
from tcptrace_py.packet import Record


@mypyc_attr(acyclic=True)
class Cursor:
    """One object serves a whole run.

    ``at <= end <= stop`` always: ``at`` is where the next header starts, ``end`` the end of the captured bytes that
    belong to it, ``stop`` where it ends on the wire.  Bytes at ``end`` and beyond are never interpreted, though the
    padding of every buffer lets a word be read there.
    """

    def __init__(self) -> None:
        self.buf: bytes = b""
        self.at: i64 = 0
        self.end: i64 = 0
        self.stop: i64 = 0
        self.time: i64 = 0
        self.number: i64 = 0  # of the frame
        self.kind: i64 = 0  # EtherType, IP protocol or link type of what is next, where the layer needs one
        # the innermost IP header: its addresses (each ``width`` bytes), and what the segment tells of it
        self.src_at: i64 = 0
        self.dst_at: i64 = 0
        self.width: i64 = 0
        self.jumbo_at: i64 = -1  # where an IPv6 header starts that has no payload length
        self.ip_id: i64 = -1
        self.ttl: i64 = 0
        self.ecn: i64 = 0
        self.headers: i64 = 0  # IP headers so far
        # its fragment: identification in ``buf[fragment_at:fragment_at + fragment_width]``
        self.fragment_at: i64 = 0
        self.fragment_width: i64 = 0
        self.fragment_offset: i64 = 0  # bytes
        self.fragment_more: bool = False
        self.reassembled: bool = False
        # an ICMP error that quotes what follows
        self.quoted: bool = False
        self.icmp_type: i64 = -1
        self.icmp_code: i64 = -1
        self.icmp_v6: bool = False
        # IPv4 header checksums
        self.verify: bool = False
        self.bad_ip_checksums: i64 = 0

    def start(self, record: Record) -> None:
        """Stand at the first byte of a record."""
        at: i64 = record.at
        caplen: i64 = record.caplen
        wirelen: i64 = record.wirelen
        self.buf = record.buf
        self.at = at
        self.end = at + caplen
        if wirelen > caplen:
            self.stop = at + wirelen
        else:  # some writers put 0, or less than they captured
            self.stop = at + caplen
        self.time = record.time
        self.number = record.number
        self.headers = 0
        self.reassembled = False
        self.quoted = False

    def short(self, reason: i64) -> i64:
        """The reason when a header does not fit: the capture's fault if it was cut, ``reason`` if the packet's own."""
        if self.stop > self.end:
            return TRUNCATED_HEADER
        return reason
