"""Whatever passes, streams stay within their bounds and tell nothing twice: numbers that jump, wrap and contradict each other."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from tcptrace_py.capture import open_captures
from tcptrace_py.packet import Record
from tcptrace_py.reassembly import pieces as bounds
from tools.captures import pcap
from tools.outlets import Exchange, Kept
from tools.program import here
from tools.talk import Talk

EDGES = (
    0,
    1,
    2,
    100,
    1 << 16,
    (1 << 30) - 1,
    1 << 30,
    (1 << 30) + 1,
    (1 << 31) - 1,
    1 << 31,
    (1 << 31) + 1,
    (1 << 32) - 1,
)
numbers = some.one_of(some.integers(0, 300), some.sampled_from(EDGES), some.integers(0, (1 << 32) - 1))
segments = some.lists(
    some.tuples(
        some.integers(0, 1),
        some.lists(some.sampled_from("SFRPU."), max_size=4, unique=True),
        numbers,
        numbers,
        some.binary(max_size=12),
        some.integers(0, 12),
        some.integers(0, 65535),
        some.integers(-1, 14),
    ),
    max_size=40,
)


def check(kept: Kept, side: int, fed: int) -> None:
    """What was told of a stream is in order, and no more than was fed."""
    at = None
    for piece in kept.pieces[side]:
        assert at is None or piece.start >= at
        at = piece.start + len(piece.data)
    assert len(kept.text(side)) <= fed
    end = None
    for hole in kept.holes[side]:
        assert hole.start < hole.end
        assert hole.end - hole.start < 1 << 33
        assert end is None or hole.start >= end
        end = hole.end


@settings(max_examples=300, deadline=None)
@given(segments, some.booleans())
def test_any_segments_at_all(
    given_segments: list[tuple[int, list[str], int, int, bytes, int, int, int]], eager: bool
) -> None:
    x = Exchange(eager=eager)
    fed = [0, 0]
    for side, letters, seq, ack, data, cut, window, wscale in given_segments:
        x.send(side, "".join(letters), seq, ack, data, length=len(data) + cut, window=window, wscale=wscale)
        fed[side] += len(data)
    kept = x.end()
    for side in (0, 1):
        check(kept, side, fed[side])
    for stream in (x.talk.client, x.talk.server):
        assert (stream.waiting, stream.kept, stream.unhanded) == (0, 0, 0)
        assert stream.bytes == len(kept.text(int(stream.side)))
    assert x.talk.client.budget.held == 0


def test_a_walk_in_steps_of_a_gigabyte_takes_no_memory() -> None:
    x = Exchange().handshake()
    for n in range(1, 3000):
        x.client(".", 101 + n * ((1 << 30) - 1), 301, b"x").server(".", 301, 102 + n * ((1 << 30) - 1))
        assert x.talk.client.budget.held < 3 * bounds.KEEP
    kept = x.end()
    assert len(kept.text()) == 2999
    assert kept.holes[0][-1].end == 2999 * ((1 << 30) - 1)


def test_a_hostile_capture_writes_into_its_folder_alone(tmp_path: Path) -> None:
    talk = Talk().handshake()
    for n in range(40):  # overlaps, gaps of 2^31, and a hole that nobody could fill
        talk.send("client", "PA", (101 + n * 0x3FFFFFF0) % 2**32, 301, bytes([n]) * 30)
        talk.send("client", "PA", (101 + n * 0x3FFFFFF0 + 10) % 2**32, 301, bytes([n + 1]) * 30)
        talk.send("server", "A", 301, (131 + n * 0x3FFFFFF0) % 2**32)
    talk.send("client", "FA", 2**31, 301)
    data = pcap(talk.frames)
    (tmp_path / "c.pcap").write_bytes(data)
    for fill in ((), ("--fill", "0")):
        folder = tmp_path / f"out{len(fill)}"
        assert here("extract", tmp_path / "c.pcap", "--streams", folder, "--quiet", *fill) == 0
        assert {path.name for path in tmp_path.iterdir()} <= {"c.pcap", "out0", "out2"}
        (written,) = folder.glob("*client*")
        assert written.stat().st_size <= (1 << 30) + 4096
        assert written.stat().st_blocks * 512 < 1 << 20 if hasattr(written.stat(), "st_blocks") else True


def test_a_record_may_claim_any_length(tmp_path: Path) -> None:
    talk = Talk().handshake().send("client", "PA", 101, 301, b"x" * 100)
    data = bytearray(pcap(talk.frames))
    struct.pack_into("<H", data, 24 + 3 * (16 + 54) + 16 + 16, 0xFFFF)  # the IP length of the last frame
    captures, record = open_captures(["-"], io.BytesIO(bytes(data))), Record()
    while captures.next(record):
        pass
    assert captures.problems == []
    (tmp_path / "c.pcap").write_bytes(data)
    assert here("extract", tmp_path / "c.pcap", "--streams", tmp_path / "s", "--quiet") == 0
    assert next((tmp_path / "s").glob("*client*")).read_bytes() == b"x" * 100
