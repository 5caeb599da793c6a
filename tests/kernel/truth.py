"""The true states of both endpoints of every connection, merged from what the kernels said.

Three witnesses, since none tells all.  The **tracepoint** is exact, but knows neither a request (a SYN was received, and no socket
made yet) nor a minisock (TIME_WAIT, or an orphan's FIN_WAIT_2: it says CLOSED then).  **Probes** right after each frame show
what that frame did to those.  **Dumps**, five a second, show what a timer did.

A cookie follows a connection from its request to its minisock.  So whether a minisock belongs to a socket that is said to be closed,
and since when it is gone, is read off cookies; a dump that misses a socket, as dumps may, says nothing as long as its cookie comes again.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from kernel.evidence import CLIENT, SERVER, TAPS, Evidence, Sample
from kernel.sockdiag import Address
from kernel.tracing import Step

MS = 1_000_000
NONE = ("CLOSED", "LISTEN")
UNTRACED = ("SYN_RECEIVED", "FIN_WAIT_2", "TIME_WAIT")


class Gone(NamedTuple):
    """The last look at a cookie, and the first look that did not show it any more."""

    last: Sample
    missing: Sample


@dataclass
class Entry:
    """An endpoint entered a state; ``low`` and ``high`` bound the time where it is not exact."""

    time: int
    state: str
    source: str
    low: int = 0
    high: int = 0

    def as_json(self) -> dict[str, Any]:
        bounds = {"lo": self.low, "hi": self.high} if self.high else {}
        return {"t": self.time, "state": self.state, "src": self.source, **bounds}


@dataclass
class Witnesses:
    """All that is known of one endpoint of one connection."""

    steps: list[Step] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)


class Incarnations:
    """Which use of a pair of ports something belongs to."""

    def __init__(self, log: Iterable[dict[str, Any]]) -> None:
        self.all = sorted((entry for entry in log if entry["kind"] == "connection"), key=lambda entry: entry["time"])
        self.uses: dict[tuple[Address, Address], list[dict[str, Any]]] = defaultdict(list)
        for entry in self.all:
            self.uses[self.pair(entry)].append(entry)

    @staticmethod
    def pair(entry: dict[str, Any]) -> tuple[Address, Address]:
        client, server = entry["client"], entry["server"]
        return (client[0], client[1]), (server[0], server[1])

    def owner(self, side: str, local: Address, peer: Address, when: int) -> int | None:
        """The connection of an object that appears then: the latest that had been begun."""
        uses = self.uses.get((local, peer) if side == CLIENT else (peer, local))
        if not uses:
            return None
        at = bisect.bisect_right([use["time"] for use in uses], when)
        return int(uses[max(0, at - 1)]["id"])


def gather(
    incarnations: Incarnations, steps: list[Step], samples: list[Sample], sides: dict[str, str]
) -> dict[tuple[int, str], Witnesses]:
    """What belongs to which endpoint.  ``sides``: host address → side."""
    found: dict[tuple[int, str], Witnesses] = defaultdict(Witnesses)
    owners: dict[int, tuple[int, str] | None] = {}  # of sockets that were born in this trace
    for step in steps:
        if step.new == "LISTEN" or (step.old, step.new) == ("LISTEN", "CLOSED"):
            continue
        if step.old in NONE:
            side = sides.get(step.local[0], "")
            number = incarnations.owner(side, step.local, step.peer, step.time) if side else None
            owners[step.socket] = (number, side) if number else None
        if owner := owners.get(step.socket):
            found[owner].steps.append(step)
    lives: dict[tuple[str, Address, Address], list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda s: s.after):
        lives[sample.side, sample.local, sample.peer].append(sample)
    for (side, local, peer), looks in lives.items():
        share_out(found, orderly(looks), partial(incarnations.owner, side, local, peer))
    return found


def orderly(looks: list[Sample]) -> list[Sample]:
    """Without the dumps that were going on during a probe: which of the two looked first, nobody knows."""
    probes = [(look.before, look.after) for look in looks if look.source == "probe"]
    return [
        look
        for look in looks
        if look.source != "dump" or not any(a <= look.after and look.before <= b for a, b in probes)
    ]


def share_out(found: dict[tuple[int, str], Witnesses], looks: list[Sample], owner: Callable[[int], int | None]) -> None:
    """Give every look at one pair of ports to the connection whose cookie it shows, and note when cookies went."""
    last: dict[int, int] = {}
    owners: dict[int, int | None] = {}
    for index, look in enumerate(looks):
        if look.sock:
            last[look.sock.cookie] = index
            owners.setdefault(look.sock.cookie, owner(look.after))
            number = owners[look.sock.cookie]
        else:
            number = owner(look.after)
        if number:
            found[number, look.side].samples.append(look)
    for cookie, index in last.items():
        if index + 1 < len(looks) and (number := owners[cookie]):
            found[number, looks[index].side].gone.append(Gone(looks[index], looks[index + 1]))


class Timeline:
    """The merging, endpoint by endpoint: everything in the order in which it was known."""

    def __init__(self, witnesses: Witnesses, first: str, begin: int) -> None:
        self.entries = [Entry(begin, first, "init")]
        self.full = False  # there is a full socket: the tracepoint has the word
        self.sightings = [sample for sample in witnesses.samples if sample.sock]
        self.before = {id(b): a for a, b in zip(witnesses.samples, witnesses.samples[1:], strict=False)}
        self.later = [step.time for step in witnesses.steps]
        items: list[tuple[int, int, Step | Sample | Gone]] = [(step.time, 0, step) for step in witnesses.steps]
        items += [(sample.after, 1, sample) for sample in self.sightings]
        items += [(gone.missing.after, 2, gone) for gone in witnesses.gone]
        for _, _, item in sorted(items, key=lambda item: item[:2]):
            if isinstance(item, Step):
                self.step(item)
            elif isinstance(item, Gone):
                self.vanish(item)
            else:
                self.sight(item)

    @property
    def state(self) -> str:
        return self.entries[-1].state

    def put(self, when: int, state: str, source: str, low: int = 0, high: int = 0) -> None:
        if state != self.state:
            self.entries.append(Entry(when, state, source, low, high))

    def step(self, step: Step) -> None:
        """The tracepoint."""
        self.full = step.new != "CLOSED"
        if self.full:
            self.put(step.time, step.new, "trace")
        elif (minisock := self.minisock_after(step)) is None:
            self.put(step.time, "CLOSED", "trace")
        elif minisock.sock and minisock.sock.state == "FIN_WAIT_2":
            self.put(step.time, "FIN_WAIT_2", "trace+minisock")
        elif step.old == "CLOSING" or minisock.before <= step.time or minisock.source != "probe":
            self.put(step.time, "TIME_WAIT", "trace+minisock")
        # else an orphan in FIN_WAIT_2, whose FIN came later: the probe after that FIN says when

    def minisock_after(self, step: Step) -> Sample | None:
        """The look that shows that the socket has not been closed, but replaced by a minisock."""
        if step.old not in ("FIN_WAIT_1", "FIN_WAIT_2", "CLOSING"):
            return None
        following = self.later[bisect.bisect_right(self.later, step.time) :]
        for sample in self.sightings:
            mini = bool(sample.sock and sample.sock.mini)
            if sample.after > step.time and (mini or sample.before > step.time):
                too_late = bool(following) and sample.before > following[0]
                return sample if mini and not too_late else None
        return None

    def sight(self, sample: Sample) -> None:
        """A look at something that the tracepoint does not tell."""
        sock = sample.sock
        if sock is None or self.full or not (sock.mini or sock.state == "SYN_RECEIVED"):
            return
        earlier = self.before.get(id(sample))
        low = sample.before if sample.source == "probe" or earlier is None else earlier.before
        self.put(sample.after, sock.state, sample.source, max(low, self.entries[-1].time), sample.after)

    def vanish(self, gone: Gone) -> None:
        """What was seen last is not there any more."""
        if self.full or self.state not in UNTRACED or not gone.last.sock:
            return
        low, high = max(gone.last.before, self.entries[-1].time), gone.missing.after
        if gone.missing.source == "probe":
            self.put(high, "CLOSED", "probe", max(low, gone.missing.before), high)
            return
        timer = gone.last.after + gone.last.sock.expires_ms * MS
        self.put(timer if low <= timer <= high else (low + high) // 2, "CLOSED", gone.missing.source, low, high)


def contradictions(entries: list[Entry], witnesses: Witnesses, end: int) -> list[str]:
    """Looks that show a state in which the merged timeline does not have the endpoint at any moment of the look."""
    found = []
    for sample in witnesses.samples:
        if sample.after > end and sample.source != "final":
            continue
        states = {
            entry.state
            for entry, following in zip(entries, [*entries[1:], None], strict=True)
            if (entry.low or entry.time) <= sample.after
            and (following is None or (following.high or following.time) >= sample.before)
        }
        fits = sample.sock.state in states if sample.sock else bool(states.intersection(NONE))
        if not fits:
            shown = sample.sock.state if sample.sock else "nothing"
            found.append(f"{sample.source} at {sample.after} shows {shown}, the timeline {sorted(states)}")
    return found


class Merged(NamedTuple):
    """Truth, and what is wrong with it."""

    records: list[dict[str, Any]]
    problems: list[str]
    transitions: int
    checked: int
    """Looks that were compared with the timelines."""


def merge(
    log: list[dict[str, Any]], steps: list[Step], samples: list[Sample], evidence: Evidence, sides: dict[str, str]
) -> Merged:
    """One record for every connection that had been begun when the capture ended."""
    incarnations = Incarnations(log)
    everything = gather(incarnations, steps, samples + evidence.samples, sides)
    calls: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in log:
        if entry["kind"] == "call" and entry["time"] <= evidence.end:
            calls[entry["id"]].append({"t": entry["time"], "who": entry["who"], "op": entry["what"]})
    merged = Merged([], [], 0, 0)
    transitions = checked = 0
    for entry in incarnations.all:
        if entry["time"] > evidence.end:
            continue
        uses = [use for use in incarnations.uses[incarnations.pair(entry)] if use["time"] <= evidence.end]
        record: dict[str, Any] = {
            "id": entry["id"],
            "scenario": entry["scenario"],
            "family": 6 if ":" in entry["client"][0] else 4,
            "incarnation": uses.index(entry) + 1,
            "of": len(uses),
            "t_start": entry["time"],
            "rules": entry["rules"],
            "app": calls[entry["id"]],
        }
        for side in (CLIENT, SERVER):
            witnesses = everything[entry["id"], side]
            end = endpoint(entry, side, witnesses, evidence.end)
            problems = end.pop("problems")
            merged.problems.extend(f"#{entry['id']} {entry['scenario']} {TAPS[side]}: {p}" for p in problems)
            record[TAPS[side]] = end
            transitions += len(end["timeline"]) - 1
            checked += len(witnesses.samples)
        record["final"] = [record["client"]["final"], record["server"]["final"]]
        merged.records.append(record)
    return merged._replace(transitions=transitions, checked=checked)


def endpoint(entry: dict[str, Any], side: str, witnesses: Witnesses, end: int) -> dict[str, Any]:
    """The true history of one endpoint up to the end, held against the last dump."""
    listening = side == SERVER and bool(entry["listening"])
    whole = Timeline(witnesses, "LISTEN" if listening else "CLOSED", entry["time"]).entries
    entries = [e for e in whole if e.time <= end]
    final = "CLOSED" if entries[-1].state == "LISTEN" else entries[-1].state
    problems = contradictions(whole, witnesses, end)
    last = next((s for s in witnesses.samples if s.source == "final"), None)
    dumped = last.sock.state if last and last.sock else "CLOSED"
    if dumped != final and len(entries) == len(whole):
        problems.append(f"the last dump shows {dumped}, the timeline ends with {final}")
    host, port = entry[TAPS[side]]
    timeline = [e.as_json() for e in entries]
    return {
        "addr": host,
        "port": port,
        "final": final,
        "listening": listening,
        "timeline": timeline,
        "problems": problems,
    }
