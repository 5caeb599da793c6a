"""Link types: one row each, and the pseudo-headers that capturing systems put before a packet.

To add a link type: a row here, and where it has a header of its own a function and a line in ``Decoder``.
Numbers are LINKTYPE_ values; names are those that libpcap uses.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode import layers
from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import ETHERTYPE, IP, IP4, IP6, LINK, LLC
from tcptrace_py.decode.reasons import BAD_LINK_HEADER, LINK_CONTROL, NOT_IP, UNKNOWN_LINK_TYPE
from tcptrace_py.words import read_i64_be, read_i64_le

LINKS: Final[tuple[tuple[int, str, int], ...]] = (
    (0, "NULL", layers.NULL),
    (1, "ETHERNET", layers.ETHERNET),
    (6, "IEEE802_5", layers.TOKEN_RING),
    (8, "SLIP", layers.SLIP),
    (9, "PPP", layers.PPP),
    (10, "FDDI", layers.FDDI),
    (12, "RAW", layers.IP),  # DLT_RAW on most systems
    (14, "RAW", layers.IP),  # DLT_RAW on OpenBSD
    (50, "PPP_HDLC", layers.PPP),
    (51, "PPP_ETHER", layers.PPPOE),
    (100, "ATM_RFC1483", layers.LLC),
    (101, "RAW", layers.IP),
    (104, "C_HDLC", layers.CHDLC),
    (105, "IEEE802_11", layers.WIFI),
    (107, "FRELAY", layers.FRAME_RELAY),
    (108, "LOOP", layers.NULL),
    (109, "ENC", layers.ENC),
    (113, "LINUX_SLL", layers.SLL),
    (119, "IEEE802_11_PRISM", layers.WIFI),
    (123, "SUNATM", layers.SUNATM),
    (127, "IEEE802_11_RADIOTAP", layers.WIFI),
    (129, "ARCNET_LINUX", layers.ARCNET),
    (163, "IEEE802_11_AVS", layers.WIFI),
    (166, "PPP_PPPD", layers.PPP_DIRECTION),
    (192, "PPI", layers.PPI),
    (204, "PPP_WITH_DIR", layers.PPP_DIRECTION),
    (228, "IPV4", layers.IP4),
    (229, "IPV6", layers.IP6),
    (239, "NFLOG", layers.NFLOG),
    (242, "IPOIB", layers.IPOIB),
    (258, "PKTAP", layers.PKTAP),
    (276, "LINUX_SLL2", layers.SLL2),
)

_LAYERS: Final[dict[int, int]] = {number: layer for number, _, layer in LINKS}
_NAMES: Final[dict[int, str]] = {number: name for number, name, _ in LINKS}


def first_layer(link: int) -> int:
    """The layer that a record of link type ``link`` starts with, or the reason ``UNKNOWN_LINK_TYPE``."""
    return _LAYERS.get(link, UNKNOWN_LINK_TYPE)


def link_name(link: int) -> str:
    """The name of a link type; its number where it has none here."""
    return _NAMES.get(link, str(link))


def address_family(family: i64) -> i64:
    """The layer for a BSD address family; 0 where it is not IP's.  AF_INET6 differs: every system chose its own."""
    if family == 2:
        return IP4
    if family in (10, 23, 24, 28, 30):  # Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
        return IP6
    return 0


def null(cursor: Cursor) -> i64:
    """BSD loopback: the address family, in the byte order of the host that captured, which nothing tells."""
    if cursor.end - cursor.at < 4:
        return cursor.short(BAD_LINK_HEADER)
    layer: i64 = address_family(read_i64_le(cursor.buf, cursor.at) & 0xFFFFFFFF)
    if layer == 0:
        layer = address_family(read_i64_be(cursor.buf, cursor.at) >> 32 & 0xFFFFFFFF)
    if layer == 0:
        return NOT_IP
    cursor.at += 4
    return layer


def enc(cursor: Cursor) -> i64:
    """OpenBSD's IPsec encapsulating interface: family, index, flags, then the packet in the clear."""
    if cursor.end - cursor.at < 13:
        return cursor.short(BAD_LINK_HEADER)
    cursor.at += 12
    return IP


def sll(cursor: Cursor) -> i64:
    """Linux cooked capture: sixteen bytes that end with an EtherType or one of Linux's own small numbers."""
    if cursor.end - cursor.at < 16:
        return cursor.short(BAD_LINK_HEADER)
    family: i64 = read_i64_be(cursor.buf, cursor.at) >> 32 & 0xFFFF  # ARPHRD_ value
    kind: i64 = read_i64_be(cursor.buf, cursor.at + 8) & 0xFFFF
    cursor.at += 16
    return sll_payload(cursor, family, kind)


def sll2(cursor: Cursor) -> i64:
    """The second version: twenty bytes that start with the protocol."""
    if cursor.end - cursor.at < 20:
        return cursor.short(BAD_LINK_HEADER)
    kind: i64 = read_i64_be(cursor.buf, cursor.at) >> 48 & 0xFFFF
    family: i64 = read_i64_be(cursor.buf, cursor.at + 8) >> 48 & 0xFFFF
    cursor.at += 20
    return sll_payload(cursor, family, kind)


def sll_payload(cursor: Cursor, family: i64, kind: i64) -> i64:
    """What a cooked header announces."""
    if family == 824:  # netlink: the protocol is a netlink family
        return NOT_IP
    if kind == 4:  # LLC
        return LLC
    if kind < 0x600:
        return NOT_IP
    cursor.kind = kind
    return ETHERTYPE


def nflog(cursor: Cursor) -> i64:
    """Netfilter log: a header, then attributes in the host's byte order, of which one (9) is the packet."""
    if cursor.end - cursor.at < 4:
        return cursor.short(BAD_LINK_HEADER)
    layer: i64 = address_family(read_i64_be(cursor.buf, cursor.at) >> 56 & 0xFF)
    at: i64 = cursor.at + 4
    while cursor.end - at >= 4:
        size: i64 = read_i64_le(cursor.buf, at) & 0xFFFF
        kind: i64 = read_i64_le(cursor.buf, at) >> 16 & 0xFFFF
        if kind > 0xFF:  # the other byte order: there are only some twenty kinds
            size = read_i64_be(cursor.buf, at) >> 48 & 0xFFFF
            kind = read_i64_be(cursor.buf, at) >> 32 & 0xFFFF
        if size < 4:
            return BAD_LINK_HEADER
        if kind == 9:
            if layer == 0:
                return NOT_IP
            cursor.at = at + 4
            return layer
        at += size + 3 & ~3
    return cursor.short(BAD_LINK_HEADER)


def ppi(cursor: Cursor) -> i64:
    """Per-packet information: its length, and the link type of what follows."""
    if cursor.end - cursor.at < 8:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_le(cursor.buf, cursor.at)
    size: i64 = head >> 16 & 0xFFFF
    if size < 8:
        return BAD_LINK_HEADER
    if cursor.end - cursor.at < size:
        return cursor.short(BAD_LINK_HEADER)
    cursor.kind = head >> 32 & 0xFFFFFFFF
    cursor.at += size
    return LINK


def pktap(cursor: Cursor) -> i64:
    """Packet tap of macOS: header length, record type, link type of what follows."""
    if cursor.end - cursor.at < 12:
        return cursor.short(BAD_LINK_HEADER)
    head: i64 = read_i64_le(cursor.buf, cursor.at)
    size: i64 = head & 0xFFFFFFFF
    if size < 12:
        return BAD_LINK_HEADER
    if cursor.end - cursor.at < size:
        return cursor.short(BAD_LINK_HEADER)
    if head >> 32 & 0xFFFFFFFF == 0:  # no packet
        return LINK_CONTROL
    cursor.kind = read_i64_le(cursor.buf, cursor.at + 8) & 0xFFFFFFFF
    cursor.at += size
    return LINK


def sunatm(cursor: Cursor) -> i64:
    """SunATM: four bytes with the kind of traffic, of which LLC may hold IP."""
    if cursor.end - cursor.at < 4:
        return cursor.short(BAD_LINK_HEADER)
    kind: i64 = read_i64_be(cursor.buf, cursor.at) >> 56 & 0x0F
    cursor.at += 4
    if kind == 2:
        return LLC
    return LINK_CONTROL
