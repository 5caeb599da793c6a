"""What time alone does: 2 MSL, retransmissions that are overdue, and endpoints that give up.

Called with the time of whatever comes next (a segment of the connection, or the end of observation), so that
an endpoint costs nothing while nothing happens to it.  Retransmission is judged by RFC 6298: the timeout is at
least 200 ms (Linux's minimum, below the RFC's 1 s) and doubles; one that should have come twice over and did not
is evidence that what it would have repeated was acknowledged.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import TIMER, Endpoint
from tcptrace_py.machine.table import image

SECOND: Final = 1_000_000_000
_MAX_DOUBLINGS: Final = 8
_FIRST_TIMEOUT: Final = SECOND // 4
"""Linux's least timeout and a little; with a measured round trip, twice that is added."""


_IDLE: Final = SECOND
"""Of a far endpoint that says nothing for so long, no more is known than where it can have gone without being heard."""
_IDLE_BETWEEN: Final = 4 * SECOND
"""The same of an endpoint when the capture was taken between the two: what it does is lost less easily."""
_IDLE_NEAR: Final = 10 * SECOND
"""A near one is heard whatever it does, but it may lose its state without a word (power loss)."""
_MIDSTREAM: Final = 3 * SECOND
"""A FIN sent before the capture began, and not acknowledged, has been sent again by then."""
_JUST_HEARD: Final = SECOND // 20
_CLOSES_AFTER: Final = SECOND // 5
"""Most applications close at once when they read the end of the stream; a fifth of a second for the others."""
_GONE_AFTER: Final = 4
"""Data sent so often to a far endpoint that had been idle before, and is not heard of any more: it is presumed gone."""


@mypyc_attr(acyclic=True)
class Timers:
    """Timers of the endpoints' TCP, in nanoseconds; from a profile and the user's options."""

    def __init__(
        self, time_wait: i64, fin_wait_2: i64, syn_give_up: i64, synack_give_up: i64, fin_give_up: i64, slop: i64
    ) -> None:
        self.time_wait = time_wait  # 2 MSL
        self.fin_wait_2 = fin_wait_2  # an orphan's; 0: waits for ever
        self.syn_give_up = syn_give_up
        self.synack_give_up = synack_give_up
        self.fin_give_up = fin_give_up  # an orphan's FIN_WAIT_1, CLOSING, LAST_ACK
        self.slop = slop  # how late the implementation's timers may run


def retransmission_due(e: Endpoint, sent: i64, count: i64, first: i64) -> i64:
    """When the next retransmission of something sent ``count`` times, last at ``sent``, is surely overdue.

    ``first`` is the first timeout without a measured round trip: 1 s for a SYN (RFC 6298, 2.1).
    """
    timeout: i64 = first
    if first < SECOND and e.turnaround > 0:
        timeout += 2 * e.turnaround
    doublings: i64 = count - 1
    if doublings > _MAX_DOUBLINGS:
        doublings = _MAX_DOUBLINGS
    if doublings < 0:
        doublings = 0
    # twice the timeout: one retransmission may be lost before the observer
    return sent + (timeout << doublings) * 2 + SECOND // 4


def elapse(e: Endpoint, p: Endpoint, now: i64, timers: Timers) -> None:
    """Let time pass for an endpoint, up to ``now``; ``p`` is its peer."""
    state = e.state
    possible = e.possible
    if possible == st.IN_CLOSED:
        return
    if e.state != st.SYN_SENT and possible & st.IN_SYN_SENT:
        if now > retransmission_due(e, e.syn_last, e.syn_count, SECOND):
            e.possible &= ~st.IN_SYN_SENT
    if e.active and p.syn_count > 1 and e.possible == st.IN_ESTABLISHED and not e.top().is_sure():
        e.possible |= st.IN_CLOSED  # no SYN-ACK draws an ACK: it has given up, or was never there (a forged SYN)
    if is_silent(e, now):
        fall_silent(e, p, now, timers)
    if not e.syn_seen and e.fin < 0 and now > e.steps[0].time + _MIDSTREAM:
        _observe(e, p)
    if e.fin >= 0 and not (e.far and e.ignored >= 2):
        _await_ack_of_fin(e, now, timers)
    if e.syn_count and not e.active and possible & st.IN_SYN_RECEIVED:
        _await_third_ack(e, p, now, timers)
    if 1 << e.state & st.MAY_SEND_DATA:
        _await_ack_of_data(e, p, now)
    elif e.possible & st.IN_CLOSED and e.possible & st.MAY_SEND_DATA and e.fin < 0 and e.snd_una < e.snd_nxt:
        again: i64 = retransmission_due(e, e.data_last, e.data_count, _FIRST_TIMEOUT)
        if now > max(again, e.data_last + 3 * e.data_gap) and (e.syn_seen or e.data_count > 1):
            e.possible &= ~st.MAY_SEND_DATA  # it would have sent its data again
    state = e.state
    if state == st.TIME_WAIT:
        _expire(e, now, timers.time_wait, timers.slop, 0, "2 MSL passed")
    elif state == st.SYN_SENT:
        why = "no answer: gave up"
        _give_up(e, now, e.syn_time, timers.syn_give_up, timers.slop, e.syn_last, e.syn_count, SECOND, why)
    elif state == st.SYN_RECEIVED and e.syn_count:
        why = "handshake not completed: gave up"
        patience: i64 = timers.synack_give_up
        next_one: i64 = e.syn_last + 2 * e.syn_gap
        if e.syn_gap > SECOND and not e.far and now > next_one + SECOND:
            patience = min(patience, next_one - e.syn_time)  # its back-off as it was seen has come to an end
        _give_up(e, now, e.syn_time, patience, timers.slop, e.syn_last, e.syn_count, SECOND, why)
    elif 1 << state & st.FIN_UNACKNOWLEDGED and e.fin >= 0:
        why = "FIN not acknowledged: gave up"
        _give_up(
            e, now, e.fin_time, _patience_with_fin(e, timers), timers.slop, e.fin_last, e.fin_count, _FIRST_TIMEOUT, why
        )
    elif state == st.FIN_WAIT_2 and timers.fin_wait_2:
        # only an orphan expires, and closing for sending alone leaves none: as likely as not until well past it
        _expire(e, now, timers.fin_wait_2, timers.slop, timers.fin_wait_2, "peer never closed: orphan expired")


def was_just_heard(e: Endpoint, then: i64) -> bool:
    """Whether the network cannot well have failed before ``then``: the endpoint was heard about a round trip ago."""
    return 0 <= then - e.last_time <= _JUST_HEARD + max(e.turnaround, 0)


def is_silent(e: Endpoint, now: i64) -> bool:
    """Whether an endpoint has said nothing for longer than it would take to notice: probes have a rhythm of their own."""
    quiet: i64 = now - e.last_time
    patience: i64 = _IDLE if e.far else _IDLE_NEAR if e.near else _IDLE_BETWEEN
    return quiet > patience and e.last_time - e.previous_time <= (2 * quiet - 1) // 5


def fall_silent(e: Endpoint, p: Endpoint, now: i64, timers: Timers) -> None:
    """An endpoint has said nothing for a while: it may be where no frame of it would pass, or be lost.

    A far one's FIN or RST may be lost on its way here, and stays lost when the network has failed.  What passed
    towards it when it had just been heard is presumed to have arrived, and only its answers to be lost.
    """
    state: i64 = 1 << e.state
    if not state & st.SYNCHRONIZED or e.last_time < 0:
        return
    if not e.far:
        if state == st.IN_ESTABLISHED:
            e.possible |= st.IN_CLOSED
        return
    if state == st.IN_ESTABLISHED:
        e.possible |= st.IN_CLOSED
        if now > e.last_time + timers.fin_give_up * 3 // 4:
            e.possible &= ~st.IN_FIN_WAIT_1  # all but the last of its FINs would have had to be lost
        elif p.fin < 0 and p.snd_una == p.snd_nxt and e.last_window != 0:
            # with data unread it would have sent a RST instead (RFC 2525, 2.17)
            e.possible |= st.IN_FIN_WAIT_1
        if p.data_count >= _GONE_AFTER and p.fin < 0 and not was_just_heard(e, p.timed_at) and e.ignored >= 2:
            since: i64 = max((e.last_time + p.timed_at) // 2, e.top().time)
            e.enter(st.CLOSED, since, -1, TIMER, "its peer's data goes unanswered after a pause: presumed gone")
    elif state == st.IN_CLOSE_WAIT:
        e.possible |= st.IN_LAST_ACK
        top = e.top()
        if now > e.last_time + timers.fin_give_up:
            e.possible |= st.IN_CLOSED
        if p.fin_count > 1 and top.heard and not top.is_sure() and now > top.passed + _CLOSES_AFTER:
            e.enter(st.LAST_ACK, top.passed + _CLOSES_AFTER, -1, TIMER, "unheard since: presumed to have closed, too")
    elif state == st.IN_LAST_ACK and e.fin < 0 and now > e.top().time + timers.fin_give_up:
        e.possible = e.possible & ~st.IN_LAST_ACK | st.IN_CLOSED
        e.enter(st.CLOSED, e.top().time + timers.fin_give_up, -1, TIMER, "FIN not acknowledged: gave up")
    elif state & (st.IN_FIN_WAIT_2 | st.IN_TIME_WAIT) and e.ignored >= 2 and p.fin_count > 1:
        _never_answered(e, p, now, timers)


def _never_answered(e: Endpoint, p: Endpoint, now: i64, timers: Timers) -> None:
    """A far endpoint that sent its FIN does not answer the peer's: some ACK may never have reached it."""
    # the longer it had been quiet, the likelier the network failed before the peer's FIN rather than after
    long: bool = p.fin_time - e.last_time > _CLOSES_AFTER
    e.possible &= ~(st.IN_TIME_WAIT if long else st.IN_FIN_WAIT_2)
    e.possible |= st.IN_FIN_WAIT_2 if long else st.IN_TIME_WAIT
    if now > e.fin_time + timers.fin_give_up:
        e.possible |= st.IN_CLOSED
    if now < e.fin_time + timers.fin_give_up + (timers.fin_give_up >> 3) + timers.slop:
        e.possible |= st.IN_FIN_WAIT_1
    if e.state == st.TIME_WAIT and long:
        top = e.top()
        why = "unheard before and since: presumed never to have got it"
        while top.heard and not top.is_sure() and top.passed >= e.fin_time and len(e.steps) > 1:
            e.retract(p.fin_last_frame, why)
            top = e.top()


def _observe(e: Endpoint, p: Endpoint) -> None:
    """An endpoint whose opening was not seen has been watched long enough to know what it would have repeated."""
    e.possible &= ~st.FIN_UNACKNOWLEDGED | 1 << e.state
    if p.fin < 0:
        # nor did its peer repeat a FIN; and of the connections that live on, hardly any is half closed
        unlikely: i64 = st.IN_FIN_WAIT_2 | st.IN_CLOSE_WAIT
        if p.last_time >= 0:
            unlikely |= st.IN_TIME_WAIT
        e.possible &= ~unlikely | 1 << e.state


def _await_ack_of_fin(e: Endpoint, now: i64, timers: Timers) -> None:
    """A FIN that was not sent again although that was due had been acknowledged."""
    possible = e.possible
    if not possible & st.FIN_UNACKNOWLEDGED or not possible & ~(st.FIN_UNACKNOWLEDGED | st.IN_CLOSED):
        if not (possible & st.IN_CLOSED and possible & st.FIN_UNACKNOWLEDGED):
            return
    due: i64 = retransmission_due(e, e.fin_last, e.fin_count, _FIRST_TIMEOUT)
    if e.fin_count > 1 and not e.syn_seen:  # its back-off may have begun long before
        due = max(due, e.fin_last + 3 * e.fin_gap + SECOND)
    elif e.fin_count > 2:  # the back-off as it was seen says more: tail loss probes come before it begins
        due = min(due, e.fin_last + 4 * e.fin_gap + SECOND)
    elif not e.syn_seen and e.fin_frame == e.steps[0].frame:
        due = e.fin_last + (timers.fin_give_up >> 1)
    if now <= due or (e.fin_count > 2 and due > e.fin_time + timers.fin_give_up):
        return  # not yet, or not to be told from giving up
    if 1 << e.state & st.FIN_UNACKNOWLEDGED:
        if e.doubt is None:
            return
        e.undoubt()
    e.possible &= ~st.FIN_UNACKNOWLEDGED


def _patience_with_fin(e: Endpoint, timers: Timers) -> i64:
    """From the first FIN until the sender gives up: when the retransmission after the last one would be due, if that
    is about the implementation's limit (which counts retransmissions, whose timeout depends on the round trip).
    """
    next_one: i64 = e.fin_last + 2 * e.fin_gap - e.fin_time
    if e.fin_count > 2 and next_one > timers.fin_give_up - (timers.fin_give_up >> 3):
        return next_one
    return timers.fin_give_up


def _await_third_ack(e: Endpoint, p: Endpoint, now: i64, timers: Timers) -> None:
    """A SYN-ACK that was not sent again although that was due: the ACK of it arrived, or there is nothing to send it
    from (a SYN cookie, whose ACK was lost or ignored), which shows when the peer's data goes unanswered.
    """
    if e.state == st.ESTABLISHED and not e.top().is_sure():
        expired: bool = e.syn_count > 1 and now > e.syn_time + timers.synack_give_up * 3 // 4
        if e.ignored > 0 or expired:
            e.possible |= st.IN_CLOSED  # a SYN cookie or a forgotten request
    if now <= retransmission_due(e, e.syn_last, e.syn_count, SECOND) + 2 * SECOND:
        return
    if e.state == st.SYN_RECEIVED:
        return  # it refused that ACK before: what ends this is its patience
    e.possible &= ~st.IN_SYN_RECEIVED
    if e.state == st.ESTABLISHED and not e.top().is_sure() and e.ignored >= 2:
        e.possible |= st.IN_CLOSED
        frame = p.last_frame
        while len(e.steps) > 1:
            e.retract(frame, "the peer's data goes unanswered: a SYN cookie, or the ACK of it was ignored")
        e.possible |= 1 << e.state


def _await_ack_of_data(e: Endpoint, p: Endpoint, now: i64) -> None:
    """Data that was never acknowledged and is not sent again any more: the sender may have given up."""
    if p.last_window == 0 and e.asks and e.last_time > p.last_time - SECOND:
        # behind a closed window a FIN may wait unseen
        e.possible |= image(e.possible, ev.CLOSE_UNSEEN)
    if e.data_count < 2 or e.snd_una >= e.snd_nxt:
        return
    due: i64 = retransmission_due(e, e.data_last, e.data_count, _FIRST_TIMEOUT)
    surely: i64 = due + (due - e.data_last)
    if not e.far and e.data_gap > 0:  # the back-off as it was seen: twice the gap, and once more should one be lost
        due = e.data_last + e.data_gap * 5 // 2 + _FIRST_TIMEOUT
        surely = due if e.near else e.data_last + 7 * e.data_gap + SECOND
    if now > due:
        e.possible |= st.IN_CLOSED
        if now > surely:
            gave_up: i64 = e.data_last + 2 * e.data_gap if e.data_gap > 0 else due
            e.enter(st.CLOSED, gave_up, -1, TIMER, "data not acknowledged: gave up")


def _expire(e: Endpoint, now: i64, timeout: i64, slop: i64, doubt: i64, why: str) -> None:
    """A timer that ends a state: CLOSED is possible from it on, likeliest after ``doubt``, sure after its slop."""
    due: i64 = e.timer_from + timeout
    if now < due:
        return
    old: i64 = 1 << e.state
    e.possible |= st.IN_CLOSED
    e.expired_at = due
    if now < due + doubt:
        return
    e.enter(st.CLOSED, due, -1, TIMER, why)
    if doubt == 0 and now > due + slop:
        e.possible &= ~old


def _give_up(
    e: Endpoint, now: i64, begun: i64, timeout: i64, slop: i64, last: i64, count: i64, first: i64, why: str
) -> None:
    """Retransmissions that end: CLOSED is possible once one is overdue, likeliest past the limit."""
    if now < begun + timeout:
        # requests expire early or late, as their timers are coarse
        early: bool = e.state == st.SYN_RECEIVED and now > begun + timeout * 3 // 4
        if early or now > retransmission_due(e, last, count, first):
            e.possible |= st.IN_CLOSED
        return
    e.possible |= st.IN_CLOSED
    if now > begun + timeout + (timeout >> 3) + slop:
        e.possible &= ~(st.FIN_UNACKNOWLEDGED if e.fin >= 0 else 1 << e.state)
    e.enter(st.CLOSED, begun + timeout, -1, TIMER, why)
