"""Which connections live, and how they go: replaced on their ports, ended long enough ago, evicted, or at the end.

A connection that has surely ended on both sides and then been quiet for a while is *past*: it is told, and only a
short record of it stays, so that late duplicates of its segments do not look like a new connection.  Whether it is
past depends on its own segments and the capture's clock alone, never on when anybody looks.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.endpoint import ASSUMED, Endpoint
from tcptrace_py.machine.story import conclude
from tcptrace_py.machine.timing import SECOND, Timers, elapse
from tcptrace_py.packet import ACK, SYN, Segment

_CANDIDATES: Final = 16

QUIET: Final = 5 * SECOND
"""How long a connection that has ended must be quiet to be past: longer than duplicates live on any path, and than a
lost final ACK goes unnoticed (the FIN comes again within seconds)."""


@mypyc_attr(acyclic=True)
class Limits:
    """What bounds the tracker, and when it calls an endpoint stuck; times in nanoseconds."""

    def __init__(self, max_connections: i64, stuck_after: i64) -> None:
        self.max_connections = max_connections  # 0: no bound
        self.stuck_after = stuck_after


@mypyc_attr(acyclic=True)
class Past(Flow):
    """What is remembered of a connection that is over and told."""

    def __init__(self, c: Connection) -> None:
        super().__init__(c.key, c.end, c.last_frame)
        self.incarnation = c.incarnation
        self.isn = c.client.origin
        self.waits_from = waiting_since(c)  # since when it is in TIME_WAIT; -1: it is not


class Registry:
    """All connections that can still change.  Those that no longer can are put in ``finished``, for the caller to take."""

    def __init__(self, timers: Timers, limits: Limits) -> None:
        self.timers = timers
        self.limits = limits
        # both directions of a four-tuple lead to its latest connection, or to what is remembered of it
        self.flows: dict[bytes, Flow] = {}
        self.finished: list[Connection] = []
        self.over: deque[Connection] = deque()  # those that may have ended, in the order in which they did
        self.pasts: deque[Past] = deque()  # in the order in which they went
        self.ages: deque[Connection] = deque()  # every living one, oldest first; only kept when there is a bound
        self.count: i64 = 0
        self.living: i64 = 0
        self.evicted: i64 = 0
        self.late: i64 = 0  # segments of connections that are past
        self.now: i64 = 0  # the capture's clock: the latest time of any segment
        self.next_sweep: i64 = 0
        # one that may have ended, but not surely, can hear from its peer for about so long
        self.linger: i64 = 2 * timers.time_wait + timers.fin_give_up

    def begin(self, seg: Segment, older: Connection | None) -> Connection:
        """A new connection whose first segment is ``seg``; ``older`` is the previous one on the same four-tuple."""
        if older is not None:
            older.successor = seg.number
            self.finish(older, seg.time)
        if self.limits.max_connections and self.living >= self.limits.max_connections:
            self.evict()
        time = seg.time
        frame = seg.number
        key = seg.key
        swapped: bool = is_from_server(seg)
        if swapped:
            key = reverse(key)
        if seg.flags & SYN:
            client = Endpoint(st.CLOSED, time, frame, "nothing seen before")
            server = Endpoint(st.LISTEN, time, frame, "nothing seen before")
            if swapped:
                client.possible = st.IN_SYN_SENT
                client.enter(st.SYN_SENT, time, frame, ASSUMED, "a SYN must have been sent")
        else:
            client = Endpoint(st.ESTABLISHED, time, frame, "midstream: the opening was not seen")
            server = Endpoint(st.ESTABLISHED, time, frame, "midstream: the opening was not seen")
            client.possible = st.SYNCHRONIZED | st.NO_CONNECTION
            server.possible = st.SYNCHRONIZED | st.NO_CONNECTION
        self.count += 1
        self.living += 1
        c = Connection(self.count, key, client, server, time, frame)
        if not seg.flags & SYN:
            c.midstream = True
            c.facts |= fa.MIDSTREAM
        if older is not None:
            c.incarnation = older.incarnation + 1
        self.flows[key] = c
        self.flows[reverse(key)] = c
        if self.limits.max_connections:
            self.ages.append(c)
        return c

    def after_past(self, past: Past, seg: Segment) -> Connection | None:
        """The connection that a segment begins on ports of one that is past; None when it is a late one of that."""
        if seg.time - past.end > self.linger:
            past.gone = True
            return self.begin(seg, None)
        if seg.flags & (SYN | ACK) != SYN or (seg.key == past.key and seg.seq == past.isn):
            self.late += 1
            return None
        past.gone = True
        c = self.begin(seg, None)
        c.incarnation = past.incarnation + 1
        if past.waits_from >= 0 and seg.time - past.waits_from < self.timers.time_wait:
            c.note(fa.REUSE_TIME_WAIT, 0, seg.number, seg.time, past.last_frame, seg.time - past.waits_from)
        return c

    def is_past(self, c: Connection, now: i64) -> bool:
        """Whether a connection that may be over is over for good."""
        if now - c.end <= QUIET or c.rival_side >= 0:
            return False
        self.let_pass(c, c.end + QUIET)
        ended: i64 = st.NO_CONNECTION | st.IN_TIME_WAIT
        return (c.client.possible | c.server.possible) & ~ended == 0 or now - c.end > self.linger

    def retire(self, c: Connection) -> Past:
        """It is past: tell it, and remember only that it was."""
        past = Past(c)
        self.flows[c.key] = past
        self.flows[reverse(c.key)] = past
        self.pasts.append(past)
        self.finish(c, c.end + QUIET)
        return past

    def sweep(self) -> None:
        """Let go of connections that are past; once a second of the capture's clock."""
        now: i64 = self.now
        self.next_sweep = now + SECOND
        over = self.over
        undecided: list[Connection] = []
        while over:
            c = over[0]
            if not c.gone:
                if now - c.end <= QUIET:
                    break
                if c.is_over():
                    if self.is_past(c, now):
                        self.retire(c)
                    else:
                        undecided.append(c)
            over.popleft()
        over.extend(undecided)
        pasts = self.pasts
        while pasts and now - pasts[0].end > self.linger:
            past = pasts.popleft()
            if not past.gone:
                self.forget(past)

    def let_pass(self, c: Connection, now: i64) -> None:
        """Let time pass for both sides, up to ``now``."""
        elapse(c.client, c.server, now, self.timers)
        elapse(c.server, c.client, now, self.timers)

    def finish(self, c: Connection, now: i64) -> None:
        """The connection is told as it stands at ``now``; nothing but TIME_WAIT's end can still change it."""
        self.living -= 1
        c.gone = True
        self.let_pass(c, now)
        c.client.date_steps()
        c.server.date_steps()
        conclude(c, now, self.limits.stuck_after)
        self.finished.append(c)

    def forget(self, flow: Flow) -> None:
        """Take it out of the flow table."""
        flow.gone = True
        self.flows.pop(flow.key, None)
        self.flows.pop(reverse(flow.key), None)

    def evict(self) -> None:
        """Make room: of the oldest few connections, the one that has been idle longest goes."""
        ages = self.ages
        best: Connection | None = None
        rest: list[Connection] = []
        while ages and len(rest) < _CANDIDATES:
            c = ages.popleft()
            if c.gone:
                continue
            if best is None or c.end < best.end:
                if best is not None:
                    rest.append(best)
                best = c
            else:
                rest.append(c)
        ages.extendleft(reversed(rest))
        if best is not None:
            best.evicted = True
            self.evicted += 1
            self.finish(best, self.now)
            self.forget(best)

    def end(self, now: i64) -> None:
        """The end of observation: every connection stands as it stands."""
        if now > self.now:
            self.now = now
        for key, flow in self.flows.items():
            if isinstance(flow, Connection) and key == flow.key:
                self.finish(flow, self.now)
        self.flows.clear()
        self.over.clear()
        self.ages.clear()
        self.pasts.clear()


def waiting_since(c: Connection) -> i64:
    """When the TIME_WAIT of a connection began or was last restarted; -1 when it is in none."""
    if c.client.state == st.TIME_WAIT:
        return c.client.timer_from
    if c.server.state == st.TIME_WAIT:
        return c.server.timer_from
    return -1


def is_from_server(seg: Segment) -> bool:
    """Of the first segment of a connection: whether its sender is the passive side (without SYN, a guess)."""
    if seg.flags & SYN:
        return seg.flags & ACK != 0
    key = seg.key
    at: i64 = len(key) - 4
    source: i64 = key[at] * 256 + key[at + 1]
    target: i64 = key[at + 2] * 256 + key[at + 3]
    # listening ports are the well-known and registered ones, ephemeral ports lie above (RFC 6335, 6)
    return source < target


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    if len(key) == 12:
        return key[4:8] + key[0:4] + key[10:12] + key[8:10]
    return key[16:32] + key[0:16] + key[34:36] + key[32:34]
