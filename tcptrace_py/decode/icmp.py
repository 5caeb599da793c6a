"""ICMP (RFC 792) and ICMPv6 (RFC 4443) errors, which quote the head of the packet that caused them."""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.layers import IP4, IP6
from tcptrace_py.decode.reasons import ICMP, ICMPV6
from tcptrace_py.words import read_i64_be


def icmp4(cursor: Cursor) -> i64:
    """Unreachable (3, with "fragmentation needed"), time exceeded (11), parameter problem (12) quote a packet.

    Source quench is ignored by every TCP (RFC 6633), and a redirect says nothing of the connection.
    """
    if cursor.end - cursor.at < 8:
        return ICMP
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    if head >> 56 & 0xFF not in (3, 11, 12):
        return ICMP
    quote(cursor, head)
    cursor.icmp_v6 = False
    return IP4


def icmp6(cursor: Cursor) -> i64:
    """Unreachable (1), packet too big (2), time exceeded (3), parameter problem (4) quote a packet."""
    if cursor.end - cursor.at < 8:
        return ICMPV6
    head: i64 = read_i64_be(cursor.buf, cursor.at)
    if head >> 56 & 0xFF not in (1, 2, 3, 4):
        return ICMPV6
    quote(cursor, head)
    cursor.icmp_v6 = True
    return IP6


def quote(cursor: Cursor, head: i64) -> None:
    """Stand at the quoted packet; the error's own IP header does not count as a tunnel around it."""
    cursor.quoted = True
    cursor.headers -= 1
    cursor.icmp_type = head >> 56 & 0xFF
    cursor.icmp_code = head >> 48 & 0xFF
    cursor.at += 8
