"""A connection that went by the book so far, made whole: with the trail that the general judgement would have left.

Every step here is one that ``depart`` and ``arrive`` take for such a segment, in their order and with their words.
"""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.machine import plain as pl
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, Endpoint
from tcptrace_py.machine.plain import Plain


def unfold(x: Plain, key: bytes) -> Connection:
    """The connection, whole; ``key`` is its own.  The counters are shared with ``x``, which is no longer of use."""
    client = Endpoint(st.CLOSED, x.start, x.first_frame, "nothing seen before")
    server = Endpoint(st.LISTEN, x.start, x.first_frame, "nothing seen before")
    client.adopt(x.one)
    server.adopt(x.two)
    c = Connection(x.number, key, client, server, x.start, x.first_frame)
    c.client_id = x.client_id
    c.server_id = x.server_id
    c.end = x.end
    c.last_frame = x.last_frame
    c.incarnation = x.incarnation
    c.settled = x.settled
    c.packets = x.packets
    c.facts = x.facts
    c.written = x.written
    c.letters = x.letters
    c.notes = x.notes
    c.notes_lost = x.notes_lost
    c.copies = x.copies
    c.detailed = x.detailed
    c.handshake_to_server = x.to_server
    _opening(x, client, server)
    if x.phase > pl.ANSWERED:
        c.handshake_to_client = x.to_client
        client.handshake = x.to_client
    if x.phase >= pl.CLOSING:
        c.first_closer = x.closer
        c.three_segment = x.phase >= pl.ENDING and x.is_three_segment()
        _closing(x, c.side(x.closer), c.side(1 - x.closer))
    return c


def _opening(x: Plain, client: Endpoint, server: Endpoint) -> None:
    """The handshake, as far as it has come."""
    client.enter(st.SYN_SENT, x.start, x.first_frame, PROVEN, "SYN sent")
    client.syn_time = x.start
    client.syn_frame = x.first_frame
    server.syn_time = x.time_of(x.answer)
    server.syn_frame = x.frame_of(x.answer)
    for e in (client, server):
        e.syn_last = e.syn_time
        e.syn_last_frame = e.syn_frame
        e.syn_count = 1
    server.enter(st.SYN_RECEIVED, x.time_of(x.answer), x.frame_of(x.answer), ASSUMED, "SYN received, SYN-ACK sent")
    server.possible = st.IN_SYN_RECEIVED
    server.handshake = x.to_server
    _reach(client, st.ESTABLISHED, x.time_of(x.answer), x.frame_of(x.answer), "SYN-ACK received")
    client.possible = st.IN_SYN_SENT | st.IN_ESTABLISHED
    if x.phase > pl.ANSWERED:
        client.confirm_step(client.top(), x.time_of(x.third), x.frame_of(x.third))
        client.possible = st.IN_ESTABLISHED
        _reach(server, st.ESTABLISHED, x.time_of(x.third), x.frame_of(x.third), "ACK of its SYN received")
        server.possible = st.IN_SYN_RECEIVED | st.IN_ESTABLISHED
    if x.phase > pl.OPENED:
        server.confirm_step(server.top(), x.time_of(x.sure), x.frame_of(x.sure))
        server.possible = st.IN_ESTABLISHED


def _closing(x: Plain, closer: Endpoint, follower: Endpoint) -> None:
    """The close, as far as it has come.  What passes towards a near endpoint arrives; of another one, it may not have."""
    closer.enter(st.FIN_WAIT_1, x.fin_time, x.fin_frame, PROVEN, "FIN sent")
    closer.possible = st.IN_FIN_WAIT_1
    _sent_fin(closer, x.fin_time, x.fin_frame, bare=True)
    _reach(follower, st.CLOSE_WAIT, x.fin_time, x.fin_frame, "FIN received")
    follower.possible = _or_still(follower, st.IN_CLOSE_WAIT, st.IN_ESTABLISHED)
    if x.phase == pl.CLOSING:
        return
    since: i64 = x.half_closed_at
    if x.phase >= pl.ENDING and x.is_three_segment():
        since = follower.last_time
    follower.confirm_step(follower.top(), since, follower.acked_frame)
    follower.possible = st.IN_CLOSE_WAIT
    _reach(closer, st.FIN_WAIT_2, since, follower.acked_frame, "ACK of its FIN received")
    closer.possible = _or_still(closer, st.IN_FIN_WAIT_2, st.IN_FIN_WAIT_1)
    if x.phase == pl.HALF_CLOSED:
        return
    time: i64 = follower.last_time  # it has said nothing since its FIN
    frame: i64 = follower.last_frame
    follower.enter(st.LAST_ACK, time, frame, PROVEN, "FIN sent")
    follower.possible = st.IN_LAST_ACK
    _sent_fin(follower, time, frame, bare=False)
    before: i64 = st.IN_FIN_WAIT_1 if x.is_three_segment() else closer.possible
    _reach(closer, st.TIME_WAIT, time, frame, "FIN received")
    closer.possible = _or_still(closer, st.IN_TIME_WAIT, before)
    if x.phase == pl.CLOSED:
        closer.confirm_step(closer.top(), x.end, x.last_frame)
        closer.possible = st.IN_TIME_WAIT
        _reach(follower, st.CLOSED, x.end, x.last_frame, "ACK of its FIN received")
        follower.possible = _or_still(follower, st.IN_CLOSED, st.IN_LAST_ACK)


def _reach(e: Endpoint, state: i64, time: i64, frame: i64, why: str) -> None:
    """What passed towards it took it there."""
    e.enter(state, time, frame, ASSUMED, why)
    e.top().heard = True


def _or_still(e: Endpoint, now: i64, before: i64) -> i64:
    if e.near:
        return now
    return before | now


def _sent_fin(e: Endpoint, time: i64, frame: i64, *, bare: bool) -> None:
    e.fin_time = time
    e.fin_frame = frame
    e.fin_last = time
    e.fin_last_frame = frame
    e.fin_count = 1
    e.fin_bare = bare
