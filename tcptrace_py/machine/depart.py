"""What sending a segment proves of its sender: RFC 9293 read backwards, from the segment to the states that emit it.

The sender's own segment is the only proof there is.  Against it stands one doubt: what passed the observer
towards the sender less than a round trip before may have crossed with this segment, so that it says nothing of
that yet (``crossing``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, TIMER, Endpoint
from tcptrace_py.machine.sequence import MODULUS_MASK, distance, wrap
from tcptrace_py.machine.table import image
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment
from tcptrace_py.words import read_i64_be

_UNKNOWN_TURNAROUND: Final = 100_000_000
_JITTER: Final = 5_000_000
_SLOW_ANSWER: Final = 20_000_000
"""A RST that comes later than this and a turnaround answers nothing."""


def crossing(e: Endpoint, then: i64, now: i64) -> bool:
    """Whether what passed towards ``e`` at ``then`` may still have been under way when ``e`` sent what passes now."""
    turnaround: i64 = e.turnaround
    if turnaround < 0:
        turnaround = 0 if e.near else _UNKNOWN_TURNAROUND
    return now - then <= turnaround + _JITTER


def depart(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """``e`` sent ``seg``: what does that prove of ``e``?"""
    if seg.flags & RST:
        if seg.flags & ACK and p.fin >= 0 and ack >= e.acked and not 1 << e.state & st.NO_CONNECTION:
            mask: i64 = _peer_fin(e, p, seg, ack) & ~st.NO_CONNECTION
            e.prove(mask, seg.time, seg.number, "the ACK of its RST says whether the FIN had come")
        send_rst(c, side, e, p, seg, start)
    elif seg.flags & SYN:
        if seg.flags & ACK:
            send_syn_ack(c, side, e, p, seg, ack)
        else:
            send_syn(c, side, e, p, seg)
    else:
        send_plain(c, side, e, p, seg, start, ack)


def send_syn(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """A SYN of this connection's ISN (the tracker has seen to that): 3.10.1, or its repetition, 3.8.1."""
    if e.syn_count == 0:
        e.active = True
        e.syn_time = seg.time
        e.syn_frame = seg.number
        e.act(ev.SEND_SYN, seg.time, seg.number, PROVEN, "SYN sent")
        if p.active:
            c.note(fa.SIMULTANEOUS_OPEN, side, seg.number, seg.time, p.syn_frame, -1)
            e.possible |= image(e.possible, ev.RECEIVE_SYN)  # the peer's is under way to it
    elif e.acked >= 1:
        # it has acknowledged the peer's SYN since: the network held this one back (3.5, figure 8)
        c.note(fa.OLD_SYN, side, seg.number, seg.time, e.syn_frame, -1)
        e.stamp_syn(seg)
        return
    else:
        c.note(fa.SYN_AGAIN, side, seg.number, seg.time, e.syn_last_frame, seg.time - e.syn_last)
        if e.state == st.SYN_SENT or not crossing(e, e.top().passed, seg.time):
            e.prove(st.IN_SYN_SENT, seg.time, seg.number, "SYN sent again: no SYN-ACK reached it")
            if p.syn_count > 1 and crossing(e, p.syn_last, seg.time):
                e.pass_by(ev.RECEIVE_SYN_ACK, p.syn_last, p.syn_last_frame, "SYN-ACK received")
    e.syn_last = seg.time
    e.syn_last_frame = seg.number
    e.syn_count += 1
    e.stamp_syn(seg)
    if seg.length:
        c.note(fa.DATA_ON_SYN, side, seg.number, seg.time, -1, seg.length)
    if seg.fast_open >= 0:
        c.note(fa.FAST_OPEN, side, seg.number, seg.time, -1, seg.fast_open)


def send_syn_ack(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, ack: i64) -> None:
    """3.10.7.2, third check: SYN received.  A SYN cookie would leave no state, so one SYN-ACK is no proof."""
    covers: bool = 0 < ack <= p.snd_nxt
    if not covers and p.origin >= 0:
        c.note(fa.SYN_ACK_BAD_ACK, side, seg.number, seg.time, p.syn_frame, -1)
    again: bool = e.syn_count > 0 and seg.seq == e.origin and not (e.active and e.possible & st.IN_SYN_SENT)
    if not again:
        if e.syn_count > 0 and seg.seq != e.origin:
            c.note(fa.SYN_ACK_CHANGED, side, seg.number, seg.time, e.syn_last_frame, -1)
            e.origin = seg.seq
            e.snd_nxt = 1
            e.offer(seg)  # what it offered for the older one is void
        if e.active:
            if e.state == st.ESTABLISHED and not e.top().is_sure():
                e.retract(seg.number, "its own SYN-ACK left before the peer's arrived")
            e.act(ev.SEND_SYN_ACK, seg.time, seg.number, PROVEN, "SYN met SYN: SYN-ACK sent")
            if e.state == st.SYN_RECEIVED and not e.top().is_sure():
                e.confirm_step(e.top(), seg.time, seg.number)
            if p.acked >= 1 and crossing(e, p.last_time, seg.time):
                e.pass_by(ev.RECEIVE_SYN_ACK, seg.time, seg.number, "the peer's SYN-ACK was under way to it")
        else:
            if e.syn_count == 0:
                e.syn_time = seg.time
                e.syn_frame = seg.number
            e.act(ev.SEND_SYN_ACK, seg.time, seg.number, ASSUMED, "SYN received, SYN-ACK sent")
            _date_by_echo(e, p, seg)
    else:
        _syn_ack_again(c, side, e, p, seg)
    e.syn_last = seg.time
    e.syn_last_frame = seg.number
    e.syn_count += 1


def _date_by_echo(e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """A SYN-ACK echoes the timestamp of the first SYN that arrived (RFC 7323, 4.3): that one made the request."""
    stamps = p.syn_stamps
    if stamps is None or seg.tsecr < 0 or e.state != st.SYN_RECEIVED:
        return
    for stamp in reversed(stamps):
        if stamp.tsval == seg.tsecr:  # the latest: a SYN that the network held back has the timestamp of the first
            if stamp.time >= e.steps[len(e.steps) - 2].passed:  # else it repeats one that passed elsewhere
                e.top().passed = stamp.time
                e.top().heard = True
            return


def _syn_ack_again(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """The same SYN-ACK again: the ACK of it was lost beyond this point, or ignored, or only the SYN came again."""
    unprovoked: bool = p.syn_last <= e.syn_last
    e.syn_gap = seg.time - e.syn_last if unprovoked else 0
    c.note(fa.SYN_ACK_AGAIN, side, seg.number, seg.time, e.syn_last_frame, seg.time - e.syn_last)
    if e.acked > 1 and not c.facts & fa.DATA_ON_SYN:
        return  # it has acknowledged data since: an old duplicate
    if p.acked >= 1 and not crossing(e, p.last_time, seg.time):
        c.note(fa.THIRD_ACK_IGNORED, side, seg.number, seg.time, p.acked_frame, -1)
    if e.state != st.SYN_RECEIVED and not crossing(e, e.top().passed, seg.time):
        e.prove(st.IN_SYN_RECEIVED, seg.time, seg.number, "SYN-ACK sent again: the ACK of it did not count")
    if unprovoked and e.state == st.SYN_RECEIVED:
        # nothing but a request in memory repeats a SYN-ACK by itself: no SYN cookie
        top = e.top()
        if not top.is_sure():
            e.confirm_step(top, seg.time, seg.number)


def send_plain(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """Data, ACK or FIN: the sender holds a connection, and what it acknowledges it has received."""
    now = seg.time
    if e.state == st.LISTEN and p.state == st.SYN_SENT and ack != p.snd_nxt:
        return  # the answer of an older connection that it still holds (3.10.7.4, fourth check: a challenge ACK)
    if 0 <= ack < e.acked and (not seg.flags & FIN or e.fin >= 0):
        return  # overtaken by later ones of its own: it says nothing of now
    mask: i64 = st.IN_SYN_RECEIVED | st.SYNCHRONIZED
    again: bool = e.fin >= 0 and seg.flags & FIN != 0
    if ack >= 1 and p.origin >= 0:
        if e.active:
            if not e.possible & st.SYNCHRONIZED:
                e.possible |= image(e.possible, ev.RECEIVE_SYN_ACK)
            if not e.possible & st.IN_SYN_RECEIVED or seg.length or ack > 1:
                mask = st.SYNCHRONIZED
        elif (ack > 1 or seg.length or seg.flags & FIN) and not c.facts & fa.DATA_ON_SYN:
            mask = st.SYNCHRONIZED
    if ack >= e.acked:
        mask &= _peer_fin(e, p, seg, ack)
    if start == e.snd_nxt + 1 and ack >= 0 and e.fin < 0 and not seg.flags & FIN and not seg.length:
        # its own sequence number shows something it sent that was not seen: one byte more may be its FIN
        e.possible |= image(e.possible, ev.SEND_FIN) | image(image(e.possible, ev.SEND_FIN), ev.RECEIVE_FIN)
    if start == e.snd_nxt and e.fin < 0 and e.far and e.syn_seen and p.last_window != 0 and not seg.flags & FIN:
        mask &= ~st.FIN_UNACKNOWLEDGED  # a FIN that was lost on its way here would have moved its sequence number
    if seg.length and not again:
        mask &= _data(c, side, e, p, seg, start, ack)
    top = e.top()
    if not top.is_sure() and top.frame != seg.number and crossing(e, top.passed, now):
        # what it was assumed to have received may have crossed with this
        if not (seg.flags & FIN):
            mask |= 1 << top.state
    if again:
        _fin_again(c, side, e, p, seg, ack, mask)
        return
    e.prove(mask, now, seg.number, _why(mask, p.fin >= 0, ack > p.fin >= 0))
    if ack > p.fin >= 0 and p.fin_count > 1 and e.acked <= p.fin:
        _date_fin(e, p, seg)
    if seg.flags & FIN:
        _fin(c, side, e, p, seg, start, ack)
    elif e.state == st.TIME_WAIT and p.fin_last > e.timer_from and ack > p.fin >= 0:
        e.timer_from = now  # 3.10.7.4, eighth check: the FIN again, acknowledged, restarts 2 MSL
        c.note(fa.TIME_WAIT_RESTARTED, side, seg.number, now, p.fin_last_frame, -1)


def _date_fin(e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """The first ACK of a FIN that was sent several times: which one arrived?  The last that it can answer, unless a
    duplicate SACK reports that one as a repetition (RFC 2883): then an earlier one.
    """
    i: i64 = len(e.steps) - 1
    while i > 0 and e.steps[i].state == st.LAST_ACK:
        i -= 1
    step = e.steps[i]
    if not step.heard or not 1 << step.state & (st.IN_CLOSE_WAIT | st.IN_TIME_WAIT | st.IN_CLOSING):
        return
    if reports_duplicate(seg, wrap(p.fin, p.origin)):
        step.passed = p.fin_time
        step.frame = p.fin_frame
    elif seg.time - p.fin_last > e.turnaround >> 1:
        step.passed = p.fin_last
        step.frame = p.fin_last_frame


def reports_duplicate(seg: Segment, number: i64) -> bool:
    """Whether the first SACK block reports sequence ``number``, which the ACK covers, as received twice."""
    if seg.sacks == 0:
        return False
    edges: i64 = read_i64_be(seg.buf, seg.sack_at)
    left: i64 = edges >> 32 & MODULUS_MASK
    right: i64 = edges & MODULUS_MASK
    return distance(left, number) >= 0 and distance(number, right) > 0 and distance(right, seg.ack) >= 0


def _why(mask: i64, fin_passed: bool, covers_fin: bool) -> str:
    if fin_passed and mask & st.FIN_RECEIVED == 0:
        return "its segment does not acknowledge the FIN: that had not arrived"
    if covers_fin and mask & ~st.FIN_RECEIVED == 0:
        return "FIN received: its ACK covers it"
    if mask & st.IN_SYN_RECEIVED == 0:
        return "its segment shows the handshake complete"
    return "its segment shows that it holds the connection"


def _peer_fin(e: Endpoint, p: Endpoint, seg: Segment, ack: i64) -> i64:
    """What the ACK says of the peer's FIN: covered is received; not covered, long after it passed, is not."""
    if p.fin < 0 or ack < 0:
        return st.ANY
    if ack > p.fin:
        e.hole = -1
        answered: bool = 0 <= e.fin < p.acked and not p.fin_bare  # p's FIN brought the ACK of e's with it
        if not e.possible & st.FIN_RECEIVED or answered:
            acknowledged: i64 = image(e.possible, ev.RECEIVE_ACK_OF_FIN) if answered else 0
            e.possible |= image(e.possible | acknowledged, ev.RECEIVE_FIN)
        return st.FIN_RECEIVED & ~st.IN_CLOSING if answered and e.fin < e.snd_una else st.FIN_RECEIVED
    if (seg.flags & FIN and e.fin < 0) or not crossing(e, p.fin_time, seg.time):
        if not crossing(e, p.fin_time, seg.time):
            e.hole = ack
        return st.ANY & ~st.FIN_RECEIVED
    return st.ANY


def _data(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> i64:
    """Which states send these bytes: new ones only before FIN; old ones as long as something is unacknowledged."""
    end: i64 = start + seg.length
    if end >= e.snd_nxt and start >= e.snd_una and e.fin >= 0 and start >= e.fin and end > e.fin:
        if not (seg.length == 1 and start == e.fin):
            c.note(fa.DATA_AFTER_FIN, side, seg.number, seg.time, e.fin_frame, seg.length)
        return st.ANY
    if start + 1 == e.snd_nxt and seg.length == 1:
        return st.ANY  # a probe
    if e.fin < 0:
        if p.fin >= 0 and end > e.snd_nxt and (ack > p.fin or not crossing(e, p.fin_time, seg.time)):
            c.note(fa.DATA_AFTER_PEER_FIN, side, seg.number, seg.time, p.fin_frame, seg.time - p.fin_time)
        return st.MAY_SEND_DATA | st.IN_SYN_RECEIVED
    if crossing(e, p.last_time, seg.time):
        return st.ANY
    return st.MAY_SEND_DATA | st.FIN_UNACKNOWLEDGED


def _fin(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """Its first FIN: 3.10.4."""
    e.fin = start + seg.length
    e.fin_time = seg.time
    e.fin_frame = seg.number
    e.fin_last = seg.time
    e.fin_last_frame = seg.number
    e.fin_count = 1
    e.fin_bare = p.fin < 0 or ack <= p.fin
    if c.first_closer < 0:
        c.first_closer = side
    if p.fin >= 0 and ack > p.fin and e.acked <= p.fin:
        c.three_segment = True
    e.act(ev.SEND_FIN, seg.time, seg.number, PROVEN, "FIN sent")
    if p.fin >= 0 and ack <= p.fin:
        c.note(fa.SIMULTANEOUS_CLOSE, side, seg.number, seg.time, p.fin_frame, -1)
        if crossing(e, p.fin_time, seg.time):
            e.pass_by(ev.RECEIVE_FIN, seg.time, seg.number, "the peer's FIN was under way to it")


def _fin_again(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, ack: i64, mask: i64) -> None:
    """Its FIN again: it had not processed an ACK of it, unless that one and this FIN crossed."""
    now = seg.time
    c.note(fa.FIN_AGAIN, side, seg.number, now, e.fin_last_frame, now - e.fin_last)
    if p.acked > e.fin:
        c.note(fa.FINAL_ACK_LOST, side, seg.number, now, p.acked_frame, e.state)
    top = e.top()
    if top.is_sure() or not crossing(e, top.passed, now):
        mask &= st.FIN_UNACKNOWLEDGED
    e.prove(mask, now, seg.number, "FIN sent again: no ACK of it had reached it")
    if not p.syn_seen and p.snd_nxt <= 1 and e.fin_frame == e.steps[0].frame and e.state == st.FIN_WAIT_1:
        # all that is seen is one side's FIN, and a silent peer: most likely the peer closed first, and is gone
        e.presume(st.LAST_ACK, e.fin_time, e.fin_frame, "its FIN goes unanswered: likely the last of the two")
        p.presume(st.TIME_WAIT, e.fin_time, e.fin_frame, "silent: likely it closed first")
        p.possible &= st.IN_TIME_WAIT | st.IN_CLOSED | st.IN_ESTABLISHED
    e.fin_gap = now - e.fin_last
    e.fin_last = now
    e.fin_last_frame = seg.number
    e.fin_count += 1
    e.fin_bare = e.fin_bare or p.fin < 0 or ack <= p.fin


def is_misplaced(c: Connection, frame: i64) -> bool:
    """Whether the RST in that frame did not stand where its receiver expected it."""
    return any(note.fact == fa.RST_NOT_EXACT and note.frame == frame for note in c.notes)


def send_rst(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64) -> None:
    """A RST: an abort (3.10.5), or only the answer to a segment that fits no state of the sender (3.10.7)."""
    reply: bool = not seg.flags & ACK
    frame = seg.number
    if e.state == st.SYN_SENT and reply and seg.seq == p.last_ack and p.last_ack != wrap(e.snd_nxt, e.origin):
        # 3.10.7.3, first check: the answer to an unacceptable ACK; still SYN_SENT
        c.note(fa.RST_ANSWERS_BAD_ACK, side, frame, seg.time, p.last_frame, -1)
        return
    if 1 << e.state & st.NO_CONNECTION:
        if e.syn_count == 0 and e.fin_count == 0 and p.active and e.rst_frame < 0 and not reply:
            c.note(fa.REFUSED, side, frame, seg.time, p.syn_last_frame, -1)
            e.enter(st.CLOSED, seg.time, frame, PROVEN, "no listener: SYN answered by RST")
        # a bare RST of one that listens answers an ACK that fits nothing: it goes on listening (3.10.7.2)
        e.possible = st.IN_CLOSED if e.state == st.CLOSED else st.NO_CONNECTION
        in_place: bool = c.reset_by == side and start == p.acked and is_misplaced(c, e.rst_frame)
        if in_place:  # the one that can have ended it
            c.note(fa.RST_SENT, side, frame, seg.time, p.last_frame, 1 if reply else 0)
            c.reset_time = seg.time
        if e.rst_frame < 0 or in_place:
            e.rst_frame = frame
            e.rst_time = seg.time
        return
    if e.state == st.SYN_RECEIVED and reply and start != e.snd_nxt:
        # 3.10.7.4, fifth check: the answer to an unacceptable ACK; still SYN_RECEIVED
        c.note(fa.RST_ANSWERS_BAD_ACK, side, frame, seg.time, p.last_frame, -1)
        return
    if e.state == st.SYN_SENT:
        c.note(fa.RST_FROM_SYN_SENT, side, frame, seg.time, e.syn_frame, -1)
    c.note(fa.RST_SENT, side, frame, seg.time, p.last_frame, 1 if reply else 0)
    if reply and is_answer(e, p, seg, start):
        _disown(e, p, seg)
    elif reply and not e.near:
        e.possible |= image(e.possible, ev.SEND_RST)  # a RST in its name, which nothing provoked: maybe another's
    else:
        e.act(ev.SEND_RST, seg.time, frame, PROVEN, "RST sent")
    if e.rst_frame < 0:
        e.rst_frame = frame
        e.rst_time = seg.time
    if c.reset_by < 0:
        c.reset_by = side
        c.reset_time = seg.time
    if c.first_closer < 0:
        c.first_closer = side


def is_answer(e: Endpoint, p: Endpoint, seg: Segment, start: i64) -> bool:
    """Whether a RST without ACK can be what it looks like: the answer to a segment of the peer (3.10.7.1).

    It then stands at an ACK number of the peer's, and follows at once.  What an endpoint in ESTABLISHED has already
    answered does not draw a RST from it.
    """
    if p.acked >= 0 and start > p.acked and start != e.snd_nxt:
        return False
    # FIN_WAIT_1 beside it: a silent far one may have closed, which is no reason either
    if e.possible & ~(st.NO_CONNECTION | st.IN_FIN_WAIT_1) != st.IN_ESTABLISHED:
        return True
    if e.last_time > p.last_time or not crossing(e, p.last_time + _SLOW_ANSWER, seg.time):
        return False
    soonest: i64 = e.turnaround * 3 // 4
    if seg.time - p.last_time >= soonest or e.turnaround < 0:
        return True
    # too soon to answer the last segment: does it answer the one before?
    return p.previous_time > e.last_time and crossing(e, p.previous_time + _SLOW_ANSWER, seg.time)


def _disown(e: Endpoint, p: Endpoint, seg: Segment) -> None:
    """It answers with a RST: it holds no connection, or its application is gone (an orphan that gets data)."""
    why = "no connection any more: RST sent"
    top = e.top()
    since: i64 = -1
    e.alive = e.possible
    if e.state == st.TIME_WAIT and top.heard and not top.is_sure() and e.expired_at > 0:
        e.retract(seg.number, "answered by a RST: it was there no more")  # an orphan whose time was over
        top = e.top()
    if e.state == st.FIN_WAIT_2 and e.possible & st.IN_CLOSED:
        since = e.expired_at
    elif 1 << e.state & (st.IN_ESTABLISHED | st.IN_SYN_SENT):
        # it was lost, without a frame, between its last segment and the one that it answers: when is anybody's guess
        since = (max(e.last_time, top.time) + p.last_time) // 2
    if top.time < since < seg.time:
        e.enter(st.CLOSED, since, -1, TIMER, why)
        if e.near:
            e.confirm_step(e.top(), seg.time, seg.number)
        e.possible = st.IN_CLOSED
    else:
        # anybody may send such a RST in its name; at its own host's capture, nobody else did
        e.act(ev.SEND_RST, seg.time, seg.number, PROVEN if e.near else ASSUMED, why)
