"""The pcapng that is written: what was captured, and what is said about it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from tcptrace_py.capture import Captures, open_captures
from tcptrace_py.capture.writer import MOST_COMMENT, Writer
from tcptrace_py.packet import Record
from tools.captures import SECOND, enhanced, interface, pcapng, section, statistics

TIME = 1_700_000_000 * SECOND + 123_456_789
ADDRESS = bytes((10, 0, 0, 1))
ADDRESS6 = bytes(15) + b"\1"


def read(data: bytes) -> tuple[list[tuple[int, int, bytes, int, int]], Captures]:
    captures = open_captures(["-"], io.BytesIO(data))
    record = Record()
    found = []
    while captures.next(record):
        frame = record.buf[record.at : record.at + record.caplen]
        found.append((int(record.interface), int(record.link), frame, int(record.wirelen), int(record.time)))
    return found, captures


def write(
    data: bytes, comments: dict[int, Sequence[str]] | None = None, near: Sequence[bytes] = (), until: int = TIME
) -> bytes:
    captures = open_captures(["-"], io.BytesIO(data))
    record, out = Record(), io.BytesIO()
    writer = Writer(out, "made for a test", comments or {}, near)
    while captures.next(record):
        writer.frame(record)
    writer.finish(until)
    return out.getvalue()


def test_times_lengths_interfaces_and_link_types_are_kept() -> None:
    original = b"".join(
        [
            section(),
            interface(1, tsresol=9),
            interface(113, tsresol=9),
            interface(1, tsresol=6),
            enhanced(TIME, b"ethernet.", wirelen=1500),
            enhanced(TIME + 1, b"cooked", interface=1),
            enhanced(TIME // 1000, b"again", interface=2, wirelen=2**31),
            enhanced(TIME + 2, b"", interface=0, wirelen=60),
        ]
    )
    before, _ = read(original)
    after, captures = read(write(original))
    assert after == before
    assert captures.problems == []
    assert captures.link_types == [1, 113]


def test_comments_go_with_their_frames() -> None:
    original = pcapng([(TIME, b"one"), (TIME + 1, b"two"), (TIME + 2, b"three")])
    data = write(original, {2: ["first", "zwei · 2"], 9: ["nowhere"], 3: ["x" * 70_000]})
    frames, captures = read(data)
    assert [frame[2:] for frame in frames] == [(b"one", 3, TIME), (b"two", 3, TIME + 1), (b"three", 5, TIME + 2)]
    assert captures.comments == [(None, "made for a test"), (2, "first"), (2, "zwei · 2"), (3, "x" * MOST_COMMENT)]


def test_a_capture_without_frames_is_one() -> None:
    frames, captures = read(write(pcapng([])))
    assert frames == []
    assert captures.comments == [(None, "made for a test")]


def test_until_when_and_where_it_was_captured_is_believed_of_this_program_alone() -> None:
    data = write(pcapng([(TIME, b"one")]), near=(ADDRESS, ADDRESS6), until=TIME + 60 * SECOND)
    _, captures = read(data)
    assert captures.observed_until == TIME + 60 * SECOND
    assert captures.near == [ADDRESS, ADDRESS6]
    _, captures = read(data.replace(b"tcpfsm extract", b"editcap 4.0.17"))
    assert captures.observed_until == -1
    assert captures.near == []


def test_an_ordinary_capture_tells_neither() -> None:
    _, captures = read(pcapng([(TIME, b"one")]) + statistics(ifdrop=0))
    assert (captures.observed_until, captures.near) == (-1, [])
