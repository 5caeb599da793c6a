"""What one endpoint sent, counted."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import sent as st
from tcptrace_py.machine.figures import Detail, Spread
from tcptrace_py.machine.sent import Sent
from tcptrace_py.report.figures import sent
from tools.properties import REPEATABLE
from tools.segments import Talk


def test_nothing_is_known_at_first() -> None:
    counters = Sent()
    assert {getattr(counters, name) for name in ("min_window", "mss", "window_scale", "options", "syn_ttl")} == {-1}
    assert (counters.recovery, counters.detail) == (None, None)
    detail = Detail()
    unknown = ("max_window", "min_window", "segment_min", "segment_max", "idle_max", "in_flight_min", "first_data")
    assert {getattr(detail, name) for name in unknown} == {-1}


@REPEATABLE
@given(some.lists(some.integers(0, 10**12), min_size=1, max_size=20))
def test_durations_are_summed_up(samples: list[int]) -> None:
    spread = Spread()
    for sample in samples:
        spread.add(sample)
    assert (spread.least, spread.most) == (min(samples), max(samples))
    assert (spread.sum, spread.count) == (sum(samples), len(samples))
    if len(samples) == 1:
        assert spread.deviation() == -1
    else:
        assert spread.deviation() == pytest.approx(statistics.stdev(samples), abs=1, rel=1e-9)


@pytest.mark.parametrize(
    ("flags", "agrees", "ecn"), [("SEW", "S.E", True), ("S", "S.", False), ("SE", "S.", False), ("SEW", "S.EW", True)]
)
def test_offers_of_both_sides(flags: str, agrees: str, ecn: bool) -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, flags, 100)
    syn.mss, syn.wscale, syn.sack_ok, syn.tsval, syn.fast_open, syn.mptcp = 1460, 7, True, 5, 0, True
    talk.feed(syn)
    talk.server(agrees, 300, 101)
    client, server = talk.now.client.sent, talk.now.server.sent
    assert client is not None
    assert server is not None
    assert (client.mss, client.window_scale, server.mss) == (1460, 7, -1)
    assert client.options & ~st.ECN == st.SACK_PERMITTED | st.TIMESTAMPS | st.FAST_OPEN | st.MPTCP
    assert bool(client.options & st.ECN) == ecn
    assert bool(server.options & st.ECN) == (agrees == "S.E"), "a server that reflects both bits does not agree"


def test_the_answer_to_an_older_syn_offers_nothing_to_this_connection() -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, "S", 5000)
    syn.wscale, syn.sack_ok, syn.tsval = 7, True, 5
    talk.feed(syn)
    talk.server("S.", 300, 91).client("R", 91)
    talk.feed(syn)
    answer = talk.make(talk.to_client, "S.", 7000, 5001)
    answer.wscale, answer.sack_ok, answer.tsval, answer.mss = 3, True, 9, 1400
    talk.feed(answer)
    talk.client(".", 5001, 7001, window=100).server(".", 7001, 5001, window=100)
    c = talk.now
    found = sent(c.server, c.client, int(c.end))
    assert (found.mss, found.window_scale, found.sack_permitted, found.timestamps) == (1400, 3, True, True)
    assert (found.window_scaled, found.max_window) == (True, 800)


def test_what_the_capture_cut_of_a_syn_is_unknown() -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, "S", 100)
    syn.mss, syn.sack_ok, syn.cut_options = 1460, True, True
    talk.feed(syn)
    talk.server("S.", 300, 101).client(".", 101, 301, window=1000)
    c = talk.now
    found = sent(c.client, c.server, int(c.end))
    assert (found.mss, found.sack_permitted, found.timestamps, found.window_scale) == (1460, True, None, None)
    assert (found.window_scaled, found.max_window) == (None, 1000)
    assert (found.ecn, sent(c.server, c.client, int(c.end)).timestamps) == (False, False)
