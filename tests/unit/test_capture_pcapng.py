"""pcapng: sections, interfaces, clocks, packet blocks, and what stands between them."""

from __future__ import annotations

import struct

import pytest

from tools import captures as make
from tools.captures import frames, pcapng
from tools.reading import read_bytes

FRAMES = frames(5)
SECOND = 1_000_000_000


@pytest.mark.parametrize("big", [False, True])
def test_a_plain_file(big: bool) -> None:
    reading = read_bytes(pcapng(FRAMES, big=big))
    assert reading.frames == FRAMES
    assert reading.numbers == [1, 2, 3, 4, 5]
    assert reading.problems == []
    assert reading.captures.sources[0].format == "pcapng"
    assert reading.captures.dropped is None


@pytest.mark.parametrize("big", [False, True])
def test_what_a_record_tells(big: bool) -> None:
    before = make.section(big=big) + make.interface(101, big=big)
    (record,) = read_bytes(before + make.enhanced(5, b"abc", wirelen=1514, big=big)).records
    assert (record.link, record.wirelen, record.data, record.time) == (101, 1514, b"abc", 5000)
    assert record.offset == len(before)


def test_sections_have_their_own_byte_order_and_interfaces() -> None:
    data = (
        make.section(big=True)
        + make.interface(1, big=True)
        + make.interface(101, big=True)
        + make.enhanced(1, b"a", interface=1, big=True)
        + make.section()
        + make.interface(113)
        + make.enhanced(2, b"bb")
        + make.section(big=True)
        + make.interface(12, big=True)
        + make.enhanced(3, b"ccc", big=True)
    )
    reading = read_bytes(data)
    assert [(r.time, r.data, r.link, r.interface) for r in reading.records] == [
        (1000, b"a", 101, 1),
        (2000, b"bb", 113, 2),
        (3000, b"ccc", 12, 3),
    ]
    assert reading.captures.link_types == [101, 113, 12]
    assert reading.problems == []


def test_an_interface_of_a_section_before_is_unknown() -> None:
    data = (
        make.section() + make.interface() * 2 + make.section() + make.interface() + make.enhanced(1, b"a", interface=1)
    )
    reading = read_bytes(data)
    assert reading.records == []
    assert reading.kinds == ["corrupt"]
    assert "interface 1 was never described" in reading.problems[0].message


@pytest.mark.parametrize(
    ("tsresol", "tsoffset", "ticks", "time"),
    [
        (None, None, 1_234_567, 1_234_567_000),
        (0, None, 1_700_000_000, 1_700_000_000 * SECOND),
        (3, None, 1_700_000_000_001, 1_700_000_000_001 * 1_000_000),
        (9, None, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, None, 1_999, 1),  # picoseconds: what is below a nanosecond is cut off
        (12, None, 2**64 - 1, (2**64 - 1) // 1000),
        (28, None, 2**64 - 1, 1),
        (127, None, 2**64 - 1, 0),
        (0x80, None, 7, 7 * SECOND),  # 2^-0
        (0x80 | 1, None, 3, 1_500_000_000),
        (0x80 | 20, None, 2**20 * 5 + 1, 5 * SECOND + 953),
        (0x80 | 32, None, (1_700_000_000 << 32) | 1 << 31, 1_700_000_000 * SECOND + SECOND // 2),
        (0x80 | 127, None, 2**64 - 1, 0),
        (6, 1_600_000_000, 1_000_000, 1_600_000_001 * SECOND),
        (9, -1, 3 * SECOND, 2 * SECOND),
        (12, 1_700_000_000, 5_000, 1_700_000_000 * SECOND + 5),
    ],
)
@pytest.mark.parametrize("big", [False, True])
def test_clocks(tsresol: int | None, tsoffset: int | None, ticks: int, time: int, big: bool) -> None:
    described = make.interface(tsresol=tsresol, tsoffset=tsoffset, big=big)
    (record,) = read_bytes(make.section(big=big) + described + make.enhanced(ticks, b"a", big=big)).records
    assert record.time == time


@pytest.mark.parametrize(
    ("tsresol", "tsoffset", "ticks", "time"),
    [
        (6, None, 2**64 - 1, 2**62),
        (9, None, 2**63, 2**62),
        (9, None, 2**62 + 1, 2**62),
        (9, None, 2**62, 2**62),
        (9, None, 2**62 - 1, 2**62 - 1),
        (0, 2**63 - 1, 2**64 - 1, 2**62),
        (9, -(2**63), 5, 0),
        (6, -2, 1_000_000, 0),
    ],
)
def test_times_out_of_this_world_are_bounded(tsresol: int, tsoffset: int | None, ticks: int, time: int) -> None:
    data = make.section() + make.interface(tsresol=tsresol, tsoffset=tsoffset) + make.enhanced(ticks, b"a")
    assert [r.time for r in read_bytes(data).records] == [time]


def test_interfaces_have_their_own_clocks() -> None:
    data = (
        make.section()
        + make.interface(tsresol=6)
        + make.interface(tsresol=9)
        + make.enhanced(1_000, b"a", interface=0)
        + make.enhanced(1_000_001, b"b", interface=1)
    )
    assert read_bytes(data).frames == [(1_000_000, b"a"), (1_000_001, b"b")]


@pytest.mark.parametrize("big", [False, True])
def test_simple_packets_have_no_time_of_their_own(big: bool) -> None:
    data = (
        make.section(big=big)
        + make.interface(1, snaplen=6, big=big)
        + make.simple(b"first", big=big)
        + make.enhanced(1, b"ab", big=big)
        + make.simple(b"cdefgh", wirelen=100, big=big)
        + make.simple(b"ijkl", big=big)
    )
    reading = read_bytes(data)
    assert [(r.data, r.wirelen, r.time, r.timeless) for r in reading.records] == [
        (b"first", 5, 0, True),
        (b"ab", 2, 1000, False),
        (b"cdefgh", 100, 1000, True),
        (b"ijkl", 4, 1000, True),
    ]


@pytest.mark.parametrize("big", [False, True])
def test_obsolete_packet_blocks(big: bool) -> None:
    data = (
        make.section(big=big)
        + make.interface(1, big=big)
        + make.interface(101, big=big)
        + make.obsolete((1 << 32) + 5, b"abcde", interface=1, drops=3, big=big)
        + make.obsolete(7, b"f", big=big)
    )
    reading = read_bytes(data)
    assert [(r.time, r.data, r.link, r.interface) for r in reading.records] == [
        (((1 << 32) + 5) * 1000, b"abcde", 101, 1),
        (7000, b"f", 1, 0),
    ]
    assert reading.captures.dropped == 3


def test_blocks_of_no_concern_are_skipped() -> None:
    data = (
        make.section(opts=[(4, b"a program")])
        + make.block(4, b"\0\0\0\0")  # name resolution
        + make.interface()
        + make.block(10, b"secrets!" * 9)  # decryption secrets
        + make.enhanced(1, b"a", opts=[(2, b"\1\0\0\0"), (0x8001, b"own")])
        + make.block(0x7777, bytes(2_000_000))
        + make.block(0x208, bytes(64))
        + make.enhanced(2, b"b")
    )
    reading = read_bytes(data)
    assert reading.frames == [(1000, b"a"), (2000, b"b")]
    assert reading.numbers == [1, 2]
    assert reading.problems == []


@pytest.mark.parametrize("kind", [9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD])
def test_frames_that_hold_no_packet_count_as_in_wireshark(kind: int) -> None:
    data = (
        make.section()
        + make.interface()
        + make.enhanced(1, b"a")
        + make.block(kind, bytes(60))
        + make.enhanced(2, b"b")
    )
    reading = read_bytes(data)
    assert reading.numbers == [1, 3]
    assert reading.captures.sources[0].packets == 2


@pytest.mark.parametrize("big", [False, True])
def test_drops_by_statistics(big: bool) -> None:
    data = (
        make.section(big=big)
        + make.interface(big=big)
        + make.interface(big=big)
        + make.statistics(ifdrop=3, big=big)
        + make.statistics(ifdrop=10, osdrop=5, big=big)  # counts from the start: this one holds
        + make.statistics(interface=1, ifdrop=100, big=big)
        + make.statistics(interface=9, ifdrop=1000, big=big)  # no such interface
        + make.section(big=big)
        + make.interface(big=big)
        + make.statistics(ifdrop=1, big=big)
    )
    reading = read_bytes(data)
    assert reading.captures.dropped == 116
    assert reading.kinds == ["capture_drops"]
    assert "116 packets" in reading.problems[0].message


def test_no_drops_are_no_problem() -> None:
    reading = read_bytes(make.section() + make.interface() + make.statistics(ifdrop=0))
    assert reading.captures.dropped == 0
    assert reading.problems == []


def test_statistics_without_counters_tell_nothing() -> None:
    assert read_bytes(make.section() + make.interface() + make.statistics()).captures.dropped is None


@pytest.mark.parametrize("big", [False, True])
def test_drops_by_packets(big: bool) -> None:
    lost = [(4, struct.pack(">Q" if big else "<Q", 2))]
    data = make.section(big=big) + make.interface(big=big) + make.enhanced(1, b"a", opts=lost, big=big) * 2
    assert read_bytes(data).captures.dropped == 4


def test_absurd_drops_do_not_overflow() -> None:
    huge = 2**64 - 1
    lost = [(4, struct.pack("<Q", huge))]
    data = make.section() + make.interface() + make.statistics(ifdrop=huge) + make.enhanced(1, b"a", opts=lost) * 3
    dropped = read_bytes(data).captures.dropped
    assert dropped is not None
    assert dropped > 2**40


@pytest.mark.parametrize("big", [False, True])
def test_comments(big: bool) -> None:
    data = (
        make.section(big=big, opts=[(1, b"on the section")])
        + make.interface(big=big, opts=[(1, b"on the interface")])
        + make.enhanced(1, b"a", big=big)
        + make.enhanced(1, b"a", big=big, opts=[(1, b"one"), (2, b"\0\0\0\0"), (1, "zw\u00f6lf".encode())])
        + make.statistics(big=big)
    )
    assert read_bytes(data).captures.comments == [
        (None, "on the section"),
        (None, "on the interface"),
        (2, "one"),
        (2, "zw\u00f6lf"),
    ]


def test_comments_are_bounded_and_need_not_be_text() -> None:
    assert read_bytes(pcapng(FRAMES) + make.interface(opts=[(1, b"\xff\x1b[0m")])).captures.comments == [
        (None, "\ufffd\x1b[0m")
    ]
    many = make.enhanced(1, b"a", opts=[(1, b"x")]) * 1500
    assert len(read_bytes(make.section() + make.interface() + many).captures.comments) == 1000
    long = make.enhanced(1, b"a", opts=[(1, b"x" * 60_000)]) * 100
    kept = read_bytes(make.section() + make.interface() + long).captures.comments
    assert 10 <= len(kept) <= 17


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (make.enhanced(1, b"a", interface=7), "interface 7 was never described"),
        (make.enhanced(1, b"a", caplen=100), "claims 100 captured bytes"),
        (make.enhanced(1, b"a", caplen=2**32 - 1), "claims 4294967295 captured bytes"),
        (make.enhanced(1, bytes(262145)), "262145 captured bytes, more than 262144"),
        (make.simple(bytes(262145)), "262145 captured bytes, more than 262144"),
        (make.enhanced(1, b"a")[:-4] + b"\1\2\3\4", "36 bytes at its start and 67305985 at its end"),
        (make.block(6, b"1234"), "too short"),
        (make.block(2, b"1234"), "too short"),
        (make.block(3, b""), "too short"),
        (make.block(1, b"1234"), "too short"),
        (struct.pack("<III", 6, 8, 8), "a length of 8"),
        (struct.pack("<III", 6, 2**32 - 1, 8), "a length of 4294967295"),
        (make.section()[:8] + b"abcd" + make.section()[12:], "no byte-order mark"),
        (make.section(version=(7, 0)), "version 7"),
        (struct.pack("<IIIII", 0x0A0D0D0A, 12, 0x1A2B3C4D, 1, 12) + bytes(8), "too short"),
    ],
)
def test_defects(damage: bytes, says: str) -> None:
    whole = pcapng(FRAMES)
    reading = read_bytes(whole + damage + make.enhanced(1, b"never read"))
    assert reading.frames == FRAMES
    (problem,) = reading.problems
    assert (problem.kind, problem.frame, problem.offset) == ("corrupt", 6, len(whole))
    assert says in problem.message
    assert f"frame 6 at byte {len(whole)}:" in problem.message


def test_a_simple_packet_needs_an_interface() -> None:
    reading = read_bytes(make.section() + make.simple(b"a"))
    assert reading.kinds == ["corrupt"]


def test_a_huge_block_that_is_cut_short() -> None:
    whole = pcapng(FRAMES)
    reading = read_bytes(whole + struct.pack("<II", 0x7777, 100_000_000) + bytes(1_000_000))
    assert reading.frames == FRAMES
    assert [(p.kind, p.offset) for p in reading.problems] == [("truncated", len(whole))]


def test_links_with_larger_packets_keep_their_beginning() -> None:
    large = make.enhanced(1, b"a" * 1_000_001, opts=[(1, b"out of reach")])
    data = make.section() + make.interface(231) + large + make.enhanced(2, b"b")
    reading = read_bytes(data)
    assert [(len(r.data), r.wirelen) for r in reading.records] == [(262144, 1_000_001), (1, 1)]
    assert reading.problems == []


def test_too_many_interfaces() -> None:
    reading = read_bytes(make.section() + make.interface() * 65_537)
    assert reading.kinds == ["corrupt"]
    assert read_bytes((make.section() + make.interface() * 30_000) * 3).problems == []


def test_options_that_run_over_their_block() -> None:
    wild = make.block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 9, 60_000) + bytes(8))
    assert read_bytes(make.section() + wild + make.enhanced(3, b"a")).frames == [(3000, b"a")]


def test_a_length_that_is_no_multiple_of_four_is_rounded_up() -> None:
    ragged = struct.pack("<II", 0x7777, 13) + b"abcd" + struct.pack("<I", 13)
    reading = read_bytes(make.section() + make.interface() + ragged + make.enhanced(3, b"a"))
    assert reading.frames == [(3000, b"a")]


# ---- until when it was captured


def ended(at: int, packets: int, *, interface: int = 0, big: bool = False) -> bytes:
    """A statistics block that says so."""
    order = ">" if big else "<"
    stamp = struct.pack(f"{order}II", at >> 32, at & 0xFFFFFFFF)
    given = [(3, stamp), (8, struct.pack(f"{order}Q", packets))]
    return make.block(5, struct.pack(f"{order}I", interface) + stamp + make.options(given, big=big), big=big)


@pytest.mark.parametrize("big", [False, True])
def test_a_whole_capture_says_until_when_it_lasted(big: bool) -> None:
    end = FRAMES[-1][0] + make.SECOND
    data = make.pcapng(FRAMES, big=big)
    assert until(data + ended(end, 5, big=big)) == end
    assert until(data) == -1
    assert until(data + make.statistics(ifdrop=0, big=big)) == -1
    for packets in (4, 6):  # some were cut out, or put in
        assert until(data + ended(end, packets, big=big)) == -1


def test_all_interfaces_and_sections_must_say_so() -> None:
    two = (
        make.section()
        + make.interface(tsresol=9) * 2
        + make.enhanced(5, b"abcd")
        + make.enhanced(6, b"abcd", interface=1)
    )
    assert until(two + ended(10, 2)) == -1
    assert until(two + ended(10, 1) + ended(12, 1, interface=1)) == 12
    again = make.section() + make.interface(tsresol=9) + make.enhanced(7, b"abcd")
    assert until(two + ended(10, 1) + ended(12, 1, interface=1) + again + ended(9, 1)) == 12
    assert until(two + again + ended(9, 1)) == -1


def until(data: bytes) -> int:
    """As the capture says, when it has been read."""
    return read_bytes(data).captures.observed_until
