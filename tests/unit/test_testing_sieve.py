"""What comes out of a capture tool, byte by byte or at once: all is kept but the probes."""

from __future__ import annotations

import io
import struct
import sys

import pytest

from tcptrace_py.errors import CaptureError
from tcptrace_py.testing.sieve import Sieve
from tools import captures as made

TOKEN = b"0123456789abcdef"
BIG = sys.byteorder == "big"
FRAMES = made.frames(5)
PROBES = [(FRAMES[n][0], b"\0" * 42 + TOKEN + struct.pack("!I", n)) for n in (0, 3)]
MIXED = [PROBES[0], *FRAMES[:3], PROBES[1], *FRAMES[3:]]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("kind", ["pcap", "nanoseconds", "pcapng"])
def test_probes_are_left_out(kind: str, step: int) -> None:
    def capture(frames: list[made.Frame]) -> bytes:
        if kind == "pcapng":
            return made.pcapng(frames, big=BIG)
        return made.pcap(frames, nano=kind == "nanoseconds", big=BIG)

    out = io.BytesIO()
    sieve = Sieve(out, TOKEN)
    data = capture(MIXED)
    for at in range(0, len(data), step):
        sieve.feed(data[at : at + step])
    assert out.getvalue() == capture(FRAMES)
    assert (sieve.packets, sieve.probe) == (5, 3)
    sieve.finish()
    assert out.getvalue() == capture([*FRAMES, PROBES[1]]), "the last one shows until when was captured"


def test_what_has_not_come_whole_is_not_written() -> None:
    out = io.BytesIO()
    sieve = Sieve(out, TOKEN)
    data = made.pcap(FRAMES, big=BIG)
    sieve.feed(data[:-1])
    assert out.getvalue() == made.pcap(FRAMES[:-1], big=BIG)
    sieve.feed(data[-1:])
    assert out.getvalue() == data


@pytest.mark.parametrize(
    "data",
    [
        b"not a capture at all, whatever it is",
        made.pcap([], big=BIG) + b"\xff" * 16,
        struct.pack("=II", 0x0A0D0D0A, 4) + bytes(24),
        struct.pack("=II", 0x0A0D0D0A, 1 << 30) + bytes(24),
    ],
)
def test_what_is_no_capture_is_an_error(data: bytes) -> None:
    with pytest.raises(CaptureError):
        Sieve(io.BytesIO(), TOKEN).feed(data)
