"""What sending a segment proves of its sender."""

from __future__ import annotations

import pytest

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import PROVEN
from tools.segments import MS, START, Talk, names, state, taken_back, trail

# ------------------------------------------------------------------------------ opening


def test_a_syn_proves_syn_sent() -> None:
    c = Talk().client("S", 100).now
    assert trail(c.client) == "CLOSED? SYN_SENT"
    assert names(c.client.possible) == {"SYN_SENT"}
    assert trail(c.server) == "LISTEN?", "the SYN may never have arrived"


def test_a_syn_ack_alone_is_no_proof_of_a_request_in_memory() -> None:
    c = Talk().client("S", 100).server("S.", 300, 101).now
    assert trail(c.server) == "LISTEN? SYN_RECEIVED?", "a SYN cookie leaves no state (RFC 4987)"


def test_a_syn_ack_sent_again_unprovoked_proves_syn_received() -> None:
    c = Talk().client("S", 100).server("S.", 300, 101).at(1001).server("S.", 300, 101).now
    assert trail(c.server) == "LISTEN? SYN_RECEIVED"
    assert c.facts & fa.SYN_ACK_AGAIN


def test_a_syn_ack_that_answers_the_syn_again_proves_no_more_than_the_first() -> None:
    talk = Talk().client("S", 100).server("S.", 300, 101)
    talk.at(1000).client("S", 100).server("S.", 300, 101)
    assert trail(talk.now.server) == "LISTEN? SYN_RECEIVED?"
    assert talk.now.facts & fa.SYN_AGAIN


def test_the_third_segment_confirms_that_the_client_is_established() -> None:
    c = Talk().handshake().now
    assert trail(c.client) == "CLOSED? SYN_SENT ESTABLISHED"
    assert c.client.top().confirmed_by == 3
    assert c.client.top().frame == 2
    assert trail(c.server) == "LISTEN? SYN_RECEIVED? ESTABLISHED?"


def test_data_of_the_client_proves_it_established_even_if_the_syn_ack_was_not_captured() -> None:
    c = Talk().client("S", 100).client("P.", 101, 301, 5).now
    assert state(c.client) == "ESTABLISHED"
    assert c.client.top().is_sure()


@pytest.mark.parametrize(("letters", "length"), [("P.", 10), ("F.", 0)], ids=["data", "FIN"])
def test_what_a_server_sends_after_the_handshake_proves_it_established(letters: str, length: int) -> None:
    talk = Talk().handshake().server(letters, 301, 101, length)
    established = talk.now.server.steps[2]
    assert trail(talk.now.server).startswith("LISTEN? SYN_RECEIVED? ESTABLISHED")
    assert established.is_sure()
    assert established.confirmed_by == 4


def test_an_ack_of_data_proves_the_server_established() -> None:
    talk = Talk().handshake().client("P.", 101, 301, 10).at(150).server(".", 301, 111)
    assert trail(talk.now.server) == "LISTEN? SYN_RECEIVED? ESTABLISHED"


def test_a_syn_ack_again_takes_established_back() -> None:
    talk = Talk().handshake().at(1020).server("S.", 300, 101)
    assert trail(talk.now.server) == "LISTEN? SYN_RECEIVED"
    assert taken_back(talk.now.server) == ["ESTABLISHED"]
    assert talk.now.server.retracted[0].refuted_by == 4
    assert talk.now.facts & fa.THIRD_ACK_IGNORED


def test_an_old_syn_ack_takes_nothing_back_once_data_proved_the_server_established() -> None:
    talk = Talk().handshake().client("P.", 101, 301, 10).at(130).server("P.", 301, 111, 10)
    talk.at(1020).server("S.", 300, 101)
    assert state(talk.now.server) == "ESTABLISHED"
    assert taken_back(talk.now.server) == []


def test_data_of_a_fast_open_server_does_not_prove_it_established() -> None:
    talk = Talk()
    syn = talk.make(talk.to_server, "S", 100, 0, 10)
    syn.fast_open = 8
    talk.feed(syn)
    talk.at(20).server("S.", 300, 111).server("P.", 301, 111, 50)
    assert names(talk.now.server.possible) >= {"SYN_RECEIVED"}
    assert state(talk.now.server) == "SYN_RECEIVED"


def test_a_syn_again_takes_the_clients_established_back() -> None:
    talk = Talk().client("S", 100).at(20).server("S.", 300, 101).at(1000).client("S", 100)
    assert trail(talk.now.client) == "CLOSED? SYN_SENT"
    assert taken_back(talk.now.client) == ["ESTABLISHED"]


@pytest.mark.parametrize(("echo", "wanted"), [(1000, 10), (2000, 1010), (None, 1020)])
def test_the_echo_in_the_syn_ack_tells_which_syn_arrived(echo: int | None, wanted: int) -> None:
    """20 ms to the server and back; without timestamps all that is known is when the SYN-ACK passed (RFC 7323, 4.3)."""
    talk = Talk()
    for ms, stamp in ((0, 1000), (1000, 2000)):
        syn = talk.at(ms).make(talk.to_server, "S", 100)
        if echo is not None:
            syn.tsval, syn.tsecr = stamp, 0
        talk.feed(syn)
    answer = talk.at(1020).make(talk.to_client, "S.", 300, 101)
    if echo is not None:
        answer.tsval, answer.tsecr = 77, echo
    talk.feed(answer)
    talk.client(".", 101, 301).at(1030).client("P.", 101, 301, 10).at(1050).server(".", 301, 111)
    (c,) = talk.end()
    (received,) = [step for step in c.server.steps if st.NAMES[step.state] == "SYN_RECEIVED"]
    assert (received.time - START) / MS == pytest.approx(wanted, abs=1)


def closing(*, duplicate: bool) -> float:
    """The client's FIN passes twice, one ACK comes; when the server came into CLOSE_WAIT, in ms after the first FIN."""
    talk = Talk().established(to_client=20)
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 300).client("F.", 111, 311)
    ack = talk.at(start + 320).make(talk.to_client, ".", 311, 112)
    if duplicate:
        ack.sacks = 1
        ack.sack_at = 0
        ack.buf = (111).to_bytes(4, "big") + (112).to_bytes(4, "big") + bytes(8)
    talk.feed(ack)
    (c,) = talk.end()
    (step,) = [step for step in c.server.steps if st.NAMES[step.state] == "CLOSE_WAIT"]
    return float((step.time - START) / MS - start)


def test_the_first_ack_of_a_fin_answers_the_last_that_passed() -> None:
    assert closing(duplicate=False) == pytest.approx(310, abs=1)


def test_a_duplicate_sack_tells_that_the_first_fin_had_arrived() -> None:
    assert closing(duplicate=True) == pytest.approx(10, abs=1), "RFC 2883"


# ------------------------------------------------------------------------------ closing


def test_a_fin_proves_fin_wait_1() -> None:
    talk = Talk().established().client("F.", 111, 311)
    assert trail(talk.now.client) == "CLOSED? SYN_SENT ESTABLISHED FIN_WAIT_1"
    assert names(talk.now.client.possible) == {"FIN_WAIT_1"}


def test_a_fin_that_covers_the_peers_proves_close_wait_and_last_ack() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112)
    assert trail(talk.now.server).endswith("ESTABLISHED CLOSE_WAIT LAST_ACK"), "three segments skip nothing"
    assert talk.now.three_segment


def test_a_fin_that_does_not_cover_the_peers_was_sent_from_established() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 5).server("F.", 311, 111)
    c = talk.now
    assert "FIN_WAIT_1" in trail(c.server)
    assert "LAST_ACK" not in trail(c.server)
    assert c.facts & fa.SIMULTANEOUS_CLOSE


def test_an_ack_that_covers_the_peers_fin_proves_close_wait() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311)
    assert trail(talk.now.server).endswith("ESTABLISHED CLOSE_WAIT?")
    talk.at(start + 20).server(".", 311, 112)
    assert trail(talk.now.server).endswith("ESTABLISHED CLOSE_WAIT")
    assert trail(talk.now.client).endswith("FIN_WAIT_1 FIN_WAIT_2?")


def test_a_fin_again_takes_fin_wait_2_back() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112).at(start + 300).client("F.", 111, 311)
    assert trail(talk.now.client).endswith("FIN_WAIT_1")
    assert taken_back(talk.now.client) == ["FIN_WAIT_2"]
    assert talk.now.facts & fa.FIN_AGAIN
    assert talk.now.facts & fa.FINAL_ACK_LOST


def test_a_fin_again_reopens_last_ack() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    assert trail(talk.now.server).endswith("LAST_ACK CLOSED?")
    talk.at(start + 300).server("F.", 311, 112)
    assert trail(talk.now.server).endswith("LAST_ACK")
    assert taken_back(talk.now.server) == ["CLOSED"]


def test_a_fin_again_that_crossed_the_ack_takes_nothing_back() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.server("F.", 311, 111).at(start + 210).client(".", 111, 312).at(start + 215).server("F.", 311, 111)
    assert state(talk.now.server) == "FIN_WAIT_2"
    assert names(talk.now.server.possible) >= {"FIN_WAIT_1", "FIN_WAIT_2"}


def test_an_old_ack_out_of_order_proves_nothing_new() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112).server(".", 311, 111)
    assert trail(talk.now.server).endswith("CLOSE_WAIT")


def test_data_beyond_its_own_fin_is_noted() -> None:
    talk = Talk().established().client("F.", 111, 311).client("P.", 112, 311, 20)
    assert talk.now.facts & fa.DATA_AFTER_FIN


def test_the_ack_of_a_fin_that_covers_its_own_proves_time_wait() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server("F.", 311, 112).client(".", 112, 312)
    assert names(talk.now.client.possible) == {"TIME_WAIT"}
    assert trail(talk.now.client).endswith("TIME_WAIT")


def test_the_ack_of_the_fin_proves_time_wait() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112)
    talk.at(start + 5000).client(".", 112, 311).server("F.", 311, 112).client(".", 112, 312)
    assert trail(talk.now.client).endswith("TIME_WAIT")


def test_an_answer_a_little_faster_than_any_measured_proves_its_time() -> None:
    talk = Talk().established()
    start = talk.ms
    talk.client("F.", 111, 311).at(start + 20).server(".", 311, 112).at(start + 40).server("F.", 311, 112)
    talk.at(start + 40.5).client(".", 112, 312)
    (c,) = talk.end()
    assert state(c.client) == "TIME_WAIT"
    assert c.client.top().evidence == PROVEN, "half a millisecond, where a whole one was measured"
    assert (c.client.top().time - START) / MS - start == pytest.approx(40.25)


# ------------------------------------------------------------------------------ resets


def test_a_rst_proves_closed() -> None:
    talk = Talk().established().client("R.", 111, 311)
    assert trail(talk.now.client) == "CLOSED? SYN_SENT ESTABLISHED CLOSED"
    assert trail(talk.now.server).endswith("CLOSED?")
    assert talk.now.reset_by == 0


def test_a_syn_answered_by_a_rst_was_refused() -> None:
    c = Talk().client("S", 100).server("R.", 0, 101).now
    assert state(c.client) == "CLOSED"
    assert trail(c.server).endswith("CLOSED")
    assert c.facts & fa.REFUSED
    assert not c.facts & fa.RST_SENT


def test_a_rst_that_answers_a_bad_ack_is_no_abort() -> None:
    # figure 9: the client has lost its connection, the server has not
    talk = Talk().client("S", 400).server(".", 300, 100).client("R", 100)
    assert trail(talk.now.client) == "CLOSED? SYN_SENT"
    assert talk.now.facts & fa.RST_ANSWERS_BAD_ACK
    talk.at(1000).client("S", 400).at(1020).server("S.", 900, 401).client(".", 401, 901)
    assert state(talk.now.client) == "ESTABLISHED"


def test_an_endpoint_that_goes_on_after_a_rst_had_not_accepted_it() -> None:
    talk = Talk().established().client("R.", 111, 311)
    start = talk.ms
    talk.at(start + 500).server("P.", 311, 111, 10)
    assert state(talk.now.server) == "ESTABLISHED"
    assert taken_back(talk.now.server) == ["CLOSED"]
