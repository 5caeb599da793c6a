"""Connections that go by the book: SYN, SYN-ACK, ACK, data, FIN and ACK from either side, each at its time.

What the general judgement (``depart``, ``arrive``, ``timing``) makes of such a segment is known beforehand, so while
every one that comes is the one expected next, there is nothing to infer: its time and frame are all that must be kept.
That takes a third of the memory and of the time.  The first segment that is not in the book has the connection made
whole (``unfold``), as if it had always been, and is judged as any other.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Exchange, Flow
from tcptrace_py.machine.sequence import distance
from tcptrace_py.machine.space import Space
from tcptrace_py.machine.timing import SECOND
from tcptrace_py.packet import ACK, FIN, PSH, SYN, Segment

# Plain.phase: what has passed so far
ANSWERED: Final = 0  # SYN and SYN-ACK
OPENED: Final = 1  # and the ACK of that
OPEN: Final = 2  # and something that shows that this ACK arrived
CLOSING: Final = 3  # one FIN
HALF_CLOSED: Final = 4  # and the ACK of it
ENDING: Final = 5  # both FINs
CLOSED: Final = 6  # and the ACK of the second one

_AT_ONCE: Final = SECOND // 2
"""No timer of a FIN can be due sooner after it: see ``timing.retransmission_due``."""
_PROMPT: Final = SECOND
"""No other timer can be due sooner after the last segment of a side: see ``timing.elapse``."""
_NEAR: Final = (1 << 32) - 1
"""Frames from the first one on that are told apart."""
LEAST_TIMER: Final = 4 * SECOND
"""Where the endpoints' timers are shorter, nothing is taken to go by the book."""

# Asked.frame: yes or no; the two lowest bits are Segment.checksum
_HAS_MSS: Final = 1 << 2
_SACK_OK: Final = 1 << 3
_MPTCP: Final = 1 << 4
_BAD_OPTIONS: Final = 1 << 5
_REASSEMBLED: Final = 1 << 6
_CUT_OPTIONS: Final = 1 << 7

_MAY_DIFFER: Final = 0xC0  # ECE and CWR (RFC 3168): the machine does not look at them
_PUSHED: Final = _MAY_DIFFER | PSH


@mypyc_attr(acyclic=True)
class Header:
    """What it takes to have a SYN-ACK again."""

    def __init__(self, seg: Segment) -> None:
        self.time = seg.time
        self.number = seg.number
        self.sequence = _sequence(seg)
        self.stamps = _stamps(seg)
        self.echo = _echo(seg)
        self.network = _network(seg)
        self.frame = _frame(seg)


@mypyc_attr(acyclic=True)
class Asked(Flow):
    """A SYN, perhaps the SYN-ACK to it, and nothing since.

    A flood leaves millions of these, so the fields are packed as they are in a packet.
    """

    def __init__(self, number: i64, key: bytes, seg: Segment) -> None:
        super().__init__(number, key, seg.time, seg.number)
        self.start = seg.time
        self.first_frame = seg.number
        self.sequence = _sequence(seg)
        self.stamps = _stamps(seg)
        self.echo = _echo(seg)
        self.network = _network(seg)
        self.frame = _frame(seg)
        self.syn_ack: Header | None = None

    def answer(self, seg: Segment) -> None:
        """Its SYN-ACK passed."""
        self.syn_ack = Header(seg)
        self.end = seg.time
        self.last_frame = seg.number

    def expects(self) -> i64:
        """The acknowledgement of its SYN, as in a header."""
        return (self.sequence >> 32) + 1 & 0xFFFFFFFF

    def recall(self, seg: Segment) -> None:
        """Fill ``seg`` with the SYN again."""
        seg.number = self.first_frame
        seg.time = self.start
        seg.ack = 0
        _recall(seg, self.sequence, self.stamps, self.echo, self.network, self.frame)

    def recall_answer(self, seg: Segment) -> bool:
        """Likewise with the SYN-ACK, if one has passed."""
        h = self.syn_ack
        if h is None:
            return False
        seg.number = h.number
        seg.time = h.time
        seg.ack = self.expects()
        _recall(seg, h.sequence, h.stamps, h.echo, h.network, h.frame)
        return True


def _sequence(seg: Segment) -> i64:
    return seg.seq << 32 | seg.window << 16 | seg.checksum_field


def _stamps(seg: Segment) -> i64:
    return seg.tsval << 16 | (seg.wscale + 1) << 8 | seg.flags


def _echo(seg: Segment) -> i64:
    return seg.tsecr << 16 | seg.urgent


def _network(seg: Segment) -> i64:
    return seg.ip_id << 32 | seg.ttl << 24 | seg.ecn << 22 | seg.tunnels << 16 | seg.mss & 0xFFFF


def _frame(seg: Segment) -> i64:
    return seg.wirelen << 32 | seg.interface << 16 | seg.header << 8 | _marks(seg)


def _marks(seg: Segment) -> i64:
    marks: i64 = seg.checksum
    if seg.mss >= 0:
        marks |= _HAS_MSS
    if seg.sack_ok:
        marks |= _SACK_OK
    if seg.mptcp:
        marks |= _MPTCP
    if seg.bad_options:
        marks |= _BAD_OPTIONS
    if seg.cut_options:
        marks |= _CUT_OPTIONS
    if seg.reassembled:
        marks |= _REASSEMBLED
    return marks


def _recall(seg: Segment, sequence: i64, stamps: i64, echo: i64, network: i64, frame: i64) -> None:
    """Unpack all that; of the segment's bytes only the header's figures are known."""
    seg.seq = sequence >> 32 & 0xFFFFFFFF
    seg.window = sequence >> 16 & 0xFFFF
    seg.checksum_field = sequence & 0xFFFF
    seg.flags = stamps & 0xFF
    seg.wscale = (stamps >> 8 & 0xFF) - 1
    seg.tsval = stamps >> 16
    seg.tsecr = echo >> 16
    seg.urgent = echo & 0xFFFF
    seg.ip_id = network >> 32
    seg.ttl = network >> 24 & 0xFF
    seg.ecn = network >> 22 & 3
    seg.tunnels = network >> 16 & 0x3F
    seg.wirelen = frame >> 32
    seg.interface = frame >> 16 & 0xFFFF
    seg.header = frame >> 8 & 0xFF
    seg.length = 0
    seg.captured = 0
    seg.sacks = 0
    seg.fast_open = -1
    seg.mss = network & 0xFFFF if frame & _HAS_MSS else -1
    seg.sack_ok = frame & _SACK_OK != 0
    seg.mptcp = frame & _MPTCP != 0
    seg.bad_options = frame & _BAD_OPTIONS != 0
    seg.cut_options = frame & _CUT_OPTIONS != 0
    seg.reassembled = frame & _REASSEMBLED != 0
    seg.checksum = frame & 3
    seg.marks = 0


def is_recallable(seg: Segment) -> bool:
    """Whether a Header holds all of a segment with SYN."""
    if seg.length or seg.fast_open >= 0 or seg.window == 0:
        return False
    return seg.interface < 1 << 16 and seg.wirelen < 1 << 31


def asks(seg: Segment) -> bool:
    """Whether a segment that belongs to no connection is a plain SYN."""
    return seg.flags & ~_MAY_DIFFER == SYN and is_recallable(seg)


def answers(asked: Asked, seg: Segment) -> bool:
    """Whether a segment towards its sender is the plain SYN-ACK to a SYN, the first one."""
    if seg.flags & ~_MAY_DIFFER != SYN | ACK or asked.syn_ack is not None or not is_recallable(seg):
        return False
    if seg.time < asked.end or seg.time - asked.end > _PROMPT or seg.number - asked.last_frame > _NEAR:
        return False
    return seg.ack == asked.expects()


def open_space(e: Space, syn: Segment, state: i64) -> None:
    """A side's first segment, its SYN."""
    e.origin = syn.seq
    e.snd_nxt = 1
    e.syn_seen = True
    e.active = state == st.SYN_SENT
    e.syn_tsval = syn.tsval
    e.state = state
    e.offer(syn)


@mypyc_attr(acyclic=True)
class Plain(Exchange):
    """A connection from its SYN-ACK on, as long as it goes by the book."""

    def __init__(self, asked: Asked, answer: Header, one: Space, two: Space) -> None:
        super().__init__(asked.number, asked.key, one, two, asked.start, asked.first_frame)
        self.phase: i64 = ANSWERED
        # moments: each with its frame, counted from the first one
        self.answer: i64 = answer.time - asked.start << 32 | answer.number - asked.first_frame  # the SYN-ACK
        self.third: i64 = 0  # the ACK of it
        self.sure: i64 = 0  # what shows that this ACK arrived
        self.closer: i64 = -1  # the side that sent its FIN first
        self.fin_time: i64 = 0  # that FIN
        self.fin_frame: i64 = 0
        self.half_closed_at: i64 = 0  # when the ACK of it passed

    def moment(self, time: i64, frame: i64) -> i64:
        """A time and a frame in one: they come so soon after the first (``_PROMPT``, ``_NEAR``) that they fit."""
        return time - self.start << 32 | frame - self.first_frame

    def time_of(self, moment: i64) -> i64:
        """The time of a moment."""
        return self.start + (moment >> 32)

    def frame_of(self, moment: i64) -> i64:
        """Its frame."""
        return self.first_frame + (moment & 0xFFFFFFFF)

    def is_in_order(self, seg: Segment, e: Space, p: Space, start: i64, ack: i64) -> bool:
        """Whether nothing is odd about a segment, nor about what came before, and no time has passed that might count."""
        if self.facts or seg.window == 0 or e.last_window == 0 or p.last_window == 0:
            return False
        now = seg.time
        if now < self.end or now - e.last_time > _PROMPT or now - p.last_time > _PROMPT:
            return False
        if start != e.snd_nxt or ack < e.acked or ack > p.snd_nxt or e.ignored or p.ignored:
            return False
        if e.holes is not None or p.holes is not None:
            return False
        return seg.tsval < 0 or e.syn_tsval < 0 or distance(e.syn_tsval, seg.tsval) >= 0

    def takes(self, seg: Segment, side: i64, e: Space, p: Space, start: i64, ack: i64) -> bool:
        """Whether ``seg``, from ``side``, is in the book; if so, the sender is where that takes it, but it is not counted yet."""
        flags = seg.flags & ~_PUSHED
        if flags == ACK:
            if not self.is_in_order(seg, e, p, start, ack):
                return False
            phase = self.phase
            if phase == OPENED:
                return self.takes_first(seg, side, ack)
            if seg.length or seg.flags & PSH:
                return False
            if phase == ANSWERED:
                return side == CLIENT and self.takes_third(seg, e, ack)
            if phase == CLOSING:
                return side != self.closer and self.takes_ack_of_fin(seg, ack, p)
            return phase == ENDING and side == self.closer and self.is_soon(seg) and ack == p.snd_nxt
        if flags == ACK | FIN and self.is_in_order(seg, e, p, start, ack):
            if self.phase == OPEN:
                self.takes_fin(seg, side, e, start)
                return True
            if self.phase == CLOSING or self.phase == HALF_CLOSED:
                return side != self.closer and self.takes_second_fin(seg, e, p, start, ack)
        return False

    def takes_third(self, seg: Segment, e: Space, ack: i64) -> bool:
        """The ACK of the SYN-ACK."""
        if ack != 1 or seg.number - self.first_frame > _NEAR:
            return False
        self.third = self.moment(seg.time, seg.number)
        e.turned_around((self.third >> 32) - (self.answer >> 32))
        self.phase = OPENED
        return True

    def takes_first(self, seg: Segment, side: i64, ack: i64) -> bool:
        """Data or an ACK, while nothing shows that the server has got the ACK of its SYN-ACK."""
        if seg.time - self.start > 2 * _PROMPT or seg.number - self.first_frame > _NEAR:
            return False
        if side == SERVER and (ack > 1 or seg.length):
            self.sure = self.moment(seg.time, seg.number)
            self.phase = OPEN
        return True

    def is_soon(self, seg: Segment) -> bool:
        """Whether the first FIN's timer cannot have run out."""
        return seg.time - self.fin_time <= _AT_ONCE

    def takes_fin(self, seg: Segment, side: i64, e: Space, start: i64) -> None:
        """The first FIN."""
        self.settled = False
        self.closer = side
        self.fin_time = seg.time
        self.fin_frame = seg.number
        e.fin = start + seg.length
        e.state = st.FIN_WAIT_1
        self.phase = CLOSING

    def takes_ack_of_fin(self, seg: Segment, ack: i64, p: Space) -> bool:
        """The ACK of the first FIN."""
        if ack != p.snd_nxt or not self.is_soon(seg):
            return False
        self.half_closed_at = seg.time
        self.phase = HALF_CLOSED
        return True

    def takes_second_fin(self, seg: Segment, e: Space, p: Space, start: i64, ack: i64) -> bool:
        """The second FIN, which may be the first ACK of the first one."""
        if seg.length or ack != p.snd_nxt or not self.is_soon(seg):
            return False
        e.fin = start
        e.state = st.LAST_ACK
        self.phase = ENDING
        return True

    def arrives(self, e: Space) -> None:
        """The segment that ``takes`` has just taken was counted, and passes on to ``e``."""
        phase = self.phase
        if phase == OPENED:
            self.two.state = st.ESTABLISHED
        elif phase == OPEN:
            self.settled = True
        elif phase == CLOSING:
            e.state = st.CLOSE_WAIT
        elif phase == HALF_CLOSED:
            e.state = st.FIN_WAIT_2
        elif e.state == st.LAST_ACK:
            e.state = st.CLOSED
            self.phase = CLOSED
        else:
            e.state = st.TIME_WAIT

    def is_three_segment(self) -> bool:
        """Whether the second FIN was the first ACK of the first one; asked once both have passed."""
        return self.half_closed_at == 0

    @property
    def to_server(self) -> i64:
        """From the SYN to the SYN-ACK, ns."""
        return self.answer >> 32

    @property
    def to_client(self) -> i64:
        """From the SYN-ACK to the ACK of it, ns; -1: that has not passed."""
        if self.phase == ANSWERED:
            return -1
        return (self.third >> 32) - (self.answer >> 32)
