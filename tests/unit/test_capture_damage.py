"""Damaged captures: whatever the bytes, there are records, problems, or one line of error."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.errors import CaptureError
from tools import captures as make
from tools.captures import frames, pcap, pcapng, snoop
from tools.reading import Reading, read_bytes, read_or_error, read_paths

FRAMES = frames(6)

PCAPNG = (
    make.section(opts=[(1, b"c")])
    + make.interface(tsresol=9)
    + b"".join(make.enhanced(time, data, opts=[(1, b"c")]) for time, data in FRAMES[:2])
    + make.obsolete(5, b"abcde")
    + make.statistics(ifdrop=1)
    + make.section(big=True)
    + make.interface(big=True)
    + make.simple(b"fgh", big=True)
    + make.enhanced(5, b"ijklmnop", big=True)
)


def borders(whole: Reading, header: int, size: int) -> dict[int, int]:
    """Where each frame is complete: offset → how many frames are."""
    starts = [r.offset for r in whole.records]
    return {end: n for n, end in enumerate([*starts, size])} | {header: 0}


@pytest.mark.parametrize(("data", "header"), [(pcap(FRAMES), 24), (pcap(FRAMES, big=True), 24), (snoop(FRAMES), 16)])
def test_cut_at_every_byte(data: bytes, header: int) -> None:
    whole = read_bytes(data)
    complete = borders(whole, header, len(data))
    for size in range(len(data)):
        if size < header:
            with pytest.raises(CaptureError) as error:
                read_bytes(data[:size])
            says = "is empty" if size == 0 else "cut short inside its file header"
            assert says in str(error.value)
            assert "\n" not in str(error.value)
            continue
        reading = read_bytes(data[:size])
        there = max(n for end, n in complete.items() if end <= size)
        assert reading.records == whole.records[:there]
        if size in complete:
            assert reading.problems == []
        else:
            (problem,) = reading.problems
            start = whole.records[there].offset
            assert (problem.kind, problem.frame, problem.offset) == ("truncated", there + 1, start)
            assert f"frame {there + 1} at byte {start}: the file is cut short" in problem.message


def test_pcapng_cut_at_every_byte() -> None:
    whole = read_bytes(PCAPNG)
    assert len(whole.records) == 5
    orders = ["<I", "<I", "<I", ">I", ">I"]
    ends = [
        r.offset + struct.unpack_from(o, PCAPNG, r.offset + 4)[0] for r, o in zip(whole.records, orders, strict=True)
    ]
    for size in range(len(PCAPNG)):
        if size < 28:
            with pytest.raises(CaptureError, match=r"is empty|cut short inside its file header"):
                read_bytes(PCAPNG[:size])
            continue
        reading = read_bytes(PCAPNG[:size])
        there = sum(end <= size for end in ends)
        assert reading.records == whole.records[:there]
        kinds = [kind for kind in reading.kinds if kind != "capture_drops"]
        assert kinds in ([], ["truncated"])
        assert (kinds == []) == at_a_block_border(size)


def at_a_block_border(size: int) -> bool:
    """Whether a block of PCAPNG ends at this offset."""
    at, big = 0, False
    while at < size:
        if PCAPNG[at : at + 4] == b"\n\r\r\n":
            big = PCAPNG[at + 8] == 0x1A
        at += struct.unpack_from(">I" if big else "<I", PCAPNG, at + 4)[0]
    return at == size


@pytest.mark.parametrize("data", [pcap(FRAMES), PCAPNG, snoop(FRAMES)])
def test_every_byte_damaged(data: bytes) -> None:
    for at in range(len(data)):
        for value in (0, 0xFF, data[at] ^ 0x80, data[at] ^ 1):
            read_or_error(data[:at] + bytes([value]) + data[at + 1 :])


HEADS = [pcap([]), pcap([], big=True), make.pcap_header(249), make.pcap_header(version=(2, 3)), make.section()]
HEADS += [make.section() + make.interface(), make.section(big=True) + make.interface(big=True), snoop([])]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([b"", *HEADS]), st.binary(max_size=400))
def test_arbitrary_bytes(head: bytes, tail: bytes) -> None:
    read_or_error(head + tail)


BLOCKS = st.builds(
    lambda kind, body, big: make.block(kind, body, big=big),
    st.sampled_from([1, 2, 3, 4, 5, 6, 9, 0xBAD, 0x0A0D0D0A]),
    st.binary(max_size=60),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(BLOCKS, max_size=8), st.booleans())
def test_arbitrary_blocks(blocks: list[bytes], big: bool) -> None:
    reading = read_or_error(make.section(big=big) + make.interface(big=big) + b"".join(blocks))
    assert reading is not None


@pytest.mark.parametrize("build", [pcap, pcapng, snoop])
def test_what_comes_before_a_defect_is_whole(build: Callable[[list[make.Frame]], bytes], tmp_path: object) -> None:
    many = frames(3000, 300)
    data = build(many)
    reading = read_bytes(data[: len(data) // 2])
    assert reading.frames == many[: len(reading.frames)]
    assert 1400 < len(reading.frames) < 1600
    assert reading.kinds == ["truncated"]


class Failing(io.RawIOBase):
    """A device that gives some bytes, then an error."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._data:
            raise OSError(5, "Input/output error")
        data, self._data = self._data, b""
        return data


@pytest.mark.parametrize("extra", [b"", b"abc"])
def test_a_device_that_fails(extra: bytes) -> None:
    reading = read_paths(["-"], Failing(pcap(FRAMES) + extra))  # type: ignore[arg-type]
    assert reading.frames == FRAMES
    (problem,) = reading.problems
    assert (problem.kind, problem.frame) == ("read_error", 7)
    assert "Input/output error" in problem.message


def test_a_device_that_fails_at_once() -> None:
    with pytest.raises(CaptureError, match="Input/output error"):
        read_paths(["-"], Failing(b""))  # type: ignore[arg-type]
