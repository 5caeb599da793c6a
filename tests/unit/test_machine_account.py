"""What segments add to the counters and to what is known of both sequence spaces."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.sent import Sent
from tcptrace_py.packet import BAD
from tools.properties import REPEATABLE
from tools.segments import MS, Talk


def sent(talk: Talk, side: int = 0) -> Sent:
    """The counters of one side."""
    counters = talk.now.side(side).sent
    assert counters is not None
    return counters


def detail(talk: Talk, side: int = 0) -> Detail:
    """What is counted of one side only where it is asked for."""
    counters = sent(talk, side).detail
    assert counters is not None
    return counters


def test_every_kind_of_segment_is_counted() -> None:
    talk = Talk().established()  # 3 for the handshake, 2 with data, 1 ACK
    talk.client("PU.", 111, 311, 5).server(".", 311, 116).client("F.", 116, 311).server("R", 311)
    c, d = sent(talk), detail(talk)
    assert (c.packets, c.syn, c.fins, c.rst, d.push, d.urgent) == (6, 1, 1, 0, 2, 1)
    assert (c.data_packets, c.payload_bytes, c.unique_bytes) == (2, 15, 15)
    assert (c.ack_packets, d.pure_acks) == (5, 2)
    s = sent(talk, 1)
    assert (s.packets, s.syn, s.rst, s.data_packets, s.payload_bytes) == (4, 1, 1, 1, 10)


def test_data_sent_again_is_not_new() -> None:
    talk = Talk().established()
    talk.client(".", 111, 311, 100).at(800).client(".", 111, 311, 100).client(".", 161, 311, 100)
    c = sent(talk)
    assert (c.payload_bytes, c.unique_bytes) == (310, 160)
    assert (c.retransmitted_packets, c.retransmitted_bytes) == (2, 150)
    assert talk.now.facts & fa.RETRANSMISSION


def test_data_that_comes_with_a_fin_is_new() -> None:
    talk = Talk().established().client("FP.", 111, 311, 30)
    c = sent(talk)
    assert (c.unique_bytes, c.retransmitted_packets, c.retransmitted_bytes) == (40, 0, 0)
    assert not talk.now.facts & fa.RETRANSMISSION


def test_data_sent_again_with_its_fin_is_not_new() -> None:
    talk = Talk().established().client("P.", 111, 311, 30).at(900).client("FP.", 111, 311, 30)
    c = sent(talk)
    assert (c.unique_bytes, c.retransmitted_packets, c.retransmitted_bytes) == (40, 1, 30)


def test_a_hole_filled_at_once_was_reordering() -> None:
    talk = Talk().established()
    start = talk.ms
    first, second = (talk.make(talk.to_server, ".", seq, 311, 100) for seq in (111, 211))
    second.time, first.time = first.time, first.time + MS
    talk.feed(second)
    talk.feed(first)
    c = sent(talk)
    assert (c.losses().out_of_order, c.retransmitted_packets, c.unique_bytes) == (1, 0, 210)
    talk.at(start + 100).client(".", 411, 311, 100).at(start + 900).client(".", 311, 311, 100)
    assert sent(talk).losses().out_of_order == 1, "800 ms later it was sent again, the first one unseen"


def test_bytes_acknowledged_but_never_seen_are_missing() -> None:
    talk = Talk().established()
    talk.client(".", 211, 311, 100).server(".", 311, 311)
    c = sent(talk)
    assert (c.missing_bytes, c.unique_bytes) == (100, 110)
    assert talk.now.facts & fa.ACK_OF_UNSEEN
    talk.server(".", 311, 411)  # beyond everything that was seen
    assert sent(talk).missing_bytes == 200


def test_a_hole_that_is_never_acknowledged_is_no_missing_byte() -> None:
    talk = Talk().established()
    talk.client(".", 211, 311, 100).server(".", 311, 111)
    assert sent(talk).missing_bytes == 0


def test_duplicate_acks_are_those_of_rfc_5681() -> None:
    talk = Talk().established()
    talk.client(".", 211, 311, 100)
    for _ in range(3):
        talk.server(".", 311, 111)
    assert detail(talk, 1).duplicate_acks == 3
    talk.server(".", 311, 111, window=60000)  # a window update
    assert detail(talk, 1).duplicate_acks == 3


@pytest.mark.parametrize(("window", "kind"), [(65535, "keepalives"), (0, "window_probes")])
def test_one_byte_below_snd_nxt_is_a_probe(window: int, kind: str) -> None:
    talk = Talk().established()
    talk.server(".", 311, 111, window=window).at(10_000).client(".", 110, 311, 1)
    assert getattr(detail(talk), kind) == 1
    assert sent(talk).retransmitted_packets == 0


def test_windows_are_scaled_when_both_offered() -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, "S", 100)
    syn.wscale = 7
    talk.feed(syn)
    syn_ack = talk.make(talk.to_client, "S.", 300, 101)
    syn_ack.wscale = 3
    talk.feed(syn_ack)
    talk.client(".", 101, 301, window=100).server(".", 301, 101, window=100).client(".", 101, 301, window=0)
    assert (detail(talk).max_window, detail(talk).min_window, sent(talk).zero_windows) == (12800, 0, 1)
    assert detail(talk, 1).max_window == 800
    assert talk.now.facts & fa.ZERO_WINDOW


def test_windows_are_not_scaled_when_one_side_did_not_offer() -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, "S", 100)
    syn.wscale = 7
    talk.feed(syn)
    talk.server("S.", 300, 101).client(".", 101, 301, window=100)
    assert detail(talk).max_window == 100


def test_round_trips_are_measured_and_never_of_what_was_sent_twice() -> None:
    talk = Talk().handshake()
    start = talk.ms
    talk.client(".", 101, 301, 10).at(start + 30).server(".", 301, 111)
    rtt = detail(talk).rtt
    assert (rtt.count, rtt.least) == (1, 30 * MS)
    talk.at(start + 100).client(".", 111, 301, 10).at(start + 400).client(".", 111, 301, 10)
    talk.at(start + 405).server(".", 301, 121)
    assert (rtt.count, detail(talk).ambiguous) == (1, 1), "Karn"


def test_what_the_capture_cut_or_damaged_is_counted() -> None:
    talk = Talk().established()
    cut = talk.make(talk.to_server, ".", 111, 311, 100)
    cut.captured = 20
    talk.feed(cut)
    bad = talk.make(talk.to_server, ".", 211, 311, 100)
    bad.checksum = BAD
    talk.feed(bad)
    assert (detail(talk).truncated_packets, detail(talk).truncated_bytes, detail(talk).bad_checksums) == (1, 80, 1)
    assert sent(talk).unique_bytes == 210, "their lengths are known all the same"


@REPEATABLE
@given(some.randoms(use_true_random=False), some.sampled_from([100, 0xFFFFFFF0]))
def test_unique_bytes_are_those_of_a_set(rng: random.Random, isn: int) -> None:
    talk = Talk()
    talk.client("S", isn).server("S.", 300, isn + 1).client(".", isn + 1, 301)
    talk.client(".", isn + 1, 301, 1).server("P.", 301, isn + 2, 1).client(".", isn + 2, 302)
    seen: set[int] = {0}
    total = 1
    for _ in range(30):
        start, length = rng.randrange(1, 400), rng.randrange(2, 80)
        talk.client(".", isn + 1 + start, 302, length)
        seen |= set(range(start, start + length))
        total += length
    assert sent(talk).unique_bytes == len(seen)
    assert sent(talk).payload_bytes == total
    assert sent(talk).retransmitted_bytes == total - len(seen)


@REPEATABLE
@given(some.integers(1, 6))
def test_both_directions_count_alike(rounds: int) -> None:
    """Flow reversal: what one side sends and the other does gives the same counters."""
    here, there = Talk().established(), Talk().established()
    for n in range(rounds):
        here.client("P.", 111 + 50 * n, 311, 50).server(".", 311, 161 + 50 * n)
        there.server("P.", 311 + 50 * n, 111, 50).client(".", 111, 361 + 50 * n)
    a, b = sent(here, 0), sent(there, 1)
    for name in ("data_packets", "payload_bytes", "unique_bytes", "retransmitted_packets"):
        assert getattr(a, name) == getattr(b, name)
    assert detail(here, 0).push == detail(there, 1).push
