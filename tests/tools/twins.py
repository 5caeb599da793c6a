"""Two trackers side by side: one that keeps connections plain as long as it can, and one that never does.

Whatever is plain must, made whole, be what the other tracker has, after every segment and down to the last field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.plain import Asked, Plain
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND, Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import Segment

SIMPLE = (bool, int, str, bytes, type(None))


class Twins:
    """Feeds both, and compares."""

    def __init__(self, timers: Timers, max_connections: int = 0) -> None:
        self.whole = Tracker(timers, Limits(max_connections, 60 * SECOND))
        self.plain = Tracker(timers, Limits(max_connections, 60 * SECOND))
        self.plain.go_by_the_book()
        for tracker in (self.whole, self.plain):
            tracker.keeps_first = 1 << 62
        self.kinds: Counter[str] = Counter()
        """How many segments met a flow of which kind."""

    def segment(self, seg: Segment) -> list[str]:
        """Both take it in; what they disagree in."""
        self.whole.segment(seg)
        marks = seg.marks if hasattr(seg, "marks") else 0
        self.plain.segment(seg)
        assert marks == getattr(seg, "marks", 0)
        return self.differences(seg.key, seg.number)

    def quoted(self, seg: Segment) -> list[str]:
        """The same of an ICMP error."""
        self.whole.quoted(seg)
        self.plain.quoted(seg)
        return self.differences(seg.key, seg.number)

    def differences(self, key: bytes, number: int) -> list[str]:
        """Of the connection that ``key`` leads to."""
        one, other = self.whole.flows.find(key), self.plain.flows.find(key)
        if one is None or other is None:
            return [] if one is other else [f"frame {number}: {one} {other}"]
        assert isinstance(one, Connection)
        self.kinds[f"{type(other).__name__} {other.phase}" if isinstance(other, Plain) else type(other).__name__] += 1
        return [f"frame {number}: {line}" for line in differ(one, self.made_whole(other), "connection")]

    def made_whole(self, flow: Flow) -> Connection:
        """What a flow would be, whole, without making it so."""
        assert not isinstance(flow, Parked)
        c = self.plain.made_whole(flow)
        if isinstance(flow, Asked):
            c.incarnation = flow.incarnation
        return c

    def end(self, now: int) -> list[str]:
        """Both end; what their connections disagree in."""
        told = []
        for tracker in (self.whole, self.plain):
            tracker.end(now)
            told.append(sorted(tracker.finished, key=lambda c: c.number))
        lines = [f"{len(told[0])} and {len(told[1])} connections"] if len(told[0]) != len(told[1]) else []
        for one, other in zip(*told, strict=False):
            lines += differ(one, other, f"at the end: connection {one.number}")
        for name in ("count", "living", "evicted", "duplicates"):
            lines += differ(getattr(self.whole, name), getattr(self.plain, name), name)
        lines += differ(self.whole.quality, self.plain.quality, "quality")
        lines += differ(self.whole.vantage.hosts, self.plain.vantage.hosts, "vantage")
        return lines


def attributes(thing: object) -> Iterable[str]:
    """Of a compiled object, or of an interpreted one."""
    return sorted(set(getattr(type(thing), "__mypyc_attrs__", None) or vars(thing)) - {"__dict__"})


def differ(one: object, other: object, where: str) -> list[str]:
    """Where two things, and all that they are made of, are not alike."""
    if isinstance(one, SIMPLE) or isinstance(other, SIMPLE) or type(one) is not type(other):
        return [] if one == other else [f"{where}: {one!r} {other!r}"]
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return [f"{where}: {len(one)} and {len(other)} of them"]
        return [line for i, pair in enumerate(zip(one, other, strict=True)) for line in differ(*pair, f"{where}[{i}]")]
    if isinstance(one, dict):
        return [] if one == other else [f"{where}: {one!r} {other!r}"]
    found = []
    for name in attributes(one):
        if name not in ("one", "two"):  # the client and the server under another name
            found += differ(getattr(one, name), getattr(other, name), f"{where}.{name}")
    return found
