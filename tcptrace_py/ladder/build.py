"""Trail, connection and findings → the ladder: what happened, in the order in which it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder.trail import PAUSE, UNANSWERED, UNHEEDED, Fold, Frame, Row, Trail
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint, Step
from tcptrace_py.report import build as report
from tcptrace_py.report import model
from tcptrace_py.report.text import known, seconds
from tcptrace_py.rules.finding import Finding

SIDES: tuple[model.Side, model.Side] = ("client", "server")
FLAGS = ((2, "SYN"), (1, "FIN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"), (64, "ECE"), (128, "CWR"))

Event = lm.StateItem | lm.RetractionItem | lm.FindingItem


def ladder(trail: Trail, c: Connection, findings: list[Finding], tool: model.Tool, sources: Sequence[str]) -> lm.Ladder:
    """All of one connection, which can no longer change."""
    return lm.Ladder(
        schema=model.SCHEMA,
        tool=tool,
        sources=list(sources),
        connection=report.connection(c, findings),
        findings=[report.finding(f) for f in findings],
        before=[state(side, e.steps[0], -1) for side, e in zip(SIDES, (c.client, c.server), strict=True)],
        items=Weaver(trail.rows(), c, findings).items,
    )


class Weaver:
    """Puts events between the rows: those of a frame behind it, those of timers where their time has come."""

    def __init__(self, rows: list[Row], c: Connection, findings: list[Finding]) -> None:
        self.items: list[lm.Item] = []
        self.moved = moved(c)
        self.now = rows[0].time if rows and isinstance(rows[0], Frame) else int(c.start)
        events: list[Event] = [*retractions(c), *steps(c), *told(findings)]
        by_frame: list[Event] = sorted((event for event in events if event.frame is not None), key=_frame_of)
        timed: list[Event] = sorted((event for event in events if event.frame is None), key=_time_of)
        for row in rows:
            last = row.number if isinstance(row, Frame) else row.last
            self.timers(timed, row.time if isinstance(row, Frame) else row.start)
            self.row(row)
            while by_frame and _frame_of(by_frame[0]) <= last:
                self.items.append(by_frame.pop(0))
        until = int(c.observed_until)
        for event in by_frame:  # of frames that are not its own: those of the next connection on the same ports
            self.idle(min(_time_of(event), until))
            self.items.append(event)
        self.timers(timed, until)
        self.items += timed
        self.idle(until, until_end=True)

    def timers(self, timed: list[Event], until: int) -> None:
        """What time alone has done up to then."""
        while timed and _time_of(timed[0]) <= until:
            event = timed.pop(0)
            self.idle(_time_of(event))
            self.items.append(event)

    def row(self, row: Row) -> None:
        """One row, behind the time that has passed since the last."""
        self.idle(row.time if isinstance(row, Frame) else row.start)
        if isinstance(row, Frame):
            self.items.append(frame(row, self.moved[1 - row.side]))
        else:
            self.items.append(fold(row))
            self.now = max(self.now, row.end)

    def idle(self, until: int, *, until_end: bool = False) -> None:
        """Time passes."""
        if until - self.now >= PAUSE:
            self.items.append(lm.IdleItem(seconds(until - self.now), until_end))
        self.now = max(self.now, until)


def _frame_of(event: Event) -> int:
    return event.frame or 0


def _time_of(event: Event) -> int:
    return int(event.time.scaleb(9)) if isinstance(event, lm.StateItem) else 0


def moved(c: Connection) -> tuple[frozenset[int], frozenset[int]]:
    """By side, the frames that are known to have moved it from one state to another: so they reached it."""
    client, server = (
        frozenset(int(s.frame) for s in e.steps[1:] if s.confirmed_by >= 0 or EVIDENCE_NAMES[s.evidence] == "proven")
        for e in (c.client, c.server)
    )
    return client, server


def frame(row: Frame, heeded: frozenset[int]) -> lm.FrameItem:
    """One frame.  What is in ``heeded`` had its effect, though it was sent again: the two crossed on the way."""
    marks = [m for m in row.marks if m.kind not in (UNANSWERED, UNHEEDED) or row.number not in heeded]
    return lm.FrameItem(
        frame=row.number,
        time=seconds(row.time),
        sender=SIDES[row.side],
        flags=[name for bit, name in FLAGS if row.flags & bit],
        seq=row.seq,
        ack=row.ack,
        length=row.length,
        window=row.window,
        marks=[lm.Mark(m.kind, known(m.frame), known(m.bytes), m.why or None) for m in marks],
        icmp=None if row.icmp is None else lm.Icmp(*row.icmp),
    )


def fold(row: Fold) -> lm.FoldItem:
    """Frames that are only counted."""
    return lm.FoldItem(
        first_frame=row.first,
        last_frame=row.last,
        start=seconds(row.start),
        end=seconds(row.end),
        frames=row.frames,
        client_data=row.data[0],
        client_bytes=row.bytes[0],
        client_acks=row.acks[0],
        server_data=row.data[1],
        server_bytes=row.bytes[1],
        server_acks=row.acks[1],
        marks=dict(sorted(row.marks.items())),
        lost=list(row.lost),
        cut=row.cut,
    )


def state(side: model.Side, step: Step, refuted_by: int) -> lm.StateItem:
    """One step of an endpoint."""
    return lm.StateItem(
        endpoint=side,
        state=st.NAMES[step.state],
        time=seconds(int(step.time)),
        frame=known(int(step.frame)),
        evidence=EVIDENCE_NAMES[step.evidence],
        confirmed_by=known(int(step.confirmed_by)),
        refuted_by=known(refuted_by),
        why=step.why,
    )


def steps(c: Connection) -> list[Event]:
    """What both endpoints went through after the first step, and what they were thought to."""
    found: list[Event] = []
    for side, e in zip(SIDES, (c.client, c.server), strict=True):
        found += [state(side, step, -1) for step in e.steps[1:]]
        found += [state(side, r.step, int(r.refuted_by)) for r in e.retracted]
    return found


def retractions(c: Connection) -> list[Event]:
    """What was taken back, at the frame that refuted it."""
    found: list[Event] = []
    for side, e in zip(SIDES, (c.client, c.server), strict=True):
        found += [
            lm.RetractionItem(
                side,
                st.NAMES[r.step.state],
                int(r.refuted_by),
                known(int(r.step.frame)),
                st.NAMES[instead(e, r.step)],
                r.why,
            )
            for r in e.retracted
        ]
    return found


def instead(e: Endpoint, refuted: Step) -> int:
    """The state in which an endpoint was when it seemed to take a step."""
    known = e.steps[0].state
    for step in e.steps:
        if step.frame < refuted.frame:
            known = step.state
    return int(known)


def told(findings: list[Finding]) -> list[Event]:
    """The findings."""
    return [
        lm.FindingItem(
            f.rule,
            cast("model.Severity", f.severity),
            cast("model.Confidence", f.confidence),
            cast("model.Side | None", f.endpoint),
            max(f.frame, 0),
            f.message,
        )
        for f in findings
    ]
