"""Connections that have ended, packed small: what it takes to go on with one should another segment come.

A connection that closed as it should, and that nobody wants to see, waits out its 2 MSL as a Parked: a tenth of its
size, made while it is still in the processor's cache.  Packing and unpacking lose the trail but for its last two
steps, and the counters; nothing that inference or a rule about a late segment needs.

What makes it so small is that a close without incident leaves little to tell.  One side, the *closer*, sent its FIN
first and the last segment of all, which acknowledges the FIN of the other, the *follower*; so the times and frames
of those three segments are those of nearly everything else.  ``is_plain`` says whether it all came out like that.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, Connection, Exchange, Flow
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, Endpoint
from tcptrace_py.machine.plain import Plain
from tcptrace_py.machine.sequence import MODULUS_MASK, wrap

_NO_KEY: Final = b""
_LONG_KEY: Final = 36  # IPv6's; IPv4's is in the two numbers of a flow

# Parked.marks: the letters written, what is possible of the follower, and yes or no
_WRITTEN: Final = 0xFFFF
_POSSIBLE_AT: Final = 16
_THREE_SEGMENT: Final = 1 << 32
_CLIENT_NEAR: Final = 1 << 33
_SERVER_NEAR: Final = 1 << 34
_CLIENT_FAR: Final = 1 << 35
_SERVER_FAR: Final = 1 << 36


def is_plain(c: Connection) -> bool:
    """Whether a connection closed without incident, so that what Parked keeps of it is all there is to keep."""
    if c.first_closer < 0 or c.rival_side >= 0 or c.reset_by >= 0 or c.midstream or c.server.active:
        return False
    if c.takes_from != c.first_frame:
        return False
    closer = c.side(c.first_closer)
    follower = c.side(1 - c.first_closer)
    if not _sent_all(closer, follower) or not _sent_all(follower, closer):
        return False
    if closer.last_time != c.end or closer.last_frame != c.last_frame or closer.acked_frame != c.last_frame:
        return False
    if follower.last_time != follower.fin_time or follower.last_frame != follower.fin_frame:
        return False
    if closer.possible != st.IN_TIME_WAIT or closer.asks or not closer.fin_bare or follower.fin_bare:
        return False
    return _ended(closer, st.FIN_WAIT_2, st.TIME_WAIT, follower.fin_time, follower.fin_frame, c.last_frame) and _ended(
        follower, st.LAST_ACK, st.CLOSED, c.end, c.last_frame, -1
    )


def _sent_all(e: Endpoint, p: Endpoint) -> bool:
    """It sent one SYN, all of its bytes without a gap, and one FIN; and had everything of its peer's."""
    if not e.syn_seen or e.fin_count != 1 or e.fin + 1 != e.snd_nxt or e.snd_una != e.snd_nxt or e.acked != p.snd_nxt:
        return False
    return e.syn_count == 1 and e.holes is None and e.doubt is None


def _ended(e: Endpoint, before: i64, state: i64, time: i64, frame: i64, confirmed_by: i64) -> bool:
    """It went from ``before`` to ``state`` when ``frame`` passed, at ``time``."""
    steps = e.steps
    last: i64 = len(steps) - 1
    if e.state != state or e.timer_from != time or last < 1 or steps[last - 1].state != before:
        return False
    top = e.top()
    if top.passed != time or top.frame != frame or top.confirmed_by != confirmed_by:
        return False
    return top.heard and top.evidence == ASSUMED


def park_whole(c: Connection) -> Parked:
    """Pack a plain connection."""
    closer = c.side(c.first_closer)
    possible = c.side(1 - c.first_closer).possible
    marks: i64 = possible << _POSSIBLE_AT | (_THREE_SEGMENT if c.three_segment else 0)
    return Parked(
        c, c.first_closer, c.handshake_to_server, c.handshake_to_client, closer.fin_time, closer.fin_frame, marks
    )


def park_plain(x: Plain) -> Parked:
    """Pack a connection that went by the book until it was closed."""
    possible: i64 = st.IN_CLOSED
    if not x.space(1 - x.closer).near:
        possible |= st.IN_LAST_ACK
    marks: i64 = possible << _POSSIBLE_AT | (_THREE_SEGMENT if x.is_three_segment() else 0)
    return Parked(x, x.closer, x.to_server, x.to_client, x.fin_time, x.fin_frame, marks)


@mypyc_attr(acyclic=True)
class Parked(Flow):
    """One connection, packed."""

    def __init__(
        self, c: Exchange, closer: i64, to_server: i64, to_client: i64, fin_time: i64, fin_frame: i64, marks: i64
    ) -> None:
        """``c`` must be plain."""
        super().__init__(c.number, c.key if len(c.key) == _LONG_KEY else _NO_KEY, c.end, c.last_frame)
        client = c.one
        server = c.two
        ending = client if closer == CLIENT else server
        follower = server if closer == CLIENT else client
        self.incarnation = c.incarnation
        self.first_closer = closer
        self.start = c.start
        self.first_frame = c.first_frame
        self.packets = c.packets
        self.facts = c.facts
        self.letters = c.letters
        self.handshake_to_server = to_server
        self.handshake_to_client = to_client
        self.unparked: bool = False  # it is a Connection again
        self.origins: i64 = client.origin << 32 | server.origin
        self.client_nxt = client.snd_nxt
        self.server_nxt = server.snd_nxt
        self.client_turnaround = client.turnaround
        self.client_turnaround_2 = client.turnaround_2
        self.server_turnaround = server.turnaround
        self.server_turnaround_2 = server.turnaround_2
        self.closer_fin_time = fin_time
        self.closer_fin_frame = fin_frame
        self.fin_time = follower.last_time  # of the follower's FIN, its last segment
        self.fin_frame = follower.last_frame
        self.fin_acked_frame = follower.acked_frame  # in which it acknowledged the closer's
        self.closer_previous = ending.previous_time
        self.follower_previous = follower.previous_time
        self.marks: i64 = marks | c.written
        if client.near:
            self.marks |= _CLIENT_NEAR
        if server.near:
            self.marks |= _SERVER_NEAR
        if client.far:
            self.marks |= _CLIENT_FAR
        if server.far:
            self.marks |= _SERVER_FAR

    def waiting_since(self) -> i64:
        """When the closer's TIME_WAIT began."""
        return self.fin_time

    def restore(self, key: bytes) -> Connection:
        """The connection again; ``key`` is its own."""
        client = Endpoint(st.CLOSED, self.start, self.first_frame, "as it was")
        server = Endpoint(st.LISTEN, self.start, self.first_frame, "as it was")
        first: bool = self.first_closer == CLIENT
        closer = client if first else server
        follower = server if first else client
        self._restore_opening(client, server)
        _restore_close(closer, follower, self.closer_fin_time, self.closer_fin_frame)
        _restore_close(follower, closer, self.fin_time, self.fin_frame)
        _restore_end(closer, st.FIN_WAIT_2, st.TIME_WAIT, self.fin_time, self.fin_frame)
        closer.confirm_step(closer.top(), self.end, self.last_frame)
        closer.possible = st.IN_TIME_WAIT
        closer.acked_frame = self.last_frame
        closer.last_time = self.end
        closer.last_frame = self.last_frame
        closer.previous_time = self.closer_previous
        _restore_end(follower, st.LAST_ACK, st.CLOSED, self.end, self.last_frame)
        follower.possible = self.marks >> _POSSIBLE_AT & st.ANY
        follower.acked_frame = self.fin_acked_frame
        follower.last_time = self.fin_time
        follower.last_frame = self.fin_frame
        follower.previous_time = self.follower_previous
        follower.asks = True
        closer.fin_bare = True
        c = Connection(self.number, key, client, server, self.start, self.first_frame)
        c.end = self.end
        c.last_frame = self.last_frame
        c.incarnation = self.incarnation
        c.packets = self.packets
        c.facts = self.facts
        c.letters = self.letters
        c.written = self.marks & _WRITTEN
        c.first_closer = self.first_closer
        c.handshake_to_server = self.handshake_to_server
        c.handshake_to_client = self.handshake_to_client
        c.three_segment = self.marks & _THREE_SEGMENT != 0
        return c

    def _restore_opening(self, client: Endpoint, server: Endpoint) -> None:
        """What both sides have from the handshake on."""
        client.origin = self.origins >> 32 & MODULUS_MASK
        server.origin = self.origins & MODULUS_MASK
        client.snd_nxt = self.client_nxt
        server.snd_nxt = self.server_nxt
        client.turnaround = self.client_turnaround
        client.turnaround_2 = self.client_turnaround_2
        server.turnaround = self.server_turnaround
        server.turnaround_2 = self.server_turnaround_2
        client.near = self.marks & _CLIENT_NEAR != 0
        server.near = self.marks & _SERVER_NEAR != 0
        client.far = self.marks & _CLIENT_FAR != 0
        server.far = self.marks & _SERVER_FAR != 0
        client.handshake = self.handshake_to_client
        server.handshake = self.handshake_to_server
        client.active = True
        client.syn_time = self.start
        server.syn_time = self.start + max(self.handshake_to_server, 0)
        for e in (client, server):
            e.syn_seen = True
            e.syn_frame = self.first_frame
            e.syn_last = e.syn_time
            e.syn_last_frame = self.first_frame
            e.syn_count = 1


def _restore_close(e: Endpoint, p: Endpoint, time: i64, frame: i64) -> None:
    """Its FIN, and that both sides had everything."""
    e.snd_una = e.snd_nxt
    e.acked = p.snd_nxt
    e.last_ack = wrap(p.snd_nxt, p.origin)
    e.fin = e.snd_nxt - 1
    e.fin_time = time
    e.fin_frame = frame
    e.fin_last = time
    e.fin_last_frame = frame
    e.fin_count = 1


def _restore_end(e: Endpoint, before: i64, state: i64, time: i64, frame: i64) -> None:
    """Its last two steps."""
    e.steps[0].evidence = PROVEN
    e.enter(before, e.fin_time, e.fin_frame, PROVEN, "as it was")
    e.enter(state, time, frame, ASSUMED, "as it was")
    e.top().heard = True
