"""The Internet checksum (RFC 1071) over IP headers and TCP segments."""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.packet import BAD, GOOD, PARTIAL
from tcptrace_py.words import read_i64_be


def word_sum(buf: bytes, at: i64, size: i64) -> i64:
    """The sum of ``size`` bytes as 32-bit words, unfolded; its residue modulo 0xFFFF is what counts."""
    total: i64 = 0
    stop: i64 = at + size
    word: i64 = 0
    while at + 8 <= stop:
        word = read_i64_be(buf, at)
        total += (word >> 32 & 0xFFFFFFFF) + (word & 0xFFFFFFFF)
        at += 8
    if at < stop:
        unused: i64 = (at + 8 - stop) * 8
        word = read_i64_be(buf, at) >> unused << unused  # bytes beyond the end count as zero
        total += (word >> 32 & 0xFFFFFFFF) + (word & 0xFFFFFFFF)
    return total


def fold(total: i64) -> i64:
    """A sum as 16 bits, with the carries added back in."""
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return total


def header_sum(buf: bytes, at: i64, size: i64) -> i64:
    """0xFFFF where an IPv4 header is intact (RFC 791, 3.1)."""
    return fold(word_sum(buf, at, size))


def tcp_checksum(cursor: Cursor) -> i64:
    """GOOD, BAD or PARTIAL for the whole segment at the cursor (RFC 9293, 3.1; RFC 8200, 8.1).

    The card's share missing (PARTIAL): the field holds the uncomplemented sum of the pseudo-header, with the
    length in it or, on some systems that leave segmentation to the card, without.
    """
    at: i64 = cursor.at
    size: i64 = cursor.stop - at
    pseudo: i64 = (
        6 + word_sum(cursor.buf, cursor.src_at, cursor.width) + word_sum(cursor.buf, cursor.dst_at, cursor.width)
    )
    if fold(pseudo + size + word_sum(cursor.buf, at, size)) == 0xFFFF:
        return GOOD
    field: i64 = read_i64_be(cursor.buf, at + 16) >> 48 & 0xFFFF
    if field == fold(pseudo + size) or field == fold(pseudo):
        return PARTIAL
    return BAD
