"""Looks at what is open while the capture goes on: examines what may have changed, and tells a view.

It is called wherever the stream would wait for bytes (``pulse``), between two segments, with the tracker at rest.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

from tcptrace_py.live.clock import Clock
from tcptrace_py.live.copying import copy_of
from tcptrace_py.live.provisional import ProvisionalJudge
from tcptrace_py.live.view import Status, View, Worst
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.watched import Watch, WatchedTracker
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.report.digest import Row, row_of
from tcptrace_py.rules.finding import SEVERITIES, Finding

LOOK = 0.25
"""Seconds from one look to the next ..."""
SHARE = 4
"""... and at least so many times what the last one took: looking never takes more than a fifth of the time."""
MOST_LOOKS = 250
"""Connections examined in one look; the others have their turn in the next."""
IDLE = 3_000_000_000
"""When nothing has come for so long (ns), what is past may leave; with a margin for what is still on its way here."""
MARGIN = 2_000_000_000
TIDY = 600.0

Key = tuple[int | None, str, str | None]


class Bad(NamedTuple):
    """A connection with findings that is still open."""

    c: Connection
    findings: list[Finding]


class Observer:
    """One observation that goes on.  It has a pipeline from ``watch`` on; before that nothing has come."""

    def __init__(
        self,
        judge: ProvisionalJudge,
        view: View,
        clock: Clock,
        interval: float,
        behind: Callable[[], int] = lambda: 0,
        wants: Callable[[Connection], bool] | None = None,
    ) -> None:
        """``interval``: seconds from one tick to the next.  ``behind``: bytes that wait to be analysed.  ``wants``: whether
        a connection, as it stands, is to be shown; None: all are.
        """
        self.judge = judge
        self.view = view
        self.clock = clock
        self.interval = interval
        self.behind = behind
        self.wants = wants
        self.flush: Callable[[], None] = lambda: None
        self.tidy: Callable[[], None] = lambda: None
        self._pipeline: Pipeline | None = None
        self._tracker: WatchedTracker | None = None
        self._begun = self._last_tick = time.monotonic()
        self._next_look = self._next_tidy = self._begun
        self._next_tick = self._begun + interval
        self._turn = 0
        self._bad: dict[int, Bad] = {}
        self._crowds: set[Key] = set()

    def watch(self, pipeline: Pipeline, tracker: WatchedTracker) -> None:
        """This is what there is to look at."""
        self._pipeline = pipeline
        self._tracker = tracker

    # -- what is due -- #

    def pulse(self) -> float:
        """Do what is due; returns for how many seconds nothing more will be."""
        now = time.monotonic()
        tracker = self._tracker
        if tracker is not None:
            if tracker.touched:
                self._tell_touched(tracker)
            if now >= self._next_look:
                self._look(tracker)
                self._next_look = time.monotonic() + max(LOOK, SHARE * (time.monotonic() - now))
        if now >= self._next_tick:
            self.view.tick(self._status(now), self)
            self._next_tick = max(self._next_tick + self.interval, now + self.interval / 2)
        self.flush()
        if now >= self._next_tidy:
            self.tidy()
            if tracker is not None:
                self.view.forget_all_but({int(watch.c.number) for watch in tracker.open})
            gc.collect()
            self._next_tidy = now + TIDY
        return max(min(self._next_look, self._next_tick) - time.monotonic(), 0.0)

    def finish(self) -> None:
        """Nothing more comes: tell what there is to tell before the report."""
        if self._tracker is not None and self._tracker.touched:
            self._tell_touched(self._tracker)
        self.view.tick(self._status(time.monotonic()), self)
        self.flush()

    def _tell_touched(self, tracker: WatchedTracker) -> None:
        touched = list({int(c.number): c for c in tracker.touched}.values())
        tracker.touched = []
        now = self.clock.now() if self.wants is not None else -1
        self.view.touched([c for c in touched if self.wants is None or self._standing(tracker, c, now) is not None])

    def _standing(self, tracker: WatchedTracker, c: Connection, now: int) -> Connection | None:
        """A connection as it stands now, a copy; None: it is not to be shown."""
        copy = copy_of(c)
        tracker.stand(copy, now)
        return copy if self.wants is None or self.wants(copy) else None

    def _look(self, tracker: WatchedTracker) -> None:
        """Examine what may have changed, and let go of what is past."""
        now = self.clock.now()
        if now < 0:
            return
        if now - tracker.now > IDLE and tracker.now:
            tracker.expire(now - MARGIN)
            assert self._pipeline is not None
            self._pipeline.drain()
        watches = tracker.worth_a_look(now)
        if len(watches) > MOST_LOOKS:  # where there are too many, each has its turn
            start = self._turn % len(watches)
            watches = (watches[start:] + watches[:start])[:MOST_LOOKS]
            self._turn += MOST_LOOKS
        for watch in watches:
            self._examine(tracker, watch, now)
        for number in [number for number, bad in self._bad.items() if bad.c.gone]:
            del self._bad[number]
        for finding in self.judge.of_crowds(now):
            key = (finding.frame, finding.rule, str(finding.evidence.get("source") or finding.evidence.get("server")))
            if key not in self._crowds:
                self._crowds.add(key)
                self.view.of_crowd(finding)
        if len(self.judge.crowds) > 2 * len(tracker.open) + 1000:
            self.judge.crowds.forget_all_but({int(watch.c.number) for watch in tracker.open})

    def _examine(self, tracker: WatchedTracker, watch: Watch, now: int) -> None:
        """What there is to say of a connection, as it stands."""
        c = watch.c
        copy = self._standing(tracker, c, now)
        tracker.looked(watch, now)
        if copy is None:
            return
        findings = self.judge.connection(copy) if copy.facts & self.judge.facts else []
        number = int(c.number)
        before = self._bad.pop(number, None)
        known = {key_of(f) for f in before.findings} if before else set()
        still = {key_of(f) for f in findings}
        new = [f for f in findings if key_of(f) not in known]
        old = [f for f in before.findings if key_of(f) not in still] if before else []
        if findings:
            self._bad[number] = Bad(c, findings)
        self.view.looked(copy, new, old)

    # -- what there is to show -- #

    def _status(self, now: float) -> Status:
        """The figures of this moment."""
        severities = dict.fromkeys(SEVERITIES, 0)
        for bad in self._bad.values():
            for f in bad.findings:
                severities[f.severity] += 1
        since, self._last_tick = now - self._last_tick, now
        pipeline, tracker = self._pipeline, self._tracker
        if pipeline is None or tracker is None:
            return Status(-1, now - self._begun, since, 0, 0, 0, 0, 0, 0, severities)
        tally = pipeline.tally
        return Status(
            time=self.clock.now(),
            elapsed=now - self._begun,
            since_last=since,
            packets=int(tally.packets),
            bytes=int(tally.bytes),
            segments=int(tally.segments),
            connections=int(tracker.count),
            open=int(tracker.living),
            behind=self.behind(),
            severities=severities,
        )

    def worst(self, most: int) -> Worst:
        """What is open, the worst first: with findings, then neither settled nor over, then the youngest."""
        tracker = self._tracker
        now = self.clock.now()
        if tracker is None or now < 0:
            return Worst([], [])
        bad = sorted((b for b in self._bad.values() if not b.c.gone), key=badness)
        findings = [f for b in bad for f in sorted(b.findings, key=lambda f: -SEVERITIES.index(f.severity))]
        rows: dict[int, Row] = {}
        for candidate in (*bad, *(Bad(c, []) for c in (*tracker.hanging(most), *tracker.youngest(most)))):
            if len(rows) >= most:
                break
            if int(candidate.c.number) not in rows:
                copy = self._standing(tracker, candidate.c, now)
                if copy is not None:
                    rows[int(candidate.c.number)] = row_of(copy, candidate.findings)
        return Worst(findings, list(rows.values()))


def key_of(finding: Finding) -> Key:
    """What makes it the same finding, whatever its figures have become."""
    return finding.frame, finding.rule, finding.endpoint


def badness(bad: Bad) -> tuple[int, bool, int, int]:
    """For sorting: the worst first; among those alike, what still hangs before what is over, and the oldest first."""
    rank = max(SEVERITIES.index(f.severity) for f in bad.findings)
    return -rank, bad.c.is_over(), int(bad.c.end), int(bad.c.number)
