"""One direction, held against a model: every byte is its first copy, and what is no byte is a hole."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as some

from tcptrace_py.reassembly import pieces as module
from tcptrace_py.reassembly.pieces import Budget
from tcptrace_py.reassembly.stream import Stream
from tools.outlets import Kept

LENGTH = 400


def make(kept: Kept, *, eager: bool = False) -> Stream:
    made = Stream(1, 0, kept, Budget(1 << 30), eager)
    made.begin(1000)
    return made


segments = some.lists(
    some.tuples(some.integers(0, LENGTH - 1), some.integers(1, 60), some.integers(0, 60), some.integers(0, 255)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(segments, some.booleans(), some.integers(0, LENGTH))
def test_every_byte_is_its_first_copy(given_segments: list[tuple[int, int, int, int]], eager: bool, acked: int) -> None:
    kept = Kept()
    stream = make(kept, eager=eager)
    first: dict[int, int] = {}
    for frame, (start, length, cut, value) in enumerate(given_segments, 1):
        end = min(start + length, LENGTH)
        data = bytes((offset * 7 + (value if value < 40 else 0)) & 0xFF for offset in range(start, end))
        captured = max(0, end - start - cut) if cut < 10 else end - start
        top = max(first, default=-1)
        probe = end - start == 1 and start == top
        stream.add(start, end - start, b"??" + data[:captured], 2, captured, frame)
        if probe:
            continue
        for offset in range(start, start + captured):
            first.setdefault(offset, data[offset - start])
    stream.acknowledge(acked, 1 << 20)
    stream.close()
    told: dict[int, int] = {}
    at = 0
    gaps = {h.start: h for h in kept.holes[0]}
    for piece in kept.pieces[0]:
        while at < piece.start:  # holes only
            at = gaps[at].end
        assert at == piece.start
        for byte in piece.data:
            told[at] = byte
            at += 1
    late = {offset for start, end, _ in kept.lates[0] for offset in range(start, end)}
    lost = {offset for hole in kept.holes[0] for offset in range(hole.start, hole.end)}
    assert told == {offset: byte for offset, byte in first.items() if offset not in lost}
    assert {offset for offset in first if offset in lost} <= late  # cut, given up, and then come in full
    assert stream.missing_bytes == len(lost)
    assert stream.bytes == len(told)
    assert eager or all(hole.acknowledged == (hole.end <= acked) for hole in kept.holes[0])
    assert stream.budget.held == 0


def test_a_single_byte_that_was_cut_before_is_no_keep_alive() -> None:
    kept = Kept()
    stream = make(kept)
    stream.add(1, 1, b"", 0, 0, 1)
    stream.add(1, 1, b"b", 0, 1, 2)
    stream.close()
    assert kept.text() == b"b"


def test_a_hole_is_given_up_when_it_is_acknowledged_and_enough_has_come_since() -> None:
    kept = Kept()
    stream = make(kept)
    stream.add(0, 1000, bytes(1000), 0, 1000, 1)
    for n in range(2, 80):
        stream.add(n * 1000, 1000, bytes(1000), 0, 1000, n)
    assert stream.next == 1000  # it may still come
    stream.acknowledge(2000, 1 << 20)
    assert stream.next == 80_000
    stream.add(1000, 1000, bytes(1000), 0, 1000, 99)
    stream.close()
    assert [(h.start, h.end, h.acknowledged) for h in kept.holes[0]] == [(1000, 2000, True)]
    assert kept.lates[0] == [(1000, 2000, 99)]
    assert stream.late_bytes == 1000


def test_an_acknowledged_hole_can_be_filled_soon_after() -> None:
    kept = Kept()
    stream = make(kept)
    stream.add(3, 3, b"def", 0, 3, 1)
    stream.acknowledge(6, 100)
    stream.add(0, 3, b"abc", 0, 3, 2)
    stream.close()
    assert kept.text() == b"abcdef"
    assert kept.holes[0] == []


def test_what_waits_is_bounded_whether_it_is_much_or_in_small_pieces() -> None:
    kept = Kept()
    stream = make(kept)
    block = bytes(256 * 1024)
    for n in range(700):
        stream.add(1 + n * len(block), len(block), block, 0, len(block), n)
        assert stream.waiting <= module.MOST_WAITING
    assert stream.forced_bytes == 1
    stream = make(kept)
    for n in range(module.MOST_PIECES + 10):
        stream.add(1 + 2 * n, 1, b"x", 0, 1, n)
        assert len(stream.pieces) - stream.ready <= module.MOST_PIECES
    assert stream.forced_bytes > 0
    assert stream.kept + stream.waiting == stream.budget.held


def test_single_bytes_in_the_worst_order_stay_affordable() -> None:
    kept = Kept()
    stream = make(kept)
    places = list(range(1, 6001))
    random.Random(1).shuffle(places)
    for n, place in enumerate(places):
        stream.add(2 * place, 1, b"x", 0, 1, n)
    stream.close()
    assert stream.bytes == 6000
    assert stream.holes == 6000


def test_what_was_handed_on_is_kept_for_a_while_to_compare_with() -> None:
    kept = Kept()
    stream = make(kept)
    block = bytes(1000)
    for n in range(2000):
        stream.add(n * 1000, 1000, block, 0, 1000, n)
    assert stream.kept <= 3 * module.KEEP
    stream.add(1_999_000, 1000, b"\1" * 1000, 0, 1000, 5000)
    stream.add(0, 1000, b"\1" * 1000, 0, 1000, 5001)  # too long ago
    assert stream.conflicts == 1
    assert stream.repeated_bytes == 2000
    stream.close()
    assert kept.text() == bytes(2_000_000)


def test_a_hole_is_told_when_it_is_acknowledged_or_too_many_wait() -> None:
    kept = Kept()
    stream = make(kept)
    for n in range(3 * module.MOST_GAPS):
        stream.add(10 * n, 10, b"12345", 0, 5, n)
    assert len(kept.holes[0]) == 2 * module.MOST_GAPS
    assert not any(hole.acknowledged for hole in kept.holes[0])
    stream.acknowledge(30 * module.MOST_GAPS, 1 << 20)
    stream.close()
    assert len(kept.holes[0]) == 3 * module.MOST_GAPS
    assert all(hole.acknowledged for hole in kept.holes[0][2 * module.MOST_GAPS :])
    assert [hole.position for hole in kept.holes[0]] == list(range(5, 15 * module.MOST_GAPS + 5, 5))
    assert len(stream.gaps) <= 2 * module.MOST_GAPS


def test_holes_side_by_side_are_one() -> None:
    kept = Kept()
    stream = make(kept)
    for n in range(5):
        stream.add(n * 10, 10, b"", 0, 0, n)  # only headers were captured
    stream.close()
    assert [(h.start, h.end, h.cut) for h in kept.holes[0]] == [(0, 50, True)]


def test_what_comes_too_late_is_told_from_what_comes_again() -> None:
    kept = Kept()
    stream = make(kept)
    stream.add(0, 5, b"hello", 0, 5, 1)
    stream.add(7, 5, b"world", 0, 5, 2)
    stream.relieve()
    stream.add(0, 12, b"hello, world", 0, 12, 3)
    assert (stream.late_bytes, stream.repeated_bytes) == (2, 10)
    assert kept.lates[0] == [(5, 7, 3)]


def test_memory_runs_short() -> None:
    kept = Kept()
    stream = make(kept)
    stream.add(0, 5, b"hello", 0, 5, 1)
    stream.add(7, 5, b"world", 0, 5, 2)
    stream.relieve()
    assert stream.budget.held == 0
    assert kept.text() == b"helloworld"
    assert stream.forced_bytes == 2
