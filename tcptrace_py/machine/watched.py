"""A tracker that is asked about its connections while they live: which of them have changed, and of which time alone may
change what there is to say.

It is the Tracker in all it infers.  Besides, it keeps a list of what is open, in the order in which it opened, and walks
along it when asked; nothing is asked of a segment that keeps a connection where it is.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND, Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import Segment

NEVER: Final = (1 << 62) - 1
_SOON: Final = SECOND // 4
"""Moments at which something may change are looked at together when they are closer than this (ns)."""


@mypyc_attr(acyclic=True)
class Watch:
    """A connection that is open, and when to look at it again."""

    def __init__(self, c: Connection) -> None:
        self.c = c
        self.packets: i64 = -1  # what it had when it was last looked at
        self.due: i64 = 0  # when time alone may change what there is to say


class WatchedTracker(Tracker):
    """Takes segments, keeps connections, and knows which of them are worth a look."""

    def __init__(self, timers: Timers, limits: Limits, wanted: i64, waits: list[int], tells_touched: bool) -> None:
        """``wanted``: the facts that some rule wants.  ``waits``: after so many ns of waiting, rules may speak."""
        super().__init__(timers, limits)
        self.wanted: i64 = wanted
        self.waits = waits
        self.tells_touched = tells_touched
        self.touched: list[
            Connection
        ] = []  # whose states a segment may have changed, for the caller to take; with repetitions
        self.open: list[Watch] = []

    def go_by_the_book(self) -> None:
        """It does not: who watches wants to see all that is inferred, of every connection."""

    # -- what segments do -- #

    def begin(self, seg: Segment, older: Connection | None) -> Connection:
        c = super().begin(seg, older)
        self.open.append(Watch(c))
        if self.tells_touched:
            self.touched.append(c)
        return c

    def slow_segment(self, c: Connection, side: i64, seg: Segment) -> None:
        if self.tells_touched:
            self.touched.append(c)
        super().slow_segment(c, side, seg)

    def quoted(self, seg: Segment) -> None:
        super().quoted(seg)
        if self.tells_touched:
            flow = self.flows.find(seg.key)
            if isinstance(flow, Connection):
                self.touched.append(flow)

    # -- what is worth a look -- #

    def worth_a_look(self, now: i64) -> list[Watch]:
        """Those of which there may be something new to say at ``now``.  Those that are gone leave the list."""
        kept: list[Watch] = []
        found: list[Watch] = []
        for watch in self.open:
            c = watch.c
            if c.gone:
                continue
            kept.append(watch)
            if c.packets == watch.packets and now < watch.due:
                continue
            if self.may_be_bad(c, c.packets != watch.packets):
                found.append(watch)
            else:
                watch.packets = c.packets
                watch.due = NEVER
        self.open = kept
        return found

    def may_be_bad(self, c: Connection, has_changed: bool) -> bool:
        """Whether a rule may have something to say of it, now or when time has passed."""
        if c.settled:
            client = c.client
            server = c.server
            if client.ignored > 0 or server.ignored > 0 or client.last_window == 0 or server.last_window == 0:
                return True
            return c.facts & self.wanted != 0
        if c.is_over():
            return has_changed and c.facts & self.wanted != 0
        return True

    def looked(self, watch: Watch, now: i64) -> None:
        """It has been looked at, as it stands at ``now``: when is the next time, if no segment comes before that?"""
        c = watch.c
        watch.packets = c.packets
        if c.is_over():
            watch.due = NEVER
            return
        due: i64 = min(self.next_moment(c.client, now), self.next_moment(c.server, now))
        watch.due = max(due, now + _SOON)

    def next_moment(self, e: Endpoint, now: i64) -> i64:
        """The first moment after ``now`` at which something of this endpoint will have taken as long as a rule waits."""
        best: i64 = NEVER
        for wait in self.waits:
            best = min(best, later(e.step.time + wait, now), later(e.last_time + wait, now))
            best = min(best, later(e.syn_time + wait, now), later(e.syn_last + wait, now))
            best = min(best, later(e.fin_time + wait, now), later(e.fin_last + wait, now))
            best = min(best, later(e.data_last + wait, now), later(e.timed_at + wait, now))
        return best

    def hanging(self, most: i64) -> list[Connection]:
        """Of those that are neither settled nor over, the oldest."""
        found: list[Connection] = []
        for watch in self.open:
            c = watch.c
            if not c.gone and not c.settled and not c.is_over():
                found.append(c)
                if len(found) >= most:
                    break
        return found

    def youngest(self, most: i64) -> list[Connection]:
        """The last ones to open."""
        found: list[Connection] = []
        i: i64 = len(self.open) - 1
        while i >= 0 and len(found) < most:
            c = self.open[i].c
            if not c.gone:
                found.append(c)
            i -= 1
        return found


def later(moment: i64, now: i64) -> i64:
    """A moment that is still to come, or never."""
    if moment > now:
        return moment
    return NEVER
