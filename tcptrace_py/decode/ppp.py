"""Serial lines: PPP with all its framings, PPPoE, Cisco HDLC, Frame Relay, SLIP."""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import ETHERTYPE, IP, IP4, IP6, MPLS, PPP
from tcptrace_py.decode.reasons import BAD_LINK_HEADER, COMPRESSED, LINK_CONTROL, NOT_IP
from tcptrace_py.words import read_i64_be


def ppp(cursor: Cursor) -> i64:
    """RFC 1661 and 1662: address and control bytes where present, then a protocol field of one or two bytes."""
    left: i64 = cursor.end - cursor.at
    if left < 2:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    first: i64 = head >> 48 & 0xFFFF
    if first in (0x0F00, 0x8F00):  # Cisco HDLC on a line said to be PPP
        return chdlc(cursor)
    skip: i64 = 0
    if first == 0xFF03:
        skip = 2
        first = head >> 32 & 0xFFFF
    if left <= skip:
        return cursor.short(BAD_LINK_HEADER)
    if first & 0x0100 != 0:  # an odd first byte ends the field: protocol field compression, RFC 1661, 6.5
        first = first >> 8
        skip += 1
    else:
        skip += 2
    if left < skip:
        return cursor.short(BAD_LINK_HEADER)
    cursor.at += skip
    return ppp_protocol(first)


def ppp_protocol(kind: i64) -> i64:
    """What a PPP protocol number says comes next."""
    if kind == 0x0021:
        return IP4
    if kind == 0x0057:
        return IP6
    if kind in (0x0281, 0x0283):
        return MPLS
    # Van Jacobson, compressed datagrams, robust header compression
    if kind in (0x002D, 0x002F, 0x00FB, 0x00FD, 0x0003, 0x0005, 0x0061, 0x0063, 0x0065, 0x0067, 0x0069):
        return COMPRESSED
    if kind >= 0x8000:
        return LINK_CONTROL
    return NOT_IP


def ppp_direction(cursor: Cursor) -> i64:
    """PPP behind one byte that gives the direction."""
    if cursor.end - cursor.at < 1:
        return cursor.short(BAD_LINK_HEADER)
    cursor.at += 1
    return PPP


def pppoe(cursor: Cursor) -> i64:
    """RFC 2516: six bytes, then PPP without address and control."""
    if cursor.end - cursor.at < 6:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    if head >> 56 & 0xFF != 0x11:
        return BAD_LINK_HEADER
    if head >> 48 & 0xFF != 0:  # anything but session data
        return LINK_CONTROL
    cursor.at += 6
    return PPP


def chdlc(cursor: Cursor) -> i64:
    """Cisco HDLC: address, control, EtherType."""
    if cursor.end - cursor.at < 4:
        return cursor.short(BAD_LINK_HEADER)
    kind: i64 = read_i64_be(cursor.buf, cursor.at) >> 32 & 0xFFFF
    cursor.at += 4
    if kind in (0x8035, 0x2000):  # SLARP keep-alives, CDP
        return LINK_CONTROL
    if kind < 0x600:
        return NOT_IP
    cursor.kind = kind
    return ETHERTYPE


def frame_relay(cursor: Cursor) -> i64:
    """RFC 2427 encapsulation, or Cisco's, which puts an EtherType behind the address."""
    at: i64 = cursor.at
    size: i64 = 0
    last: i64 = 0
    while last == 0:  # the address ends with the byte whose lowest bit is set
        if cursor.end - at <= size:
            return cursor.short(BAD_LINK_HEADER)
        last = read_i64_be(cursor.buf, at + size) >> 56 & 1
        size += 1
        if size > 4:
            return BAD_LINK_HEADER
    if size < 2:
        return BAD_LINK_HEADER
    if cursor.end - at < size + 2:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, at + size)
    if head >> 56 & 0xFF != 0x03:
        cursor.kind = head >> 48 & 0xFFFF
        cursor.at += size + 2
        if cursor.kind < 0x600:
            return LINK_CONTROL
        return ETHERTYPE
    size += 1
    if head >> 48 & 0xFF == 0:  # pad, so that what follows is aligned
        size += 1
    cursor.at += size
    return nlpid(cursor)


def nlpid(cursor: Cursor) -> i64:
    """The network layer protocol identifier of RFC 2427."""
    left: i64 = cursor.end - cursor.at
    if left < 1:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    kind: i64 = head >> 56 & 0xFF
    if kind == 0xCC:
        cursor.at += 1
        return IP4
    if kind == 0x8E:
        cursor.at += 1
        return IP6
    if kind == 0x80:  # SNAP
        if left < 6:
            return cursor.short(BAD_LINK_HEADER)
        if head >> 32 & 0xFFFFFF == 0 and head >> 16 & 0xFFFF >= 0x600:
            cursor.kind = head >> 16 & 0xFFFF
            cursor.at += 6
            return ETHERTYPE
    if kind == 0x08:  # Q.933
        return LINK_CONTROL
    return NOT_IP


def slip(cursor: Cursor) -> i64:
    """Sixteen bytes of direction and the compressed header as sent; the packet behind them is uncompressed."""
    if cursor.end - cursor.at < 17:
        return cursor.short(BAD_LINK_HEADER)
    cursor.at += 16
    return IP
