"""Compressed captures: recognised by their magic, undone in bounded steps, saved up to a defect."""

from __future__ import annotations

import bz2
import gzip
import importlib
import importlib.util
import lzma
import os
import random
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.errors import CaptureError
from tools.captures import frames, pcap, pcapng
from tools.reading import read_bytes, read_or_error, read_paths


def find_zstd() -> ModuleType | None:
    try:
        return importlib.import_module("compression.zstd")  # Python 3.14
    except ImportError:
        return importlib.import_module("backports.zstd") if importlib.util.find_spec("backports") else None


ZSTD = find_zstd()


def zstd(data: bytes) -> bytes:
    if ZSTD is None:
        pytest.skip("no zstd in this Python")
    compressed: bytes = ZSTD.compress(data, options={ZSTD.CompressionParameter.checksum_flag: 1})  # as the program does
    return compressed


Compress = Callable[[bytes], bytes]
FRAMES = frames(40, 60)
COMPRESSIONS = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("bzip2", bz2.compress, id="bzip2"),
    pytest.param("xz", lzma.compress, id="xz"),
    pytest.param("zstd", zstd, id="zstd"),
]
each = pytest.mark.parametrize(("name", "compress"), COMPRESSIONS)


@each
def test_from_a_file(name: str, compress: Compress, tmp_path: Path) -> None:
    path = tmp_path / "capture"  # the name says nothing
    path.write_bytes(compress(pcap(FRAMES)))
    reading = read_paths([str(path)])
    assert reading.frames == FRAMES
    assert reading.problems == []
    source = reading.captures.sources[0]
    assert (source.format, source.compression, source.size) == ("pcap", name, path.stat().st_size)
    assert reading.captures.bytes_read == path.stat().st_size


@each
def test_from_standard_input(name: str, compress: Compress) -> None:
    reading = read_bytes(compress(pcapng(FRAMES)))
    assert reading.frames == FRAMES
    source = reading.captures.sources[0]
    assert (source.format, source.compression, source.size) == ("pcapng", name, None)


@each
def test_members_one_behind_the_other(name: str, compress: Compress) -> None:
    data = pcap(FRAMES)
    reading = read_bytes(compress(data[:1000]) + compress(b"") + compress(data[1000:]))
    assert reading.frames == FRAMES
    assert reading.problems == []


@each
def test_zeros_behind_the_last_member(name: str, compress: Compress) -> None:
    reading = read_bytes(compress(pcap(FRAMES)) + bytes(512))
    assert reading.frames == FRAMES
    assert reading.problems == []


@each
def test_other_bytes_behind_the_last_member(name: str, compress: Compress) -> None:
    reading = read_bytes(compress(pcap(FRAMES)) + b"something else, and not short of a header")
    assert reading.frames == FRAMES
    (problem,) = reading.problems
    assert (problem.kind, problem.frame) == ("corrupt", 41)
    assert f"the {name} data is followed by other bytes" in problem.message


@each
def test_cut_short(name: str, compress: Compress) -> None:
    noise = random.Random(1)
    many = [(time, noise.randbytes(len(data))) for time, data in frames(6000, 300)]  # bzip2 packs 900 kB at a time
    packed = compress(pcap(many))
    reading = read_bytes(packed[: len(packed) * 3 // 4])
    assert len(reading.frames) > 2000
    assert reading.frames == many[: len(reading.frames)]
    (problem,) = reading.problems
    assert (problem.kind, problem.frame) == ("truncated", len(reading.frames) + 1)
    assert f"the {name} data is cut short at byte {len(packed) * 3 // 4} of the compressed file" in problem.message


@each
def test_cut_at_every_byte(name: str, compress: Compress) -> None:
    packed = compress(pcap(FRAMES[:3]))
    for size in range(len(packed)):
        reading = read_or_error(packed[:size])
        if reading is not None:
            assert reading.frames == FRAMES[: len(reading.frames)]
            assert reading.kinds == ["truncated"]


@each
def test_corrupt_in_the_middle(name: str, compress: Compress) -> None:
    noise = random.Random(1)
    many = [(time, noise.randbytes(len(data))) for time, data in frames(6000, 300)]
    packed = bytearray(compress(pcap(many)))
    middle = len(packed) * 2 // 3
    packed[middle : middle + 64] = bytes(64)
    reading = read_bytes(bytes(packed))
    intact = sum(got == made for got, made in zip(reading.frames, many, strict=False))
    assert intact > 2000  # bzip2 checks 900 kB at a time
    assert "corrupt" in reading.kinds


def test_a_wrong_checksum_costs_no_frame() -> None:
    packed = bytearray(gzip.compress(pcap(FRAMES)))
    packed[-8] ^= 1
    reading = read_bytes(bytes(packed))
    assert reading.frames == FRAMES
    (problem,) = reading.problems
    assert problem.kind == "corrupt"
    assert "incorrect data check" in problem.message


def test_gzip_gives_all_before_the_defect() -> None:
    many = frames(500, 300)
    data = pcap(many)
    start = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = start.compress(data[:100_000]) + start.flush(zlib.Z_FULL_FLUSH)
    reading = read_bytes(packed + b"\x07" + b"\xff" * 100)  # 7: a block of a type that is none
    assert reading.frames == many[: len(reading.frames)]
    assert reading.problems[0].offset is not None
    assert 100_000 - 400 < reading.problems[0].offset <= 100_000
    assert "does not decompress" in reading.problems[0].message


@each
def test_damaged_beyond_recognition(name: str, compress: Compress) -> None:
    packed = compress(pcap(FRAMES))
    with pytest.raises(CaptureError, match=f"the {name} data does not decompress|is cut short"):
        read_bytes(packed[:6] + b"\xff" * 60)


@each
def test_not_a_capture_inside(name: str, compress: Compress) -> None:
    with pytest.raises(CaptureError, match="is not a capture that can be read"):
        read_bytes(compress(b"Dear diary"))
    with pytest.raises(CaptureError, match="is empty"):
        read_bytes(compress(b""))


@each
def test_the_header_alone_cut_short_inside(name: str, compress: Compress) -> None:
    with pytest.raises(CaptureError, match="cut short inside its file header"):
        read_bytes(compress(pcap(FRAMES)[:20]))


def test_a_bomb_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(pcap([]))
        for _ in range(200):
            file.write(pcap([(0, bytes(262_000))] * 4)[24:])
    import tracemalloc

    from tcptrace_py.capture import open_captures
    from tcptrace_py.packet import Record

    captures = open_captures([str(path)])
    record = Record()
    count = 0
    tracemalloc.start()
    while captures.next(record):
        count += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 800
    assert peak < 8_000_000


def test_many_tiny_members_do_not_exhaust_the_stack() -> None:
    data = pcap(FRAMES[:5])
    packed = b"".join(gzip.compress(data[at : at + 1]) for at in range(len(data))) + gzip.compress(b"") * 20_000
    reading = read_bytes(packed)
    assert reading.frames == FRAMES[:5]
    assert reading.problems == []


@each
def test_what_is_complete_is_delivered_at_once(name: str, compress: Compress) -> None:
    """Over a pipe whose writer stays silent after the first member."""
    from tcptrace_py.capture import open_captures
    from tcptrace_py.packet import Record

    packed = compress(pcap(FRAMES[:3]))
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as file:
        os.write(writer, packed)
        captures = open_captures(["-"], file)
        record = Record()
        for number in (1, 2, 3):
            assert captures.next(record)
            assert record.number == number
        os.close(writer)
        assert not captures.next(record)
        assert captures.problems == []


def test_without_zstd_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    with pytest.raises(CaptureError, match=r"compressed with zstd; run: pip install backports\.zstd"):
        read_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        [b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", gzip.compress(pcap(FRAMES))]
    ),
    st.binary(max_size=200),
)
def test_arbitrary_bytes_behind_a_magic(head: bytes, tail: bytes) -> None:
    reading = read_or_error(head + tail)
    if reading is not None:
        assert reading.frames[:40] == FRAMES
