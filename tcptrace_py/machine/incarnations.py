"""One four-tuple, used again: whether a SYN begins a new connection, and what becomes of the one before.

A SYN with another ISN begins a new one when the older has ended, is in TIME_WAIT, or never got an answer; on a living
connection it waits as a *rival* until an answer to it, or the death of the older one, shows that it is not a forgery or
an old duplicate (RFC 9293, 3.5.1; RFC 5961, 4).
"""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, Endpoint
from tcptrace_py.machine.flowtable import reverse
from tcptrace_py.machine.registry import Registry, waiting_since
from tcptrace_py.machine.sent import Sent
from tcptrace_py.machine.sequence import distance
from tcptrace_py.packet import ACK, RST, Segment


class Incarnations(Registry):
    """All connections that can still change, one after the other on their four-tuples."""

    def incarnation(self, c: Connection, side: i64, seg: Segment) -> Connection:
        """Whether a SYN, or a RST while a rival waits, begins a new connection; returns the one it belongs to."""
        e = c.side(side)
        p = c.side(1 - side)
        if seg.flags & RST:
            if c.rival_side == side and seg.seq == p.last_ack and not seg.flags & ACK:
                c.rival_challenged = True  # it disowns the older connection: the next SYN is a new one
            return c
        if seg.flags & ACK:
            if c.rival_side == 1 - side and distance(c.rival_isn, seg.ack) == 1:
                return self.promote(c, seg)
            return c
        if e.origin < 0 or seg.seq == e.origin:
            return c
        if not e.syn_seen and p.state == st.SYN_SENT and not c.midstream and c.rival_side < 0:
            return c  # the answer to a SYN in two steps, ACK and SYN
        if c.rival_side == side and seg.seq == c.rival_isn:
            if c.rival_challenged or c.is_over():
                return self.promote(c, seg)
            return c
        if c.is_over():
            return self.reuse(c, seg)
        if e.active and p.last_frame < 0 and distance(e.origin, seg.seq) > 0:
            # never answered, and a later ISN: the opener tries anew
            c.note(fa.SYN_NEW_ISN, side, seg.number, seg.time, e.syn_frame, -1)
            e.enter(st.CLOSED, seg.time, seg.number, ASSUMED, "a new attempt replaced it")
            e.possible = st.IN_CLOSED
            return self.begin(seg, c)
        c.note(fa.SYN_ON_OPEN, side, seg.number, seg.time, e.syn_frame, -1)
        c.settled = False
        c.rival_side = side
        c.rival_isn = seg.seq
        c.rival_time = seg.time
        c.rival_frame = seg.number
        c.rival_challenged = False
        c.rival_sent = Sent()
        c.rival_sent.offer(seg)
        return c

    def count_rival(self, c: Connection, e: Endpoint) -> None:
        """A rival's SYN: its sender's, and if it turns out to begin a connection, that one's."""
        c.packets += 1
        e.packets += 1
        e.syn += 1
        rival = c.rival_sent
        if rival is not None:
            rival.packets += 1
            rival.syn += 1

    def reuse(self, c: Connection, seg: Segment) -> Connection:
        """A SYN on ports whose last connection has ended: a new one (RFC 6191 when it is still in TIME_WAIT)."""
        self.let_pass(c, seg.time)
        since: i64 = waiting_since(c)
        for e in (c.client, c.server):
            if e.state == st.TIME_WAIT:
                e.pass_by(ev.TIMEOUT_2MSL, seg.time, seg.number, "a new connection took its place")
        new = self.begin(seg, c)
        if since >= 0:
            new.note(fa.REUSE_TIME_WAIT, CLIENT, seg.number, seg.time, c.last_frame, seg.time - since)
        return new

    def promote(self, c: Connection, seg: Segment) -> Connection:
        """The rival SYN was the beginning of a new connection; the older one had ended unseen."""
        opener = c.side(c.rival_side)
        isn = c.rival_isn
        time = c.rival_time
        frame = c.rival_frame
        side = c.rival_side
        if not 1 << opener.state & st.NO_CONNECTION:
            opener.pass_by(ev.TIMEOUT_GIVE_UP, time, frame, "its new SYN shows that it had lost this connection")
            opener.possible = st.IN_CLOSED
        other = c.side(1 - side)
        if not 1 << other.state & st.NO_CONNECTION:
            other.enter(st.CLOSED, seg.time, seg.number, ASSUMED, "a new connection took its place")
            other.possible = st.IN_CLOSED
        key = c.key if side == CLIENT else reverse(c.key)
        challenged = c.rival_challenged
        c.rival_side = -1
        new = self.begin(seg, c)
        c.successor = frame
        rival = c.rival_sent
        c.rival_sent = None
        count: i64 = 1
        if rival is not None:  # its SYN is now its own connection's
            count = rival.packets
            opener.packets -= count
            opener.syn -= count
        c.packets -= count
        if new.key != key:
            self.flows.remove(new)
            new.key = key
            self.flows.put(new)
        new.start = time
        new.first_frame = frame
        if seg.flags & RST:
            new.takes_from = seg.number + 1  # it was the older one's last word
        client = Endpoint(st.CLOSED, time, frame, "nothing seen before")
        server = Endpoint(st.LISTEN, time, frame, "nothing seen before")
        new.replace_sides(client, server)
        new.midstream = False
        new.facts &= ~fa.MIDSTREAM
        if rival is not None:
            client.begin_with(rival)
        client.origin = isn
        client.syn_seen = True
        client.snd_nxt = 1
        client.active = True
        client.syn_time = time
        client.syn_last = time
        client.syn_frame = frame
        client.syn_last_frame = frame
        client.syn_count = 1
        client.last_time = time
        client.last_frame = frame
        client.act(ev.SEND_SYN, time, frame, PROVEN, "SYN sent")
        new.packets = count
        new.note(fa.REUSE_OPEN, CLIENT, frame, time, c.last_frame, 1 if challenged else 0)
        return new
