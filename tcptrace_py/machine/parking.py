"""Connections that have ended, packed small: what it takes to go on with one should another segment come.

A connection that closed as it should, and that nobody wants to see, waits out its 2 MSL as a Parked: a fifth of its
size, made while it is still in the processor's cache.  Packing and unpacking lose the trail but for its last two
steps, and the counters; nothing that inference or a rule about a late segment needs.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.endpoint import ASSUMED, PROVEN, Endpoint, Step


@mypyc_attr(acyclic=True)
class Bay:
    """One endpoint, packed."""

    def __init__(self, e: Endpoint) -> None:
        self.state = e.state
        self.possible = e.possible
        self.active = e.active
        self.syn_seen = e.syn_seen
        self.origin = e.origin
        self.snd_nxt = e.snd_nxt
        self.snd_una = e.snd_una
        self.acked = e.acked
        self.acked_frame = e.acked_frame
        self.fin = e.fin
        self.fin_time = e.fin_time
        self.fin_frame = e.fin_frame
        self.fin_last = e.fin_last
        self.fin_last_frame = e.fin_last_frame
        self.fin_count = e.fin_count
        self.syn_time = e.syn_time
        self.syn_frame = e.syn_frame
        self.syn_count = e.syn_count
        self.last_time = e.last_time
        self.last_frame = e.last_frame
        self.last_seq = e.last_seq
        self.last_ack = e.last_ack
        self.last_flags = e.last_flags
        self.turnaround = e.turnaround
        self.timer_from = e.timer_from
        steps = e.steps
        top = steps[len(steps) - 1]
        before = steps[len(steps) - 2] if len(steps) > 1 else top
        self.top_passed = top.passed
        self.top_frame = top.frame
        self.top_sure: bool = top.is_sure()
        self.before_state = before.state
        self.before_time = before.time
        self.before_frame = before.frame

    def restore(self) -> Endpoint:
        """The endpoint again."""
        evidence: i64 = PROVEN if self.top_sure else ASSUMED
        e = Endpoint(self.before_state, self.before_time, self.before_frame, "as it was")
        e.steps[0].evidence = PROVEN
        top = Step(self.state, self.top_passed, self.top_frame, evidence, "as it was")
        top.heard = not self.top_sure
        e.steps.append(top)
        e.state = self.state
        e.possible = self.possible
        e.active = self.active
        e.syn_seen = self.syn_seen
        e.origin = self.origin
        e.snd_nxt = self.snd_nxt
        e.snd_una = self.snd_una
        e.acked = self.acked
        e.acked_frame = self.acked_frame
        e.fin = self.fin
        e.fin_time = self.fin_time
        e.fin_frame = self.fin_frame
        e.fin_last = self.fin_last
        e.fin_last_frame = self.fin_last_frame
        e.fin_count = self.fin_count
        e.syn_time = self.syn_time
        e.syn_frame = self.syn_frame
        e.syn_last = self.syn_time
        e.syn_last_frame = self.syn_frame
        e.syn_count = self.syn_count
        e.last_time = self.last_time
        e.last_frame = self.last_frame
        e.last_seq = self.last_seq
        e.last_ack = self.last_ack
        e.last_flags = self.last_flags
        e.turnaround = self.turnaround
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
        c = Connection(
            self.number, self.key, self.client.restore(), self.server.restore(), self.start, self.first_frame
        )
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
