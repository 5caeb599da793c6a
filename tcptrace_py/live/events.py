"""The view for programs: events, one JSON object a line, as they happen (``report.events`` says what is in them)."""

from __future__ import annotations

from typing import BinaryIO, cast

import msgspec

from tcptrace_py.live.view import Scene, Status, View
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint
from tcptrace_py.report import build, events, model
from tcptrace_py.report.digest import addresses
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import EVERY
from tcptrace_py.report.text import maybe_seconds, seconds
from tcptrace_py.rules.finding import Finding

_SIDES = cast("tuple[model.Side, ...]", ("client", "server"))
_STATES = cast("tuple[model.State, ...]", st.NAMES)
_EVIDENCE = cast("tuple[model.Evidence, ...]", EVIDENCE_NAMES)

Steps = list[tuple[int, int]]
"""State and frame of each."""


class Told:
    """What was said of a connection."""

    __slots__ = ("closed", "last", "steps")

    def __init__(self) -> None:
        self.steps: list[Steps] = [[], []]
        self.last = [NOTHING, NOTHING]
        self.closed = False


NOTHING = (0, -1, -1, -1)
"""How many steps and retractions an endpoint has, and the state and frame of the last step: mostly none has changed."""


class Events(View):
    """Writes them."""

    tells_touched = True
    wants_first = EVERY

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._told: dict[int, Told] = {}
        self._last: Status | None = None

    def touched(self, connections: list[Connection]) -> None:
        lines: list[tuple[int, object]] = []
        for c in connections:
            if not c.gone:  # of those that are, all is said
                lines += self._changes(c)
        lines.sort(key=lambda line: line[0])
        for _, line in lines:
            self._write(line)

    def looked(self, c: Connection, new: list[Finding], old: list[Finding]) -> None:
        for _, line in self._changes(c):
            self._write(line)
        for f in new:
            self._write(found(f))
        for f in old:
            endpoint = cast("model.Side | None", f.endpoint)
            time = seconds(c.observed_until)
            self._write(events.Resolved(time, f.connection, f.rule, endpoint, None if f.frame < 0 else f.frame))

    def of_crowd(self, finding: Finding) -> None:
        self._write(found(finding))

    def left(self, c: Connection, findings: list[Finding]) -> None:
        for _, line in self._changes(c):
            self._write(line)
        self._told.pop(int(c.number), None)

    def forget_all_but(self, numbers: set[int]) -> None:
        self._told = {number: told for number, told in self._told.items() if number in numbers}

    def tick(self, status: Status, scene: Scene) -> None:
        last, self._last = self._last, status
        since = max(status.since_last, 1e-3)
        before = last or Status(-1, 0, 0, 0, 0, 0, 0, 0, 0, {})
        self._write(
            events.Tick(
                time=maybe_seconds(status.time),
                elapsed=seconds(round(status.elapsed * 1e9)),
                packets=status.packets,
                bytes=status.bytes,
                tcp_segments=status.segments,
                connections=status.connections,
                open=status.open,
                backlog=status.behind,
                packets_per_second=round((status.packets - before.packets) / since, 1),
                bytes_per_second=round((status.bytes - before.bytes) / since, 1),
                connections_per_second=round((status.connections - before.connections) / since, 1),
                errors=status.severities["error"],
                warnings=status.severities["warning"],
            )
        )

    # -- what has changed -- #

    def _changes(self, c: Connection) -> list[tuple[int, object]]:
        """What there is to say of a connection that was not said before, each with a frame to sort by."""
        number = int(c.number)
        lines: list[tuple[int, object]] = []
        told = self._told.get(number)
        if told is None:
            told = self._told[number] = Told()
            client, server = addresses(c)
            first = int(c.first_frame)
            lines.append((first, events.Opened(seconds(c.start), number, first, client, server, c.midstream)))
        lines += self._steps(c, CLIENT, c.client, told)
        lines += self._steps(c, SERVER, c.server, told)
        if not told.closed and c.is_over():
            told.closed = True
            client_state, server_state = _STATES[c.client.state], _STATES[c.server.state]
            last = int(c.last_frame)
            lines.append(
                (last, events.Closed(seconds(c.end), number, last, client_state, server_state, c.packets, c.history))
            )
        return lines

    def _steps(self, c: Connection, side: int, e: Endpoint, told: Told) -> list[tuple[int, object]]:
        """The steps of a side that are new, and those that are taken back."""
        steps = e.steps
        top = e.step
        last = (len(steps), len(e.retracted), top.state, top.frame)
        if last == told.last[side]:
            return []
        told.last[side] = last
        known = told.steps[side]
        now: Steps = [(step.state, step.frame) for step in steps]
        same = 0
        while same < min(len(now), len(known)) and now[same] == known[same]:
            same += 1
        wrong = known[same:]
        told.steps[side] = now
        lines: list[tuple[int, object]] = []
        before = wrong[-1][0] if wrong else now[same - 1][0] if same else now[0][0]
        if wrong and same == len(now):  # nothing took its place
            why = e.retracted[-1].why if e.retracted else top.why
            refuted = int(e.retracted[-1].refuted_by) if e.retracted else int(c.last_frame)
            lines.append(
                (refuted, self._transition(c, side, before, top.state, c.end, refuted, top.evidence, why, back=True))
            )
            return lines
        for n in range(max(same, 1), len(steps)):
            step = steps[n]
            frame = int(step.frame)
            back = bool(wrong) and n == same
            lines.append(
                (
                    frame if frame >= 0 else int(c.last_frame),
                    self._transition(c, side, before, step.state, step.time, frame, step.evidence, step.why, back=back),
                )
            )
            before = step.state
        return lines

    def _transition(
        self,
        c: Connection,
        side: int,
        before: int,
        after: int,
        time: int,
        frame: int,
        evidence: int,
        why: str,
        *,
        back: bool,
    ) -> events.Transition:
        return events.Transition(
            time=seconds(time),
            connection=int(c.number),
            endpoint=_SIDES[side],
            before=_STATES[before],
            after=_STATES[after],
            evidence=_EVIDENCE[evidence],
            frame=None if frame < 0 else frame,
            why=why,
            retracts=back,
        )

    def _write(self, line: object) -> None:
        self._out.write(to_json(line) + b"\n")


def found(finding: Finding) -> events.Found:
    """A finding that is not the last word."""
    return events.Found(**msgspec.structs.asdict(build.finding(finding)), provisional=True)
