"""Tunnels over IP and UDP: GRE, EtherIP, VXLAN, GENEVE, GTP-U, L2TP, Teredo, MPLS over UDP.

A UDP port is only a hint: where the payload does not look like the tunnel, the packet is counted as plain UDP.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import ETHERNET, ETHERTYPE, IP, IP4, IP6, MPLS, PPP
from tcptrace_py.decode.reasons import BAD_TUNNEL_HEADER, LINK_CONTROL, UDP
from tcptrace_py.words import read_i64_be

MAX_EXTENSIONS: Final = 16


def udp(cursor: Cursor) -> i64:
    """A UDP header; then a tunnel by its well-known port."""
    if cursor.end - cursor.at < 8:
        return UDP
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    src: i64 = head >> 48 & 0xFFFF
    dst: i64 = head >> 32 & 0xFFFF
    cursor.at += 8
    if dst in (4789, 8472):  # 8472: Linux's port before there was a standard
        return vxlan(cursor)
    if dst == 4790:
        return vxlan_gpe(cursor)
    if dst == 6081:
        return geneve(cursor)
    if dst == 2152:
        return gtp(cursor)
    if dst == 6635:
        return MPLS
    if dst == 1701 or src == 1701:
        return l2tp(cursor)
    if dst == 3544 or src == 3544:
        return teredo(cursor)
    return UDP


def vxlan(cursor: Cursor) -> i64:
    """RFC 7348: eight bytes, of which one flag says that there is a network identifier."""
    if cursor.end - cursor.at < 8 or read_i64_be(cursor.buf, cursor.at) >> 56 & 0x08 == 0:
        return UDP
    cursor.at += 8
    return ETHERNET


def vxlan_gpe(cursor: Cursor) -> i64:
    """VXLAN with a next protocol field."""
    if cursor.end - cursor.at < 8:
        return UDP
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    if head >> 56 & 0x0C != 0x0C:
        return UDP
    kind: i64 = head >> 32 & 0xFF
    cursor.at += 8
    if kind == 1:
        return IP4
    if kind == 2:
        return IP6
    if kind == 3:
        return ETHERNET
    if kind == 5:
        return MPLS
    return UDP


def geneve(cursor: Cursor) -> i64:
    """RFC 8926: version, length of the options, EtherType."""
    if cursor.end - cursor.at < 8:
        return UDP
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    size: i64 = (head >> 56 & 0x3F) * 4 + 8
    if head >> 62 & 3 != 0 or cursor.end - cursor.at < size:
        return UDP
    cursor.kind = head >> 32 & 0xFFFF
    cursor.at += size
    if cursor.kind < 0x600:
        return UDP
    return ETHERTYPE


def gtp(cursor: Cursor) -> i64:
    """3GPP TS 29.281: version 1, message type 255 (a user's packet), optional fields, extension headers."""
    at: i64 = cursor.at
    if cursor.end - at < 8:
        return UDP
    head: i64 = read_i64_be(cursor.buf, at)
    if head >> 60 & 0xF != 3 or head >> 48 & 0xFF != 255:
        return UDP
    flags: i64 = head >> 56 & 7
    at += 8
    if flags != 0:
        if cursor.end - at < 4:
            return UDP
        following: i64 = read_i64_be(cursor.buf, at) >> 32 & 0xFF
        at += 4
        rounds: i64 = 0
        while flags & 4 != 0 and following != 0:
            rounds += 1
            if cursor.end - at < 4 or rounds > MAX_EXTENSIONS:
                return UDP
            size: i64 = (read_i64_be(cursor.buf, at) >> 56 & 0xFF) * 4
            if size == 0 or cursor.end - at < size:
                return UDP
            following = read_i64_be(cursor.buf, at + size - 1) >> 56 & 0xFF
            at += size
    if cursor.end - at < 1 or read_i64_be(cursor.buf, at) >> 60 & 0xF not in (4, 6):
        return UDP  # PPP or an unstructured session
    cursor.at = at
    return IP


def l2tp(cursor: Cursor) -> i64:
    """RFC 2661: data messages, whose optional fields are announced by flags; then PPP."""
    at: i64 = cursor.at
    if cursor.end - at < 6:
        return UDP
    head: i64 = read_i64_be(cursor.buf, at) >> 48 & 0xFFFF
    if head & 0x8000 != 0 or head & 0x000F != 2:  # control messages, other versions
        return UDP
    size: i64 = 6  # flags, tunnel, session
    if head & 0x4000 != 0:  # length
        size += 2
    if head & 0x0800 != 0:  # sequence numbers
        size += 4
    if head & 0x0200 != 0:  # offset size, then as many bytes of padding
        if cursor.end - at < size + 2:
            return UDP
        size += 2 + (read_i64_be(cursor.buf, at + size) >> 48 & 0xFFFF)
    if cursor.end - at < size + 2:
        return UDP
    cursor.at = at + size
    return PPP


def teredo(cursor: Cursor) -> i64:
    """RFC 4380: IPv6 over UDP, behind an authentication and an origin indication where present."""
    at: i64 = cursor.at
    if cursor.end - at < 8:
        return UDP
    head: i64 = read_i64_be(cursor.buf, at)
    if head >> 48 & 0xFFFF == 1:
        at += 13 + (head >> 40 & 0xFF) + (head >> 32 & 0xFF)
        if cursor.end - at < 8:
            return UDP
        head = read_i64_be(cursor.buf, at)
    if head >> 48 & 0xFFFF == 0:
        at += 8
        if cursor.end - at < 8:
            return UDP
        head = read_i64_be(cursor.buf, at)
    if head >> 60 & 0xF != 6:
        return UDP
    cursor.at = at
    return IP6


def etherip(cursor: Cursor) -> i64:
    """RFC 3378: two bytes, then an Ethernet frame."""
    if cursor.end - cursor.at < 2:
        return cursor.short(BAD_TUNNEL_HEADER)
    if read_i64_be(cursor.buf, cursor.at) >> 60 & 0xF != 3:
        return BAD_TUNNEL_HEADER
    cursor.at += 2
    return ETHERNET


def gre(cursor: Cursor) -> i64:
    """RFC 2784 and 2890 (checksum, key, sequence), RFC 1701 (routing), RFC 2637 (version 1, PPTP)."""
    at: i64 = cursor.at
    if cursor.end - at < 4:
        return cursor.short(BAD_TUNNEL_HEADER)
    head: i64 = read_i64_be(cursor.buf, at)
    flags: i64 = head >> 48 & 0xFFFF
    kind: i64 = head >> 32 & 0xFFFF
    version: i64 = flags & 7
    size: i64 = 4
    if flags & 0xC000 != 0:  # checksum or routing: both fields are there
        size += 4
    if flags & 0x2000 != 0:  # key
        size += 4
    if flags & 0x1000 != 0:  # sequence number
        size += 4
    if version == 1 and flags & 0x0080 != 0:  # acknowledgement number
        size += 4
    if cursor.end - at < size:
        return cursor.short(BAD_TUNNEL_HEADER)
    cursor.at = at + size
    if version == 1:
        if kind != 0x880B:
            return BAD_TUNNEL_HEADER
        if flags & 0x1000 == 0:  # no sequence number, no payload: an acknowledgement
            return LINK_CONTROL
        return PPP
    if version != 0:
        return BAD_TUNNEL_HEADER
    if flags & 0x4000 != 0:
        outcome: i64 = gre_routes(cursor)
        if outcome != 0:
            return outcome
    return gre_payload(cursor, kind, flags)


def gre_routes(cursor: Cursor) -> i64:
    """RFC 1701's source route entries, up to the empty one; 0 to go on."""
    while True:
        if cursor.end - cursor.at < 4:
            return cursor.short(BAD_TUNNEL_HEADER)
        head: i64 = read_i64_be(cursor.buf, cursor.at)
        size: i64 = head >> 32 & 0xFF
        if cursor.end - cursor.at < size + 4:
            return cursor.short(BAD_TUNNEL_HEADER)
        cursor.at += size + 4
        if head >> 48 & 0xFFFF == 0 and size == 0:
            return 0


def gre_payload(cursor: Cursor, kind: i64, flags: i64) -> i64:
    """An EtherType, a keep-alive, or one of the mirroring and redirecting protocols that use GRE."""
    left: i64 = cursor.end - cursor.at
    size: i64 = 0
    if kind == 0:
        return LINK_CONTROL
    if kind == 0x88BE:  # ERSPAN: type I has no header, type II has and is numbered
        if flags & 0x1000 != 0:
            size = 8
    elif kind == 0x22EB:  # ERSPAN type III: twelve bytes, and eight more where the last bit says so
        if left < 12:
            return cursor.short(BAD_TUNNEL_HEADER)
        size = 12
        if read_i64_be(cursor.buf, cursor.at + 4) & 1 == 1:
            size = 20
    elif kind == 0x883E:  # WCCP: version 2 adds four bytes, which do not start as IPv4 does
        if left < 1:
            return cursor.short(BAD_TUNNEL_HEADER)
        if read_i64_be(cursor.buf, cursor.at) >> 60 & 0xF != 4:
            size = 4
    else:
        cursor.kind = kind
        if kind < 0x600:
            return BAD_TUNNEL_HEADER
        return ETHERTYPE
    if left < size:
        return cursor.short(BAD_TUNNEL_HEADER)
    cursor.at += size
    if kind == 0x883E:
        return IP4
    return ETHERNET
