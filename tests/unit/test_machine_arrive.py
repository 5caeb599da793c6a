"""What a segment that passes may do to its receiver."""

from __future__ import annotations

import pytest

from tcptrace_py.machine import facts as fa
from tools.segments import Talk, names, state, taken_back, trail


def test_a_syn_ack_that_covers_another_syn_establishes_nobody() -> None:
    c = Talk().client("S", 100).server("S.", 300, 91).now  # figure 8, line 4
    assert trail(c.client) == "CLOSED? SYN_SENT"
    assert names(c.client.possible) == {"SYN_SENT"}
    assert c.facts & fa.SYN_ACK_BAD_ACK


def test_a_syn_ack_that_covers_the_syn_may_establish() -> None:
    c = Talk().client("S", 100).server("S.", 300, 101).now
    assert trail(c.client) == "CLOSED? SYN_SENT ESTABLISHED?"
    assert names(c.client.possible) == {"SYN_SENT", "ESTABLISHED"}


def test_a_bare_syn_meets_a_syn() -> None:
    c = Talk().client("S", 100).server("S", 300).now
    assert trail(c.client) == "CLOSED? SYN_SENT SYN_RECEIVED?"
    assert trail(c.server).endswith("SYN_SENT")
    assert c.facts & fa.SIMULTANEOUS_OPEN


@pytest.mark.parametrize(("ack", "wanted"), [(301, "ESTABLISHED"), (300, "SYN_RECEIVED")])
def test_only_an_ack_of_its_syn_establishes_the_server(ack: int, wanted: str) -> None:
    c = Talk().client("S", 100).server("S.", 300, 101).client(".", 101, ack).now
    assert state(c.server) == wanted


def test_an_ack_of_more_than_was_seen_may_be_bad_or_the_capture_incomplete() -> None:
    c = Talk().client("S", 100).server("S.", 300, 101).client(".", 101, 302).now
    assert names(c.server.possible) >= {"SYN_RECEIVED", "ESTABLISHED"}


def test_an_ack_of_the_fin_may_lead_to_fin_wait_2_and_less_does_not() -> None:
    talk = Talk().established().client("FP.", 111, 311, 10)
    assert names(talk.server(".", 311, 121).now.client.possible) == {"FIN_WAIT_1"}
    assert trail(talk.server(".", 311, 122).now.client).endswith("FIN_WAIT_1 FIN_WAIT_2?")


def test_a_fin_with_the_ack_of_the_fin_passes_fin_wait_2() -> None:
    talk = Talk().established().client("F.", 111, 311).at(420).server("F.", 311, 112)
    assert trail(talk.now.client).endswith("FIN_WAIT_1 FIN_WAIT_2? TIME_WAIT?"), "the fifth check before the eighth"
    assert names(talk.now.client.possible) == {"TIME_WAIT"}, "captured at the client: it is delivered, and whole"
    talk = Talk().established(to_client=20).client("F.", 111, 311).at(420).server("F.", 311, 112)
    assert names(talk.now.client.possible) == {"FIN_WAIT_1", "TIME_WAIT"}, "or lost, captured between the two"


def test_a_fin_without_the_ack_of_the_fin_leads_to_closing() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 5).server("F.", 311, 111)
    assert trail(talk.now.client).endswith("FIN_WAIT_1 CLOSING?")
    talk.at(start + 20).server(".", 312, 112)
    assert trail(talk.now.client).endswith("CLOSING? TIME_WAIT?")


def test_the_ack_of_the_fin_ends_last_ack() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    assert trail(talk.now.server).endswith("LAST_ACK CLOSED?")
    assert names(talk.now.server.possible) == {"LAST_ACK", "CLOSED"}


def test_a_fin_counts_only_when_all_before_it_passed() -> None:
    talk = Talk().established().client("F.", 211, 311)
    assert state(talk.now.server) == "ESTABLISHED"
    talk.client("P.", 111, 311, 100)
    assert state(talk.now.server) == "CLOSE_WAIT"


def test_a_fin_with_data_counts_only_when_all_before_it_passed() -> None:
    talk = Talk().established().client("FP.", 211, 311, 10)
    assert state(talk.now.server) == "ESTABLISHED"
    talk.client("P.", 111, 311, 100)
    assert state(talk.now.server) == "CLOSE_WAIT"


def test_an_ack_that_covers_the_fin_fills_the_hole() -> None:
    talk = Talk().established().client("F.", 211, 311).at(400).server(".", 311, 212)
    assert trail(talk.now.server).endswith("CLOSE_WAIT")


def test_a_fin_again_in_time_wait_restarts_2_msl_once_it_is_acknowledged() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    talk.at(start + 30_000).server("F.", 311, 112).client(".", 112, 312)
    assert state(talk.now.client) == "TIME_WAIT"
    assert talk.now.facts & fa.TIME_WAIT_RESTARTED
    (c,) = talk.end(start + 89_000)
    assert state(c.client) == "TIME_WAIT", "60 s after the second ACK, not after the first"


# ------------------------------------------------------------------------------ resets, RFC 5961


@pytest.mark.parametrize(("seq", "wanted"), [(311, "CLOSED"), (312, "ESTABLISHED"), (310, "ESTABLISHED")])
def test_only_a_rst_at_rcv_nxt_counts(seq: int, wanted: str) -> None:
    talk = Talk().established().server("R", seq)
    assert state(talk.now.client) == wanted
    assert bool(talk.now.facts & fa.RST_NOT_EXACT) == (wanted == "ESTABLISHED")
    assert names(talk.now.client.possible) == {wanted}, "captured at the client: it is delivered"


def test_a_rst_between_the_two_may_be_lost() -> None:
    talk = Talk().established(to_client=20).server("R", 311)
    assert state(talk.now.client) == "CLOSED"
    assert names(talk.now.client.possible) == {"CLOSED", "ESTABLISHED"}


def test_a_rst_in_the_window_leaves_every_state_as_it_was() -> None:
    talk = Talk().established().server("R", 5000)
    assert names(talk.now.client.possible) == {"ESTABLISHED"}
    talk.client(".", 111, 311)  # the challenge ACK
    assert state(talk.now.client) == "ESTABLISHED"


@pytest.mark.parametrize(("letters", "ack"), [("R", 0), ("R.", 95)])
def test_a_rst_that_does_not_cover_the_syn_refuses_nothing(letters: str, ack: int) -> None:
    c = Talk().client("S", 100).server(letters, 0, ack).now
    assert state(c.client) == "SYN_SENT"


def test_a_rst_in_time_wait_assassinates() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    talk.at(start + 2000).server("R", 312)
    assert state(talk.now.client) == "CLOSED"
    assert talk.now.facts & fa.TIME_WAIT_KILLED


def test_an_orphans_rst_closes_both() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    talk.at(start + 500).server("P.", 311, 112, 10).at(start + 501).client("R", 112)
    c = talk.now
    assert trail(c.client).endswith("CLOSED")
    assert state(c.server) == "CLOSED"


def test_a_challenge_ack_acknowledges_nothing_new() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("S", 50_000).at(start + 20).server(".", 311, 111)
    assert state(talk.now.server) == "ESTABLISHED"
    assert taken_back(talk.now.server) == []


def test_a_syn_challenged_is_noted() -> None:
    c = Talk().client("S", 100).server(".", 300, 5000).now
    assert state(c.client) == "SYN_SENT"
    assert c.facts & fa.SYN_CHALLENGED


def test_an_answered_keep_alive_shows_both_ends_alive() -> None:
    talk = Talk().established()
    talk.at(7_200_000).client(".", 110, 311, 1).at(7_200_020).server(".", 311, 111)
    assert names(talk.now.client.possible) == names(talk.now.server.possible) == {"ESTABLISHED"}
