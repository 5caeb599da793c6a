"""The loop: record → segment → connection → findings → whoever wants them.  It owns no policy.

A connection leaves the loop when it can no longer change, or at the end.  The summary is counted here, so that a
report that shows only it never asks for a connection; a connection without a fact that some rule wants costs the
rules nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from mypy_extensions import i64

from tcptrace_py.capture.listed import Listed
from tcptrace_py.capture.observation import Observation
from tcptrace_py.decode.decoder import Decoder
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection, Flow
from tcptrace_py.machine.flowtable import key_of
from tcptrace_py.machine.lone import Lone, LoneJudge
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.pile import Pile, Waiting
from tcptrace_py.machine.quality import Quality
from tcptrace_py.machine.registry import waiting_since
from tcptrace_py.machine.story import CLOSED, HALF_OPEN, OUTCOMES, STUCK, WAS_UNANSWERED
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import QUOTED, SEGMENT, Record, Segment
from tcptrace_py.reassembly.comparison import Comparison
from tcptrace_py.rules.finding import Finding
from tcptrace_py.words import vec

_PROGRESS_MASK: Final = 0x3FFF
_PAIRS: Final = 0xFFFF
_NOTED_CONFLICTS: Final = 6
EVERY: Final = 1 << 62


class Judge(Protocol):
    """What the loop needs of the rules."""

    facts: int
    """The facts that some rule wants."""
    pile_from: int
    """How many connections of one pair in TIME_WAIT are worth to be told of."""

    def connection(self, c: Connection) -> list[Finding]:
        """The findings of a connection that can no longer change."""

    def alone(self, c: Connection) -> list[Finding]:
        """The same of one that has been counted with others like it."""

    def lone(self) -> LoneJudge | None:
        """What counts connections that are a SYN and perhaps a SYN-ACK; None: they are like any others."""

    def capture(self, end: int, piles: list[Pile], quality: Quality) -> list[Finding]:
        """The findings of the whole, at the end of observation (ns)."""


class Filter(Protocol):
    """What the loop needs of a filter."""

    def holds(self, c: Connection) -> bool:
        """Whether a connection that can no longer change is wanted."""

    def may_hold(self, c: Connection) -> bool:
        """Whether one that has closed without incident may be wanted at the end."""


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
        self.others: i64 = 0  # connections that a filter leaves out: they count nowhere else
        self.midstream: i64 = 0
        self.evicted: i64 = 0
        self.fine: i64 = 0  # connections without a finding ...
        self.unfinished: i64 = 0  # ... but for those that hang
        self.piles: dict[bytes, Pile] = {}  # of those in TIME_WAIT at the end
        self.outcomes = vec[i64]([0] * len(OUTCOMES))
        self.pairs = vec[i64]([0] * (st.COUNT * st.COUNT))
        self.findings: dict[str, int] = {}
        self.severities: dict[str, int] = {}

    def connection(self, c: Connection) -> None:
        """Count a connection."""
        self.connections += 1
        if c.midstream:
            self.midstream += 1
        if c.evicted:
            self.evicted += 1
        self.outcomes[c.outcome] += 1
        self.states(c.client.state, c.server.state)

    def nothing_found(self, c: Connection) -> None:
        """Count a connection without a finding."""
        if c.outcome in (HALF_OPEN, STUCK, WAS_UNANSWERED):
            self.unfinished += 1
        else:
            self.fine += 1

    def states(self, client: i64, server: i64) -> None:
        """Count the final states of a connection."""
        self.pairs[client * st.COUNT + server] += 1

    def waits(self, key: bytes, side: i64, since: i64, frame: i64) -> None:
        """Count a connection that is in TIME_WAIT at the end, on one side, since ``since``."""
        pair = key[: len(key) - 4] + key[len(key) - 2 :] + (b"s" if side else b"c")
        pile = self.piles.get(pair)
        if pile is None:
            pile = Pile(key, side, since, frame)
            self.piles[pair] = pile
        pile.add(since, frame)

    def finding(self, f: Finding) -> None:
        """Count a finding."""
        self.findings[f.rule] = self.findings.get(f.rule, 0) + 1
        self.severities[f.severity] = self.severities.get(f.severity, 0) + 1


class Pipeline:
    """One analysis of one observation."""

    def __init__(
        self,
        captures: Observation,
        decoder: Decoder,
        tracker: Tracker,
        judge: Judge,
        take: Callable[[Connection, list[Finding]], None] | None,
        wants_first: int,
        progress: Callable[[], None] | None,
        where: Filter | None = None,
        comparison: Comparison | None = None,
        listed: Listed | None = None,
    ) -> None:
        """``take`` gets each connection with its findings; and, of those without any, the first ``wants_first``.

        With ``where``, connections of which it does not hold are neither judged nor told nor counted but as others.
        With ``comparison``, data that comes again is compared with what passed first.
        With ``listed``, the connections of the frames that it names are noted there.
        """
        self.captures = captures
        self.decoder = decoder
        self.tracker = tracker
        self.judge = judge
        self.take = take
        self.wants_first: i64 = wants_first
        self.progress = progress
        self.where = where
        self.comparison = comparison
        self.take_parked: Callable[[Parked], None] | None = None  # gets those that are only counted
        self.listed = listed
        self.wanted: i64 = judge.facts
        self.lone: LoneJudge | None = None
        self.tally = Tally()
        self.capture_findings: list[Finding] = []
        self.waiting = vec[i64]([0] * (_PAIRS + 1))  # connections in TIME_WAIT at the end, by a hash of their pair
        tracker.keeps_facts = self.wanted
        if where is not None:
            if self.wants_first:
                self.wants_first = EVERY  # the first of those that it leaves, whatever their numbers are
            tracker.keeps_first = 0
            tracker.may_want = where.may_hold
        elif take is None:
            tracker.keeps_first = 0
        else:
            tracker.keeps_first = self.wants_first

    def run(self) -> None:
        """Read everything.  Raises CaptureError."""
        record = Record()
        segment = Segment()
        captures = self.captures
        decoder = self.decoder
        tracker = self.tracker
        tally = self.tally
        progress = self.progress
        comparison = self.comparison
        listed = self.listed
        tracker.go_by_the_book()
        if self.where is None and self.wants_first < EVERY:
            self.lone = self.judge.lone()
            tracker.takes_lone = self.lone is not None
        more: bool = captures.next(record)
        tracker.vantage.know(captures.near)
        while more:
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
                if comparison is not None and segment.length:
                    self.compare(comparison, segment)
                if listed is not None:
                    self.look_up(listed, record, segment)
                if tracker.finished or tracker.gone or tracker.lone:
                    self.drain()
            elif code == QUOTED:
                tally.quotations += 1
                tracker.quoted(segment)
                if listed is not None:
                    self.look_up(listed, record, segment)
            if progress is not None and tally.packets & _PROGRESS_MASK == 0:
                progress()
            more = captures.next(record)
        self.finish()

    def compare(self, comparison: Comparison, seg: Segment) -> None:
        """Note it if the segment, which the tracker has had, brings other bytes than had passed before."""
        flows = self.tracker.flows
        flow = flows.find_at(seg.key_buf, seg.key_at, seg.key_length)
        if flow is None:
            return
        side: i64 = SERVER if flows.backwards else CLIENT
        if not comparison.segment(flow.number, side, seg):
            return
        c = self.tracker.whole(flow)
        noted: i64 = 0
        for note in c.notes:
            if note.fact == fa.OVERLAP_CONFLICT:
                noted += 1
        if noted < _NOTED_CONFLICTS:
            conflict = comparison.conflict
            c.note(fa.OVERLAP_CONFLICT, side, seg.number, seg.time, conflict.first_frame, conflict.start)

    def look_up(self, listed: Listed, record: Record, segment: Segment) -> None:
        """Note whose a frame is, if it was named."""
        if listed.holds(record.source, record.number - self.captures.frames_before):
            flow = self.tracker.flows.find(segment.key)
            if flow is not None:
                listed.belongs(flow.number)

    def finish(self) -> None:
        """The end of observation."""
        end: i64 = max(self.tally.end, self.captures.observed_until)
        tracker = self.tracker
        if end > self.tally.end:
            tracker.expire(end)
        self.drain()
        waiting: list[Waiting] = []
        for flow in tracker.leave(end):
            if flow is None:
                continue
            tracker.conclude(flow)
            if tracker.lone:
                self.drain_lone()
            for c in tracker.finished:
                if not self.tell(c):
                    continue
                if waiting_since(c) >= 0 and c.successor < 0:
                    self.waiting[pair_of(c)] += 1
                    side: i64 = CLIENT if c.client.state == st.TIME_WAIT else SERVER
                    waiting.append(Waiting(c.key, pair_of(c), side, waiting_since(c), c.last_frame))
            tracker.finished.clear()
        for parked in tracker.gone:
            self.count(parked)
        self.pile_up(waiting, tracker.gone if self.where is None else [])
        quality = self.tracker.quality
        quality.truncated.count = self.decoder.truncated_segments
        quality.truncated.frame = self.decoder.first_truncated
        quality.truncated.time = self.decoder.first_truncated_at
        self.capture_findings = self.judge.capture(end, list(self.tally.piles.values()), quality)
        for f in self.capture_findings:
            self.tally.finding(f)

    def drain(self) -> None:
        """Count, judge and hand on what can no longer change."""
        tracker = self.tracker
        for c in tracker.finished:
            self.tell(c)
        tracker.finished = []
        if tracker.lone:
            self.drain_lone()
        if tracker.gone:
            for parked in tracker.gone:
                self.count(parked)
            tracker.gone = []

    def drain_lone(self) -> None:
        """Count what is a SYN and perhaps a SYN-ACK, and make whole only those of which there is more to say."""
        tracker = self.tracker
        for lone in tracker.lone:
            is_shown: bool = self.take is not None and lone.asked.number <= self.wants_first
            if is_shown or not self.has_told(lone):
                tracker.finish_lone(lone)
                for c in tracker.finished:
                    self.tell(c, in_crowds=not is_shown)
                tracker.finished.clear()
        tracker.lone.clear()

    def has_told(self, lone: Lone) -> bool:
        """Count it; False: it is counted in its crowds only, and there is more to say of it."""
        judge = self.lone
        assert judge is not None  # else the tracker would not have it
        lone.conclude(self.tracker.timers)
        if lone.facts & self.wanted and not judge.has_said_all(lone):
            return False
        tally = self.tally
        tally.connections += 1
        tally.unfinished += 1
        if lone.evicted:
            tally.evicted += 1
        tally.outcomes[WAS_UNANSWERED if lone.asked.syn_ack is None else HALF_OPEN] += 1
        tally.states(lone.client, lone.server)
        return True

    def tell(self, c: Connection, *, in_crowds: bool = False) -> bool:
        """Judge a connection and hand it on, if it is wanted; ``in_crowds``: it has been counted there."""
        tally = self.tally
        if self.where is not None and not self.where.holds(c):
            tally.others += 1
            return False
        tally.connection(c)
        findings: list[Finding] = []
        if c.facts & self.wanted:
            findings = self.judge.alone(c) if in_crowds else self.judge.connection(c)
            for f in findings:
                tally.finding(f)
        if not findings:
            tally.nothing_found(c)
        if self.take is not None and (findings or c.number <= self.wants_first):
            self.take(c, findings)
        return True

    def count(self, parked: Parked) -> None:
        """Count a connection that closed well, and of which nobody wants to see more."""
        if parked.unparked:
            return
        if self.take_parked is not None:
            self.take_parked(parked)
        tally = self.tally
        if self.where is not None:
            tally.others += 1
            return
        tally.connections += 1
        tally.fine += 1
        tally.outcomes[CLOSED] += 1
        closer: i64 = st.CLOSED
        if self.waits(parked):
            closer = st.TIME_WAIT
            self.waiting[pair_of(parked)] += 1
        if parked.first_closer == CLIENT:
            tally.states(closer, st.CLOSED)
        else:
            tally.states(st.CLOSED, closer)

    def waits(self, parked: Parked) -> bool:
        """Whether it is still in TIME_WAIT, or that has run out since."""
        return self.tracker.now - parked.waiting_since() < self.tracker.timers.time_wait

    def pile_up(self, whole: list[Waiting], gone: list[Parked]) -> None:
        """Find the pairs with many connections in TIME_WAIT, of which there is a coarse count: most have one or two."""
        waiting = self.waiting
        enough: i64 = self.judge.pile_from
        most: i64 = 0
        for count in waiting:
            most = max(most, count)
        if most < enough:
            return
        for w in whole:
            if waiting[w.pair] >= enough:
                self.tally.waits(w.key, w.side, w.since, w.frame)
        for parked in gone:
            if waiting[pair_of(parked)] >= enough and not parked.unparked and self.waits(parked):
                self.tally.waits(key_of(parked), parked.first_closer, parked.waiting_since(), parked.last_frame)


def pair_of(flow: Flow) -> i64:
    """A small number for the two hosts and the server's port, the same for all connections between them."""
    h: i64 = (flow.client_id >> 16) * 31 + flow.server_id
    return (h ^ h >> 15) & _PAIRS
