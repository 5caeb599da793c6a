"""Four-tuples → connections: what belongs together, what begins anew, and what is let go of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.flowtable import reverse
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND
from tcptrace_py.machine.tracker import Tracker
from tools.properties import REPEATABLE
from tools.segments import CLIENT_IP, MS, SERVER_IP, START, Talk, key, linux_timers, names, segment, state, trail

SIX = bytes.fromhex("20010db8" + "00" * 11)

# ------------------------------------------------------------------------------ keys and roles


@REPEATABLE
@given(some.binary(min_size=12, max_size=12) | some.binary(min_size=36, max_size=36))
def test_reversing_a_key_twice_changes_nothing(way: bytes) -> None:
    assert reverse(reverse(way)) == way
    half = (len(way) - 4) // 2
    assert reverse(way)[:half] == way[half : 2 * half]
    assert reverse(way)[-4:-2] == way[-2:]


def test_ipv6_is_tracked_like_ipv4() -> None:
    to_server = key(SIX + b"\1", 40000, SIX + b"\2", 443)
    talk = Talk(to_server=to_server, to_client=reverse(to_server)).established()
    (c,) = talk.end()
    assert c.key == to_server
    assert names(c.client.possible) == names(c.server.possible) == {"ESTABLISHED"}


def test_both_directions_are_one_connection() -> None:
    talk = Talk().established()
    assert talk.tracker.count == 1
    assert talk.tracker.connection(talk.to_server) is talk.tracker.connection(talk.to_client)


@REPEATABLE
@given(some.permutations(range(4)))
def test_connections_that_differ_in_one_port_are_apart(order: list[int]) -> None:
    tracker = Tracker(linux_timers(), Limits(0, 60 * SECOND))
    for n, port in enumerate(order):
        tracker.segment(segment(n + 1, START + n * MS, key(CLIENT_IP, 40000 + port, SERVER_IP, 80), "S", 100))
    tracker.end(START + SECOND)
    assert tracker.count == len(tracker.finished) == 4


def test_the_sender_of_the_first_syn_is_the_client() -> None:
    talk = Talk().server("S", 100).client("S.", 300, 101)
    assert talk.now.key == talk.to_client


def test_a_syn_ack_seen_first_comes_from_the_server() -> None:
    talk = Talk().server("S.", 300, 101).client(".", 101, 301).client("P.", 101, 301, 5).server(".", 301, 106)
    c = talk.now
    assert c.key == talk.to_server
    assert "SYN_SENT" in trail(c.client)
    assert state(c.client) == state(c.server) == "ESTABLISHED"


def test_a_client_whose_syn_was_not_seen_has_not_given_up() -> None:
    c = Talk().server("S.", 300, 101).now
    assert trail(c.client) == "CLOSED? SYN_SENT? ESTABLISHED?"


@pytest.mark.parametrize("first", ["client", "server"])
def test_midstream_the_listening_port_is_the_lower_one(first: str) -> None:
    talk = Talk()
    if first == "client":
        talk.client("P.", 5000, 9000, 10).server(".", 9000, 5010)
    else:
        talk.server(".", 9000, 5010).client("P.", 5010, 9000, 10)
    c = talk.now
    assert c.key == talk.to_server
    assert c.midstream
    assert c.facts & fa.MIDSTREAM
    assert trail(c.client).startswith("ESTABLISHED")


def test_midstream_a_fin_closes_from_an_assumed_established() -> None:
    c = Talk().client("F.", 5000, 9000).at(20).server("F.", 9000, 5001).client(".", 5001, 9001).now
    assert state(c.client) == "TIME_WAIT"
    assert state(c.server) == "CLOSED"
    assert c.midstream


# ------------------------------------------------------------------------------ what is never split


def test_a_syn_sent_again_never_splits() -> None:
    talk = Talk()
    for second in (0, 1, 3, 7, 15, 31, 63):
        talk.at(second * 1000).client("S", 100)
    talk.at(63_020).server("S.", 300, 101).client(".", 101, 301)
    assert talk.tracker.count == 1
    assert state(talk.now.client) == "ESTABLISHED"
    assert talk.now.client.syn_count == 7


def test_silence_never_splits() -> None:
    talk = Talk().established().at(36_000_000).client("P.", 111, 311, 10)
    talk.at(36_000_020).server(".", 311, 121)
    assert talk.tracker.count == 1


def test_a_duplicate_of_the_syn_after_the_handshake_is_old() -> None:
    talk = Talk().established().client("S", 100)
    assert talk.tracker.count == 1
    assert state(talk.now.client) == "ESTABLISHED"
    assert talk.now.facts & fa.OLD_SYN


def test_a_late_fin_belongs_to_the_connection_that_ended() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    talk.at(start + 50_000).server("F.", 311, 112)
    assert talk.tracker.count == 1


def test_a_frame_captured_twice_counts_once() -> None:
    talk = Talk().established()
    for _ in range(2):
        talk.feed(talk.make(talk.to_server, "P.", 111, 311, 10))
        talk.ip_id -= 1
        talk.ms -= 0.9
    assert talk.tracker.duplicates == 1
    c = talk.now
    assert c.facts & fa.DUPLICATE_CAPTURE
    assert c.client.sent is not None
    assert c.client.sent.hardware_duplicates == 1
    assert c.client.sent.retransmitted_packets == 0


def test_a_retransmission_is_no_frame_captured_twice() -> None:
    talk = Talk().established().client("P.", 111, 311, 10).client("P.", 111, 311, 10)
    assert talk.tracker.duplicates == 0
    assert talk.now.facts & fa.RETRANSMISSION


# ------------------------------------------------------------------------------ what begins anew


def closed() -> Talk:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    return talk.at(start + 100)


def test_a_syn_in_time_wait_begins_a_new_connection() -> None:
    talk = closed()
    talk.client("S", 900_000).at(talk.ms + 20).server("S.", 700_000, 900_001).client(".", 900_001, 700_001)
    assert talk.tracker.count == 2
    older, newer = talk.end()
    assert newer.incarnation == 2
    assert newer.facts & fa.REUSE_TIME_WAIT
    assert state(newer.client) == state(newer.server) == "ESTABLISHED"
    assert older.packets == 9, "the new connection's segments are not the older one's"
    assert "ESTABLISHED" in trail(older.client)


def test_the_reverse_direction_follows_the_new_connection() -> None:
    talk = closed().client("S", 900_000)
    assert talk.tracker.connection(talk.to_server) is talk.tracker.connection(talk.to_client)
    assert talk.now.incarnation == 2


def test_the_other_side_may_open_the_next_connection() -> None:
    talk = closed().server("S", 900_000)
    assert talk.now.key == talk.to_client
    assert talk.now.incarnation == 2


def test_a_new_isn_after_an_unanswered_syn_is_a_new_attempt() -> None:
    talk = Talk().client("S", 100).at(70_000).client("S", 50_000)
    assert talk.tracker.count == 2
    older, newer = talk.end()
    assert state(older.client) == "CLOSED"
    assert older.facts & fa.SYN_NEW_ISN
    assert state(newer.client) == "SYN_SENT"


def test_a_forged_syn_changes_nothing() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("S", 2_000_000).at(start + 20).server(".", 311, 111)  # a challenge ACK
    talk.at(start + 40).client("P.", 111, 311, 10).at(start + 60).server("P.", 311, 121, 10)
    assert talk.tracker.count == 1
    c = talk.now
    assert c.facts & fa.SYN_ON_OPEN
    assert names(c.client.possible) >= {"ESTABLISHED"}
    assert state(c.client) == state(c.server) == "ESTABLISHED"


def test_a_client_that_rebooted_begins_anew() -> None:
    # figure 9, and the handshake that it is then reduced to
    talk = Talk().established()
    start = talk.ms
    talk.client("S", 2_000_000).at(start + 20).server(".", 311, 111).client("R", 111)
    talk.at(start + 1000).client("S", 2_000_000).at(start + 1020).server("S.", 500, 2_000_001)
    talk.client(".", 2_000_001, 501)
    older, newer = talk.end()
    assert newer.facts & fa.REUSE_OPEN
    assert trail(newer.client) == "CLOSED? SYN_SENT ESTABLISHED"
    assert state(newer.server) == "ESTABLISHED"
    assert state(older.client) == state(older.server) == "CLOSED"


def rival() -> Talk:
    """A SYN on an open connection, and its answer."""
    talk = Talk().established()
    start = talk.ms
    return talk.client("S", 2_000_000).at(start + 20).server("S.", 500, 2_000_001).client(".", 2_000_001, 501)


def test_an_answered_rival_is_a_new_connection() -> None:
    older, newer = rival().end()
    assert newer.first_frame == 7, "it begins with its SYN"
    assert newer.packets == 3
    assert state(newer.client) == "ESTABLISHED"
    assert state(older.client) == state(older.server) == "CLOSED"


def test_no_packet_belongs_to_two_connections() -> None:
    talk = rival()
    assert sum(c.packets for c in talk.end()) == talk.number


# ------------------------------------------------------------------------------ ICMP


def quote(talk: Talk, kind: int, code: int, *, v6: bool = False) -> None:
    """An ICMP error quotes the client's SYN."""
    quoted = talk.make(talk.to_server, "S", 100)
    quoted.icmp_type, quoted.icmp_code, quoted.icmp_v6 = kind, code, v6
    talk.tracker.quoted(quoted)


@pytest.mark.parametrize(
    ("kind", "code", "v6", "wanted"),
    [
        (3, 1, False, "CLOSED"),
        (3, 4, False, "SYN_SENT"),
        (11, 0, False, "SYN_SENT"),
        (1, 4, True, "CLOSED"),
        (2, 0, True, "SYN_SENT"),
    ],
    ids=["unreachable", "too big", "time exceeded", "v6 unreachable", "v6 too big"],
)
def test_a_hard_error_ends_an_attempt(kind: int, code: int, v6: bool, wanted: str) -> None:
    talk = Talk().client("S", 100)
    quote(talk, kind, code, v6=v6)
    assert state(talk.now.client) == wanted
    assert talk.now.facts & fa.ICMP_ERROR
    assert "SYN_SENT" in names(talk.now.client.possible), "an error is no proof, and may be forged (RFC 5927)"


def test_errors_are_soft_once_the_connection_is_open() -> None:
    talk = Talk().established()
    quote(talk, 3, 1)
    assert state(talk.now.client) == "ESTABLISHED"
    assert talk.now.facts & fa.ICMP_ERROR


def test_an_error_about_nobody_is_ignored() -> None:
    talk = Talk()
    quote(talk, 3, 1)
    assert talk.tracker.count == 0


# ------------------------------------------------------------------------------ bounds


def syn(tracker: Tracker, n: int, ms: float) -> None:
    """The n-th client sends a SYN."""
    tracker.segment(segment(n, START + int(ms * MS), key(CLIENT_IP, 1024 + n, SERVER_IP, 80), "S", n))


def test_memory_is_bounded_and_what_is_dropped_is_counted() -> None:
    tracker = Tracker(linux_timers(), Limits(10, 60 * SECOND))
    for n in range(1, 101):
        syn(tracker, n, n)
        assert tracker.living <= 10
        assert tracker.flows.count <= 10
    assert tracker.evicted == 90
    assert len(tracker.finished) == 90
    assert all(c.evicted for c in tracker.finished)
    tracker.end(START + SECOND)
    assert len(tracker.finished) == tracker.count == 100
    assert sum(c.evicted for c in tracker.finished) == 90


def test_the_idle_are_dropped_first() -> None:
    tracker = Tracker(linux_timers(), Limits(2, 60 * SECOND))
    syn(tracker, 1, 0)
    syn(tracker, 2, 1)
    tracker.segment(segment(3, START + 5 * MS, key(SERVER_IP, 80, CLIENT_IP, 1025), "S.", 300, 2))
    syn(tracker, 4, 10)
    (dropped,) = tracker.finished
    assert dropped.first_frame == 2


def test_without_a_bound_nothing_is_dropped() -> None:
    tracker = Tracker(linux_timers(), Limits(0, 60 * SECOND))
    for n in range(1, 501):
        syn(tracker, n, n)
    assert (tracker.evicted, tracker.living) == (0, 500)


def test_what_ended_long_ago_is_let_go_of() -> None:
    talk = closed()
    talk.to_server, talk.to_client = key(CLIENT_IP, 50000, SERVER_IP, 80), key(SERVER_IP, 80, CLIENT_IP, 50000)
    talk.at(talk.ms + 30_000).handshake()
    assert talk.tracker.finished == [], "late duplicates may still come"
    talk.at(talk.ms + 600_000).client("P.", 101, 301, 5)
    (c,) = talk.tracker.finished
    assert c.first_frame == 1
    assert talk.tracker.flows.count == 1
    assert names(c.client.possible) == {"CLOSED"}, "2 MSL have passed"


def test_an_open_connection_is_never_let_go_of() -> None:
    talk = Talk().established()
    talk.to_server, talk.to_client = key(CLIENT_IP, 50000, SERVER_IP, 80), key(SERVER_IP, 80, CLIENT_IP, 50000)
    talk.at(86_400_000).handshake()
    assert talk.tracker.finished == []


def test_the_end_hands_everything_over_once() -> None:
    talk = closed().client("S", 900_000)
    assert len(talk.end()) == talk.tracker.count == 2
    assert talk.tracker.flows.count == 0


# ------------------------------------------------------------------------------ hostile input

NUMBERS = some.one_of(
    some.integers(0, 0xFFFFFFFF), some.sampled_from([0, 1, 100, 101, 300, 301, 0x80000000, 0xFFFFFFFF])
)


def check(e: Endpoint) -> None:
    """What holds of an endpoint whatever came.  CLOSED and LISTEN count as one here: see the two tests below."""
    ended = st.NO_CONNECTION if e.possible & st.NO_CONNECTION else 0
    assert (e.possible | ended) >> e.state & 1
    assert e.possible & ~st.ANY == 0
    assert e.possible
    top = 1 << e.top().state
    assert top >> e.state & 1 or (top & st.NO_CONNECTION and st.NO_CONNECTION >> e.state & 1)


@REPEATABLE
@given(
    some.lists(
        some.tuples(
            some.booleans(),
            some.integers(0, 255),
            NUMBERS,
            NUMBERS,
            some.integers(0, 65535),
            some.integers(-5000, 200_000),
        ),
        max_size=40,
    )
)
def test_any_segments_in_any_order_leave_a_sound_connection(
    segments: list[tuple[bool, int, int, int, int, int]],
) -> None:
    talk = Talk()
    for to_server, flags, seq, ack, length, ms in segments:
        made = talk.make(talk.to_server if to_server else talk.to_client, "", seq, ack, length)
        made.flags = flags
        talk.feed(made)
        talk.ms += ms
        for e in (talk.now.client, talk.now.server):
            check(e)
    assert len(talk.end()) == talk.tracker.count


def test_a_rst_from_listen_keeps_state_and_step_together() -> None:
    listener = Talk().server("RS.", 0, 0).now.server
    assert listener.top().state == listener.state


def test_a_syn_cookie_whose_ack_was_lost_leaves_a_possible_state() -> None:
    talk = Talk().client("S", 100).server("S.", 300, 101).client(".", 101, 301)
    for ms in (200, 400, 800, 1600, 3200, 6400, 12_800):
        talk.at(ms).client("P.", 101, 301, 10)
    (c,) = talk.end(25_000)
    assert c.server.possible >> c.server.state & 1
    assert c.server.top().state == c.server.state


def test_what_is_taken_back_leaves_a_possible_state() -> None:
    talk = Talk()
    talk.feed(talk.make(talk.to_client, "", 0))
    talk.server("S.", 0, 0).client("F", 0).at(4250)
    for letters in ("", "", "R", ""):
        talk.server(letters, 0)
    talk.client("", 0, 0, 1)
    check(talk.now.server)
