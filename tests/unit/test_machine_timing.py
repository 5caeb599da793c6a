"""What time alone does."""

from __future__ import annotations

import pytest

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.timing import SECOND, Timers, elapse, retransmission_due
from tools.segments import MS, START, Talk, linux_timers, names, state, trail


def closed(talk: Talk) -> float:
    """Close both ways; when the client came into TIME_WAIT, in ms."""
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    return start + 20


def test_time_wait_lasts_2_msl() -> None:
    talk = Talk().established()
    since = closed(talk)
    (c,) = talk.end(since + 59_900)
    assert state(c.client) == "TIME_WAIT"
    assert "TIME_WAIT" in names(c.client.possible)


def test_after_2_msl_it_may_be_closed_and_after_its_slop_it_is() -> None:
    talk = Talk().established()
    since = closed(talk)
    (c,) = talk.end(since + 60_500)
    assert names(c.client.possible) >= {"TIME_WAIT", "CLOSED"}
    talk = Talk().established()
    since = closed(talk)
    (c,) = talk.end(since + 70_000)
    assert trail(c.client).replace("?", "").endswith("TIME_WAIT CLOSED*")
    assert names(c.client.possible) == {"CLOSED"}
    step = c.client.top()
    assert step.frame == -1, "no frame tells"
    assert abs(int(step.time - START) - int((since + 60_000) * MS)) <= 25 * MS, "it is dated when the timer ran out"


def test_the_timers_are_those_of_the_profile() -> None:
    talk = Talk(timers=Timers(240 * SECOND, 0, 180 * SECOND, 180 * SECOND, 100 * SECOND, SECOND)).established()
    since = closed(talk)
    (c,) = talk.end(since + 200_000)
    assert state(c.client) == "TIME_WAIT"


def test_a_syn_that_nobody_answers_gives_up() -> None:
    def syns() -> Talk:
        talk = Talk()
        for second in (0, 1, 3, 7, 15, 31, 63):
            talk.at(second * 1000).client("S", 100)
        return talk

    (c,) = syns().end(100_000)
    assert state(c.client) == "SYN_SENT"
    (c,) = syns().end(140_000)
    assert trail(c.client) == "CLOSED? SYN_SENT CLOSED*"


def test_a_syn_that_should_have_come_again_makes_closed_possible() -> None:
    (c,) = Talk().client("S", 100).end(500)
    assert names(c.client.possible) == {"SYN_SENT"}
    (c,) = Talk().client("S", 100).end(30_000)
    assert state(c.client) == "SYN_SENT"
    assert names(c.client.possible) == {"SYN_SENT", "CLOSED"}


def test_a_handshake_that_is_never_completed_expires() -> None:
    def half_open() -> Talk:
        talk = Talk().client("S", 100)
        for second in (0.02, 1, 3, 7, 15, 31):
            talk.at(second * 1000).server("S.", 300, 101)
        return talk

    (c,) = half_open().end(40_000)
    assert state(c.server) == "SYN_RECEIVED"
    (c,) = half_open().end(70_000)
    assert trail(c.server) == "LISTEN? SYN_RECEIVED CLOSED*"


@pytest.mark.parametrize(("seconds", "likeliest"), [(50, "FIN_WAIT_2"), (70, "FIN_WAIT_2"), (200, "CLOSED")])
def test_an_orphan_in_fin_wait_2_expires(seconds: int, likeliest: str) -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    (c,) = talk.end(start + seconds * 1000)
    assert state(c.client) == likeliest
    assert "FIN_WAIT_2" in names(c.client.possible), "an application that only shut down waits for ever"
    assert ("CLOSED" in names(c.client.possible)) == (seconds > 60)
    assert state(c.server) == "CLOSE_WAIT"


def test_fin_wait_2_has_no_timer_in_the_rfc() -> None:
    talk = Talk(timers=Timers(240 * SECOND, 0, 180 * SECOND, 180 * SECOND, 100 * SECOND, SECOND)).established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    (c,) = talk.end(start + 3_600_000)
    assert names(c.client.possible) == {"FIN_WAIT_2"}


def test_a_fin_that_nobody_acknowledges_gives_up() -> None:
    talk = Talk().established()
    start = talk.ms
    for n in range(9):
        talk.at(start + 200 * (2**n - 1)).client("F.", 111, 311)
    (c,) = talk.end(start + 60_000)
    assert state(c.client) == "FIN_WAIT_1"
    talk = Talk().established()
    start = talk.ms
    for n in range(9):
        talk.at(start + 200 * (2**n - 1)).client("F.", 111, 311)
    (c,) = talk.end(start + 200_000)
    assert trail(c.client).endswith("FIN_WAIT_1 CLOSED*")


def test_a_fin_not_sent_again_was_acknowledged() -> None:
    talk = Talk().established(to_client=20)
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    assert names(talk.now.client.possible) == {"FIN_WAIT_1", "FIN_WAIT_2"}
    (c,) = talk.end(start + 20_000)
    assert names(c.client.possible) == {"FIN_WAIT_2"}


def test_an_open_connection_stays_open() -> None:
    (c,) = Talk().established().end(100_000_000)
    assert state(c.client) == state(c.server) == "ESTABLISHED"


@pytest.mark.parametrize(
    ("to_client", "patience", "client", "server"),
    [
        pytest.param(1, 1000, {"ESTABLISHED"}, {"ESTABLISHED", "FIN_WAIT_1", "CLOSED"}, id="far"),
        pytest.param(1, 10_000, {"ESTABLISHED", "CLOSED"}, {"ESTABLISHED", "FIN_WAIT_1", "CLOSED"}, id="near"),
        pytest.param(20, 4000, {"ESTABLISHED", "CLOSED"}, {"ESTABLISHED", "CLOSED"}, id="between"),
    ],
)
def test_what_may_have_become_of_a_silent_endpoint(
    to_client: int, patience: int, client: set[str], server: set[str]
) -> None:
    def after(ms: int) -> tuple[set[str], set[str]]:
        (c,) = (
            Talk().established(to_client=to_client).end(120 + to_client + ms)
        )  # the client's last segment, and so long
        return names(c.client.possible), names(c.server.possible)

    assert after(patience + 1) == (client, server)
    assert after(patience - to_client - 1) == ({"ESTABLISHED"}, server if patience == 10_000 else {"ESTABLISHED"})


def test_a_far_endpoint_with_a_closed_window_would_not_have_closed_without_a_rst() -> None:
    talk = Talk().established().server(".", 311, 111, window=0)
    (c,) = talk.end(talk.ms + 2000)
    assert names(c.server.possible) == {"ESTABLISHED", "CLOSED"}, "data unread: RFC 2525, 2.17"


def test_a_far_endpoint_that_ignores_data_after_a_pause_is_presumed_gone() -> None:
    def stuck(pause: int) -> Connection:
        talk = Talk().established()
        start = talk.ms + pause
        for n in range(7):
            talk.at(start + 220 * (2**n - 1)).client("P.", 111, 311, 50)
        (c,) = talk.end(talk.ms + 1000)
        return c

    assert trail(stuck(5000).server).endswith("ESTABLISHED CLOSED*")
    assert state(stuck(-150).server) == "ESTABLISHED", "it had just been heard: the network may have failed since"


def test_past_its_limit_a_fin_that_nobody_acknowledges_is_surely_given_up() -> None:
    def possible(end: int) -> set[str]:
        talk = Talk().established()
        start = talk.ms
        for n in range(9):
            talk.at(start + 200 * (2**n - 1)).client("F.", 111, 311)
        (c,) = talk.end(start + end)
        return names(c.client.possible)

    assert possible(113_000) == {"FIN_WAIT_1", "CLOSED"}
    assert possible(112_000 + 14_000 + 2_000 + 1_000) == {"CLOSED"}, "an eighth later, and the timers' slop"


def test_data_that_is_never_acknowledged_makes_closed_possible() -> None:
    talk = Talk().established()
    start = talk.ms
    for n in range(7):
        talk.at(start + 250 * (2**n - 1)).client("P.", 111, 311, 50)
    (c,) = talk.end(start + 1_500_000)
    assert "CLOSED" in names(c.client.possible)


def test_retransmissions_back_off() -> None:
    e = Endpoint(st.FIN_WAIT_1, 0, 1, "FIN sent")
    waits = [retransmission_due(e, 0, count, SECOND) for count in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[0] >= 2 * SECOND
    assert waits[1] - waits[0] >= 2 * SECOND
    assert waits[-1] < 3600 * SECOND, "and end somewhere"
    e.turnaround = 300 * MS
    assert retransmission_due(e, 0, 1, SECOND // 4) > 2 * 300 * MS, "not before the answer can have come"


def test_time_that_runs_backwards_does_no_harm() -> None:
    e = Endpoint(st.TIME_WAIT, 100 * SECOND, 1, "here")
    e.timer_from = 100 * SECOND
    elapse(e, Endpoint(st.CLOSED, 0, 1, "there"), 0, linux_timers())
    assert names(e.possible) == {"TIME_WAIT"}
