"""Pipes that grow: what is complete is delivered at once, the rest is waited for."""

from __future__ import annotations

import gzip
import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.capture.streams import FileStream, PipeStream, RawBytes
from tcptrace_py.packet import Record
from tools import captures as make
from tools.captures import frames, pcap, pcapng, snoop
from tools.reading import Copy, copy, read_bytes, read_paths

FRAMES = frames(8)
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes as Unix has them")


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Reading end and writing end."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as source, open(writer, "wb", buffering=0) as sink:
        yield source, sink


@pytest.mark.parametrize("build", [pcap, pcapng, snoop])
@pytest.mark.parametrize("buffered", [False, True])
def test_one_byte_at_a_time(build: object, buffered: bool, pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """Each frame is there as soon as its last byte is: the next byte is only written once it has been seen."""
    assert callable(build)
    data: bytes = build(FRAMES)
    whole = read_bytes(data)
    header_end = whole.records[0].offset
    ends = [r.offset for r in whole.records[1:]] + [len(data)]
    source, sink = pipe
    if buffered:
        source = os.fdopen(os.dup(source.fileno()), "rb")
    seen: list[Copy] = []
    failures: list[str] = []
    news = threading.Condition()

    def write() -> None:
        for at in range(len(data)):
            complete = sum(end <= at for end in ends)
            with news:
                if not news.wait_for(lambda wanted=complete: len(seen) >= wanted, timeout=60):  # type: ignore[misc]
                    failures.append(f"{len(seen)} frames delivered when {complete} were complete, at byte {at}")
                    break
            sink.write(data[at : at + 1])
        sink.close()

    writer = threading.Thread(target=write)
    writer.start()
    captures = open_captures(["-"], source)
    record = Record()
    while captures.next(record):
        with news:
            seen.append(copy(record))
            news.notify()
    writer.join()
    captures.close()
    source.close()
    assert failures == []
    assert seen == whole.records
    assert captures.problems == []
    assert header_end > 0


def test_a_gzip_pipe_is_read_as_it_grows(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    source, sink = pipe
    with gzip.GzipFile(fileobj=sink, mode="wb") as packer:
        packer.write(pcap(FRAMES[:3]))
        packer.flush()  # all that was written can now be had, and more will come
        captures = open_captures(["-"], source)
        record = Record()
        for time_, data in FRAMES[:3]:
            assert captures.next(record)
            assert (record.time, copy(record).data) == (time_, data)


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(pcap(FRAMES),))
    writer.start()
    reading = read_paths([str(path)])
    writer.join()
    assert reading.frames == FRAMES
    assert reading.captures.sources[0].size is None


def test_a_named_pipe_behind_a_file_is_opened_at_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    file = tmp_path / "file"
    file.write_bytes(pcap(FRAMES[:4]))
    captures = open_captures([str(file), str(path)])  # does not wait for a writer
    writer = threading.Thread(target=path.write_bytes, args=(pcap(FRAMES[4:]),))
    writer.start()
    record = Record()
    got = []
    while captures.next(record):
        got.append((record.time, copy(record).data))
    writer.join()
    assert got == FRAMES


def test_a_large_record_in_small_pieces(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    source, sink = pipe
    data = pcap([(1000, os.urandom(262_144)), FRAMES[0]])

    def write() -> None:
        for at in range(0, len(data), 100):
            sink.write(data[at : at + 100])
        sink.close()

    writer = threading.Thread(target=write)
    writer.start()
    reading = read_paths(["-"], source)
    writer.join()
    assert [len(r.data) for r in reading.records] == [262_144, len(FRAMES[0][1])]


def test_standard_input_that_does_not_block(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    source, sink = pipe
    os.set_blocking(source.fileno(), False)
    with os.fdopen(os.dup(source.fileno()), "rb") as buffered:
        data = pcap(FRAMES)

        def write() -> None:
            for at in range(0, len(data), 50):
                time.sleep(0.002)
                sink.write(data[at : at + 50])
            sink.close()

        writer = threading.Thread(target=write)
        writer.start()
        reading = read_paths(["-"], buffered)
        writer.join()
    assert reading.frames == FRAMES


def test_standard_input_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pcap(FRAMES))))
    assert read_paths(["-"]).frames == FRAMES


def test_an_interrupt_stops_the_waiting_and_loses_nothing(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    source, sink = pipe
    data = pcap(FRAMES[:2])
    sink.write(data[:-5])
    captures = open_captures(["-"], source)
    record = Record()
    assert captures.next(record)
    before = signal.signal(
        signal.SIGALRM, signal.default_int_handler
    )  # as Ctrl-C does, which not every test runner lets in
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            captures.next(record)
    finally:
        signal.signal(signal.SIGALRM, before)
    sink.write(data[-5:])
    assert captures.next(record)
    assert (record.time, copy(record).data, record.number) == (*FRAMES[1], 2)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 262_143, 262_144, 262_145, 262_208, 262_209, 600_000])
def test_files_and_pipes_give_the_same_bytes(size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    path = tmp_path / "x"
    path.write_bytes(data)
    for need in (1, 100, 262_144, 300_000, 700_000):
        file = FileStream(open(path, "rb", buffering=0))  # noqa: SIM115
        pipe = PipeStream(RawBytes(io.BytesIO(data), owned=True))
        for stream in (file, pipe):
            base, tail = 0, b""
            while True:
                buf = stream.fill(base, tail, need)
                end = len(buf) - 64
                assert buf[:end] == data[base : base + end]
                if end < need:
                    break
                used = max(need, end - 50)
                base += used
                tail = buf[used:end]
            assert base + end == size
            assert stream.consumed() == size
            stream.close()


def test_records_at_every_place_of_a_chunk_border(tmp_path: Path) -> None:
    """The first record shifts the others so that each byte of one comes to lie on the border of two chunks."""
    path = tmp_path / "x"
    small = [(time_, data[:7]) for time_, data in FRAMES]
    for shift in range(0, 180, 3):
        first = (1000, bytes(262_144 - 24 - 16 - 150 + shift))
        path.write_bytes(pcap([first, *small]))
        assert read_paths([str(path)]).frames == [first, *small]
        path.write_bytes(
            make.section() + make.interface(tsresol=9) + b"".join(make.enhanced(t, d) for t, d in [first, *small])
        )
        assert read_paths([str(path)]).frames == [first, *small]
