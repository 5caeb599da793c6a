"""Connections that say little alone and much together: attempts that came to nothing, by server and by source.

The tables are bounded, however many addresses a capture makes up: when one is full, what was not touched for longest
gives way, unless it is already worth a finding.  A flood has millions of entries come and go, so the numbers of a
four-tuple serve as keys where there are any (flowtable), and addresses are put into words only when they are told.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Flow
from tcptrace_py.machine.flowtable import V4, key_between
from tcptrace_py.machine.recency import Recency
from tcptrace_py.machine.timing import SECOND
from tcptrace_py.words import read_i64_be

MAX_ENTRIES: Final = 4096
"""Servers or sources kept in a table."""

MAX_DISTINCT: Final = 1000
"""Different addresses or ports told apart in an entry; there may be more."""

MAX_FRAMES: Final = 8

_CANDIDATES: Final = 64


@mypyc_attr(acyclic=True)
class Bounds:
    """What makes a crowd; times in nanoseconds, of windows of a flood in seconds."""

    def __init__(
        self,
        flood_count: i64,
        flood_rate: float,
        flood_share: float,
        flood_window: i64,
        scan_ports: i64,
        scan_window: i64,
    ) -> None:
        self.flood_count = flood_count
        self.flood_rate = flood_rate
        self.flood_share = flood_share
        self.flood_window = flood_window
        self.scan_ports = scan_ports
        self.scan_window = scan_window


def client_of(flow: Flow) -> int | bytes:
    """The client's address: as a number (IPv4) or as it stands in a packet."""
    return client_of_key(flow.key, flow.client_id)


def client_of_key(key: bytes, client_id: i64) -> int | bytes:
    """The same of a flow's key and number."""
    if len(key) == V4:
        return int(read_i64_be(key, 0) >> 32 & 0xFFFFFFFF)
    if key:
        return key[:16]
    return int(client_id >> 16)


def server_of(flow: Flow) -> int | bytes:
    """The server's address and port, likewise."""
    return server_of_key(flow.key, flow.server_id)


def server_of_key(key: bytes, server_id: i64) -> int | bytes:
    """The same of a flow's key and number."""
    if len(key) == V4:
        return int((read_i64_be(key, 0) & 0xFFFFFFFF) << 16 | (read_i64_be(key, 4) & 0xFFFF))
    if key:
        return key[16:32] + key[34:36]
    return int(server_id)


@mypyc_attr(acyclic=True)
class Second:
    """How many began within a second, and the lowest and highest number of a connection among them."""

    def __init__(self, second: i64, number: i64) -> None:
        self.second = second
        self.count: i64 = 1
        self.lowest = number
        self.highest = number

    def add(self, number: i64) -> None:
        """One more."""
        self.count += 1
        if number < self.lowest:
            self.lowest = number
        if number > self.highest:
            self.highest = number


class Pending:
    """The handshakes with one server that were not completed."""

    def __init__(self, first: Flow, start: i64, frame: i64, lasts: i64) -> None:
        """``first`` is one of them, perhaps not for long enough to be added; it began at ``start``."""
        self.known = first.key
        self.client_id = first.client_id
        self.server_id = first.server_id
        self.lasts = lasts  # the window, in seconds
        self.count: i64 = 0
        self.singly: i64 = 0  # of them, those with a finding of their own ...
        self.folded: i64 = 0  # ... and those whose finding was one too many
        self.sources: set[int | bytes] = {client_of(first)}
        self.frames = [int(frame)]
        self.first_time = start
        self.last_time = start
        self.seconds: list[Second] = []
        self.window: i64 = 0  # the most within the window ...
        self.window_of: i64 = 0  # ... of so many connections that began meanwhile, to this server or any other
        self.rate: i64 = 0  # the most within a second

    @property
    def key(self) -> bytes:
        """The key of one of them."""
        return self.known or key_between(self.client_id, self.server_id)

    def add(self, flow: Flow, start: i64, frame: i64) -> None:
        """One more.  They come in the order in which they began, or nearly."""
        self.count += 1
        if start < self.first_time:
            self.first_time = start
        if start > self.last_time:
            self.last_time = start
        if len(self.frames) < MAX_FRAMES and frame not in self.frames:
            self.frames.append(frame)
        if len(self.sources) < MAX_DISTINCT:
            self.sources.add(client_of(flow))
        if self.clocked(start // SECOND, flow.number):
            self.measure()

    def clocked(self, second: i64, number: i64) -> bool:
        """Count it in its second; False: that is long over, and it is in no window."""
        seconds = self.seconds
        at: i64 = len(seconds) - 1
        while at >= 0:
            entry = seconds[at]
            if entry.second == second:
                entry.add(number)
                return True
            at -= 1
        if seconds and second < seconds[len(seconds) - 1].second:
            return False
        seconds.append(Second(second, number))
        while seconds[0].second <= second - self.lasts:
            del seconds[0]
        return True

    def measure(self) -> None:
        """The rate, and how many there are within the window."""
        inside: i64 = 0
        lowest: i64 = self.seconds[0].lowest
        highest: i64 = 0
        for entry in self.seconds:
            if entry.count > self.rate:
                self.rate = entry.count
            inside += entry.count
            if entry.lowest < lowest:
                lowest = entry.lowest
            if entry.highest > highest:
                highest = entry.highest
        if inside >= self.window:
            self.window = inside
            self.window_of = highest - lowest + 1

    def is_flood(self, b: Bounds) -> bool:
        """Enough of them, fast enough, and most of what began meanwhile."""
        if self.count == 0 or self.window < b.flood_count:
            return False
        return float(self.rate) >= b.flood_rate and float(self.window) >= b.flood_share * float(self.window_of)


class Attempts:
    """The failed attempts to connect of one source.  Most sources fail once: for one there are no sets and lists."""

    def __init__(self, first: Flow, frame: i64, lasts: i64) -> None:
        """``first`` is one of them, which began in ``frame``."""
        self.lasts = lasts  # the window, in ns
        self.begin(first, frame)

    def begin(self, first: Flow, frame: i64) -> None:
        """Nothing is known of this source but ``first``, which is not yet counted."""
        self.known = first.key
        self.client_id = first.client_id
        self.server_id = first.server_id
        self.is_scan: bool = False
        self.begun: i64 = -1  # of the window
        self.first_frame = frame  # likewise
        self.more: More | None = None
        self.refused: i64 = 0
        self.unanswered: i64 = 0
        self.singly: i64 = 0  # of them, those with a finding of their own
        self.first_time: i64 = -1
        self.last_time: i64 = -1

    @property
    def key(self) -> bytes:
        """The key of one of them."""
        return self.known or key_between(self.client_id, self.server_id)

    def add(self, flow: Flow, start: i64, frame: i64, refused: bool, enough: i64) -> None:
        """One more.  A window without a scan is forgotten."""
        if not self.is_scan and (self.begun < 0 or not -self.lasts <= start - self.begun <= self.lasts):
            self.known = flow.key
            self.client_id = flow.client_id
            self.server_id = flow.server_id
            self.more = None
            self.begun = start
            self.first_time = start
            self.first_frame = frame
            self.refused = 0
            self.unanswered = 0
            self.singly = 0
            self.is_scan = enough <= 1
        else:
            self.add_more(flow, frame, enough)
        if refused:
            self.refused += 1
        else:
            self.unanswered += 1
        if start > self.last_time:
            self.last_time = start

    def add_more(self, flow: Flow, frame: i64, enough: i64) -> None:
        """Not the first one of its window."""
        more = self.more
        if more is None:
            more = More(server_of_key(self.known, self.server_id), self.first_frame)
            self.more = more
        if len(more.frames) < MAX_FRAMES:
            more.frames.append(frame)
        if len(more.targets) < MAX_DISTINCT:
            more.targets.add(server_of(flow))
            if len(more.targets) >= enough:
                self.is_scan = True

    @property
    def frames(self) -> list[int]:
        """The frames in which the first of them began."""
        return [int(self.first_frame)] if self.more is None else self.more.frames

    @property
    def targets(self) -> set[int | bytes]:
        """Addresses and ports that it tried."""
        return {server_of_key(self.known, self.server_id)} if self.more is None else self.more.targets

    def hosts(self) -> int:
        """How many different hosts it tried."""
        return len({target >> 16 if isinstance(target, int) else target[:16] for target in self.targets})


class More:
    """What is kept of a source with several attempts."""

    def __init__(self, target: int | bytes, frame: i64) -> None:
        self.targets = {target}
        self.frames = [int(frame)]


class Table:
    """At most MAX_ENTRIES entries: which key has which place, and in which order they were touched."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.places: dict[int | bytes, int] = {}
        self.order = Recency(MAX_ENTRIES)

    def is_finding(self, place: i64) -> bool:
        """Whether the entry at a place is worth a finding."""
        raise NotImplementedError

    def key_at(self, place: i64) -> int | bytes:
        """The key of the entry at a place."""
        raise NotImplementedError

    def make_room(self) -> i64:
        """Forget the one that was not touched for longest, or the newest if the oldest are all findings.

        The place is touched, and free for another.  Only for a full table.
        """
        order = self.order
        place: i64 = order.oldest()
        tried: i64 = 1
        while self.is_finding(place):
            if tried == _CANDIDATES:
                place = order.latest()
                break
            place = order.following(place)
            tried += 1
        del self.places[self.key_at(place)]
        order.touch(place)
        return place


class PendingTable(Table):
    """Servers."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds)
        self.entries: list[Pending] = []
        self.latest: Pending | None = None  # the one that was asked for last: most often it is asked for again

    def is_finding(self, place: i64) -> bool:
        return self.entries[place].is_flood(self.bounds)

    def key_at(self, place: i64) -> int | bytes:
        entry = self.entries[place]
        return server_of_key(entry.known, entry.server_id)

    def get(self, flow: Flow, start: i64, frame: i64) -> Pending:
        """The entry of a connection's server, made if there is none."""
        latest = self.latest
        if latest is not None and not flow.key and not latest.known and latest.server_id == flow.server_id:
            return latest
        key = server_of(flow)
        known = self.places.get(key)
        if known is not None:
            entry = self.entries[known]
            self.order.touch(known)
        else:
            entry = Pending(flow, start, frame, self.bounds.flood_window)
            self.places[key] = int(self.put(entry))
        self.latest = entry
        return entry

    def put(self, entry: Pending) -> i64:
        """The place of a new entry."""
        if not self.order.is_full():
            self.entries.append(entry)
            return self.order.take()
        place: i64 = self.make_room()
        self.entries[place] = entry
        return place

    def all(self) -> list[Pending]:
        """The entries, the one that was touched last behind all others."""
        return [self.entries[place] for place in self.order.places()]

    def folds(self, flow: Flow, start: i64, frame: i64, told_singly: i64) -> bool:
        """Whether enough was said singly of this server; if so, this is one more that is folded away."""
        entry = self.get(flow, start, frame)
        if entry.singly < told_singly:
            return False
        entry.folded += 1
        return True

    def folds_flood(self, flow: Flow, start: i64, frame: i64, told_singly: i64) -> bool:
        """The same, of a server that is flooded."""
        entry = self.get(flow, start, frame)
        return entry.is_flood(self.bounds) and self.folds(flow, start, frame, told_singly)


class AttemptTable(Table):
    """Sources."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds)
        self.entries: list[Attempts] = []

    def is_finding(self, place: i64) -> bool:
        return self.entries[place].is_scan

    def key_at(self, place: i64) -> int | bytes:
        entry = self.entries[place]
        return client_of_key(entry.known, entry.client_id)

    def get(self, flow: Flow, frame: i64) -> Attempts:
        """The entry of a connection's client, made if there is none; the connection began in ``frame``."""
        key = client_of(flow)
        known = self.places.get(key)
        if known is not None:
            self.order.touch(known)
            return self.entries[known]
        place: i64 = 0
        if self.order.is_full():
            place = self.make_room()
            self.entries[place].begin(flow, frame)
        else:
            place = self.order.take()
            self.entries.append(Attempts(flow, frame, self.bounds.scan_window))
        self.places[key] = int(place)
        return self.entries[place]

    def all(self) -> list[Attempts]:
        """The entries, the one that was touched last behind all others."""
        return [self.entries[place] for place in self.order.places()]
