"""IP fragments: put together in any order, within limits, and never where they contradict each other."""

from __future__ import annotations

from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode_support import (
    A4,
    B4,
    RAW,
    SECOND,
    STAMPS,
    Bench,
    ether,
    fields,
    fragment4,
    fragment6,
    ip4,
    ip6,
    run,
    tcp,
    udp,
)

BODY = bytes(range(200)) + b"end"
DATA = tcp(BODY, options=STAMPS)  # 32 + 203 bytes
PIECES = [(0, 80), (80, 160), (160, len(DATA))]


def pieces4() -> list[bytes]:
    return [fragment4(DATA, start, stop, last=stop == len(DATA)) for start, stop in PIECES]


def pieces6() -> list[bytes]:
    return [fragment6(DATA, start, stop, last=stop == len(DATA)) for start, stop in PIECES]


@given(order=st.permutations([0, 1, 2]), six=st.booleans())
def test_fragments_in_any_order_make_the_segment(order: list[int], six: bool) -> None:
    pieces = pieces6() if six else pieces4()
    bench = Bench()
    outcomes = [bench.run(pieces[index]) for index in order]
    assert outcomes == ["fragment_waiting", "fragment_waiting", "segment"]
    segment = bench.segment
    assert (segment.reassembled, segment.number, bench.payload()) == (True, 3, BODY)
    assert (segment.seq, segment.tsval, segment.tsecr, segment.tunnels) == (1000, 111, 222, 0)
    whole = run(ether(ip6(DATA), 0x86DD) if six else ether(ip4(DATA, ident=9)))[1]
    differ = {"number", "wirelen", "reassembled"}
    ours, theirs = fields(segment), fields(whole)
    assert {name for name in ours if ours[name] != theirs[name]} == differ
    assert bench.decoder.fragment_counts() == {"reassembled": 1, "expired": 0, "evicted": 0, "dropped": 0, "waiting": 0}
    assert bench.decoder.fragments.memory == 0


@given(cuts=st.sets(st.integers(1, 28), max_size=12), six=st.booleans(), data=st.data())
def test_any_cuts_in_any_order(cuts: set[int], six: bool, data: st.DataObject) -> None:
    edges = [0, *sorted(8 * cut for cut in cuts), len(DATA)]
    make = fragment6 if six else fragment4
    pieces = [make(DATA, start, stop, last=stop == len(DATA)) for start, stop in pairwise(edges)]
    bench = Bench()
    outcomes = [bench.run(piece) for piece in data.draw(st.permutations(pieces))]
    assert outcomes == ["fragment_waiting"] * (len(pieces) - 1) + ["segment"]
    assert bench.payload() == BODY


def test_the_header_of_the_first_fragment_counts() -> None:
    bench = Bench()
    bench.run(fragment4(DATA, 160, len(DATA), last=True, ttl=1))
    bench.run(fragment4(DATA, 0, 80, ttl=60))
    assert bench.run(fragment4(DATA, 80, 160, ttl=2)) == "segment"
    assert bench.segment.ttl == 60


def test_congestion_marked_on_one_fragment_counts_for_all() -> None:
    bench = Bench()
    bench.run(ether(ip4(DATA[:80], flags=0x2000, ident=9, tos=2)))
    assert bench.run(ether(ip4(DATA[80:], flags=10, ident=9, tos=3))) == "segment"
    assert bench.segment.ecn == 3


def test_a_fragment_that_the_capture_length_cut_leaves_a_gap() -> None:
    bench = Bench()
    first, second, third = pieces4()
    bench.run(third)
    bench.run(second[:-30], wirelen=len(second))
    assert bench.run(first) == "segment"
    segment = bench.segment
    assert (segment.length, segment.captured) == (len(BODY), 80 - 32 + 50)
    assert bench.payload() == BODY[: segment.captured]
    assert bench.decoder.truncated_segments == 1


def test_a_first_fragment_cut_inside_the_tcp_header() -> None:
    bench = Bench()
    first, second, third = pieces4()
    bench.run(first[: 14 + 20 + 10], wirelen=len(first))
    bench.run(second)
    assert bench.run(third) == "truncated_header"


def test_datagrams_are_told_apart_by_addresses_identification_and_protocol() -> None:
    bench = Bench()
    first, second, _ = pieces4()
    assert bench.run(first) == "fragment_waiting"
    others = [
        fragment4(DATA, 80, len(DATA), last=True, ident=8),
        ether(ip4(DATA[80:], flags=10, ident=9, src=B4, dst=A4)),
        ether(ip4(DATA[80:], 17, flags=10, ident=9)),
    ]
    assert [bench.run(other) for other in others] == ["fragment_waiting"] * 3
    assert bench.decoder.fragment_counts()["waiting"] == 4
    assert bench.run(second) == "fragment_waiting"


def test_a_duplicate_is_counted_and_ignored() -> None:
    bench = Bench()
    first, second, third = pieces4()
    outcomes = [bench.run(data) for data in (first, first, third, third, second)]
    assert outcomes == [
        "fragment_waiting",
        "fragment_duplicate",
        "fragment_waiting",
        "fragment_duplicate",
        "segment",
    ]
    assert bench.payload() == BODY


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 80, False), (72, 160, False)),  # over the end
        ((80, 160, False), (0, 88, False)),  # over the start
        ((0, 160, False), (80, 120, False)),  # inside
        ((80, 120, False), (0, 160, False)),  # around
        ((0, 80, False), (0, 72, False)),  # the same start
        ((160, 235, True), (80, 200, True)),  # two ends
        ((160, 235, True), (160, 200, True)),
        ((160, 240, False), (80, 160, True)),  # an end before what is there
        ((80, 160, True), (160, 240, False)),  # bytes behind the end
        ((80, 160, True), (80, 160, False)),  # the same bytes, last and not last
        ((80, 160, False), (80, 160, True)),
    ],
)
def test_a_contradiction_drops_the_datagram(
    first: tuple[int, int, bool], second: tuple[int, int, bool], six: bool
) -> None:
    make = fragment6 if six else fragment4
    data = bytes(300)
    bench = Bench()
    assert bench.run(make(data, first[0], first[1], last=first[2])) == "fragment_waiting"
    assert bench.run(make(data, second[0], second[1], last=second[2])) == "fragment_overlap"
    assert bench.decoder.fragment_counts()["dropped"] == 1
    assert bench.decoder.fragments.memory == 0


def test_the_same_range_with_other_bytes_is_an_overlap() -> None:
    bench = Bench()
    assert bench.run(fragment4(DATA, 80, 160)) == "fragment_waiting"
    assert bench.run(fragment4(bytes(300), 80, 160)) == "fragment_overlap"


@pytest.mark.parametrize(
    "data",
    [
        ether(ip4(DATA[:81], flags=0x2000)),  # not a multiple of eight
        ether(ip4(b"", flags=0x2000)),  # empty
        ether(ip4(bytes(80), flags=0x1FFF)),  # beyond the largest datagram
        ether(ip6(pack(">BBHI", 6, 0, 65528, 9) + bytes(80), 44), 0x86DD),
        ether(ip6(pack(">BBHI", 6, 0, 1, 9), 44), 0x86DD),
    ],
)
def test_impossible_fragments(data: bytes) -> None:
    assert run(data)[0] == "fragment_bad"


def test_age_is_bounded() -> None:
    bench = Bench()
    first, second, third = pieces4()
    assert bench.run(first, time=SECOND) == "fragment_waiting"
    assert bench.run(second, time=31 * SECOND) == "fragment_waiting"  # just young enough
    assert bench.run(third, time=32 * SECOND) == "fragment_waiting"  # the first two are gone
    assert bench.decoder.fragment_counts() == {"reassembled": 0, "expired": 1, "evicted": 0, "dropped": 0, "waiting": 1}


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    bench = Bench(max_fragments_memory=100_000)
    data = bytes(160)
    for number in range(1000):
        assert bench.run(fragment4(data, 0, 80, ident=number)) == "fragment_waiting"
        assert bench.decoder.fragments.memory <= 100_000
    counts = bench.decoder.fragment_counts()
    assert counts["evicted"] + counts["waiting"] == 1000
    assert counts["waiting"] > 50
    assert bench.run(fragment4(data, 80, 160, last=True, ident=999)) == "bad_tcp_header"  # was still there: zeros
    assert bench.run(fragment4(data, 80, 160, last=True, ident=0)) == "fragment_waiting"  # was not


def test_the_number_of_datagrams_is_bounded() -> None:
    bench = Bench(max_fragments_memory=1 << 40)
    for number in range(16384 + 10):
        bench.run(ether(ip4(bytes(8), flags=0x2000, ident=number & 0xFFFF)))
    assert bench.decoder.fragment_counts()["waiting"] == 16384
    assert bench.decoder.fragment_counts()["evicted"] == 10


def test_without_memory_no_fragment_is_kept() -> None:
    bench = Bench(max_fragments_memory=0)
    assert [bench.run(piece) for piece in pieces4()] == ["fragment_limit"] * 3
    assert bench.decoder.fragment_counts() == {"reassembled": 0, "expired": 0, "evicted": 3, "dropped": 0, "waiting": 0}


def test_fragments_of_what_cannot_hold_tcp_are_not_kept() -> None:
    bench = Bench()
    assert bench.run(ether(ip4(bytes(80), 1, flags=0x2000))) == "icmp"
    assert bench.run(ether(ip4(bytes(80), 50, flags=0x2000))) == "encrypted_esp"
    assert bench.run(ether(ip6(pack(">BBHI", 58, 0, 1, 9) + bytes(80), 44), 0x86DD)) == "icmpv6"
    assert bench.decoder.fragment_counts()["waiting"] == 0


def test_a_fragmented_tunnel_and_a_tunnelled_fragment() -> None:
    inner = ip4(DATA[:120], flags=0x2000, ident=3), ip4(DATA[120:], flags=15, ident=3)
    bench = Bench()
    outcomes = []
    for number, packet in enumerate(inner):
        outer = udp(b"\x08\0\0\0\0\0\x05\0" + ether(packet), 4789)
        for start, stop in ((0, 96), (96, len(outer))):
            last = stop == len(outer)
            flags = start // 8 | (0 if last else 0x2000)
            outcomes.append(bench.run(ether(ip4(outer[start:stop], 17, flags=flags, ident=number))))
    assert outcomes == ["fragment_waiting"] * 3 + ["segment"]
    assert (bench.payload(), bench.segment.tunnels) == (BODY, 1)


def test_extension_headers_behind_the_fragment_header() -> None:
    hop = b"\x06\0" + bytes(6)
    body = hop + DATA
    bench = Bench()
    bench.run(fragment6(body, 0, 80, following=60))
    assert bench.run(fragment6(body, 80, len(body), last=True, following=60)) == "segment"
    assert bench.payload() == BODY


def test_a_jumbo_option_in_a_reassembled_datagram_is_not_followed() -> None:
    body = b"\x06\0\xc2\x04\0\0\0\x04" + DATA
    bench = Bench()
    bench.run(fragment6(body, 0, 80, following=60))
    assert bench.run(fragment6(body, 80, len(body), last=True, following=60)) == "segment"
    assert bench.segment.length == len(BODY)


def test_a_capture_whose_clock_goes_back() -> None:
    bench = Bench()
    first, second, third = pieces4()
    assert bench.run(first, time=1000 * SECOND) == "fragment_waiting"
    assert bench.run(second, time=999 * SECOND) == "fragment_waiting"
    assert bench.run(third, time=999 * SECOND) == "segment"
    assert bench.run(first, time=1000 * SECOND) == "fragment_waiting"
    assert bench.run(second, time=SECOND) == "fragment_waiting"
    assert bench.decoder.fragment_counts()["expired"] == 1


def test_raw_ip_fragments() -> None:
    bench = Bench()
    bench.run(ip4(DATA[:80], flags=0x2000), RAW)
    assert bench.run(ip4(DATA[80:], flags=10), RAW) == "segment"
