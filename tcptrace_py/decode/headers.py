"""How many bytes of a packet its headers take, where that can be told at a glance.

Whoever hands a record on for decoding elsewhere may leave out what the decoder would not look at: of TCP over IP over
one of the usual links, everything behind the TCP header.  Of any other packet (fragments, tunnels, ICMP and what is
wrong or rare in any way) all of it is needed.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode.ether import TYPE_IP4, TYPE_IP6
from tcptrace_py.packet import Record
from tcptrace_py.words import read_i64_be

_ETHERNET: Final = 1
_SLL: Final = 113
_SLL2: Final = 276
_RAW: Final = (12, 14, 101, 228, 229)
_LOOPBACK: Final = (0, 108)
_VLAN: Final = 0x8100
_TCP: Final = 6
_IP4: Final = 20  # bytes of a header without options
_IP6: Final = 40
_TCP_LEAST: Final = 20


def headers(record: Record) -> i64:
    """How many bytes from the start of ``record`` the decoder needs, when it verifies no checksums; all, if in doubt."""
    caplen: i64 = record.caplen
    buf = record.buf
    at: i64 = record.at
    ip: i64 = network_at(buf, at, record.link)
    if ip < 0:
        return caplen
    head: i64 = read_i64_be(buf, at + ip)
    tcp: i64
    if head >> 56 & 0xFF == 0x45:
        # no fragment: more to come, or an offset; then the protocol
        if head & 0x3FFF != 0 or read_i64_be(buf, at + ip + 8) >> 48 & 0xFF != _TCP:
            return caplen
        tcp = ip + _IP4
    elif head >> 60 & 0xF == 6:
        if head >> 8 & 0xFF != _TCP:
            return caplen
        tcp = ip + _IP6
    else:
        return caplen
    if tcp + _TCP_LEAST > caplen:
        return caplen
    size: i64 = (read_i64_be(buf, at + tcp + 8) >> 28 & 0xF) * 4
    if size < _TCP_LEAST:
        size = _TCP_LEAST
    if tcp + size > caplen:
        return caplen
    return tcp + size


def network_at(buf: bytes, at: i64, link: i64) -> i64:
    """Where the IP header starts in the packet at ``at``; -1: it has none, or that takes a closer look."""
    kind: i64
    ip: i64
    if link == _ETHERNET:
        kind = read_i64_be(buf, at + 12)
        ip = 14
        if kind >> 48 & 0xFFFF == _VLAN:
            kind = read_i64_be(buf, at + 16)
            ip = 18
    elif link == _SLL:
        kind = read_i64_be(buf, at + 14)
        ip = 16
    elif link == _SLL2:
        kind = read_i64_be(buf, at)
        ip = 20
    elif link in _RAW:
        return 0
    elif link in _LOOPBACK:
        return 4
    else:
        return -1
    kind = kind >> 48 & 0xFFFF
    if kind in (TYPE_IP4, TYPE_IP6):
        return ip
    return -1
