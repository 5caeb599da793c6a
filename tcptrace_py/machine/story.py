"""The story of a connection, read off its two endpoints when observation of it ends: how it opened, how it
closed, what became of it.  The words are those of the report (``opening``, ``closing``, ``outcome``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint

OPENINGS: Final = ("three_way", "simultaneous", "fast_open", "refused", "unanswered", "incomplete", "midstream")
THREE_WAY: Final = 0
SIMULTANEOUS: Final = 1
FAST_OPEN: Final = 2
REFUSED: Final = 3
UNANSWERED: Final = 4
INCOMPLETE: Final = 5
MIDSTREAM: Final = 6

CLOSINGS: Final = ("four_way", "three_way", "simultaneous", "half_closed", "reset", "incomplete", "none")
FOUR_WAY_CLOSE: Final = 0
THREE_WAY_CLOSE: Final = 1
SIMULTANEOUS_CLOSE: Final = 2
HALF_CLOSED: Final = 3
RESET_CLOSE: Final = 4
INCOMPLETE_CLOSE: Final = 5
NOT_CLOSED: Final = 6

OUTCOMES: Final = ("closed", "open", "reset", "refused", "unanswered", "half_open", "stuck", "unknown")
CLOSED: Final = 0
OPEN: Final = 1
RESET: Final = 2
WAS_REFUSED: Final = 3
WAS_UNANSWERED: Final = 4
HALF_OPEN: Final = 5
STUCK: Final = 6
UNKNOWN: Final = 7

_REPEATED: Final = 2
_ENDED: Final = st.NO_CONNECTION | st.IN_TIME_WAIT
_HANGING: Final = st.IN_FIN_WAIT_1 | st.IN_FIN_WAIT_2 | st.IN_CLOSE_WAIT | st.IN_CLOSING | st.IN_LAST_ACK
_UNFINISHED: Final = _HANGING | st.IN_SYN_SENT | st.IN_SYN_RECEIVED


def conclude(c: Connection, now: i64, stuck_after: i64) -> None:
    """Judge the connection as it stands at ``now``, the end of its observation, and set its closing facts."""
    c.observed_until = now
    c.opening = _opening(c)
    c.closing = _closing(c)
    client: i64 = 1 << c.client.state
    server: i64 = 1 << c.server.state
    if (c.client.last_frame < 0 or c.server.last_frame < 0) and c.opening != UNANSWERED:
        c.facts |= fa.ONE_WAY
    if (client | server) & _UNFINISHED or (c.client.fin >= 0 and c.server.fin < 0) or c.server.fin >= 0 > c.client.fin:
        c.facts |= fa.UNFINISHED
    if (client | server) & st.IN_TIME_WAIT:
        c.facts |= fa.IN_TIME_WAIT
    if c.opening == UNANSWERED:
        c.facts |= fa.SYN_UNANSWERED
    if c.opening == INCOMPLETE and c.server.syn_count > 0:
        c.facts |= fa.HALF_OPEN
    if c.midstream and (c.client.fin >= 0 or c.server.fin >= 0):
        c.facts |= fa.ORPHAN_FIN
    if c.client.ignored >= _REPEATED or c.server.ignored >= _REPEATED:
        c.facts |= fa.UNANSWERED
    c.outcome = _outcome(c, now, stuck_after)


def _opening(c: Connection) -> i64:
    client = c.client
    server = c.server
    if c.midstream:
        return MIDSTREAM
    if c.facts & fa.SIMULTANEOUS_OPEN:
        return SIMULTANEOUS
    if c.facts & fa.REFUSED:
        return REFUSED
    if server.last_frame < 0 and client.acked < 1:
        return UNANSWERED
    if c.facts & fa.DATA_ON_SYN and (client.acked >= 1 or server.acked > 1):
        return FAST_OPEN
    if client.acked >= 1 and client.syn_count:
        return THREE_WAY
    return INCOMPLETE


def _closing(c: Connection) -> i64:
    client = c.client
    server = c.server
    if c.reset_by >= 0 and not (_is_acknowledged(client, server) and _is_acknowledged(server, client)):
        return RESET_CLOSE
    if client.fin < 0 and server.fin < 0:
        return NOT_CLOSED
    if client.fin < 0 or server.fin < 0:
        return HALF_CLOSED
    if not (_is_acknowledged(client, server) and _is_acknowledged(server, client)):
        return INCOMPLETE_CLOSE
    if c.facts & fa.SIMULTANEOUS_CLOSE:
        return SIMULTANEOUS_CLOSE
    return THREE_WAY_CLOSE if c.three_segment else FOUR_WAY_CLOSE


def _is_acknowledged(e: Endpoint, p: Endpoint) -> bool:
    """``e``'s FIN was sent, and ``p`` acknowledged it."""
    return e.fin >= 0 and p.acked > e.fin


def _outcome(c: Connection, now: i64, stuck_after: i64) -> i64:
    client: i64 = 1 << c.client.state
    server: i64 = 1 << c.server.state
    if c.opening == REFUSED:
        return WAS_REFUSED
    if c.opening == UNANSWERED:
        return WAS_UNANSWERED
    if c.closing == RESET_CLOSE:
        return RESET
    if c.client.fin >= 0 or c.server.fin >= 0:
        if client & _ENDED and server & _ENDED and c.client.fin >= 0 and c.server.fin >= 0:
            return CLOSED
        if _is_stuck(c.client, now, stuck_after) or _is_stuck(c.server, now, stuck_after):
            return STUCK
    if c.opening == INCOMPLETE:
        return HALF_OPEN
    if client & _ENDED and server & _ENDED:
        return UNKNOWN
    return OPEN


def _is_stuck(e: Endpoint, now: i64, stuck_after: i64) -> bool:
    """In a state that the peer must end, for longer than the threshold while the capture went on."""
    return 1 << e.state & _HANGING != 0 and now - max(e.top().time, e.last_time) >= stuck_after
