"""IPv4 (RFC 791) and IPv6 (RFC 8200): headers, options that change the destination, extension headers.

An IP header narrows the cursor to its own datagram, so that the padding and trailers of the link are never taken
for payload.  A total length of 0 is left by segmentation offload: then the frame's length counts.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.checksum import header_sum
from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import (
    ETHERIP,
    FRAGMENT,
    GRE,
    ICMP4,
    ICMP6,
    IP4,
    IP6,
    MPLS,
    PROTOCOL,
    TCP,
    UDP,
)
from tcptrace_py.decode.reasons import (
    BAD_IP_HEADER,
    COMPRESSED,
    ENCRYPTED_ESP,
    ICMP,
    ICMPV6,
    IGMP,
    NESTED_TOO_DEEP,
    OTHER_IP_PROTOCOL,
    SCTP,
    UNKNOWN_IP_VERSION,
)
from tcptrace_py.words import read_i64_be

MAX_HEADERS: Final = 9  # IP headers around one another: eight tunnels
MAX_EXTENSIONS: Final = 16

PROTOCOL_TCP: Final = 6
HOP_BY_HOP: Final = 0
ROUTING: Final = 43
FRAGMENT_HEADER: Final = 44
AUTHENTICATION: Final = 51
DESTINATION: Final = 60


def ip(cursor: Cursor) -> i64:
    """Raw IP: the version is the first nibble."""
    if cursor.end - cursor.at < 1:
        return cursor.short(BAD_IP_HEADER)
    version: i64 = read_i64_be(cursor.buf, cursor.at) >> 60 & 0xF
    if version == 4:
        return IP4
    if version == 6:
        return IP6
    return UNKNOWN_IP_VERSION


def ipv4(cursor: Cursor) -> i64:
    """One IPv4 header."""
    at: i64 = cursor.at
    if cursor.end - at < 20:
        return cursor.short(BAD_IP_HEADER)
    buf = cursor.buf
    head: i64 = read_i64_be(buf, at)  # version, length, TOS, total length, identification, flags and offset
    rest: i64 = read_i64_be(buf, at + 8)  # TTL, protocol, checksum, source
    size: i64 = (head >> 56 & 0xF) * 4
    if head >> 60 & 0xF != 4 or size < 20:
        return BAD_IP_HEADER
    total: i64 = head >> 32 & 0xFFFF
    if total >= size:
        cursor.stop = at + total
        if cursor.end > cursor.stop:
            cursor.end = cursor.stop
    elif total != 0 and not cursor.quoted:  # some systems quote a header with its length changed
        return BAD_IP_HEADER
    if cursor.end - at < size:
        return cursor.short(BAD_IP_HEADER)
    cursor.headers += 1
    if cursor.headers > MAX_HEADERS:
        return NESTED_TOO_DEEP
    cursor.at = at + size
    cursor.src_at = at + 12
    cursor.dst_at = at + 16
    cursor.width = 4
    cursor.ip_id = head >> 16 & 0xFFFF
    cursor.ecn = head >> 48 & 3
    cursor.ttl = rest >> 56 & 0xFF
    if cursor.verify and not cursor.quoted:
        check_header(cursor, at, size, rest >> 32 & 0xFFFF)
    if size > 20:
        source_route(cursor, at + 20)
    cursor.kind = rest >> 48 & 0xFF
    if head & 0x3FFF != 0:  # more fragments, or an offset
        return fragment4(cursor, at, head)
    if cursor.kind == PROTOCOL_TCP:
        return TCP
    return protocol(cursor)


def fragment4(cursor: Cursor, at: i64, head: i64) -> i64:
    """A fragment of an IPv4 datagram: of no use in a quotation unless it is the first."""
    cursor.fragment_offset = (head & 0x1FFF) * 8
    if cursor.quoted:
        if cursor.fragment_offset != 0:
            return ICMP
        return PROTOCOL
    cursor.fragment_at = at + 4
    cursor.fragment_width = 2
    cursor.fragment_more = head & 0x2000 != 0
    return fragment_of(cursor)


def fragment_of(cursor: Cursor) -> i64:
    """Only fragments that may hold TCP in the end are worth keeping; the others are counted as what they are."""
    kind: i64 = cursor.kind
    if kind in (ROUTING, FRAGMENT_HEADER, AUTHENTICATION, DESTINATION):
        return FRAGMENT
    layer: i64 = upper(cursor, kind)
    if layer in (TCP, UDP, GRE, IP4, IP6, MPLS, ETHERIP):
        return FRAGMENT
    if layer == ICMP4:  # an error that quotes a segment is too short to be fragmented
        return ICMP
    if layer == ICMP6:
        return ICMPV6
    return layer


def check_header(cursor: Cursor, at: i64, size: i64, field: i64) -> None:
    """Count a wrong IPv4 header checksum; 0 is left to the network card."""
    if field != 0 and header_sum(cursor.buf, at, size) != 0xFFFF:
        cursor.bad_ip_checksums += 1


def source_route(cursor: Cursor, at: i64) -> None:
    """While a source route (RFC 791, 3.1) is not used up, the last address in it is the real destination."""
    buf = cursor.buf
    stop: i64 = cursor.at
    while at + 2 <= stop:
        head: i64 = read_i64_be(buf, at)
        kind: i64 = head >> 56 & 0xFF
        size: i64 = head >> 48 & 0xFF
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        if size < 2 or at + size > stop:
            return
        if kind in (131, 137) and size >= 7 and head >> 40 & 0xFF <= size - 3:
            cursor.dst_at = at + 3 + (size - 3) // 4 * 4 - 4
            return
        at += size


def ipv6(cursor: Cursor) -> i64:
    """One IPv6 header."""
    at: i64 = cursor.at
    if cursor.end - at < 40:
        return cursor.short(BAD_IP_HEADER)
    head: i64 = read_i64_be(cursor.buf, at)  # version, traffic class, flow label, payload length, next, hop limit
    if head >> 60 & 0xF != 6:
        return BAD_IP_HEADER
    length: i64 = head >> 16 & 0xFFFF
    cursor.jumbo_at = -1
    if length == 0:  # a jumbo payload payload or segmentation offload: the frame's length, until an option says more
        cursor.jumbo_at = at
    else:
        cursor.stop = at + 40 + length
        if cursor.end > cursor.stop:
            cursor.end = cursor.stop
    cursor.headers += 1
    if cursor.headers > MAX_HEADERS:
        return NESTED_TOO_DEEP
    cursor.at = at + 40
    cursor.src_at = at + 8
    cursor.dst_at = at + 24
    cursor.width = 16
    cursor.ip_id = -1
    cursor.ecn = head >> 52 & 3
    cursor.ttl = head & 0xFF
    cursor.kind = head >> 8 & 0xFF
    if cursor.kind == PROTOCOL_TCP:
        return TCP
    return protocol(cursor)


def protocol(cursor: Cursor) -> i64:
    """Step over extension headers, then say what ``cursor.kind`` is."""
    rounds: i64 = 0
    while rounds < MAX_EXTENSIONS:
        kind: i64 = cursor.kind
        outcome: i64 = 0
        if kind == AUTHENTICATION:
            outcome = extension(cursor, kind)
        elif cursor.width == 16 and kind == FRAGMENT_HEADER:
            outcome = fragment6(cursor)
        elif cursor.width == 16 and kind in (HOP_BY_HOP, ROUTING, DESTINATION, 135, 139, 140):
            outcome = extension(cursor, kind)
        else:
            return upper(cursor, kind)
        if outcome != 0:
            return outcome
        rounds += 1
    return NESTED_TOO_DEEP


def extension(cursor: Cursor, kind: i64) -> i64:
    """One extension header (RFC 8200, 4) or authentication header (RFC 4302, in both versions); 0 to go on."""
    at: i64 = cursor.at
    if cursor.end - at < 8:
        return cursor.short(BAD_IP_HEADER)
    head: i64 = read_i64_be(cursor.buf, at)
    size: i64 = (head >> 48 & 0xFF) * 8 + 8
    if kind == AUTHENTICATION:
        size = (head >> 48 & 0xFF) * 4 + 8
    if cursor.end - at < size:
        return cursor.short(BAD_IP_HEADER)
    if kind == ROUTING:
        routing(cursor, at, size, head)
    elif kind in (HOP_BY_HOP, DESTINATION):
        options6(cursor, at + 2, at + size)
        if cursor.end - at < size:  # a jumbo payload length that does not even hold its own header
            return BAD_IP_HEADER
    cursor.at = at + size
    cursor.kind = head >> 56 & 0xFF
    return 0


def routing(cursor: Cursor, at: i64, size: i64, head: i64) -> None:
    """While segments are left, the real destination stands in the routing header (RFC 8200, 4.4; 6275; 8754)."""
    kind: i64 = head >> 40 & 0xFF
    if head >> 32 & 0xFF == 0 or size < 24:
        return
    if kind in (0, 2):  # the last address of the list
        cursor.dst_at = at + 8 + (size - 8) // 16 * 16 - 16
    elif kind == 4:  # segment routing counts downwards: the first of the list is the last segment
        cursor.dst_at = at + 8


def options6(cursor: Cursor, at: i64, stop: i64) -> None:
    """Two options matter: jumbo payload length (RFC 2675) and home address (RFC 6275, 6.3), the real source."""
    while at + 2 <= stop:
        head: i64 = read_i64_be(cursor.buf, at)
        kind: i64 = head >> 56 & 0xFF
        size: i64 = head >> 48 & 0xFF
        if kind == 0:
            at += 1
            continue
        if at + 2 + size > stop:
            return
        if kind == 0xC2 and size == 4 and cursor.jumbo_at >= 0:
            cursor.stop = cursor.jumbo_at + 40 + (head >> 16 & 0xFFFFFFFF)
            cursor.end = min(cursor.end, cursor.stop)
        elif kind == 0xC9 and size == 16:
            cursor.src_at = at + 2
        at += 2 + size


def fragment6(cursor: Cursor) -> i64:
    """The fragment header; one that holds the whole datagram (RFC 6946) is only stepped over."""
    at: i64 = cursor.at
    if cursor.end - at < 8:
        return cursor.short(BAD_IP_HEADER)
    head: i64 = read_i64_be(cursor.buf, at)  # next header, reserved, offset and flag, identification
    cursor.at = at + 8
    cursor.kind = head >> 56 & 0xFF
    cursor.fragment_offset = head >> 32 & 0xFFF8
    cursor.fragment_more = head >> 32 & 1 == 1
    if cursor.fragment_offset == 0 and (cursor.quoted or not cursor.fragment_more):
        return 0
    if cursor.quoted:
        return ICMP
    cursor.fragment_at = at + 4
    cursor.fragment_width = 4
    return fragment_of(cursor)


def upper(cursor: Cursor, kind: i64) -> i64:
    """What an IP protocol number says comes next."""
    if kind == PROTOCOL_TCP:
        return TCP
    if cursor.quoted:  # only TCP is looked for in a quotation
        return ICMP
    if kind == 17:
        return UDP
    if kind == 1:
        return ICMP4
    if kind == 58:
        return ICMP6
    if kind in (4, 94):
        return IP4
    if kind == 41:
        return IP6
    if kind == 47:
        return GRE
    if kind == 97:
        return ETHERIP
    if kind == 137:
        return MPLS
    if kind == 50:
        return ENCRYPTED_ESP
    if kind == 2:
        return IGMP
    if kind == 132:
        return SCTP
    if kind == 108:
        return COMPRESSED
    return OTHER_IP_PROTOCOL
