"""The connection as a whole: its two sides, its history in letters, and whether it is over."""

from __future__ import annotations

import itertools

from tcptrace_py.machine import connection as cn
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.endpoint import Endpoint
from tools.segments import TO_SERVER, Talk


def connection(client: int = st.CLOSED, server: int = st.LISTEN) -> Connection:
    """One whose endpoints begin in these states."""
    return Connection(1, TO_SERVER, Endpoint(client, 5, 2, "client"), Endpoint(server, 5, 2, "server"), 5, 2)


def test_it_begins_where_its_first_segment_is() -> None:
    c = connection()
    assert (c.start, c.end, c.first_frame, c.last_frame) == (5, 5, 2, 2)
    assert c.side(CLIENT) is c.client
    assert c.side(SERVER) is c.server


def test_letters_are_written_once_capitals_for_the_client() -> None:
    c = connection()
    events = [
        (cn.HISTORY_SYN, CLIENT),
        (cn.HISTORY_SYN_ACK, SERVER),
        (cn.HISTORY_ACK, CLIENT),
        (cn.HISTORY_ACK, CLIENT),
        (cn.HISTORY_DATA, CLIENT),
        (cn.HISTORY_DATA, SERVER),
        (cn.HISTORY_AGAIN, SERVER),
        (cn.HISTORY_ZERO_WINDOW, CLIENT),
        (cn.HISTORY_FIN, SERVER),
        (cn.HISTORY_RST, CLIENT),
        (cn.HISTORY_SYN, CLIENT),
    ]
    for event, side in events:
        c.write_history(event, side)
    assert c.history == "ShADdtZfR"


def test_a_conversation_writes_its_history() -> None:
    talk = Talk().established()
    talk.client("F.", 111, 311).server(".", 311, 112).server("F.", 311, 112).client(".", 112, 312)
    assert talk.now.history == "ShADdFaf"
    assert talk.now.packets == 10


def test_over_is_when_neither_side_expects_anything() -> None:
    ended = {st.CLOSED, st.LISTEN, st.TIME_WAIT}
    for client, server in itertools.product(range(st.COUNT), repeat=2):
        assert connection(client, server).is_over() == (client in ended and server in ended)
