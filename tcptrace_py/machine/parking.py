"""Connections that have ended, packed small: what it takes to go on with one should another segment come.

A connection that closed as it should, and that nobody wants to see, waits out its 2 MSL as a Parked: an eighth of its
size, made while it is still in the processor's cache.  Packing and unpacking lose the trail but for its last two
steps, and the counters; nothing that inference or a rule about a late segment needs.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, Endpoint, Step
from tcptrace_py.machine.sequence import wrap


def is_plain(e: Endpoint, p: Endpoint) -> bool:
    """Whether an endpoint closed without incident, so that most of what is known of it follows from the rest."""
    if not e.syn_seen or e.fin_count != 1 or e.fin + 1 != e.snd_nxt or e.snd_una != e.snd_nxt or e.acked != p.snd_nxt:
        return False
    return e.syn_count == 1 and e.holes is None and e.doubt is None


@mypyc_attr(acyclic=True)
class Bay:
    """One endpoint, packed."""

    def __init__(self, e: Endpoint) -> None:
        self.state = e.state
        self.possible = e.possible
        self.origin = e.origin
        self.snd_nxt = e.snd_nxt
        self.acked_frame = e.acked_frame
        self.fin_time = e.fin_time
        self.fin_frame = e.fin_frame
        self.last_time = e.last_time
        self.last_frame = e.last_frame
        self.turnaround = e.turnaround
        self.turnaround_2 = e.turnaround_2
        self.fin_bare: bool = e.fin_bare
        self.timer_from = e.timer_from
        steps = e.steps
        top = steps[len(steps) - 1]
        self.top_passed = top.passed
        self.top_frame = top.frame
        self.top_sure: bool = top.is_sure()
        self.before = steps[len(steps) - 2].state

    def restore(self, peer: Bay, syn_time: i64, syn_frame: i64) -> Endpoint:
        """The endpoint again."""
        e = Endpoint(self.before, self.fin_time, self.fin_frame, "as it was")
        e.steps[0].evidence = PROVEN
        top = Step(self.state, self.top_passed, self.top_frame, PROVEN if self.top_sure else ASSUMED, "as it was")
        top.heard = not self.top_sure
        e.steps.append(top)
        e.state = self.state
        e.possible = self.possible
        e.syn_seen = True
        e.origin = self.origin
        e.snd_nxt = self.snd_nxt
        e.snd_una = self.snd_nxt
        e.acked = peer.snd_nxt
        e.acked_frame = self.acked_frame
        e.fin = self.snd_nxt - 1
        e.fin_time = self.fin_time
        e.fin_frame = self.fin_frame
        e.fin_last = self.fin_time
        e.fin_last_frame = self.fin_frame
        e.fin_count = 1
        e.syn_time = syn_time
        e.syn_frame = syn_frame
        e.syn_last = syn_time
        e.syn_last_frame = syn_frame
        e.syn_count = 1
        e.last_time = self.last_time
        e.last_frame = self.last_frame
        e.last_ack = wrap(peer.snd_nxt, peer.origin)
        e.turnaround = self.turnaround
        e.turnaround_2 = self.turnaround_2
        e.fin_bare = self.fin_bare
        e.timer_from = self.timer_from
        return e


@mypyc_attr(acyclic=True)
class Parked(Flow):
    """One connection, packed."""

    def __init__(self, c: Connection) -> None:
        super().__init__(c.number, c.key, c.end, c.last_frame)
        self.incarnation = c.incarnation
        self.client = Bay(c.client)
        self.server = Bay(c.server)
        self.start = c.start
        self.first_frame = c.first_frame
        self.packets = c.packets
        self.facts = c.facts
        self.letters = c.letters
        self.written = c.written
        self.first_closer = c.first_closer
        self.handshake_to_server = c.handshake_to_server
        self.handshake_to_client = c.handshake_to_client
        self.three_segment = c.three_segment

    def restore(self) -> Connection:
        """The connection again."""
        client = self.client.restore(self.server, self.start, self.first_frame)
        client.active = True
        answered: i64 = self.start + max(self.handshake_to_server, 0)
        server = self.server.restore(self.client, answered, self.first_frame)
        c = Connection(self.number, self.key, client, server, self.start, self.first_frame)
        c.end = self.end
        c.last_frame = self.last_frame
        c.incarnation = self.incarnation
        c.packets = self.packets
        c.facts = self.facts
        c.letters = self.letters
        c.written = self.written
        c.first_closer = self.first_closer
        c.handshake_to_server = self.handshake_to_server
        c.handshake_to_client = self.handshake_to_client
        c.three_segment = self.three_segment
        return c
