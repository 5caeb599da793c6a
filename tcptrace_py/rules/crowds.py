"""Connections that say little alone and much together: half-open ones by server, failed attempts by source, and
TIME_WAIT by pair.  The tables are bounded, however many addresses a capture makes up.

The judge adds a connection before any rule sees it; rules then ask whether its own finding is one too many, and
at the end of the capture what the tables hold.  When a table is full, what was not touched for longest gives way,
unless it is already worth a finding.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice
from typing import Final, Generic, TypeVar

from tcptrace_py.config import Thresholds
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.pile import Pile
from tcptrace_py.machine.quality import Quality
from tcptrace_py.rules.guards import is_half_open
from tcptrace_py.rules.phrases import SECOND, address, port, socket

K = TypeVar("K")
E = TypeVar("E")

MAX_ENTRIES: Final = 4096
"""Servers, sources or pairs kept in a table."""

MAX_DISTINCT: Final = 1000
"""Different addresses or ports told apart in an entry; there may be more."""

MAX_FRAMES: Final = 8

_CANDIDATES: Final = 64


class HalfOpen:
    """The half-open connections of one server."""

    def __init__(self, c: Connection, lasts: int) -> None:
        """``c`` is one of them, perhaps not for long enough to be added."""
        self.server = socket(c.key, SERVER)
        self.lasts = lasts  # the window, in seconds
        self.count = 0
        self.singly = 0  # of them, those with a finding of their own ...
        self.folded = 0  # ... and those whose finding was one too many
        self.sources = {address(c.key, CLIENT)}
        self.frames = [int(c.first_frame)]
        self.first_time = int(c.start)
        self.last_time = int(c.start)
        # by second: [second, how many, lowest and highest number of a connection among them]
        self.seconds: deque[list[int]] = deque()
        self.window = 0  # the most within flood_window ...
        self.window_of = 0  # ... of so many connections that began meanwhile, to this server or any other
        self.rate = 0  # the most within a second

    def add(self, c: Connection) -> None:
        """One more.  They come in the order in which they began, or nearly."""
        self.count += 1
        self.first_time = min(self.first_time, c.start)
        self.last_time = max(self.last_time, c.start)
        if len(self.frames) < MAX_FRAMES and c.first_frame not in self.frames:
            self.frames.append(c.first_frame)
        if len(self.sources) < MAX_DISTINCT:
            self.sources.add(address(c.key, CLIENT))
        second = c.start // SECOND
        seconds = self.seconds
        for entry in reversed(seconds):
            if entry[0] == second:
                entry[1] += 1
                entry[2] = min(entry[2], c.number)
                entry[3] = max(entry[3], c.number)
                break
        else:
            if seconds and second < seconds[-1][0]:
                return  # long out of order: counted, but not in a window
            seconds.append([second, 1, c.number, c.number])
            while seconds[0][0] <= second - self.lasts:
                seconds.popleft()
        self.rate = max(self.rate, *(entry[1] for entry in seconds))
        inside = sum(entry[1] for entry in seconds)
        if inside >= self.window:
            self.window = inside
            self.window_of = max(e[3] for e in seconds) - min(e[2] for e in seconds) + 1

    def is_flood(self, t: Thresholds) -> bool:
        """Enough of them, fast enough, and most of what began meanwhile."""
        return self.count > 0 and (
            self.window >= t.flood_count and self.rate >= t.flood_rate and self.window >= t.flood_share * self.window_of
        )


class Attempts:
    """The failed attempts to connect of one source."""

    def __init__(self, source: str, lasts: int) -> None:
        self.source = source
        self.lasts = lasts  # the window, in ns
        self.is_scan = False
        self.begun = -1  # of the window
        self.targets: set[tuple[str, int]] = set()
        self.refused = 0
        self.unanswered = 0
        self.singly = 0  # of them, those with a finding of their own
        self.frames: list[int] = []
        self.first_time = -1
        self.last_time = -1

    def add(self, c: Connection, refused: bool, enough: int) -> None:
        """One more.  A window without a scan is forgotten."""
        if not self.is_scan and (self.begun < 0 or not -self.lasts <= c.start - self.begun <= self.lasts):
            self.begun = self.first_time = c.start
            self.targets = set()
            self.refused = self.unanswered = self.singly = 0
            self.frames = []
        self.refused += refused
        self.unanswered += not refused
        self.last_time = max(self.last_time, c.start)
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(c.first_frame)
        if len(self.targets) < MAX_DISTINCT:
            self.targets.add((address(c.key, SERVER), port(c.key, SERVER)))
            self.is_scan = self.is_scan or len(self.targets) >= enough


class Table(Generic[K, E]):
    """Entries by key, at most MAX_ENTRIES of them."""

    def __init__(self, make: Callable[[Connection], E], is_worth: Callable[[E], bool]) -> None:
        self.entries: OrderedDict[K, E] = OrderedDict()
        self.make = make
        self.is_worth = is_worth

    def get(self, key: K, c: Connection) -> E:
        """The entry of a key, made for ``c`` if there is none."""
        entry = self.entries.get(key)
        if entry is None:
            if len(self.entries) >= MAX_ENTRIES:
                self.make_room()
            entry = self.entries[key] = self.make(c)
        else:
            self.entries.move_to_end(key)
        return entry

    def make_room(self) -> None:
        """Forget the one that was not touched for longest; one that is worth a finding only if all are."""
        oldest = next(iter(self.entries))
        for key in islice(self.entries, _CANDIDATES):
            if not self.is_worth(self.entries[key]):
                oldest = key
                break
        else:
            # nothing but findings among the oldest: they stay, and the newest gives way
            oldest = next(reversed(self.entries))
        del self.entries[oldest]


class Crowds:
    """The tables, and what the pipeline counts.  What is folded away is told by ``syn-flood`` and ``port-scan``, if they are among ``rules``."""

    def __init__(self, t: Thresholds, rules: frozenset[str]) -> None:
        self.thresholds = t
        self.tells_floods = "syn-flood" in rules
        self.tells_scans = "port-scan" in rules
        self.half_open: Table[bytes, HalfOpen] = Table(
            lambda c: HalfOpen(c, max(t.flood_window, 1)), lambda e: e.is_flood(t)
        )
        self.attempts: Table[bytes, Attempts] = Table(
            lambda c: Attempts(address(c.key, CLIENT), round(t.scan_window * SECOND)), lambda e: e.is_scan
        )
        self.piles: list[Pile] = []
        """Of connections in TIME_WAIT; known at the end."""
        self.quality = Quality()
        """Of the capture; known at the end."""

    def add(self, c: Connection) -> None:
        """Take a connection into the tables in which it belongs."""
        facts = c.facts
        if facts & fa.HALF_OPEN and is_half_open(c, round(self.thresholds.flood_age * SECOND)):
            self.server(c).add(c)
        if facts & (fa.REFUSED | fa.SYN_UNANSWERED):
            self.source(c).add(c, bool(facts & fa.REFUSED), self.thresholds.scan_ports)

    def is_half_open_told(self, c: Connection) -> bool:
        """Whether enough was said singly of the half-open connections of this server; if not, this is one more."""
        entry = self.server(c)
        if entry.singly >= self.thresholds.told_singly:
            entry.folded += 1
            return True
        entry.singly += 1
        return False

    def is_attempt_told(self, c: Connection) -> bool:
        """Whether this failed attempt is part of a scan of which enough was said singly; if not, this is one more."""
        entry = self.source(c)
        if self.tells_scans and entry.is_scan and entry.singly >= self.thresholds.told_singly:
            return True
        entry.singly += 1
        return False

    def server(self, c: Connection) -> HalfOpen:
        """The entry of its server, by address and port."""
        size = 4 if len(c.key) == 12 else 16
        return self.half_open.get(c.key[size : 2 * size] + c.key[-2:], c)

    def source(self, c: Connection) -> Attempts:
        """The entry of its client, by address."""
        return self.attempts.get(c.key[: 4 if len(c.key) == 12 else 16], c)

    def is_told_of(self, entry: HalfOpen) -> bool:
        """Whether the finding of a flood tells of this server's half-open connections."""
        return self.tells_floods and entry.is_flood(self.thresholds)
