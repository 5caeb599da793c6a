"""The usual packet in one go gives what header after header gives; any other is left to them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from decode_support import ETHERNET, SECOND, STAMPS, Bench, ether, fields, fill, ip4, ip6, outcome_name, tcp
from tcptrace_py.decode.usual import usual
from tcptrace_py.packet import Record, Segment

ORDINARY = ether(ip4(tcp(options=STAMPS)))
SYN = ether(ip4(tcp(b"", bytes.fromhex("020405b40402080a000000010000000001030307"), flags=2)))


def told(data: bytes, wirelen: int, primed: bool) -> tuple[str, dict[str, object], dict[str, int], int]:
    """What a decoder makes of a packet; only one that knows the link looks for the usual."""
    bench = Bench()
    if primed:
        bench.run(b"")
    record = fill(Record(), data, ETHERNET, wirelen=wirelen)
    outcome = outcome_name(bench.decoder.decode(record, bench.segment))
    segment = bench.segment
    what = fields(segment) | {
        "payload": segment.payload_at - record.at,
        "sack": segment.sack_at if segment.sacks else 0,
    }
    skipped = bench.decoder.skipped()
    skipped["empty_record"] = skipped.get("empty_record", 0) - primed
    return outcome, what if outcome in ("segment", "quoted") else {}, skipped, bench.decoder.truncated_segments


@given(
    base=some.sampled_from([ORDINARY, SYN, ether(ip4(tcp())), ether(ip4(tcp(b"", offset=15) + bytes(40)))]),
    changes=some.lists(some.tuples(some.integers(12, 73), some.integers(0, 255)), max_size=4),
    cut=some.integers(0, 100),
    more=some.integers(-40, 70000),
)
@example(base=ORDINARY, changes=[], cut=100, more=0)
@example(base=ORDINARY, changes=[], cut=60, more=100)
@example(base=ORDINARY, changes=[(16, 0), (17, 0)], cut=100, more=0)
def test_it_agrees_with_header_after_header(base: bytes, changes: list[tuple[int, int]], cut: int, more: int) -> None:
    data = bytearray(base)
    for at, value in changes:
        if at < len(data):
            data[at] = value
    packet = bytes(data[:cut])
    wirelen = max(len(packet) + more, 0)
    assert told(packet, wirelen, primed=True) == told(packet, wirelen, primed=False)


@pytest.mark.parametrize(
    ("packet", "is_usual"),
    [
        (ORDINARY, True),
        (SYN, True),
        (ORDINARY + bytes(6), True),
        (ORDINARY[:-1], True),
        (ORDINARY[:60], False),
        (ether(ip4(tcp(), options=bytes(4))), False),
        (ether(ip4(tcp(), flags=0x2000)), False),
        (ether(ip4(tcp(), flags=0x0001)), False),
        (ether(ip4(tcp(), 17)), False),
        (ether(ip4(tcp(), total=0)), False),
        (ether(ip6(tcp()), 0x86DD), False),
        (ether(b"\0\1" + b"\x08\0" + ip4(tcp()), 0x8100), False),
    ],
)
def test_what_is_usual(packet: bytes, is_usual: bool) -> None:
    record, segment = fill(Record(), packet, ETHERNET, time=SECOND), Segment()
    assert usual(record, segment) is is_usual
