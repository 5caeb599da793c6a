"""Four-tuples → connections: which connection a segment belongs to, and what it takes to let it count there.

A connection is never split by idle time; when a SYN begins another one is told in ``incarnations``.
"""

from __future__ import annotations

from typing import cast

from mypy_extensions import i64

from tcptrace_py.machine import connection as cn
from tcptrace_py.machine import events as ev
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import states as st
from tcptrace_py.machine.account import CAPTURED_TWICE_WITHIN, account, is_captured_twice, remember
from tcptrace_py.machine.arrive import arrive
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection, Exchange
from tcptrace_py.machine.copies import Copies
from tcptrace_py.machine.depart import depart
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.flowtable import NO_KEY, V4, key_of
from tcptrace_py.machine.incarnations import Incarnations
from tcptrace_py.machine.oddities import CHALLENGED_WITHIN, note_slow_oddities
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.plain import ANSWERED, CLOSED, LEAST_TIMER, Asked, Plain, answers, asks, open_space
from tcptrace_py.machine.registry import Limits, is_from_server, whole_connection
from tcptrace_py.machine.sequence import distance, unwrap
from tcptrace_py.machine.space import Space
from tcptrace_py.machine.timing import Timers, elapse
from tcptrace_py.machine.unfold import unfold
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment


class Tracker(Incarnations):
    """Takes segments, keeps connections; see Registry for where those that are finished go."""

    def __init__(self, timers: Timers, limits: Limits) -> None:
        super().__init__(timers, limits)
        self.duplicates: i64 = 0  # frames captured twice
        self.goes_by_the_book: bool = False  # connections are kept plain as long as nothing is odd about them
        self.recalled = Segment()  # a SYN that passed before

    def go_by_the_book(self) -> None:
        """From now on keep connections plain as long as nothing is odd about them: less to do, the same to be told."""
        t = self.timers
        least: i64 = min(t.time_wait, t.syn_give_up, t.synack_give_up, t.fin_give_up, t.fin_wait_2 or LEAST_TIMER)
        self.goes_by_the_book = least >= LEAST_TIMER

    # -- one segment -- #

    def segment(self, seg: Segment) -> None:
        """Take the next segment in."""
        seg.marks = 0
        time = seg.time
        if time > self.now:
            self.now = time
            if time >= self.next_sweep:
                self.sweep()
        flow = self.flows.find_at(seg.key_buf, seg.key_at, seg.key_length)
        if flow is None:
            if self.goes_by_the_book and asks(seg) and self.flows.source != self.flows.target:
                self.ask(seg)
                return
            x: Exchange = self.begin(seg, None)
            self.flows.backwards = is_from_server(seg) and x.client_id != x.server_id
        elif isinstance(flow, Exchange):
            x = flow
        elif isinstance(flow, Asked):
            if flow.syn_ack is not None:
                x = self.opened(flow)
                self.becomes(flow, x)
            elif self.flows.backwards and answers(flow, seg):
                flow.answer(seg)
                return
            else:
                x = self.whole(flow)
        else:
            x = self.unpark(cast("Parked", flow))
        side: i64 = CLIENT
        e = x.one
        p = x.two
        if self.flows.backwards:
            side = SERVER
            e = x.two
            p = x.one
        if seg.seq == e.last_seq and is_captured_twice(e, seg, CAPTURED_TWICE_WITHIN):
            self.captured_twice(x, e, seg)
            return
        if x.copies is not None and x.copies.holds(side, seg):
            self.captured_twice(x, e, seg)
            return
        if x.settled and seg.flags & (SYN | FIN | RST) == 0:
            start: i64 = unwrap(seg.seq, e.origin, e.snd_nxt)
            ack: i64 = -1
            if seg.flags & ACK:
                ack = unwrap(seg.ack, p.origin, p.snd_nxt)
            account(x, side, e, p, seg, start, ack)
            if seg.marks & mk.DUPLICATE:
                self.captured_twice(x, e, seg)
            else:
                self.close_segment(x, side, e, p, seg)
            return
        if isinstance(x, Plain):
            if self.plain_segment(x, side, e, p, seg):
                return
            self.slow_segment(self.whole(x), side, seg)
        else:
            self.slow_segment(cast("Connection", x), side, seg)

    def captured_twice(self, c: Exchange, e: Space, seg: Segment) -> None:
        """Leave out a copy, and from now on look for those that do not come at once."""
        seg.marks = mk.DUPLICATE
        self.duplicates += 1
        e.losses().hardware_duplicates += 1
        self.quality.duplicates.add(seg.number, seg.time, 0)
        c.facts |= fa.DUPLICATE_CAPTURE
        if c.copies is None:
            c.copies = Copies(seg.time)

    # -- by the book -- #

    def ask(self, seg: Segment) -> None:
        """A SYN that begins a connection."""
        self.make_room()
        self.count += 1
        self.living += 1
        asked = Asked(self.count, NO_KEY if seg.key_length == V4 else seg.key, seg)
        self.flows.add_sought(asked)
        if self.limits.max_connections:
            self.ages[asked.number] = asked

    def wake(self, asked: Asked) -> Connection:
        """A SYN, as a whole connection; nothing leads to it yet."""
        if asked.syn_ack is not None:
            return unfold(self.opened(asked), key_of(asked))
        key = key_of(asked)
        seg = self.recalled
        asked.recall(seg)
        seg.key = key
        c = whole_connection(asked.number, key, seg)
        c.detailed = self.detailed
        c.client_id = asked.client_id
        c.server_id = asked.server_id
        self.slow_segment(c, CLIENT, seg)
        return c

    def opened(self, asked: Asked) -> Plain:
        """A SYN and its SYN-ACK, counted: a plain connection.  Nothing leads to it yet."""
        seg = self.recalled
        one = Space()
        two = Space()
        answer = asked.syn_ack
        assert answer is not None  # who asks has seen to it
        x = Plain(asked, answer, one, two)
        x.detailed = self.detailed
        x.client_id = asked.client_id
        x.server_id = asked.server_id
        asked.recall(seg)
        open_space(one, seg, st.SYN_SENT)
        account(x, CLIENT, one, two, seg, 1, -1)
        self.close_segment(x, CLIENT, one, two, seg)
        asked.recall_answer(seg)
        open_space(two, seg, st.SYN_RECEIVED)
        two.turned_around(x.to_server)
        account(x, SERVER, two, one, seg, 1, 1)
        one.state = st.ESTABLISHED
        self.close_segment(x, SERVER, two, one, seg)
        return x

    def plain_segment(self, x: Plain, side: i64, e: Space, p: Space, seg: Segment) -> bool:
        """Whether a segment of a plain connection is the one expected next; then it is taken in."""
        start: i64 = unwrap(seg.seq, e.origin, e.snd_nxt)
        ack: i64 = unwrap(seg.ack, p.origin, p.snd_nxt)
        before: i64 = x.phase
        if not x.takes(seg, side, e, p, start, ack):
            return False
        if before == ANSWERED:
            self.vantage.learn(x, x.to_server, x.to_client)
        account(x, side, e, p, seg, start, ack)
        x.arrives(p)
        self.close_segment(x, side, e, p, seg)
        if x.phase == CLOSED:
            self.close(x)
        return True

    # -- and not -- #

    def slow_segment(self, c: Connection, side: i64, seg: Segment) -> None:
        """A segment of a connection whose states are not settled, or that may change them."""
        known = c
        if c.is_over() and self.is_past(c, seg.time):
            self.retire(c)
            c = self.begin(seg, None)
        elif seg.flags & (SYN | RST) and (seg.flags & SYN or c.rival_side >= 0):
            c = self.incarnation(c, side, seg)
        if c is not known:
            side = CLIENT if seg.key == c.key else SERVER
        e = c.side(side)
        p = c.side(1 - side)
        if seg.flags & SYN and not seg.flags & ACK and c.rival_side == side and seg.seq == c.rival_isn:
            self.count_rival(c, e)
            c.end = seg.time
            c.last_frame = seg.number
            return  # not of this connection, or not yet known to be
        start: i64 = self.place(c, e, p, seg)
        ack: i64 = -1
        if seg.flags & ACK and p.origin >= 0:
            ack = unwrap(seg.ack, p.origin, p.snd_nxt)
        if not self.is_young(c, seg.time):
            self.let_pass(c, seg.time)
        was_over: bool = c.is_over()
        if seg.flags & (RST | FIN):
            self.vantage.place(c)
        note_slow_oddities(c, side, e, p, seg, start, ack)
        self.handshake(c, side, e, p, seg, ack)
        depart(c, side, e, p, seg, start, ack)
        account(c, side, e, p, seg, start, ack)
        if seg.marks & mk.DUPLICATE:
            self.captured_twice(c, e, seg)
            return
        if seg.flags & FIN and e.fin >= 0 and p.fin >= 0 and c.rival_side >= 0:
            c.rival_side = -1
        arrive(c, 1 - side, p, e, seg, start, ack)
        self.close_segment(c, side, e, p, seg)
        if seg.flags & RST and c.rival_challenged and c.rival_side == side:
            self.promote(c, seg)  # it disowned this connection: the SYN that it sent is no forgery
            return
        # what follows a RST out of place tells whether it was noticed
        reset: i64 = max(c.client.rst_time, c.server.rst_time)
        still: bool = c.rival_side < 0 and not seg.flags & RST and (reset < 0 or seg.time > reset + CHALLENGED_WITHIN)
        c.settled = still and is_established(c) and c.client.is_sure() and c.server.is_sure()
        if c.is_over() and not self.park(c) and not was_over:
            self.rest(c)

    def close_segment(self, c: Exchange, side: i64, e: Space, p: Space, seg: Segment) -> None:
        """What every segment leaves behind: the connection's edges, its history, and the sender's last segment."""
        c.packets += 1
        if seg.time >= c.end:
            c.end = seg.time
        elif not c.facts & fa.DISORDER:
            c.note(fa.DISORDER, side, seg.number, seg.time, c.last_frame, c.end - seg.time)
            self.quality.disorder.add(seg.number, seg.time, c.end - seg.time)
        c.last_frame = seg.number
        if seg.length:
            c.write_history(cn.HISTORY_DATA, side)
        if seg.flags & (SYN | FIN | RST):
            self.mark(c, side, seg)
        elif seg.length == 0:
            c.write_history(cn.HISTORY_ACK, side)
        if not seg.marks & mk.COPIED:  # else its sender has sent others since
            remember(e, p, seg)

    def mark(self, c: Exchange, side: i64, seg: Segment) -> None:
        """The letters of SYN, FIN and RST."""
        flags = seg.flags
        if flags & RST:
            c.write_history(cn.HISTORY_RST, side)
        elif flags & SYN:
            c.write_history(cn.HISTORY_SYN_ACK if flags & ACK else cn.HISTORY_SYN, side)
        else:
            c.write_history(cn.HISTORY_FIN, side)

    def place(self, c: Connection, e: Endpoint, p: Endpoint, seg: Segment) -> i64:
        """The offset of the segment's first payload byte; the first segment of a side sets its origin."""
        if e.origin < 0:
            e.origin = seg.seq if seg.flags & SYN else (seg.seq - 1) & 0xFFFFFFFF
            e.snd_nxt = 1
        if seg.flags & SYN:
            if not e.syn_seen:
                if e.origin != seg.seq and p.state == st.SYN_SENT:
                    # what it sent before was of an older connection: its sequence space begins here
                    e.origin = seg.seq
                    e.snd_nxt = 1
                    e.holes = None
                e.syn_seen = True
                e.offer(seg)
            if seg.flags & ACK and p.origin < 0:
                p.origin = (seg.ack - 1) & 0xFFFFFFFF
                p.snd_nxt = 1
            return unwrap(seg.seq, e.origin, 0) + 1
        if seg.flags & ACK and p.origin < 0 and not seg.flags & RST:
            p.origin = (seg.ack - 1) & 0xFFFFFFFF
            p.snd_nxt = 1
        return unwrap(seg.seq, e.origin, e.snd_nxt)

    def handshake(self, c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, ack: i64) -> None:
        """The round trips of the handshake, which tell where the capture was taken; and what rode on it."""
        if c.midstream or ack < 1:
            return
        if seg.flags & SYN:
            if e.syn_count == 0 and p.syn_count == 1 and c.handshake_to_server < 0:
                c.handshake_to_server = seg.time - p.syn_time
                e.turned_around(c.handshake_to_server)
                e.handshake = c.handshake_to_server
        elif side == CLIENT and e.last_seq == e.origin and e.syn_count and not seg.flags & RST:
            if e.syn_count == 1 and p.syn_count == 1 and c.handshake_to_client < 0:
                c.handshake_to_client = seg.time - p.syn_time
                e.turned_around(c.handshake_to_client)
                e.handshake = c.handshake_to_client
                self.vantage.learn(c, c.handshake_to_server, c.handshake_to_client)
            if seg.length:
                c.note(fa.DATA_ON_THIRD_SEGMENT, side, seg.number, seg.time, p.syn_frame, seg.length)

    # -- ICMP -- #

    def quoted(self, seg: Segment) -> None:
        """An ICMP error quotes a segment: its sender learns of it (RFC 9293, 3.9.2.2)."""
        flow = self.flows.find(seg.key)
        if flow is None:
            return
        c = self.whole(flow)
        side: i64 = CLIENT if seg.key == c.key else SERVER
        e = c.side(side)
        elapse(e, c.side(1 - side), seg.time, self.timers)
        c.note(fa.ICMP_ERROR, side, seg.number, seg.time, e.last_frame, seg.icmp_type << 8 | seg.icmp_code)
        c.last_frame = seg.number
        if seg.time > c.end:
            c.end = seg.time
        c.settled = False
        if e.state == st.SYN_SENT and is_hard(seg) and distance(e.origin, seg.seq) == 0:
            e.pass_by(ev.RECEIVE_ICMP, seg.time, seg.number, "ICMP error received: rejected")
            if c.is_over():
                self.over.append(c)


def is_established(c: Connection) -> bool:
    """Both sides are in ESTABLISHED and neither has sent a FIN."""
    return (
        c.client.state == st.ESTABLISHED and c.server.state == st.ESTABLISHED and c.client.fin < 0 and c.server.fin < 0
    )


def is_hard(seg: Segment) -> bool:
    """Whether an ICMP error ends a connection attempt: unreachable or prohibited; a packet too big is no failure."""
    if seg.icmp_v6:
        return seg.icmp_type == 1
    return seg.icmp_type == 3 and seg.icmp_code != 4
