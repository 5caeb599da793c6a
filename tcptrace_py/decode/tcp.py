"""The TCP header and its options (RFC 9293, 3.1 and 3.2): the last header, from which the segment is filled."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.reasons import BAD_TCP_HEADER, ICMP
from tcptrace_py.packet import QUOTED, SEGMENT, Record, Segment
from tcptrace_py.words import read_i64_be

MAX_SHIFT: Final = 14  # RFC 7323, 2.3
TIMESTAMPS_ONLY: Final = 0x0101080A  # two NOPs and a timestamp: the usual options of an established connection
EXPERIMENT_FAST_OPEN: Final = 0xF989  # RFC 6994 identifier of fast open before it had a kind of its own


def tcp(cursor: Cursor, record: Record, segment: Segment) -> i64:
    """Fill ``segment`` from the TCP header at the cursor, and from what the cursor knows of the headers around it."""
    if cursor.quoted:
        return quoted(cursor, record, segment)
    if cursor.end - cursor.at < 20:
        return cursor.short(BAD_TCP_HEADER)
    surroundings(cursor, record, segment)
    return header(segment, cursor.buf, cursor.at, cursor.end, cursor.stop)


def header(segment: Segment, buf: bytes, at: i64, end: i64, stop: i64) -> i64:
    """The TCP header at ``at``, of which 20 bytes were captured; its datagram was captured to ``end``, and goes to ``stop``."""
    ports: i64 = read_i64_be(buf, at)  # ports, sequence number
    middle: i64 = read_i64_be(buf, at + 8)  # acknowledgement number, offset, flags, window
    tail: i64 = read_i64_be(buf, at + 16)  # checksum, urgent pointer, first option bytes
    size: i64 = (middle >> 28 & 0xF) * 4
    payload_at: i64 = at + size
    if size < 20 or payload_at > stop:
        return BAD_TCP_HEADER
    segment.seq = ports & 0xFFFFFFFF
    segment.ack = middle >> 32 & 0xFFFFFFFF
    segment.flags = middle >> 16 & 0xFF
    segment.window = middle & 0xFFFF
    segment.checksum_field = tail >> 48 & 0xFFFF
    segment.urgent = tail >> 32 & 0xFFFF
    segment.header = size
    segment.length = stop - payload_at
    segment.payload_at = payload_at
    segment.buf = buf
    if end > payload_at:
        segment.captured = end - payload_at
    else:
        segment.captured = 0
    if size == 20:
        return SEGMENT
    if size == 32 and tail & 0xFFFFFFFF == TIMESTAMPS_ONLY and end >= payload_at:
        stamps: i64 = read_i64_be(buf, at + 24)
        segment.tsval = stamps >> 32 & 0xFFFFFFFF
        segment.tsecr = stamps & 0xFFFFFFFF
        return SEGMENT
    options(segment, buf, at + 20, payload_at, end)
    return SEGMENT


def surroundings(cursor: Cursor, record: Record, segment: Segment) -> None:
    """The fields of a segment that its TCP header does not hold, and a clean slate for its options."""
    at: i64 = cursor.at
    src: i64 = cursor.src_at
    dst: i64 = cursor.dst_at
    width: i64 = cursor.width
    buf = cursor.buf
    if src + width == dst and dst + width == at:  # addresses and ports side by side: no options, no extensions
        segment.key_buf = buf
        segment.key_at = src
        segment.key_length = at + 4 - src
    else:
        segment.key = buf[src : src + width] + buf[dst : dst + width] + buf[at : at + 4]
    segment.ip_id = cursor.ip_id
    segment.ttl = cursor.ttl
    segment.ecn = cursor.ecn
    segment.tunnels = cursor.headers - 1
    segment.reassembled = cursor.reassembled
    begin(record, segment)


def begin(record: Record, segment: Segment) -> None:
    """What a segment has from its record, and nothing of options and ICMP."""
    segment.number = record.number
    segment.time = record.time
    segment.interface = record.interface
    segment.wirelen = record.wirelen
    segment.checksum = 0
    segment.mss = -1
    segment.wscale = -1
    segment.sack_ok = False
    segment.tsval = -1
    segment.tsecr = -1
    segment.sacks = 0
    segment.sack_at = 0
    segment.fast_open = -1
    segment.mptcp = False
    segment.bad_options = False
    segment.cut_options = False
    segment.icmp_type = -1
    segment.icmp_code = -1
    segment.icmp_v6 = False


def quoted(cursor: Cursor, record: Record, segment: Segment) -> i64:
    """The head of a segment in an ICMP error: ports and sequence number at least, the rest where it is there.

    ``header`` is 0 where only the first eight bytes are known; flags, window, lengths then are not.
    """
    at: i64 = cursor.at
    buf = cursor.buf
    if cursor.end - at < 8:
        return ICMP
    segment.seq = read_i64_be(buf, at) & 0xFFFFFFFF
    segment.ack = 0
    segment.flags = 0
    segment.window = 0
    segment.urgent = 0
    segment.length = 0
    segment.captured = 0
    segment.header = 0
    segment.checksum_field = 0
    segment.buf = buf
    segment.payload_at = at
    surroundings(cursor, record, segment)
    segment.icmp_type = cursor.icmp_type
    segment.icmp_code = cursor.icmp_code
    segment.icmp_v6 = cursor.icmp_v6
    if cursor.end - at < 20:
        return QUOTED
    middle: i64 = read_i64_be(buf, at + 8)
    size: i64 = (middle >> 28 & 0xF) * 4
    if size < 20 or at + size > cursor.stop:
        return QUOTED
    tail: i64 = read_i64_be(buf, at + 16)
    segment.ack = middle >> 32 & 0xFFFFFFFF
    segment.flags = middle >> 16 & 0xFF
    segment.window = middle & 0xFFFF
    segment.checksum_field = tail >> 48 & 0xFFFF
    segment.urgent = tail >> 32 & 0xFFFF
    segment.header = size
    segment.length = cursor.stop - at - size
    segment.payload_at = at + size
    segment.captured = max(cursor.end - at - size, 0)
    options(segment, buf, at + 20, at + size, cursor.end)
    return QUOTED


def options(segment: Segment, buf: bytes, at: i64, stop: i64, end: i64) -> None:
    """The options between ``at`` and ``stop``, as far as they were captured; a repeated one counts as given last."""
    if end < stop:
        segment.cut_options = True
    while at < stop and at < end:
        head: i64 = read_i64_be(buf, at)
        kind: i64 = head >> 56 & 0xFF
        if kind == 0:  # end of list
            return
        if kind == 1:  # no operation
            at += 1
            continue
        if at + 1 >= stop:
            segment.bad_options = True
            return
        if at + 1 >= end:
            return
        size: i64 = head >> 48 & 0xFF
        if size < 2 or at + size > stop:
            segment.bad_options = True
            return
        if at + size > end:  # cut by the capture length: unknown, not wrong
            return
        if not option(segment, head, at, kind, size, buf):
            segment.bad_options = True
        at += size


def option(segment: Segment, head: i64, at: i64, kind: i64, size: i64, buf: bytes) -> bool:
    """One option; False where its length is not one that its kind can have."""
    if kind == 8:  # timestamps, RFC 7323, 3.2
        if size != 10:
            return False
        segment.tsval = head >> 16 & 0xFFFFFFFF
        segment.tsecr = read_i64_be(buf, at + 6) >> 32 & 0xFFFFFFFF
    elif kind == 5:  # SACK, RFC 2018, 3
        if size < 10 or (size - 2) % 8 != 0:
            return False
        segment.sacks = (size - 2) // 8
        segment.sack_at = at + 2
    elif kind == 2:  # maximum segment size, RFC 9293, 3.7.1
        if size != 4:
            return False
        segment.mss = head >> 32 & 0xFFFF
    elif kind == 3:  # window scale, RFC 7323, 2.2
        if size != 3:
            return False
        segment.wscale = min(head >> 40 & 0xFF, MAX_SHIFT)
    elif kind == 4:  # SACK permitted, RFC 2018, 2
        if size != 2:
            return False
        segment.sack_ok = True
    elif kind == 34:  # fast open, RFC 7413, 4.1.1
        if size > 18 or size == 3:
            return False
        segment.fast_open = size - 2
    elif kind == 30:  # multipath TCP, RFC 8684, 3
        if size < 3:
            return False
        segment.mptcp = True
    elif kind in (253, 254) and size >= 4 and head >> 32 & 0xFFFF == EXPERIMENT_FAST_OPEN:
        segment.fast_open = size - 4
    return True
