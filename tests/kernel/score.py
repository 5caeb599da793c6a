"""How right a report is: its states held against those that the kernels had, endpoint by endpoint.

CLOSED and LISTEN count as one: no connection.  Where a transition is only known between two moments, the time between them does not
count, and a final state that falls between them does not either.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from kernel.runs import SIDES, Run

Connection = dict[str, Any]
"""Of a report: what ``--format json`` writes for one."""
Record = dict[str, Any]
"""Of the truth."""
History = list[tuple[float, str]]

CLOSELY = 0.002  # seconds that a proven step may be early: the tap's clock and the kernel's
LINGER = 1.0  # seconds after its last frame that a connection still counts as active
SECOND = 1e9
ORDINARY = frozenset(
    {
        "close_by_client",
        "close_by_server",
        "three_segment_close",
        "half_close_client",
        "half_close_server",
        "fin_on_data",
        "bulk_upload",
        "bulk_download",
        "idle_established",
        "idle_no_data",
        "rst_by_client",
        "rst_by_server",
        "no_data_close",
        "data_on_third_ack",
        "keepalive",
        "server_never_closes",
        "unread_close_client",
        "unread_close_server",
        "refused",
    }
)
"""Scenarios to which nothing befalls but the weather."""


class Final(NamedTuple):
    """An endpoint at the end of the capture: what was inferred, and what was."""

    scenario: str
    connection: int
    side: str
    inferred: str
    true: str
    possible: frozenset[str]
    evidence: str

    @property
    def right(self) -> bool:
        return self.inferred == self.true

    def __str__(self) -> str:
        who = f"{self.scenario} #{self.connection} {self.side}"
        possible = ", ".join(sorted(self.possible))
        return f"{who}: {self.inferred} ({self.evidence}), the kernel {self.true}; possible {possible}"


@dataclass
class Span:
    """Seconds of endpoint-time."""

    right: float = 0.0
    wrong: float = 0.0


@dataclass
class Score:
    """Everything that was compared."""

    tap: str
    truth: int = 0
    matched: int = 0
    extra: int = 0
    reported: int = 0
    entries: int = 0
    finals: list[Final] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Proven steps that the kernel had not taken by then."""
    all: Span = field(default_factory=Span)
    ordinary: Span = field(default_factory=Span)
    spells: list[Spell] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Count another one with this."""
        self.truth += other.truth
        self.matched += other.matched
        self.extra += other.extra
        self.reported += other.reported
        self.entries += other.entries
        self.finals += other.finals
        self.missed += other.missed
        self.violations += other.violations
        self.spells += other.spells
        for mine, more in ((self.all, other.all), (self.ordinary, other.ordinary)):
            mine.right += more.right
            mine.wrong += more.wrong

    def figures(self) -> dict[str, float | None]:
        """Shares in per cent of endpoints (of connections, of endpoint-time); None: there were none."""
        finals, tap = self.finals, self.tap
        near = [f for f in finals if f.side == tap]
        far = [f for f in finals if f.side != tap and tap in SIDES]
        ordinary = [f for f in finals if f.scenario in ORDINARY]
        return {
            "truth": self.truth,
            "matched": share(self.matched, self.truth),
            "reported": self.reported,
            "endpoints": len(finals),
            "final_wrong": wrong(finals),
            "final_wrong_near": wrong(near),
            "final_wrong_far": wrong(far),
            "possible_miss": share(sum(f.true not in f.possible for f in finals), len(finals)),
            "possible_size": round(sum(len(f.possible) for f in finals) / len(finals), 3) if finals else None,
            "proven_final_wrong": sum(not f.right and f.evidence == "proven" for f in finals),
            "proven_violations": len(self.violations),
            "timeline_entries": self.entries,
            "time_wrong": share(self.all.wrong, self.all.right + self.all.wrong),
            "ordinary_time_wrong": share(self.ordinary.wrong, self.ordinary.right + self.ordinary.wrong),
            "ordinary_final_wrong": wrong(ordinary),
            "extra": self.extra,
        }


def share(part: float, whole: float) -> float | None:
    """In per cent."""
    return round(100 * part / whole, 2) if whole else None


def wrong(finals: list[Final]) -> float | None:
    """The share of wrong ones."""
    return share(sum(not f.right for f in finals), len(finals))


def plain(state: str) -> str:
    """LISTEN is CLOSED: no connection."""
    return "CLOSED" if state == "LISTEN" else state


class Spell(NamedTuple):
    """What an endpoint was in, while its connection counts as active."""

    record: Record
    side: str
    begin: float
    until: float
    true: History
    unknown: list[tuple[float, float]]
    """Times that do not count."""
    frames_until: int
    """Nanoseconds since the epoch: the end of the capture, or the next use of the same ports."""
    final: str | None
    """The true state at the end of the capture; None: it does not count."""
    said: History
    """What the report has it in."""
    said_final: str


class Pair(NamedTuple):
    """A connection of the truth, and what the report has for it."""

    record: Record
    found: Connection | None
    swapped: bool
    """The report has client and server the other way round."""
    following: Record | None
    """The next use of the same ports."""


def score(run: Run, tap: str, connections: list[Connection]) -> Score:
    """Hold the connections of a report on one tap's capture against the run's truth."""
    result = Score(tap, reported=len(connections))
    for pair in match(run, tap, connections, result):
        result.truth += 1
        name = f"{pair.record['scenario']} #{pair.record['id']}"
        if pair.found is None:
            result.missed.append(f"{name}: no connection in the report")
            continue
        result.matched += 1
        for side in SIDES:
            truth = pair.record[side]
            inferred = pair.found["endpoints"][SIDES[side == "client"] if pair.swapped else side]
            spell = spell_of(pair, side, inferred, run.end)
            result.spells.append(spell)
            if spell.final is not None:
                result.finals.append(final(pair.record, side, inferred))
            result.entries += len(inferred["timeline"])
            result.violations.extend(f"{name} {side}: {text}" for text in violations(truth, inferred))
            span = compare(spell, spell.begin)
            for total in (result.all, *([result.ordinary] if pair.record["scenario"] in ORDINARY else [])):
                total.right += span.right
                total.wrong += span.wrong
    return result


def match(run: Run, tap: str, connections: list[Connection], result: Score) -> Iterator[Pair]:
    """Every connection of the truth that this tap saw; counts what the report has too many."""
    reported: dict[tuple[Any, ...], list[Connection]] = defaultdict(list)
    for connection in sorted(connections, key=lambda c: float(c["start"])):
        ends = (connection["client"], connection["server"])
        reported[tuple((end["address"], end["port"]) for end in ends)].append(connection)
    uses: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in sorted(run.truth, key=lambda r: int(r["t_start"])):
        if run.seen_by(tap, record):
            uses[tuple((record[side]["addr"], record[side]["port"]) for side in SIDES)].append(record)
    for ends, records in uses.items():
        found = reported.get(ends, [])
        swapped = not found
        found = found or reported.get(ends[::-1], [])
        result.extra += max(0, len(found) - len(records))
        for index, record in enumerate(records):
            nearest: Connection | None = None
            if len(found) == len(records):
                nearest = found[index]
            elif found:
                nearest = min(found, key=lambda c: abs(c["start"] - record["t_start"] / SECOND))
            yield Pair(record, nearest, swapped, records[index + 1] if index + 1 < len(records) else None)


def final(record: Record, side: str, inferred: dict[str, Any]) -> Final:
    """One endpoint's end."""
    possible = frozenset(map(plain, inferred.get("possible", [inferred["state"]])))
    names = record["scenario"], record["id"], side
    return Final(*names, plain(inferred["state"]), plain(record[side]["final"]), possible, inferred["evidence"])


def violations(truth: Record, inferred: dict[str, Any]) -> Iterator[str]:
    """Proven steps into a state that the kernel entered later, or never."""
    first: dict[str, float] = {}
    for entry in truth["timeline"]:
        first.setdefault(plain(entry["state"]), entry["t"] / SECOND)
    for entry in inferred["timeline"]:
        state = plain(entry["state"])
        if entry["evidence"] == "proven" and state != "CLOSED":
            if state not in first or first[state] > entry["time"] + CLOSELY:
                yield f"proven {state} at frame {entry['frame']}, the kernel {'later' if state in first else 'never'}"


def spell_of(pair: Pair, side: str, inferred: dict[str, Any], end: int) -> Spell:
    """From the connection's first frame to a second after its last; ``end`` is that of the capture."""
    assert pair.found
    begin, until = pair.found["start"], min(pair.found["end"] + LINGER, end / SECOND)
    frames_until = end
    if pair.following:
        frames_until = int(pair.following["t_start"])
        until = min(until, frames_until / SECOND)
    truth = pair.record[side]
    true = [(entry["t"] / SECOND, plain(entry["state"])) for entry in truth["timeline"]]
    unknown = [(e["lo"] / SECOND, e["hi"] / SECOND) for e in truth["timeline"] if e.get("lo")]
    counts = pair.following is None and not truth.get("final_uncertain")
    last = plain(truth["final"]) if counts else None
    said = [(entry["time"], plain(entry["state"])) for entry in inferred["timeline"]]
    return Spell(pair.record, side, begin, until, true, unknown, frames_until, last, said, plain(inferred["state"]))


def compare(spell: Spell, since: float) -> Span:
    """How long after that the inferred state was right and wrong."""
    span = Span()
    for low, high, state in pieces(spell, since, (t for t, _ in spell.said)):
        if state == state_at(spell.said, (low + high) / 2):
            span.right += high - low
        else:
            span.wrong += high - low
    return span


def pieces(spell: Spell, since: float, moments: Iterable[float] = ()) -> Iterator[tuple[float, float, str]]:
    """What counts of the time after ``since``: from, to, and the true state; cut at these moments too."""
    cuts = {t for t in (*(t for t, _ in spell.true), *moments) if since < t < spell.until}
    for low, high in pairwise(sorted({since, spell.until, *cuts})):
        middle = (low + high) / 2
        if not any(a <= middle <= b for a, b in spell.unknown):
            yield low, high, state_at(spell.true, middle)


def state_at(history: History, when: float) -> str:
    """The state entered last before that moment."""
    index = bisect.bisect_right(history, (when, "~"))
    return history[index - 1][1] if index else "CLOSED"
