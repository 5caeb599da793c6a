from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.capture import Captures, open_captures
from tcptrace_py.capture.tap import Tap
from tcptrace_py.packet import Record
from tools import captures as cap

FRAMES = cap.frames(20)
END = FRAMES[-1][0] + 5 * cap.SECOND


def read(data: bytes) -> tuple[Captures, list[tuple[int, bytes, int]]]:
    """Time, bytes and length on the wire of every packet."""
    captures = open_captures(["-"], io.BytesIO(data))
    record = Record()
    packets = []
    while captures.next(record):
        packets.append((int(record.time), record.buf[record.at : record.at + record.caplen], int(record.wirelen)))
    return captures, packets


def tapped(
    data: bytes, size: int = 1 << 20, most: int = 0, until: int = END, drops: int | None = None
) -> tuple[Tap, bytes]:
    """Everything that comes out, fed in pieces."""
    tap = Tap("eth0", most)
    out = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    return tap, out + (tap.rest() or tap.ending(until, drops))


FORMATS = {
    "pcap": cap.pcap(FRAMES),
    "pcap-nano": cap.pcap(FRAMES, nano=True),
    "pcap-big": cap.pcap(FRAMES, big=True),
    "pcapng": cap.pcapng(FRAMES),
    "pcapng-big": cap.pcapng(FRAMES, big=True),
    "pcapng-micro": cap.pcapng(FRAMES, tsresol=6),
    "pcapng-binary": cap.section() + cap.interface(tsresol=0x80 | 20) + cap.enhanced(1 << 40, b"abc") * 20,
}


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_the_packets_are_the_same_in_pieces_of_any_size(data: bytes, size: int) -> None:
    tap, out = tapped(data, size, drops=3)
    captures, packets = read(out)
    assert packets == read(data)[1]
    assert tap.packets == len(packets) == 20
    assert [source.format for source in captures.sources] == ["pcapng"]
    assert captures.dropped == 3
    assert captures.problems[0].kind == "capture_drops"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcapng-binary"])
def test_the_end_of_the_capture_is_known(name: str) -> None:
    captures, _ = read(tapped(FORMATS[name])[1])
    assert captures.observed_until == END
    assert read(tapped(FORMATS[name], until=-1)[1])[0].observed_until == -1


def test_the_end_is_not_believed_of_a_file_that_was_cut_since() -> None:
    _, out = tapped(FORMATS["pcapng"])
    first = cap.enhanced(FRAMES[0][0], FRAMES[0][1])
    assert first in out
    captures, packets = read(out.replace(first, b""))
    assert (len(packets), captures.observed_until) == (19, -1)


@given(st.lists(st.integers(1, 200), max_size=20), st.sampled_from(sorted(FORMATS)))
def test_what_comes_out_at_any_time_is_whole(sizes: list[int], name: str) -> None:
    data = FORMATS[name]
    tap = Tap("eth0")
    out, at = b"", 0
    for size in sizes:
        out += tap.feed(data[at : at + size])
        at += size
        if tap.header:
            captures, packets = read(out)
            assert captures.problems == []
            assert len(packets) == tap.packets


@pytest.mark.parametrize("name", FORMATS)
def test_no_more_packets_come_out_than_are_wanted(name: str) -> None:
    tap, out = tapped(FORMATS[name], 50, most=7)
    assert tap.is_full
    assert len(read(out)[1]) == tap.packets == 7
    assert tap.feed(b"more") == b""


def test_a_file_may_begin_anywhere_with_the_header() -> None:
    data = cap.section() + cap.interface(tsresol=9) + cap.interface(113, tsresol=6)
    parts = [cap.enhanced(t, d, interface=n % 2) for n, (t, d) in enumerate(FRAMES)]
    tap = Tap("eth0")
    files = [tap.feed(data + b"".join(parts[:10]))]
    tap.begin_file()
    files.append(tap.header + tap.feed(b"".join(parts[10:])) + tap.ending(1 << 60, None, of_file=True))
    for file in files:
        captures, packets = read(file)
        assert len(packets) == 10
        assert captures.link_types == [1, 113]
    assert read(files[1])[0].observed_until == 1 << 60


def test_a_section_may_follow_in_another_byte_order() -> None:
    data = cap.pcapng(FRAMES[:3]) + cap.pcapng(FRAMES[3:9], big=True)
    tap, out = tapped(data, 11)
    assert tap.packets == 9
    assert read(out)[1] == read(data)[1]


def test_blocks_of_the_past_are_counted_with_their_interface() -> None:
    for big in (False, True):
        data = cap.section(big=big) + cap.interface(big=big) * 2
        data += cap.obsolete(5, b"abc", interface=1, big=big) + cap.simple(b"abcd", big=big)
        tap, out = tapped(data, until=1 << 60)
        assert [interface.packets for interface in tap._interfaces] == [1, 1]
        assert read(out)[0].observed_until >= 0


def test_what_it_does_not_know_is_passed_on_as_it_is() -> None:
    for data in (b"nonsense that is no capture", cap.snoop(FRAMES), cap.pcap_modified(FRAMES)):
        tap, out = tapped(data, 9)
        assert out == data
        assert tap.packets == 0
    for data in (b"", b"\n\r", cap.pcap(FRAMES)[:20]):  # not even a file header
        assert tapped(data, 2)[1] == data


def test_a_record_that_makes_no_sense_ends_it() -> None:
    data = cap.pcap(FRAMES[:2]) + cap.pcap_record(FRAMES[2])[:8] + b"\xff" * 8 + bytes(100)
    tap, out = tapped(data, 33)
    assert tap.defect == "its packet 3 claims 4294967295 captured bytes, more than 262144"
    assert len(read(out)[1]) == 2


def test_a_block_that_makes_no_sense_is_left_to_the_reader() -> None:
    for bad in (
        b"\x06\0\0\0\x04\0\0\0" + bytes(40),
        b"\x0a\x0d\x0d\x0a" + bytes(40),
        b"\x06\0\0\0\xff\xff\xff\xff" + bytes(9),
    ):
        captures, packets = read(tapped(cap.pcapng(FRAMES[:2]) + bad, 13)[1])
        assert len(packets) == 2
        assert captures.problems[0].kind in ("corrupt", "truncated")
        assert captures.observed_until == -1


def test_what_the_capture_says_of_drops_is_not_said_again() -> None:
    data = cap.pcapng(FRAMES) + cap.statistics(ifdrop=5)
    assert read(tapped(data, drops=7)[1])[0].dropped == 5


def test_times_are_kept_to_the_nanosecond() -> None:
    _, packets = read(tapped(FORMATS["pcap-nano"])[1])
    assert all(later[0] > earlier[0] for earlier, later in pairwise(packets))
    assert packets[1][0] == FRAMES[1][0]
