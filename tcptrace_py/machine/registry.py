"""Which connections live, and how they go: replaced on their ports, ended long enough ago, evicted, or at the end.

A connection that has surely ended on both sides, and then been quiet for as long as TIME_WAIT lasts, is *past*: it is
told and forgotten.  Whether it is past depends on its own segments and the capture's clock alone, never on when
anybody looks.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice
from typing import Final, cast

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection, Exchange, Flow
from tcptrace_py.machine.endpoint import ASSUMED, Endpoint
from tcptrace_py.machine.flowtable import FlowTable, key_of, reverse
from tcptrace_py.machine.lone import Lone
from tcptrace_py.machine.parking import Parked, is_plain, park_plain, park_whole
from tcptrace_py.machine.plain import Asked, Plain
from tcptrace_py.machine.quality import Quality
from tcptrace_py.machine.story import conclude
from tcptrace_py.machine.timing import SECOND, Timers, elapse
from tcptrace_py.machine.unfold import unfold
from tcptrace_py.machine.vantage import Vantage
from tcptrace_py.packet import ACK, SYN, Segment

_CANDIDATES: Final = 16


@mypyc_attr(acyclic=True)
class Limits:
    """What bounds the tracker, and when it calls an endpoint stuck; times in nanoseconds."""

    def __init__(self, max_connections: i64, stuck_after: i64) -> None:
        self.max_connections = max_connections  # 0: no bound
        self.stuck_after = stuck_after


class Registry:
    """All connections that can still change.  Those that no longer can are put in ``finished``, for the caller to take."""

    def __init__(self, timers: Timers, limits: Limits) -> None:
        self.timers = timers
        self.limits = limits
        # both directions of a four-tuple lead to its latest connection, whole or parked
        self.flows = FlowTable()
        self.ended: FlowTable | None = None
        self.finished: list[Connection] = []
        self.over: deque[Exchange] = deque()  # those that may have ended, in the order in which they did
        # which of those that ended well need not be kept whole: later ones than this, without these facts
        self.keeps_first: i64 = 1 << 62
        self.keeps_facts: i64 = 0
        self.may_want: Callable[[Connection], bool] | None = None  # likewise: those of which a filter is not sure
        self.detailed: bool = False  # whether all figures of connections are wanted
        self.takes_lone: bool = False  # the caller takes what is a SYN, and perhaps a SYN-ACK, as such
        self.lone: list[Lone] = []
        self.parked: list[Parked] = []  # in the order in which they ended; those before ``first_parked`` are gone
        self.first_parked: i64 = 0
        self.gone: list[Parked] = []  # those that can no longer change, for the caller to count unless ``unparked``
        self.ages: OrderedDict[int, Flow] = OrderedDict()  # every living one, oldest first; only when there is a bound
        self.vantage = Vantage()
        self.quality = Quality()
        self.count: i64 = 0
        self.living: i64 = 0
        self.evicted: i64 = 0
        self.now: i64 = 0  # the capture's clock: the latest time of any segment
        self.next_sweep: i64 = 0
        self.quiet: i64 = timers.time_wait + timers.slop + SECOND  # after so long, one that has ended is past
        # one that may have ended, but not surely, can hear from its peer for about so long
        self.linger: i64 = 2 * timers.time_wait + timers.fin_give_up
        self.young: i64 = youth(timers)

    def begin(self, seg: Segment, older: Connection | None) -> Connection:
        """A new connection whose first segment is ``seg``; ``older`` is the previous one on the same four-tuple."""
        if older is not None:
            older.successor = seg.number
            self.finish(older, seg.time)
        self.make_room()
        key = seg.key
        self.count += 1
        self.living += 1
        c = whole_connection(self.count, reverse(key) if is_from_server(seg) else key, seg)
        c.detailed = self.detailed
        if c.midstream:
            self.vantage.place(c)
        if older is not None:
            c.incarnation = older.incarnation + 1
        if older is None:
            self.flows.add(c)
        else:
            self.flows.put(c)
        if self.limits.max_connections:
            self.ages[c.number] = c
        return c

    def make_room(self) -> None:
        """Before a new connection: there may be one too many."""
        if self.limits.max_connections and self.living >= self.limits.max_connections:
            self.evict()

    def becomes(self, old: Flow, new: Flow) -> None:
        """Of one connection, more or less is kept from now on."""
        old.gone = True
        self.flows.replace(old, new)
        if self.limits.max_connections:
            self.ages[new.number] = new

    def wake(self, asked: Asked) -> Connection:
        """A SYN, as a whole connection; nothing leads to it yet."""
        raise NotImplementedError

    def whole(self, flow: Flow) -> Connection:
        """The connection with all that is inferred of it, however little of it was kept."""
        if isinstance(flow, Connection):
            return flow
        if isinstance(flow, Parked):
            return self.unpark(flow)
        c = self.made_whole(flow)
        self.becomes(flow, c)
        return c

    def made_whole(self, flow: Flow) -> Connection:
        """The same of one that is not parked; nothing leads to it yet."""
        if isinstance(flow, Connection):
            return flow
        if isinstance(flow, Plain):
            return unfold(flow, key_of(flow))
        return self.wake(cast("Asked", flow))

    def connection(self, key: bytes) -> Connection | None:
        """The connection that a key of either direction leads to, whole."""
        flow = self.flows.find(key)
        return None if flow is None else self.whole(flow)

    def is_past(self, c: Connection, now: i64) -> bool:
        """Whether a connection that may be over is over for good."""
        if now - c.end <= self.quiet or c.rival_side >= 0:
            return False
        self.let_pass(c, c.end + self.quiet)
        return (c.client.possible | c.server.possible) & ~st.NO_CONNECTION == 0 or now - c.end > self.linger

    def retire(self, c: Connection) -> None:
        """It is past: tell and forget it."""
        self.finish(c, c.end + self.quiet)
        self.forget(c)

    def park(self, c: Connection) -> bool:
        """Keep a connection that has ended as small as can be, if it ended well and nobody wants to see it."""
        if c.number <= self.keeps_first or c.facts & self.keeps_facts or not is_plain(c):
            return False
        if self.may_want is not None and self.may_want(c):
            return False
        self.put_away(c, park_whole(c))
        return True

    def close(self, x: Plain) -> None:
        """A connection that went by the book has been closed."""
        if x.facts:
            c = self.whole(x)
            if not self.park(c):
                self.rest(c)
        elif x.number <= self.keeps_first or (self.may_want is not None and self.may_want(self.made_whole(x))):
            self.rest(x)
        else:
            self.put_away(x, park_plain(x))

    def rest(self, x: Exchange) -> None:
        """It may have ended, and is kept until it is past: little more is expected of it."""
        for e in (x.one, x.two):
            detail = e.detail
            if detail is not None:
                detail.flight.pack()
        self.over.append(x)

    def put_away(self, x: Exchange, parked: Parked) -> None:
        """Keep it packed."""
        x.gone = True
        self.flows.park(x, parked)
        self.parked.append(parked)
        self.quality.weigh(x)
        if self.limits.max_connections:
            del self.ages[x.number]

    def unpark(self, parked: Parked) -> Connection:
        """Another segment came: the connection again, whole."""
        parked.unparked = True
        c = parked.restore(key_of(parked))
        self.flows.replace(parked, c)
        self.over.append(c)
        return c

    def sweep(self) -> None:
        """Let go of connections that are past; once a second of the capture's clock."""
        now: i64 = self.now
        self.next_sweep = now + SECOND
        over = self.over
        undecided: list[Exchange] = []
        while over:
            x = over[0]
            if not x.gone:
                if now - x.end <= self.quiet:
                    break
                c = self.whole(x)
                if c.is_over():
                    if self.is_past(c, now):
                        self.retire(c)
                    else:
                        undecided.append(c)
            over.popleft()
        over.extend(undecided)
        self.sweep_parked(now)

    def sweep_parked(self, now: i64) -> None:
        """The same for parked ones: their single FIN, not sent again for so long, has arrived."""
        first: i64 = self.first_parked
        while first < len(self.parked):
            flow = self.parked[first]
            if not flow.unparked:
                if now - flow.end <= self.quiet:
                    break
                self.living -= 1
                self.forget(flow)
                self.gone.append(flow)
            first += 1
        if first * 2 > len(self.parked):
            del self.parked[:first]
            first = 0
        self.first_parked = first

    def is_young(self, c: Connection, now: i64) -> bool:
        """Whether nothing can have elapsed yet: ``let_pass`` would change nothing.

        Most short connections close before any timer of theirs is due.  A closed window, and whatever a fact was noted
        for, may count at once.
        """
        return now - c.start < self.young and not c.facts and c.client.last_window != 0 and c.server.last_window != 0

    def let_pass(self, c: Connection, now: i64) -> None:
        """Let time pass for both sides, up to ``now``."""
        elapse(c.client, c.server, now, self.timers)
        elapse(c.server, c.client, now, self.timers)

    def finish(self, c: Connection, now: i64) -> None:
        """The connection is told as it stands at ``now``: it can no longer change."""
        self.living -= 1
        c.gone = True
        if self.limits.max_connections:
            self.ages.pop(c.number, None)
        self.stand(c, now)
        self.quality.weigh(c)
        self.finished.append(c)

    def stand(self, c: Connection, now: i64) -> None:
        """Judge the connection as it stands at ``now``, if nothing more comes.  After that no segment may be added to it."""
        self.vantage.place(c)
        self.let_pass(c, now)
        c.client.date_steps()
        c.server.date_steps()
        conclude(c, now, self.limits.stuck_after)

    def expire(self, now: i64) -> None:
        """Nothing has come since, and it is ``now``: let go of what is past by then.

        The clock stays where it was, so that it makes no difference later whether anybody did this.
        """
        clock: i64 = self.now
        due: i64 = self.next_sweep
        self.now = now
        self.sweep()
        self.now = clock
        self.next_sweep = due

    def forget(self, flow: Flow) -> None:
        """Take it out of the flow table."""
        flow.gone = True
        self.flows.remove(flow)

    def evict(self) -> None:
        """Make room: of the oldest few connections, the one that has been idle longest goes."""
        best: Flow | None = None
        for flow in islice(self.ages.values(), _CANDIDATES):
            if best is None or flow.end < best.end:
                best = flow
        if best is None:
            return
        self.evicted += 1
        if self.takes_lone and isinstance(best, Asked):
            self.leaves(best, evicted=True)
            del self.ages[best.number]
            self.forget(best)
            return
        c = self.whole(best)
        c.evicted = True
        self.finish(c, self.now)
        self.forget(c)

    def end(self, now: i64) -> None:
        """The end of observation: every connection stands as it stands."""
        for flow in self.leave(now):
            if flow is not None:
                self.conclude(flow)

    def leave(self, now: i64) -> list[Flow | None]:
        """The end of observation, for a caller that lets connections ``conclude`` one by one: all that are left, and gaps."""
        if now > self.now:
            self.now = now
        left = self.flows.living(self.count)
        self.gone += self.parked[self.first_parked :]
        self.parked = []
        self.first_parked = 0
        self.over.clear()
        self.ended = self.flows  # whoever drops the registry frees it, not this moment
        self.flows = FlowTable()
        return left

    def leaves(self, asked: Asked, *, evicted: bool) -> None:
        """Nothing followed it."""
        self.living -= 1
        self.lone.append(Lone(asked, self.now, evicted))

    def finish_lone(self, lone: Lone) -> None:
        """One of those is to be told of like any other connection."""
        self.living += 1
        c = self.wake(lone.asked)
        c.evicted = lone.evicted
        self.finish(c, lone.until)

    def conclude(self, flow: Flow) -> None:
        """Let one that is left stand as it stands."""
        if self.takes_lone and isinstance(flow, Asked):
            self.leaves(flow, evicted=False)
            return
        c = self.made_whole(flow)
        if c.is_over() and self.is_past(c, self.now):
            self.finish(c, c.end + self.quiet)  # no segment has come since that would have shown it
        else:
            self.finish(c, self.now)


def whole_connection(number: i64, key: bytes, seg: Segment) -> Connection:
    """A connection that ``seg`` begins."""
    time = seg.time
    frame = seg.number
    if seg.flags & SYN:
        client = Endpoint(st.CLOSED, time, frame, "nothing seen before")
        server = Endpoint(st.LISTEN, time, frame, "nothing seen before")
        if is_from_server(seg):
            client.possible = st.IN_SYN_SENT
            client.enter(st.SYN_SENT, time, frame, ASSUMED, "a SYN must have been sent")
            client.syn_time = time
            client.syn_last = time
            client.syn_frame = frame
    else:
        client = Endpoint(st.ESTABLISHED, time, frame, "midstream: the opening was not seen")
        server = Endpoint(st.ESTABLISHED, time, frame, "midstream: the opening was not seen")
        # CLOSING lasts no longer than half a round trip, or a FIN is sent again
        client.possible = st.SYNCHRONIZED & ~st.IN_CLOSING | st.NO_CONNECTION
        server.possible = st.SYNCHRONIZED & ~st.IN_CLOSING | st.NO_CONNECTION | st.IN_SYN_RECEIVED
    c = Connection(number, key, client, server, time, frame)
    if not seg.flags & SYN:
        c.midstream = True
        c.facts |= fa.MIDSTREAM
    return c


def youth(timers: Timers) -> i64:
    """How old a connection is before any of its timers can be due: none is set before its first segment, and those of
    ``timing`` take longer than a quarter of a second.
    """
    soonest: i64 = SECOND // 4
    for timer in (timers.time_wait, timers.fin_wait_2, timers.syn_give_up, timers.synack_give_up, timers.fin_give_up):
        if timer:
            soonest = min(soonest, timer)
    return soonest


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
