"""Several files as one observation."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from tcptrace_py.capture import Source, open_captures
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import Record
from tools import captures as make
from tools.captures import frames, pcap, pcapng, snoop
from tools.reading import read_paths

FRAMES = frames(9)


@pytest.fixture
def four(tmp_path: Path) -> list[str]:
    """Four files of all formats; 2 + 3 + 1 + 3 frames."""
    contents = [
        pcap(FRAMES[:2], link=1),
        pcapng(FRAMES[2:5], link=101),
        gzip.compress(pcap(FRAMES[5:6], link=113)),
        snoop(FRAMES[6:]),
    ]
    paths = []
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        paths.append(str(path))
    return paths


def test_frames_go_on_across_files(four: list[str]) -> None:
    reading = read_paths(four)
    assert reading.frames == FRAMES
    assert reading.numbers == list(range(1, 10))
    assert [r.source for r in reading.records] == [0, 0, 1, 1, 1, 2, 3, 3, 3]
    assert [r.interface for r in reading.records] == [0, 0, 1, 1, 1, 2, 3, 3, 3]
    assert reading.captures.link_types == [1, 101, 113]
    assert reading.problems == []


def test_sources(four: list[str]) -> None:
    sources = read_paths(four).captures.sources
    assert sources == [
        Source(four[0], "pcap", None, os.path.getsize(four[0]), 2, sum(len(d) for _, d in FRAMES[:2])),
        Source(four[1], "pcapng", None, os.path.getsize(four[1]), 3, sum(len(d) for _, d in FRAMES[2:5])),
        Source(four[2], "pcap", "gzip", os.path.getsize(four[2]), 1, len(FRAMES[5][1])),
        Source(four[3], "snoop", None, os.path.getsize(four[3]), 3, sum(len(d) for _, d in FRAMES[6:])),
    ]


def test_sources_while_reading(four: list[str]) -> None:
    captures = open_captures(four)
    record = Record()
    for _ in range(3):
        captures.next(record)
    assert [(s.format, s.packets) for s in captures.sources] == [("pcap", 2), ("pcapng", 1), ("", 0), ("", 0)]
    captures.close()
    assert not captures.next(record)


def test_progress(four: list[str]) -> None:
    captures = open_captures(four)
    record = Record()
    seen = [captures.bytes_read]
    while captures.next(record):
        seen.append(captures.bytes_read)
    assert seen == sorted(seen)
    assert seen[-1] <= captures.bytes_read == sum(os.path.getsize(path) for path in four)


def test_standard_input_among_files(four: list[str]) -> None:
    reading = read_paths([four[0], "-", four[3]], io.BytesIO(pcap(FRAMES[2:6])))
    assert reading.frames == FRAMES
    assert reading.captures.sources[1].name == "-"


def test_a_damaged_file_does_not_keep_the_others_from_being_read(four: list[str]) -> None:
    whole = Path(four[1]).read_bytes()
    Path(four[1]).write_bytes(whole[:-1])
    reading = read_paths(four)
    assert reading.frames == FRAMES[:4] + FRAMES[5:]
    assert reading.numbers == list(range(1, 9))
    (problem,) = reading.problems
    assert (problem.kind, problem.frame, problem.source) == ("truncated", 5, 1)
    assert problem.message.startswith(f"{four[1]}: frame 5 at byte ")


def test_a_pipe_that_is_no_capture_is_found_out_at_its_turn(four: list[str]) -> None:
    captures = open_captures([four[0], "-"], io.BytesIO(b"nonsense"))
    record = Record()
    assert captures.next(record)
    assert captures.next(record)
    with pytest.raises(CaptureError, match="standard input: is not a capture"):
        captures.next(record)
    assert not captures.next(record)


def test_drops_of_all_files(tmp_path: Path) -> None:
    paths = []
    for number, content in enumerate(
        [make.section() + make.interface() + make.statistics(ifdrop=5), pcap(FRAMES), snoop(FRAMES, drops=2)]
    ):
        paths.append(str(tmp_path / str(number)))
        Path(paths[-1]).write_bytes(content)
    reading = read_paths(paths)
    assert reading.captures.dropped == 7
    assert [(p.kind, p.source, p.frame) for p in reading.problems] == [
        ("capture_drops", 0, None),
        ("capture_drops", 2, None),
    ]
    assert read_paths(paths[1:2]).captures.dropped is None


def test_drops_are_known_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(make.section() + make.interface() + make.statistics(ifdrop=5) + make.enhanced(1, b"a"))
    captures = open_captures([str(path)])
    captures.next(Record())
    assert captures.dropped == 5
    captures.close()
    assert [p.kind for p in captures.problems] == ["capture_drops"]


def test_interfaces_are_counted_over_files(tmp_path: Path) -> None:
    two = tmp_path / "two"
    packets = make.enhanced(1, b"a", interface=1) + make.enhanced(2, b"b", interface=0)
    two.write_bytes(make.section() + make.interface() * 2 + packets)
    one = tmp_path / "one"
    one.write_bytes(pcap(FRAMES[:1]))
    reading = read_paths([str(two), str(one), str(two)])
    assert [r.interface for r in reading.records] == [1, 0, 2, 4, 3]


def test_a_packet_without_time_repeats_the_last_one_of_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(make.section() + make.interface() + make.simple(b"a"))
    other = tmp_path / "y"
    other.write_bytes(pcap(FRAMES[:1]))
    reading = read_paths([str(other), str(path)])
    assert [(r.time, r.timeless) for r in reading.records] == [(FRAMES[0][0], False), (FRAMES[0][0], True)]
