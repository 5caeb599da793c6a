"""snoop files (RFC 1761)."""

from __future__ import annotations

import struct

import pytest

from tcptrace_py.errors import CaptureError
from tools.captures import frames, snoop
from tools.reading import read_bytes

FRAMES = frames(5)


@pytest.mark.parametrize(("datalink", "link"), [(0, 1), (4, 1), (8, 10), (999, -1)])
def test_a_plain_file(datalink: int, link: int) -> None:
    reading = read_bytes(snoop(FRAMES, datalink))
    assert reading.frames == FRAMES
    assert {r.link for r in reading.records} == {link}
    assert reading.captures.sources[0].format == "snoop"
    assert reading.captures.dropped == 0
    assert reading.problems == []


def test_drops() -> None:
    reading = read_bytes(snoop(FRAMES, drops=17))
    assert reading.captures.dropped == 17
    assert reading.kinds == ["capture_drops"]


@pytest.mark.parametrize(("caplen", "size"), [(4, 27), (4, 10_000), (300_000, 300_024), (2**32 - 1, 2**32 - 1), (4, 0)])
def test_lengths_that_contradict_each_other(caplen: int, size: int) -> None:
    whole = snoop(FRAMES)
    reading = read_bytes(whole + struct.pack(">IIIIII", 4, caplen, size, 0, 1, 1) + bytes(20_000))
    assert reading.frames == FRAMES
    assert [(p.kind, p.frame, p.offset) for p in reading.problems] == [("corrupt", 6, len(whole))]


def test_other_versions() -> None:
    with pytest.raises(CaptureError, match="snoop version 3"):
        read_bytes(b"snoop\0\0\0" + struct.pack(">II", 3, 4))
