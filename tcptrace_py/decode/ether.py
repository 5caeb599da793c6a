"""Ethernet and its kin: Ethernet II, 802.3 with LLC and SNAP, VLAN tags, MPLS, FDDI, Token Ring, ARCNET."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import ETHERNET, ETHERTYPE, IP4, IP6, IPOIB, LLC, MPLS, PPP, PPPOE
from tcptrace_py.decode.reasons import (
    ARP,
    BAD_LINK_HEADER,
    BAD_TUNNEL_HEADER,
    ENCRYPTED_LINK,
    LINK_CONTROL,
    NESTED_TOO_DEEP,
    NOT_IP,
)
from tcptrace_py.words import read_i64_be

TYPE_IP4: Final = 0x0800
TYPE_IP6: Final = 0x86DD
TYPE_BRIDGED: Final = 0x6558  # a whole Ethernet frame follows
MAX_TAGS: Final = 16
MAX_LABELS: Final = 32


def ethernet(cursor: Cursor) -> i64:
    """Two addresses, then an EtherType or, below 0x600, the length of an 802.3 frame."""
    if cursor.end - cursor.at < 14:
        return cursor.short(BAD_LINK_HEADER)
    kind: i64 = read_i64_be(cursor.buf, cursor.at + 12) >> 48 & 0xFFFF
    cursor.at += 14
    if kind == TYPE_IP4:
        return IP4
    cursor.kind = kind
    return ethertype(cursor)


def ethertype(cursor: Cursor) -> i64:
    """What ``cursor.kind``, an EtherType, says comes next; VLAN tags are stepped over."""
    kind: i64 = cursor.kind
    tags: i64 = 0
    while kind in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300):  # 802.1Q, 802.1ad, and QinQ before it was standard
        if cursor.end - cursor.at < 4:
            return cursor.short(BAD_LINK_HEADER)
        tags += 1
        if tags > MAX_TAGS:
            return NESTED_TOO_DEEP
        kind = read_i64_be(cursor.buf, cursor.at) >> 32 & 0xFFFF
        cursor.at += 4
    if kind == TYPE_IP4:
        return IP4
    if kind == TYPE_IP6:
        return IP6
    if kind < 0x600:
        return LLC
    return rare_ethertype(cursor, kind)


def rare_ethertype(cursor: Cursor, kind: i64) -> i64:
    """EtherTypes other than IP's and VLAN tags."""
    if kind in (0x8847, 0x8848):
        return MPLS
    if kind == 0x8864:
        return PPPOE
    if kind == TYPE_BRIDGED:
        return ETHERNET
    if kind == 0x880B:
        return PPP
    if kind == 0x8870:  # LLC in a jumbo frame
        return LLC
    if kind == 0x88E7:  # 802.1ah: the service tag, then the customer's frame
        if cursor.end - cursor.at < 4:
            return cursor.short(BAD_LINK_HEADER)
        cursor.at += 4
        return ETHERNET
    if kind in (0x0806, 0x8035):
        return ARP
    if kind == 0x88E5:
        return ENCRYPTED_LINK
    # PPPoE discovery, LLDP, slow protocols, EAPOL, loopback test, MRP/MVRP, connectivity fault management
    if kind in (0x8863, 0x88CC, 0x8809, 0x888E, 0x9000, 0x88F5, 0x88F6, 0x8902, 0x8808):
        return LINK_CONTROL
    return NOT_IP


def llc(cursor: Cursor) -> i64:
    """802.2 LLC: SNAP, IP's own SAP, or one of the others."""
    if cursor.end - cursor.at < 3:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    saps: i64 = head >> 48 & 0xFFFF
    if saps == 0xAAAA:
        cursor.at += 3
        return snap(cursor)
    if saps == 0x0606:  # IP's SAP; an unnumbered frame has one control byte
        if head >> 40 & 0x03 != 0x03:
            return NOT_IP
        cursor.at += 3
        return IP4
    if saps == 0x4242:
        return LINK_CONTROL
    return NOT_IP


def snap(cursor: Cursor) -> i64:
    """SNAP: an organisation's code and a type of its own, or an EtherType."""
    if cursor.end - cursor.at < 5:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    owner: i64 = head >> 40 & 0xFFFFFF
    kind: i64 = head >> 24 & 0xFFFF
    cursor.at += 5
    if owner in (0x000000, 0x0000F8):  # EtherType; 802.1H bridge tunnel
        if kind < 0x600:
            return NOT_IP
        cursor.kind = kind
        return ETHERTYPE
    if owner == 0x00000C:  # Cisco: CDP, VTP, DTP, UDLD, PVST
        return LINK_CONTROL
    return NOT_IP


def mpls(cursor: Cursor) -> i64:
    """RFC 3032: the label stack; then IP by its first nibble, or an Ethernet pseudo-wire where that is certain."""
    labels: i64 = 0
    word: i64 = 0
    while word & 0x100 == 0:  # bottom of stack
        if cursor.end - cursor.at < 4:
            return cursor.short(BAD_TUNNEL_HEADER)
        labels += 1
        if labels > MAX_LABELS:
            return NESTED_TOO_DEEP
        word = read_i64_be(cursor.buf, cursor.at) >> 32 & 0xFFFFFFFF
        cursor.at += 4
    at: i64 = cursor.at
    left: i64 = cursor.end - at
    if left < 1:
        return cursor.short(BAD_TUNNEL_HEADER)
    nibble: i64 = read_i64_be(cursor.buf, at) >> 60 & 0xF
    if nibble == 4:
        return IP4
    if nibble == 6:
        return IP6
    # RFC 4385: a control word starts with a zero nibble.  Nothing announces a pseudo-wire, so the frame must
    # have an EtherType that we follow, or it is not taken for one.
    if nibble == 0 and left >= 18 and is_followed(read_i64_be(cursor.buf, at + 16) >> 48 & 0xFFFF):
        cursor.at += 4
        return ETHERNET
    if left >= 14 and is_followed(read_i64_be(cursor.buf, at + 12) >> 48 & 0xFFFF):
        return ETHERNET
    return NOT_IP


def is_followed(kind: i64) -> bool:
    """Whether an EtherType is IP or a VLAN tag."""
    return kind in (TYPE_IP4, TYPE_IP6, 0x8100, 0x88A8)


def old_lan(cursor: Cursor, layer: i64) -> i64:
    """FDDI, Token Ring and IP over InfiniBand: fixed headers before LLC or an EtherType."""
    size: i64 = 13  # FDDI: frame control, two addresses
    if layer == IPOIB:
        size = 44  # global routing header, EtherType, reserved
    if cursor.end - cursor.at < size + 2:
        return cursor.short(BAD_LINK_HEADER)
    at: i64 = cursor.at
    if layer == IPOIB:
        cursor.kind = read_i64_be(cursor.buf, at + 40) >> 48 & 0xFFFF
        cursor.at += size
        return ETHERTYPE
    if cursor.buf[at] & 0xF0 != 0x50:  # FDDI frames with LLC
        return LINK_CONTROL
    cursor.at += size
    return LLC


def token_ring(cursor: Cursor) -> i64:
    """802.5: access and frame control, two addresses, a routing field where the source's first bit says so."""
    if cursor.end - cursor.at < 16:
        return cursor.short(BAD_LINK_HEADER)
    tail: i64 = read_i64_be(cursor.buf, cursor.at + 8)  # source address, then two bytes
    if cursor.buf[cursor.at + 1] & 0xC0 != 0x40:
        return LINK_CONTROL
    size: i64 = 14
    if tail >> 63 & 1 == 1:
        size += tail >> 8 & 0x1F
    if cursor.end - cursor.at < size:
        return cursor.short(BAD_LINK_HEADER)
    cursor.at += size
    return LLC


def arcnet(cursor: Cursor) -> i64:
    """ARCNET as Linux gives it: RFC 1051 (old) or an unsplit RFC 1201 frame; split ones are not put together."""
    if cursor.end - cursor.at < 8:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    kind: i64 = head >> 24 & 0xFF
    if kind == 240:
        cursor.at += 5
        return IP4
    if kind in (213, 214, 241):
        return ARP
    if kind in (212, 196) and head >> 16 & 0xFF == 0:
        cursor.at += 8
        if kind == 212:
            return IP4
        return IP6
    return NOT_IP
