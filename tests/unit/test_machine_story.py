"""The story of a connection in three words: how it opened, how it closed, what became of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.story import CLOSINGS, OPENINGS, OUTCOMES
from tools.segments import Talk


def four_way(t: Talk) -> Talk:
    t.established()
    start = t.ms
    t.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    return t.at(start + 100).server("F.", 311, 112).client(".", 112, 312)


def three_segments(t: Talk) -> Talk:
    t.established()
    start = t.ms
    return t.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)


def simultaneous_close(t: Talk) -> Talk:
    t.established()
    start = t.ms
    t.client("F.", 111, 311).at(start + 5).server("F.", 311, 111)
    return t.at(start + 20).server(".", 312, 112).client(".", 112, 312)


def half_closed(t: Talk) -> Talk:
    t.established()
    start = t.ms
    return t.client("F.", 111, 311).at(start + 20).server(".", 311, 112)


def reset(t: Talk) -> Talk:
    return t.established().client("R.", 111, 311)


def refused(t: Talk) -> Talk:
    return t.client("S", 100).server("R.", 0, 101)


def unanswered(t: Talk) -> Talk:
    return t.client("S", 100).at(1000).client("S", 100)


def half_open(t: Talk) -> Talk:
    return t.client("S", 100).server("S.", 300, 101).at(1000).server("S.", 300, 101)


def midstream(t: Talk) -> Talk:
    return t.client("P.", 5000, 9000, 10).server(".", 9000, 5010)


def simultaneous_open(t: Talk) -> Talk:
    t.client("S", 100).server("S", 300).at(20).server("S.", 300, 101).client("S.", 100, 301)
    return t.at(50).client("P.", 101, 301, 10).at(70).server(".", 301, 111)


def fast_open(t: Talk) -> Talk:
    syn = t.make(t.to_server, "S", 100, 0, 10)
    syn.fast_open = 8
    t.feed(syn)
    return t.at(20).server("S.", 300, 111).client(".", 111, 301)


def close_cut_short(t: Talk) -> Talk:
    t.established()
    start = t.ms
    return t.client("F.", 111, 311).at(start + 20).server("F.", 311, 112)


STORIES: list[tuple[Callable[[Talk], Talk], float, str, str, str]] = [
    (four_way, 100, "three_way", "four_way", "closed"),
    (three_segments, 100, "three_way", "three_way", "closed"),
    (simultaneous_close, 100, "three_way", "simultaneous", "closed"),
    (close_cut_short, 100, "three_way", "incomplete", "open"),
    (half_closed, 1_000, "three_way", "half_closed", "open"),
    (half_closed, 100_000, "three_way", "half_closed", "stuck"),
    (reset, 100, "three_way", "reset", "reset"),
    (Talk.established, 100, "three_way", "none", "open"),
    (refused, 100, "refused", "none", "refused"),
    (unanswered, 100, "unanswered", "none", "unanswered"),
    (half_open, 100, "incomplete", "none", "half_open"),
    (midstream, 100, "midstream", "none", "open"),
    (simultaneous_open, 100, "simultaneous", "none", "open"),
    (fast_open, 100, "fast_open", "none", "open"),
]


@pytest.mark.parametrize(
    ("tell", "later", "opening", "closing", "outcome"), STORIES, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_story(tell: Callable[[Talk], Talk], later: float, opening: str, closing: str, outcome: str) -> None:
    talk = tell(Talk())
    (c,) = talk.end(talk.ms + later)
    assert (OPENINGS[c.opening], CLOSINGS[c.closing], OUTCOMES[c.outcome]) == (opening, closing, outcome)
    assert c.observed_until == c.end or c.observed_until > c.end


def test_every_word_is_told_by_some_story() -> None:
    told = {word for _, _, *words in STORIES for word in words}
    assert set(OPENINGS) <= told
    assert set(CLOSINGS) <= told
    assert set(OUTCOMES) - told == {"unknown"}


def test_a_connection_with_one_direction_says_so() -> None:
    talk = Talk().client("P.", 5000, 9000, 10).client("P.", 5010, 9000, 10)
    (c,) = talk.end()
    assert c.facts & fa.ONE_WAY
    assert c.facts & fa.MIDSTREAM


def test_who_closed_first_and_who_reset() -> None:
    (c,) = half_closed(Talk()).end()
    assert (c.first_closer, c.reset_by) == (0, -1)
    (c,) = Talk().established().server("R.", 311, 111).end()
    assert (c.first_closer, c.reset_by) == (1, 1)


def test_a_recording_stopped_early_makes_nobody_stuck() -> None:
    talk = half_closed(Talk())
    (c,) = talk.end(talk.ms)
    assert OUTCOMES[c.outcome] == "open"
    assert c.facts & fa.UNFINISHED


def test_the_handshake_is_timed() -> None:
    (c,) = Talk().handshake().end()
    assert (c.handshake_to_server, c.handshake_to_client) == (20_000_000, 1_000_000)
