"""Connections that say little alone and much together: half-open ones and unanswered SYNs by server, failed attempts by
source, and TIME_WAIT by pair.

The judge adds a connection before any rule sees it; rules then ask whether its own finding is one too many, and
at the end of the capture what the tables hold (``machine.crowd``).
"""

from __future__ import annotations

from tcptrace_py.config import Thresholds
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.crowd import Attempts, AttemptTable, Bounds, Pending, PendingTable
from tcptrace_py.machine.lone import LoneJudge
from tcptrace_py.machine.pile import Pile
from tcptrace_py.machine.quality import Quality
from tcptrace_py.rules.guards import is_half_open, watched
from tcptrace_py.rules.phrases import SECOND


class Crowds:
    """The tables, and what the pipeline counts.  What is folded away is told by ``syn-flood`` and ``port-scan``, if they are among ``rules``."""

    def __init__(self, t: Thresholds, rules: frozenset[str]) -> None:
        self.thresholds = t
        self.rules = rules
        self.tells_floods = "syn-flood" in rules
        self.tells_scans = "port-scan" in rules
        self.bounds = Bounds(
            t.flood_count,
            t.flood_rate,
            t.flood_share,
            max(t.flood_window, 1),
            t.scan_ports,
            round(t.scan_window * SECOND),
        )
        self.half_open = PendingTable(self.bounds)
        self.unanswered = PendingTable(self.bounds)
        self.attempts = AttemptTable(self.bounds)
        self.piles: list[Pile] = []
        """Of connections in TIME_WAIT; known at the end."""
        self.quality = Quality()
        """Of the capture; known at the end."""

    def add(self, c: Connection) -> None:
        """Take a connection into the tables in which it belongs."""
        facts = c.facts
        age = round(self.thresholds.flood_age * SECOND)
        if facts & fa.HALF_OPEN and is_half_open(c, age):
            self.add_half_open(c)
        if facts & (fa.REFUSED | fa.SYN_UNANSWERED):
            self.add_attempt(c)
        if facts & fa.SYN_UNANSWERED and watched(c, c.client.syn_time) >= age:
            self.add_unanswered(c)

    def add_half_open(self, c: Connection) -> None:
        """One more half-open connection of its server."""
        self.server(c).add(c, c.start, c.first_frame)

    def add_unanswered(self, c: Connection) -> None:
        """One more SYN that its server did not answer."""
        self.silent(c).add(c, c.start, c.first_frame)

    def add_attempt(self, c: Connection) -> None:
        """One more failed attempt of its client."""
        self.source(c).add(c, c.start, c.first_frame, bool(c.facts & fa.REFUSED), self.bounds.scan_ports)

    def is_half_open_told(self, c: Connection) -> bool:
        """Whether enough was said singly of the half-open connections of this server; if not, this is one more."""
        if self.half_open.folds(c, c.start, c.first_frame, self.thresholds.told_singly):
            return True
        self.server(c).singly += 1
        return False

    def is_attempt_told(self, c: Connection) -> bool:
        """Whether this failed attempt is part of a scan or flood of which enough was said singly; if not, this is one more."""
        entry = self.source(c)
        if self.tells_scans and entry.is_scan and entry.singly >= self.thresholds.told_singly:
            return True
        if c.facts & fa.SYN_UNANSWERED:
            if self.unanswered.folds_flood(c, c.start, c.first_frame, self.thresholds.told_singly):
                return True
            self.silent(c).singly += 1
        entry.singly += 1
        return False

    def server(self, c: Connection) -> Pending:
        """The entry of its server, by address and port, of half-open connections."""
        return self.half_open.get(c, c.start, c.first_frame)

    def silent(self, c: Connection) -> Pending:
        """Likewise, of SYNs that were not answered."""
        return self.unanswered.get(c, c.start, c.first_frame)

    def source(self, c: Connection) -> Attempts:
        """The entry of its client, by address."""
        return self.attempts.get(c, c.first_frame)

    def is_told_of(self, entry: Pending) -> bool:
        """Whether the finding of a flood tells of this server."""
        return self.tells_floods and entry.is_flood(self.bounds)

    def lone(self) -> LoneJudge:
        """What judges a SYN that nothing followed but, perhaps, its SYN-ACK."""
        t = self.thresholds
        judge = LoneJudge(self.half_open, self.unanswered, self.attempts, t.told_singly)
        judge.flood_age = round(t.flood_age * SECOND)
        judge.tells_scans = self.tells_scans
        if "handshake-incomplete" in self.rules:
            judge.half_open_after = round(t.half_open * SECOND)
        if "syn-unanswered" in self.rules:
            judge.unanswered_after = round(t.unanswered * SECOND)
        return judge
