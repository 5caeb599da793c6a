"""Where the capture was taken."""

from __future__ import annotations

import pytest

from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.vantage import is_near
from tools.segments import CLIENT_IP, SERVER_IP, Talk, key, names


def told(c: Connection) -> str:
    """What is said of the client, then of the server."""
    return ", ".join("near" if e.near else "far" if e.far else "between" for e in (c.client, c.server))


@pytest.mark.parametrize(
    ("to_client", "to_server", "wanted"),
    [(1, 20, "near, far"), (20, 1, "far, near"), (20, 20, "between, between"), (1, 1, "between, between")],
)
def test_the_handshake_tells_where_the_capture_was_taken(to_client: int, to_server: int, wanted: str) -> None:
    assert told(Talk().handshake(to_client=to_client, to_server=to_server).now) == wanted


@pytest.mark.parametrize(
    ("own", "other", "wanted"),
    [
        pytest.param(1_999_999, 16_000_000, True, id="eight times faster and at once"),
        pytest.param(2_000_000, 100_000_000, False, id="not at once"),
        pytest.param(1_000_000, 8_000_000, False, id="just not eight times faster"),
        pytest.param(1_000_000, 8_000_001, True, id="just eight times faster"),
        pytest.param(-1, 8_000_000, False, id="not measured"),
        pytest.param(1_000_000, -1, False, id="the other not measured"),
    ],
)
def test_near_is_both_at_once_and_far_faster_than_the_other(own: int, other: int, wanted: bool) -> None:
    assert is_near(own, other) == wanted


def test_a_syn_sent_again_measures_nothing() -> None:
    talk = Talk().client("S", 100).at(1000).client("S", 100).at(1020).server("S.", 300, 101).client(".", 101, 301)
    assert told(talk.now) == "between, between"


def test_a_host_once_known_to_be_near_is_near_in_a_connection_that_began_before_the_capture() -> None:
    talk = Talk().handshake()
    talk.to_server, talk.to_client = key(CLIENT_IP, 50000, SERVER_IP, 80), key(SERVER_IP, 80, CLIENT_IP, 50000)
    talk.client("P.", 111, 311, 10).at(150).server(".", 311, 121).at(200).client("F.", 121, 311)
    assert told(talk.now) == "near, far"
    talk.at(220).server(".", 311, 122)
    assert names(talk.now.client.possible) == {"FIN_WAIT_2", "CLOSED"}, (
        "delivered; and the server may have closed before"
    )


def test_a_handshake_that_says_otherwise_outweighs_some_that_said_near() -> None:
    talk = Talk()
    for port, to_client in ((40000, 1), (40001, 1), (40002, 20), (50000, -1)):
        talk.to_server, talk.to_client = key(CLIENT_IP, port, SERVER_IP, 80), key(SERVER_IP, 80, CLIENT_IP, port)
        if to_client > 0:
            talk.handshake(to_client=to_client)
    talk.client("P.", 111, 311, 10).at(talk.ms + 20).server(".", 311, 121).client("F.", 121, 311)
    assert told(talk.now) == "between, between"
