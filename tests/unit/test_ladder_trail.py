"""tcptrace_py.ladder.trail: folding, bounds, and which frame comes again."""

from __future__ import annotations

from tcptrace_py.ladder import trail as tr
from tcptrace_py.ladder.trail import Fold, Frame, Trail

MS = 1_000_000


def data(number: int, side: int = 0, time: int | None = None, length: int = 100) -> Frame:
    frame = Frame(number, number * MS if time is None else time, side, 0x10)
    frame.length = length
    frame.plain = True
    return frame


def shape(trail: Trail) -> list[int | tuple[int, int, int]]:
    """Numbers of frames; of folds first, last and count."""
    return [row.number if isinstance(row, Frame) else (row.first, row.last, row.frames) for row in trail.rows()]


def fill(trail: Trail, count: int, start: int = 1) -> Trail:
    for n in range(start, start + count):
        trail.add(data(n))
    return trail


def test_a_short_run_is_shown_whole() -> None:
    assert shape(fill(Trail(), 6)) == [1, 2, 3, 4, 5, 6]


def test_a_long_run_is_folded_but_for_its_ends() -> None:
    trail = fill(Trail(), 100)
    assert shape(trail) == [1, 2, (3, 98, 96), 99, 100]
    fold = trail.rows()[2]
    assert isinstance(fold, Fold)
    assert (fold.data, fold.bytes, fold.acks) == ([96, 0], [9600, 0], [0, 0])
    assert (fold.start, fold.end) == (3 * MS, 98 * MS)


def test_nothing_is_folded_when_all_is_wanted() -> None:
    assert shape(fill(Trail(whole=True), 20)) == list(range(1, 21))


def test_a_frame_that_matters_ends_a_run() -> None:
    trail = fill(Trail(), 10)
    fin = Frame(11, 11 * MS, 0, 0x11)
    trail.add(fin)
    fill(trail, 3, 12)
    assert shape(trail) == [1, 2, (3, 8, 6), 9, 10, 11, 12, 13, 14]


def test_a_pause_ends_a_run_but_keepalives_go_on() -> None:
    trail = fill(Trail(), 4)
    trail.add(data(5, time=5 * tr.PAUSE))
    assert len(trail.run) == 1
    quiet = Trail()
    for n in range(20):
        probe = data(n, time=n * 10 * tr.PAUSE, length=0)
        probe.mark(tr.KEEPALIVE)
        quiet.add(probe)
    assert shape(quiet) == [0, 1, (2, 17, 16), 18, 19]


def test_rows_are_bounded_however_long_the_connection_is() -> None:
    trail = Trail(most=5)
    for n in range(1, 50_001):
        frame = data(n, side=n & 1)
        frame.plain = False
        trail.add(frame)
    rows = trail.rows()
    assert len(rows) == 11
    cut = rows[5]
    assert isinstance(cut, Fold)
    assert cut.cut
    assert (cut.first, cut.last, cut.frames) == (6, 49_995, 49_990)
    assert sum(cut.bytes) == 4_999_000


def test_what_is_remembered_for_repetitions_is_bounded() -> None:
    trail = Trail()
    for n in range(10_000):
        trail.sent(data(n), n * 100, n * 100 + 100)
    assert len(trail.waiting[0]) == tr.RECENT


def test_a_repeated_frame_is_unanswered() -> None:
    trail = Trail()
    first, again = data(1), data(2)
    assert trail.sent(first, 1, 101) == -1
    assert trail.sent(again, 1, 101) == 1
    assert first.marks == [tr.Mark(tr.UNANSWERED, 2)]


def test_an_acknowledged_frame_that_comes_again_shows_that_the_ack_was_in_vain() -> None:
    trail = Trail()
    first, ack, again = data(1), data(2, side=1, length=0), data(3)
    ack.ack = 101
    trail.sent(first, 1, 101)
    trail.acknowledge(ack, 101)
    assert trail.sent(again, 1, 101) == 1
    assert first.marks == []
    assert ack.marks == [tr.Mark(tr.UNHEEDED, 3)]


def test_a_syn_ack_repeats_no_syn() -> None:
    trail = Trail()
    syn, syn_ack = Frame(1, 0, 0, 0x02), Frame(3, 1, 0, 0x12)
    trail.sent(syn, 0, 1)
    assert trail.sent(syn_ack, 0, 1) == -1
    assert syn.marks == []


def test_a_reset_answers() -> None:
    trail = Trail()
    syn = Frame(1, 0, 0, 0x02)
    trail.sent(syn, 0, 1)
    trail.answer(Frame(2, 1, 1, 0x14))
    assert trail.sent(Frame(3, 2, 0, 0x02), 0, 1) == 1
    assert syn.marks == []


def test_a_mark_that_comes_late_finds_the_fold() -> None:
    trail = Trail()
    frames = [data(n) for n in range(1, 21)]
    for n, frame in enumerate(frames):
        trail.sent(frame, n * 100, n * 100 + 100)
        trail.add(frame)
    trail.sent(data(21), 500, 600)
    fold = trail.rows()[2]
    assert isinstance(fold, Fold)
    assert (fold.marks, fold.lost) == ({tr.UNANSWERED: 1}, [6])
