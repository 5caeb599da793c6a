"""Classic pcap in all its dialects."""

from __future__ import annotations

import pytest

from tools.captures import Frame, frames, pcap, pcap_header, pcap_modified, pcap_record
from tools.reading import read_bytes

FRAMES = frames(5)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("nano", [False, True])
def test_every_magic(big: bool, nano: bool) -> None:
    odd: list[Frame] = [(time + 123 * nano, data) for time, data in FRAMES]
    reading = read_bytes(pcap(odd, nano=nano, big=big))
    assert reading.frames == odd
    assert reading.numbers == [1, 2, 3, 4, 5]
    assert reading.problems == []
    assert reading.captures.sources[0].format == "pcap"


@pytest.mark.parametrize("big", [False, True])
def test_modified_record_headers(big: bool) -> None:
    reading = read_bytes(pcap_modified(FRAMES, big=big))
    assert reading.frames == FRAMES
    assert [r.offset for r in reading.records[:2]] == [24, 24 + 24 + len(FRAMES[0][1])]


@pytest.mark.parametrize("big", [False, True])
def test_version_2_2_has_the_wire_length_first(big: bool) -> None:
    swapped = pcap_record((1000, bytes(40)), big=big, wirelen=60)
    swapped = swapped[:8] + swapped[12:16] + swapped[8:12] + swapped[16:]
    reading = read_bytes(pcap_header(version=(2, 2), big=big) + swapped * 2)
    assert [(len(r.data), r.wirelen) for r in reading.records] == [(40, 60)] * 2


def test_version_2_3_was_written_both_ways() -> None:
    usual = pcap_record((1000, bytes(40)), wirelen=60)
    swapped = usual[:8] + usual[12:16] + usual[8:12] + usual[16:]
    reading = read_bytes(pcap_header(version=(2, 3)) + usual + swapped)
    assert [(len(r.data), r.wirelen) for r in reading.records] == [(40, 60)] * 2


def test_what_a_record_tells() -> None:
    data = pcap_header(113) + pcap_record((5_000, b"abc"), wirelen=1514)
    (record,) = read_bytes(data).records
    assert (record.link, record.wirelen, record.data, record.interface, record.offset) == (113, 1514, b"abc", 0, 24)
    assert not record.timeless


def test_bits_about_the_frame_check_sequence_are_no_part_of_the_link_type() -> None:
    reading = read_bytes(pcap(FRAMES, link=0x14000001))
    assert reading.captures.link_types == [1]


def test_time_reaches_to_2106() -> None:
    time = (2**32 - 1) * 1_000_000_000 + 999_999_999
    assert read_bytes(pcap([(time, b"x")], nano=True)).frames == [(time, b"x")]


def test_no_records() -> None:
    reading = read_bytes(pcap([]))
    assert reading.frames == []
    assert reading.problems == []
    assert reading.captures.dropped is None


def test_an_absurd_length_is_a_defect_and_ends_the_file() -> None:
    whole = pcap(FRAMES[:2])
    reading = read_bytes(whole + pcap_record((0, b""))[:8] + b"\xff\xff\xff\x7f" * 2 + bytes(100))
    assert reading.frames == FRAMES[:2]
    (problem,) = reading.problems
    assert (problem.kind, problem.frame, problem.offset, problem.source) == ("corrupt", 3, len(whole), 0)
    assert f"frame 3 at byte {len(whole)}" in problem.message
    assert "2147483647" in problem.message
    assert "standard input" in problem.message


def test_the_longest_packet() -> None:
    longest = (1000, bytes(262144))
    reading = read_bytes(pcap([longest, FRAMES[0]]))
    assert reading.frames == [longest, FRAMES[0]]
    reading = read_bytes(pcap([FRAMES[0], (1000, bytes(262145)), FRAMES[0]]))
    assert reading.frames == FRAMES[:1]
    assert reading.kinds == ["corrupt"]


def test_links_with_larger_packets_keep_their_beginning() -> None:
    large = (1000, b"a" * 1_000_001)
    data = pcap([large, FRAMES[0]], link=249)
    reading = read_bytes(data)
    assert [len(r.data) for r in reading.records] == [262144, len(FRAMES[0][1])]
    assert reading.records[0].wirelen == 1_000_001
    assert reading.frames[1] == FRAMES[0]
    assert reading.problems == []
    cut = read_bytes(data[:900_000])
    assert cut.records == []
    assert [(p.kind, p.frame, p.offset) for p in cut.problems] == [("truncated", 1, 24)]


def test_many_records_over_many_chunks() -> None:
    many = frames(20_000, 100)
    reading = read_bytes(pcap(many))
    assert reading.frames == many
    assert reading.captures.sources[0].packets == 20_000
    assert reading.captures.sources[0].bytes == sum(len(data) for _, data in many)
