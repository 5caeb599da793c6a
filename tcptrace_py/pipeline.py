"""The loop: record → segment → connection → findings → whoever wants them.  It owns no policy.

A connection leaves the loop when it can no longer change, or at the end.  The summary is counted here, so that a
report that shows only it never asks for a connection; a connection without a fact that some rule wants costs the
rules nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.captures import Captures
from tcptrace_py.decode.decoder import Decoder
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.story import OUTCOMES
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import QUOTED, SEGMENT, Record, Segment
from tcptrace_py.rules.finding import Finding

_PROGRESS_MASK: Final = 0x3FFF


class Judge(Protocol):
    """What the loop needs of the rules."""

    facts: int
    """The facts that some rule wants."""

    def connection(self, c: Connection) -> list[Finding]:
        """The findings of a connection that can no longer change."""

    def capture(self, end: int) -> list[Finding]:
        """The findings of the whole, at the end of observation (ns)."""


@mypyc_attr(acyclic=True)
class Tally:
    """The figures of the summary."""

    def __init__(self) -> None:
        self.packets: i64 = 0
        self.bytes: i64 = 0  # on the wire
        self.segments: i64 = 0
        self.quotations: i64 = 0
        self.start: i64 = -1  # time of the earliest packet; -1: none
        self.end: i64 = -1
        self.connections: i64 = 0
        self.midstream: i64 = 0
        self.fine: i64 = 0  # connections without a finding
        self.outcomes: list[int] = [0] * len(OUTCOMES)
        self.pairs: list[int] = [0] * (st.COUNT * st.COUNT)
        self.findings: dict[str, int] = {}
        self.severities: dict[str, int] = {}

    def connection(self, c: Connection) -> None:
        """Count a connection."""
        self.connections += 1
        if c.midstream:
            self.midstream += 1
        self.outcomes[c.outcome] += 1
        self.pairs[c.client.state * st.COUNT + c.server.state] += 1

    def finding(self, f: Finding) -> None:
        """Count a finding."""
        self.findings[f.rule] = self.findings.get(f.rule, 0) + 1
        self.severities[f.severity] = self.severities.get(f.severity, 0) + 1


class Pipeline:
    """One analysis of one observation."""

    def __init__(
        self,
        captures: Captures,
        decoder: Decoder,
        tracker: Tracker,
        judge: Judge,
        take: Callable[[Connection, list[Finding]], None] | None,
        take_all: bool,
        progress: Callable[[], None] | None,
    ) -> None:
        """``take`` gets each connection with its findings; only those that have some unless ``take_all``."""
        self.captures = captures
        self.decoder = decoder
        self.tracker = tracker
        self.judge = judge
        self.take = take
        self.take_all = take_all
        self.progress = progress
        self.wanted: i64 = judge.facts
        self.tally = Tally()
        self.capture_findings: list[Finding] = []

    def run(self) -> None:
        """Read everything.  Raises CaptureError."""
        record = Record()
        segment = Segment()
        captures = self.captures
        decoder = self.decoder
        tracker = self.tracker
        tally = self.tally
        progress = self.progress
        while captures.next(record):
            tally.packets += 1
            tally.bytes += record.wirelen
            if record.time > tally.end:
                tally.end = record.time
            if record.time < tally.start or tally.start < 0:
                tally.start = record.time
            code: i64 = decoder.decode(record, segment)
            if code == SEGMENT:
                tally.segments += 1
                tracker.segment(segment)
                if tracker.finished:
                    self.drain()
            elif code == QUOTED:
                tally.quotations += 1
                tracker.quoted(segment)
            if progress is not None and tally.packets & _PROGRESS_MASK == 0:
                progress()
        self.finish()

    def finish(self) -> None:
        """The end of observation."""
        self.tracker.end(self.tally.end)
        self.drain()
        self.capture_findings = self.judge.capture(self.tally.end)
        for f in self.capture_findings:
            self.tally.finding(f)

    def drain(self) -> None:
        """Judge and hand on what can no longer change."""
        tally = self.tally
        for c in self.tracker.finished:
            tally.connection(c)
            findings: list[Finding] = []
            if c.facts & self.wanted:
                findings = self.judge.connection(c)
                for f in findings:
                    tally.finding(f)
            if not findings:
                tally.fine += 1
            if self.take is not None and (self.take_all or findings):
                self.take(c, findings)
        self.tracker.finished = []
