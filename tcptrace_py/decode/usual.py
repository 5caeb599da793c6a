"""The usual packet in one go: Ethernet, an IPv4 header without options, not a fragment, and TCP.

Nearly all packets of nearly all captures are like that.  What follows from it is what ``ether``, ``ip`` and ``tcp``
make of such a packet one after the other, in a third of the time; every other packet is left to them.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.tcp import begin, header
from tcptrace_py.packet import SEGMENT, Record, Segment
from tcptrace_py.words import read_i64_be

_LEAST: Final = 54  # bytes of the three headers
_IP4_WITHOUT_OPTIONS: Final = 0x080045  # EtherType, version, length
_FRAGMENT_OR_PROTOCOL: Final = 0x3FFF00FF  # more fragments, offset; protocol
_TCP: Final = 6


def usual(record: Record, segment: Segment) -> bool:
    """Fill ``segment``; or say that the packet, whose link is Ethernet, is not the usual one or not wholly right."""
    caplen: i64 = record.caplen
    if caplen < _LEAST:
        return False
    buf = record.buf
    at: i64 = record.at
    head: i64 = read_i64_be(buf, at + 12)  # EtherType, version and length, TOS, total length, identification
    rest: i64 = read_i64_be(buf, at + 20)  # flags and offset, TTL, protocol, checksum, source
    if head >> 40 & 0xFFFFFF != _IP4_WITHOUT_OPTIONS or rest >> 32 & _FRAGMENT_OR_PROTOCOL != _TCP:
        return False
    stop: i64 = at + 14 + (head >> 16 & 0xFFFF)
    end: i64 = at + caplen
    if end > stop:
        end = stop
    if end - at < _LEAST:
        return False
    segment.key_buf = buf
    segment.key_at = at + 26
    segment.key_length = 12
    segment.ip_id = head & 0xFFFF
    segment.ttl = rest >> 40 & 0xFF
    segment.ecn = head >> 32 & 3
    segment.tunnels = 0
    segment.reassembled = False
    begin(record, segment)
    return header(segment, buf, at + 34, end, stop) == SEGMENT and segment.payload_at <= end
