"""What a segment that passes towards an endpoint may do to it: RFC 9293, 3.10.7, check by check, in its order.

Everything here is assumed: the observer sees a segment pass, not arrive.  ``e`` is the receiver, ``p`` the sender.
"""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.account import contiguous
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.depart import crossing
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.table import after
from tcptrace_py.machine.timing import was_just_heard
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment


def arrive(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """``seg`` passes towards ``e``, which is ``side`` of ``c``."""
    if seg.flags & RST:
        receive_rst(c, side, e, p, seg, start, ack)
    elif seg.flags & SYN:
        receive_syn(e, seg, ack)
    else:
        # one segment arrives whole: its ACK and its FIN both count, or neither (fifth check, then eighth)
        before = e.possible
        acked: i64 = receive_ack(c, side, e, seg, ack, before)
        arrived: i64 = receive_text_and_fin(e, p, seg, start, acked)
        # a near endpoint gets what passes, but one in SYN_RECEIVED may still ignore it (full accept queue, deferred accept)
        e.possible = arrived if e.near and not before & st.IN_SYN_RECEIVED else before | arrived
        if p.fin >= 0 and not seg.flags & FIN and e.possible & st.FIN_RECEIVED and not e.near:
            # the FIN may have come on its own, before this ACK, or have been lost beyond the observer
            e.possible |= after(before, ev.RECEIVE_FIN) | acked


def receive_rst(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """Second check: a RST counts when it stands exactly at RCV.NXT (RFC 5961, 3.2)."""
    frame = seg.number
    if 1 << e.state & st.NO_CONNECTION:
        return
    if e.state == st.SYN_SENT:
        # 3.10.7.3, second check: only a RST whose ACK is acceptable
        if ack == e.snd_nxt and seg.flags & ACK:
            e.pass_by(ev.RECEIVE_RST, seg.time, frame, "RST received: refused")
        return
    exact: bool = start == e.acked or start == contiguous(p) or start == p.snd_nxt
    if e.state == st.SYN_RECEIVED and (e.acked < 0 or seg.seq == e.last_ack):
        exact = True
    if not exact:
        c.note(fa.RST_NOT_EXACT, 1 - side, frame, seg.time, -1, start - contiguous(p))
        return
    if e.state == st.TIME_WAIT:
        c.note(fa.TIME_WAIT_KILLED, side, frame, seg.time, -1, -1)
    e.pass_by(ev.RECEIVE_RST, seg.time, frame, "RST received")


def receive_syn(e: Endpoint, seg: Segment, ack: i64) -> None:
    """A SYN: to LISTEN the beginning, to SYN_SENT an answer, to everything else a reason for a challenge ACK."""
    if not seg.flags & ACK:
        if e.state == st.SYN_SENT:
            e.pass_by(ev.RECEIVE_SYN, seg.time, seg.number, "SYN met SYN")
        elif e.state == st.LISTEN and not e.near:
            # whether the SYN arrives shows in the answer; until then a request may or may not exist
            e.possible |= st.IN_SYN_RECEIVED
        return
    if e.state == st.SYN_SENT or e.state == st.SYN_RECEIVED:
        if 0 < ack <= e.snd_nxt:
            e.pass_by(ev.RECEIVE_SYN_ACK, seg.time, seg.number, "SYN-ACK received")
            e.hole = -1


def receive_ack(c: Connection, side: i64, e: Endpoint, seg: Segment, ack: i64, mask: i64) -> i64:
    """Fifth check: the ACK of the endpoint's SYN, and of its FIN.  Returns where it leads from ``mask``."""
    if ack < 1:
        return mask
    if mask & st.IN_SYN_RECEIVED and ack <= e.snd_nxt and e.syn_count:
        mask = after(mask, ev.RECEIVE_ACK_OF_SYN)
        if e.state == st.SYN_RECEIVED:
            e.move(ev.RECEIVE_ACK_OF_SYN, seg.time, seg.number, "ACK of its SYN received")
    if e.state == st.SYN_SENT and ack != e.snd_nxt:
        c.note(fa.SYN_CHALLENGED, 1 - side, seg.number, seg.time, e.syn_last_frame, -1)
    if e.fin >= 0 and ack > e.fin and ack <= e.snd_nxt:
        mask = after(mask, ev.RECEIVE_ACK_OF_FIN)
        e.move(ev.RECEIVE_ACK_OF_FIN, seg.time, seg.number, "ACK of its FIN received")
    return mask


def receive_text_and_fin(e: Endpoint, p: Endpoint, seg: Segment, start: i64, mask: i64) -> i64:
    """Seventh and eighth check: a FIN counts once everything before it has arrived.  Returns where it leads from ``mask``."""
    if p.fin < 0:
        return mask
    if e.hole >= 0 and seg.length and start <= e.hole < start + seg.length:
        e.hole = -1  # what its own ACK showed missing passes again
    if contiguous(p) < p.fin or 0 <= e.hole < p.fin:
        return mask
    if e.acked > p.fin:
        return mask  # it has long acknowledged it
    top = e.top()
    answers: i64 = st.IN_CLOSE_WAIT | st.IN_CLOSING  # the states that owe the peer an ACK of its FIN
    if not e.far:
        answers |= st.IN_TIME_WAIT  # a far one's answer may be lost on its way here
    if 1 << top.state & answers and top.heard and not top.is_sure():
        # the peer repeats what e would have acknowledged: it did not arrive then, nor did the FIN count
        repeats: bool = start <= p.fin and (seg.length > 0 or seg.flags & FIN != 0) and seg.number != top.frame
        if repeats and not crossing(e, top.passed, seg.time) and not (e.far and was_just_heard(e, p.fin_time)):
            _undo_fin(e, p, seg)
    if not 1 << e.state & (st.FIN_RECEIVED | st.NO_CONNECTION):
        e.move(ev.RECEIVE_FIN, seg.time, seg.number, "FIN received")
    return after(mask, ev.RECEIVE_FIN)


def _undo_fin(e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """The peer's FIN had not arrived, whatever of the endpoint's own had been acknowledged since."""
    while 1 << e.state & st.FIN_RECEIVED and e.top().heard and not e.top().is_sure():
        e.retract(seg.number, "sent again before any ACK of the FIN: it had not counted")
    if e.state == st.FIN_WAIT_1 and p.acked > e.fin:
        e.move(ev.RECEIVE_ACK_OF_FIN, seg.time, p.acked_frame, "ACK of its FIN received")
