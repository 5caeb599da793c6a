"""The machine of RFC 9293, one arrow to a line.

The file's own rules:

- An arrow says: an endpoint in ``from_state`` to which ``event`` happens is then in ``to_state``, and where the
  RFC (or the implementation that everybody runs) says so.
- No arrow for a state and an event means one of two things.  For what an endpoint *sends*: it cannot send that
  from there, so having sent it proves that it was elsewhere.  For what it *receives*: it stays where it is (the
  segment is dropped or answered by an ACK, RFC 9293, 3.10.7.4); for the observer that is a fact to note.
- A step that passes through a state without staying in it (FIN with ACK in FIN_WAIT_1) is two events, in the
  RFC's order: the ACK is processed (fifth check) before the FIN (eighth check).

The arrows are folded at import into a flat table, NEXT, which the engine uses, and from which the diagram and
the table in docs/ are drawn.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mypy_extensions import i64

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.words import vec


class Arrow(NamedTuple):
    """One transition: where it starts, what happens, where it leads, who says so, and why in a sentence."""

    from_state: int
    event: int
    to_state: int
    section: str
    because: str


ARROWS: Final[tuple[Arrow, ...]] = (
    # opening
    Arrow(st.CLOSED, ev.SEND_SYN, st.SYN_SENT, "3.10.1", "active open: SYN sent"),
    Arrow(st.LISTEN, ev.SEND_SYN, st.SYN_SENT, "3.10.1", "active open from LISTEN: SYN sent"),
    Arrow(st.SYN_SENT, ev.SEND_SYN, st.SYN_SENT, "3.8.1", "SYN sent again"),
    Arrow(st.TIME_WAIT, ev.SEND_SYN, st.SYN_SENT, "RFC 6191", "its own TIME_WAIT given up for a new connection"),
    Arrow(st.CLOSED, ev.SEND_SYN_ACK, st.SYN_RECEIVED, "3.10.7.2", "SYN received, SYN-ACK sent"),
    Arrow(st.LISTEN, ev.SEND_SYN_ACK, st.SYN_RECEIVED, "3.10.7.2", "SYN received, SYN-ACK sent"),
    Arrow(st.SYN_SENT, ev.SEND_SYN_ACK, st.SYN_RECEIVED, "3.10.7.3", "SYN met SYN: SYN-ACK sent"),
    Arrow(st.SYN_RECEIVED, ev.SEND_SYN_ACK, st.SYN_RECEIVED, "3.8.1", "SYN-ACK sent again"),
    Arrow(st.SYN_SENT, ev.RECEIVE_SYN_ACK, st.ESTABLISHED, "3.10.7.3", "SYN-ACK received"),
    Arrow(st.SYN_SENT, ev.RECEIVE_SYN, st.SYN_RECEIVED, "3.10.7.3", "SYN met SYN"),
    Arrow(st.SYN_RECEIVED, ev.RECEIVE_SYN_ACK, st.ESTABLISHED, "3.10.7.4", "SYN-ACK received: its SYN is acknowledged"),
    Arrow(st.SYN_RECEIVED, ev.RECEIVE_ACK_OF_SYN, st.ESTABLISHED, "3.10.7.4", "ACK of its SYN received"),
    # closing
    Arrow(st.SYN_RECEIVED, ev.SEND_FIN, st.FIN_WAIT_1, "3.10.4", "closed before the handshake was over: FIN sent"),
    Arrow(st.ESTABLISHED, ev.SEND_FIN, st.FIN_WAIT_1, "3.10.4", "FIN sent"),
    Arrow(st.CLOSE_WAIT, ev.SEND_FIN, st.LAST_ACK, "3.10.4", "FIN sent after the peer's"),
    Arrow(st.FIN_WAIT_1, ev.SEND_FIN, st.FIN_WAIT_1, "3.8.1", "FIN sent again"),
    Arrow(st.CLOSING, ev.SEND_FIN, st.CLOSING, "3.8.1", "FIN sent again"),
    Arrow(st.LAST_ACK, ev.SEND_FIN, st.LAST_ACK, "3.8.1", "FIN sent again"),
    Arrow(st.SYN_RECEIVED, ev.RECEIVE_FIN, st.CLOSE_WAIT, "3.10.7.4", "FIN received"),
    Arrow(st.ESTABLISHED, ev.RECEIVE_FIN, st.CLOSE_WAIT, "3.10.7.4", "FIN received"),
    Arrow(st.FIN_WAIT_1, ev.RECEIVE_FIN, st.CLOSING, "3.10.7.4", "FIN received before its own was acknowledged"),
    Arrow(st.FIN_WAIT_2, ev.RECEIVE_FIN, st.TIME_WAIT, "3.10.7.4", "FIN received"),
    Arrow(st.TIME_WAIT, ev.RECEIVE_FIN, st.TIME_WAIT, "3.10.7.4", "FIN received again: 2 MSL start anew"),
    Arrow(st.FIN_WAIT_1, ev.RECEIVE_ACK_OF_FIN, st.FIN_WAIT_2, "3.10.7.4", "ACK of its FIN received"),
    Arrow(st.CLOSING, ev.RECEIVE_ACK_OF_FIN, st.TIME_WAIT, "3.10.7.4", "ACK of its FIN received"),
    Arrow(st.LAST_ACK, ev.RECEIVE_ACK_OF_FIN, st.CLOSED, "3.10.7.4", "ACK of its FIN received"),
    Arrow(st.TIME_WAIT, ev.TIMEOUT_2MSL, st.CLOSED, "3.10.8", "2 MSL passed"),
    # closing without a frame: the FIN waits behind data that the peer's window does not admit
    Arrow(st.ESTABLISHED, ev.CLOSE_UNSEEN, st.FIN_WAIT_1, "3.10.4", "closed, the FIN queued behind data"),
    Arrow(st.CLOSE_WAIT, ev.CLOSE_UNSEEN, st.LAST_ACK, "3.10.4", "closed, the FIN queued behind data"),
    Arrow(st.SYN_SENT, ev.CLOSE_UNSEEN, st.CLOSED, "3.10.4", "closed before an answer came"),
    # aborts
    Arrow(st.CLOSED, ev.SEND_RST, st.CLOSED, "3.10.7.1", "no connection: RST sent"),
    Arrow(st.LISTEN, ev.SEND_RST, st.LISTEN, "3.10.7.2", "an ACK met LISTEN: RST sent"),
    Arrow(st.SYN_SENT, ev.SEND_RST, st.CLOSED, "3.10.7.1", "given up: RST sent to what answers"),
    Arrow(st.SYN_RECEIVED, ev.SEND_RST, st.CLOSED, "3.10.5", "aborted: RST sent"),
    Arrow(st.ESTABLISHED, ev.SEND_RST, st.CLOSED, "3.10.5", "aborted: RST sent"),
    Arrow(st.FIN_WAIT_1, ev.SEND_RST, st.CLOSED, "3.10.5", "aborted: RST sent"),
    Arrow(st.FIN_WAIT_2, ev.SEND_RST, st.CLOSED, "3.10.5", "aborted: RST sent"),
    Arrow(st.CLOSE_WAIT, ev.SEND_RST, st.CLOSED, "3.10.5", "aborted: RST sent"),
    Arrow(st.CLOSING, ev.SEND_RST, st.CLOSED, "3.10.7.1", "no connection any more: RST sent"),
    Arrow(st.LAST_ACK, ev.SEND_RST, st.CLOSED, "3.10.7.1", "no connection any more: RST sent"),
    Arrow(st.TIME_WAIT, ev.SEND_RST, st.CLOSED, "3.10.7.1", "no connection any more: RST sent"),
    Arrow(st.SYN_SENT, ev.RECEIVE_RST, st.CLOSED, "3.10.7.3", "RST received: refused"),
    Arrow(st.SYN_RECEIVED, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.ESTABLISHED, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.FIN_WAIT_1, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.FIN_WAIT_2, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.CLOSE_WAIT, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.CLOSING, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.LAST_ACK, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received"),
    Arrow(st.TIME_WAIT, ev.RECEIVE_RST, st.CLOSED, "3.10.7.4", "RST received: TIME_WAIT assassinated (RFC 1337)"),
    Arrow(st.SYN_SENT, ev.RECEIVE_ICMP, st.CLOSED, "3.9.2.2", "ICMP hard error: rejected"),
    # giving up: user timeout, retransmission limits, expired requests and orphans
    Arrow(st.SYN_SENT, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "no answer: gave up"),
    Arrow(st.SYN_RECEIVED, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "handshake not completed: request expired"),
    Arrow(st.ESTABLISHED, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "data not acknowledged: gave up"),
    Arrow(st.CLOSE_WAIT, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "data not acknowledged: gave up"),
    Arrow(st.FIN_WAIT_1, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "FIN not acknowledged: gave up"),
    Arrow(st.FIN_WAIT_2, ev.TIMEOUT_GIVE_UP, st.CLOSED, "Linux tcp_fin_timeout", "peer never closed: orphan expired"),
    Arrow(st.CLOSING, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "FIN not acknowledged: gave up"),
    Arrow(st.LAST_ACK, ev.TIMEOUT_GIVE_UP, st.CLOSED, "3.8.3", "FIN not acknowledged: gave up"),
)

NOWHERE: Final = -1
"""In NEXT: no arrow."""


def fold(arrows: tuple[Arrow, ...]) -> list[int]:
    """The arrows as one flat list: ``cells[state * events.COUNT + event]`` is the next state, or NOWHERE."""
    cells = [NOWHERE] * (st.COUNT * ev.COUNT)
    for arrow in arrows:
        at = arrow.from_state * ev.COUNT + arrow.event
        if cells[at] != NOWHERE:
            raise ValueError(f"two arrows from {st.NAMES[arrow.from_state]} on {ev.NAMES[arrow.event]}")
        cells[at] = arrow.to_state
    return cells


def reach(cells: list[int]) -> list[int]:
    """For every state, the mask of those that can come before it within one connection."""
    before = [0] * st.COUNT
    changed = True
    while changed:
        changed = False
        for state in range(st.COUNT):
            for event in range(ev.COUNT):
                to = cells[state * ev.COUNT + event]
                # CLOSED and LISTEN are also where a connection begins: what came before them is another one
                if to in (NOWHERE, state) or (to == st.SYN_SENT and state == st.TIME_WAIT):
                    continue
                grown = before[to] | 1 << state
                if state not in (st.CLOSED, st.LISTEN):
                    grown |= before[state]
                if grown != before[to]:
                    before[to] = grown
                    changed = True
    return before


def narrows(cells: list[int]) -> list[int]:
    """For every state, the mask of those to which all roads of a connection lead through it, itself included.

    An endpoint that closes or hears a FIN in SYN_RECEIVED passes through ESTABLISHED in the same moment: the ACK of
    its SYN comes first (3.10.7.4, fifth check), and an application closes what it has accepted.
    """
    origins = (st.CLOSED, st.LISTEN)
    every = (1 << st.COUNT) - 1
    must = [1 << state if state in origins else every for state in range(st.COUNT)]
    changed = True
    while changed:
        changed = False
        for state in range(st.COUNT):
            if state in origins:
                continue
            common = every
            for source in range(st.COUNT):
                skips = source == st.SYN_RECEIVED and state in (st.FIN_WAIT_1, st.CLOSE_WAIT)
                skips = skips or (source == st.TIME_WAIT and state == st.SYN_SENT)
                if source != state and not skips and state in cells[source * ev.COUNT : (source + 1) * ev.COUNT]:
                    common &= must[source]
            grown = common | 1 << state
            if grown != must[state]:
                must[state] = grown
                changed = True
    return [sum(1 << s for s in range(st.COUNT) if must[s] >> state & 1) for state in range(st.COUNT)]


def sets(cells: list[int], stays: bool) -> list[int]:
    """Where each event leads from a set of states, for ``image`` and ``after``; what has no arrow ``stays``, or is left out.

    For every event, first the sets of the low states, then those of the high ones: an answer is the union of two.
    """
    found = []
    for event in range(ev.COUNT):
        for first, count in ((0, LOW), (LOW, HIGH)):
            for mask in range(1 << count):
                result = 0
                for i in range(count):
                    to = cells[(first + i) * ev.COUNT + event] if mask >> i & 1 else NOWHERE
                    if to != NOWHERE:
                        result |= 1 << to
                    elif stays:
                        result |= (mask >> i & 1) << first + i
                found.append(result)
    return found


LOW: Final = 6
HIGH: Final = st.COUNT - 6
LOW_SETS: Final = 1 << 6
SETS: Final = LOW_SETS + (1 << 5)
"""Of low and of high states, an event."""

_CELLS: Final[list[int]] = fold(ARROWS)
NEXT: Final = vec[i64](_CELLS)
BEFORE: Final = vec[i64](reach(_CELLS))
THROUGH: Final = vec[i64](narrows(_CELLS))
IMAGE: Final = vec[i64](sets(_CELLS, stays=False))
AFTER: Final = vec[i64](sets(_CELLS, stays=True))


def next_state(state: i64, event: i64) -> i64:
    """Where ``event`` leads from ``state``, or NOWHERE."""
    return NEXT[state * ev.COUNT + event]


def before(state: i64) -> i64:
    """The states that can come before ``state`` within one connection."""
    return BEFORE[state]


def through(state: i64) -> i64:
    """The states to which all roads lead through ``state``."""
    return THROUGH[state]


def image(mask: i64, event: i64) -> i64:
    """The set of states that ``event`` leads to from a set; states without an arrow contribute nothing."""
    at: i64 = event * SETS
    return IMAGE[at + (mask & LOW_SETS - 1)] | IMAGE[at + LOW_SETS + (mask >> LOW)]


def after(mask: i64, event: i64) -> i64:
    """Where a set is after ``event``: states without an arrow for it stay where they are."""
    at: i64 = event * SETS
    return AFTER[at + (mask & LOW_SETS - 1)] | AFTER[at + LOW_SETS + (mask >> LOW)]


def arrow_for(state: int, event: int) -> Arrow | None:
    """The arrow from ``state`` on ``event``, for explanations."""
    for arrow in ARROWS:
        if arrow.from_state == state and arrow.event == event:
            return arrow
    return None
