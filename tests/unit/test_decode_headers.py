"""What the decoder need not be given: nothing behind the headers changes what it makes of a packet."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from decode_support import (
    A4,
    B4,
    ETHERNET,
    RAW,
    STAMPS,
    Bench,
    ether,
    fields,
    fill,
    fragment4,
    fragment6,
    ip4,
    ip6,
    outcome_name,
    tcp,
    udp,
)
from tcptrace_py.decode.headers import headers
from tcptrace_py.packet import Record

SLL, SLL2, LOOPBACK = 113, 276, 108
COOKED = bytes.fromhex("0000 0001 0006 020000000001 0000 0800".replace(" ", ""))
COOKED_2 = bytes.fromhex("0800 0000 00000002 0001 00 06 0200000000010000".replace(" ", ""))
SACK = b"\x01\x01\x05\x12" + bytes(range(16))
LONG = bytes(range(200))
TAGGED = ether(b"\0\x05\x08\0" + ip4(tcp(LONG)), 0x8100)

# packet, link type, how many of its bytes are needed
TRIMMED = [
    (ether(ip4(tcp(LONG))), ETHERNET, 54),
    (ether(ip4(tcp(LONG, STAMPS))), ETHERNET, 66),
    (ether(ip4(tcp(LONG, SACK))), ETHERNET, 74),
    (ether(ip6(tcp(LONG, STAMPS)), 0x86DD), ETHERNET, 86),
    (TAGGED, ETHERNET, 58),
    (ip4(tcp(LONG)), RAW, 40),
    (ip6(tcp(LONG)), RAW, 60),
    (ip4(tcp(LONG)), 228, 40),
    (COOKED + ip4(tcp(LONG)), SLL, 56),
    (COOKED_2 + ip4(tcp(LONG)), SLL2, 60),
    (b"\0\0\0\x02" + ip4(tcp(LONG)), LOOPBACK, 44),
    (ether(ip4(tcp(LONG, offset=3))), ETHERNET, 54),
]
WHOLE = [
    (ether(ip4(tcp(LONG), options=bytes(4))), ETHERNET),
    (fragment4(tcp(LONG), 0, 104), ETHERNET),
    (fragment4(tcp(LONG), 104, 220, last=True), ETHERNET),
    (fragment6(tcp(LONG), 0, 104), ETHERNET),
    (ether(ip4(udp(LONG, 4789), 17)), ETHERNET),
    (ether(ip4(ip4(tcp(LONG)), 4)), ETHERNET),
    (ether(b"\x03\x01\0\0" + bytes(4) + ip4(tcp(LONG)), 1), ETHERNET),
    (ether(LONG, 0x0806), ETHERNET),
    (ether(ip4(tcp(LONG)))[:50], ETHERNET),
    (ether(ip4(tcp(b"", STAMPS)))[:60], ETHERNET),
    (ether(ip4(tcp(b""))), ETHERNET),
    (b"", ETHERNET),
    (LONG, 105),
]


def needed(data: bytes, link: int) -> int:
    return headers(fill(Record(), data, link))


@pytest.mark.parametrize(("data", "link", "count"), TRIMMED)
def test_of_tcp_only_the_headers_are_needed(data: bytes, link: int, count: int) -> None:
    assert needed(data, link) == count < len(data)


@pytest.mark.parametrize(("data", "link"), WHOLE)
def test_of_anything_else_all_is_needed(data: bytes, link: int) -> None:
    assert needed(data, link) == len(data)


def told(data: bytes, link: int, wirelen: int, count: int, filler: bytes) -> object:
    """What a decoder makes of a packet of which all but the first ``count`` bytes were exchanged; twice, as it learns the link."""
    bench = Bench()
    made: list[object] = []
    for _ in range(2):
        record = fill(bench.record, data, link, wirelen=wirelen)
        record.buf = record.buf[: record.at + count] + filler * (len(data) - count + 64)
        outcome = outcome_name(bench.decoder.decode(record, bench.segment))
        segment = bench.segment
        has_segment = outcome in ("segment", "quoted")
        made.append(
            (
                outcome,
                fields(segment) if has_segment else None,
                segment.key if has_segment else None,
                segment.buf[segment.sack_at : segment.sack_at + 8 * segment.sacks] if segment.sacks else b"",
                segment.payload_at - record.at if has_segment else 0,
            )
        )
    decoder = bench.decoder
    return made, decoder.skipped(), decoder.truncated_segments, decoder.fragment_counts()


BASES = [(data, link) for data, link, _ in TRIMMED] + WHOLE


@given(
    base=some.sampled_from(BASES),
    changes=some.lists(some.tuples(some.integers(0, 110), some.integers(0, 255)), max_size=4),
    cut=some.integers(0, 300),
    more=some.integers(-40, 70000),
)
@example(base=(ether(ip4(tcp(LONG, STAMPS))), ETHERNET), changes=[(16, 0), (17, 0)], cut=300, more=0)
@example(base=(ether(ip4(tcp(LONG, SACK), src=A4, dst=B4)), ETHERNET), changes=[], cut=90, more=500)
def test_what_is_behind_them_changes_nothing(
    base: tuple[bytes, int], changes: list[tuple[int, int]], cut: int, more: int
) -> None:
    packet, link = base
    data = bytearray(packet)
    for at, value in changes:
        if at < len(data):
            data[at] = value
    given_packet = bytes(data[:cut])
    wirelen = max(len(given_packet) + more, 0)
    count = needed(given_packet, link)
    assert 0 <= count <= len(given_packet)
    whole = told(given_packet, link, wirelen, len(given_packet), b"\0")
    assert told(given_packet, link, wirelen, count, b"\0") == whole
    assert told(given_packet, link, wirelen, count, b"\xff") == whole
