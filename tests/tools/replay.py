"""Runs a scenario: once segment by segment, to look at the states after each frame, and once through the whole pipeline.

``check(scenario)`` gives one line for everything that is not as the scenario says; no line means that all is well.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field, fields, replace

from tcptrace_py.capture import Captures, open_captures
from tcptrace_py.cli.analysis import comparison_for
from tcptrace_py.config import Config, Thresholds, timers_for
from tcptrace_py.decode import Decoder
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import QUOTED, SEGMENT, Record, Segment
from tcptrace_py.pipeline import Pipeline, Tally
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge
from tools.captures import SECOND
from tools.conversation import Host, Scenario, State


@dataclass
class Outcome:
    """What the pipeline made of a scenario."""

    connections: list[Connection] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def rules(self) -> list[str]:
        """The names of the findings, sorted."""
        return sorted(finding.rule for finding in self.findings)


def config_of(scenario: Scenario) -> Config:
    """The configuration that its ``config:`` lines describe."""
    given = dict(scenario.config)
    profile = given.pop("profile", "linux")
    thresholds = Thresholds()
    types = {f.name: type(getattr(thresholds, f.name)) for f in fields(Thresholds)}
    changes = {name: types[name](given.pop(name)) for name in list(given) if name in types}
    bound = int(given.pop("max_connections", "0"))
    compares = given.pop("compare_payload", "") == "yes"
    timers = timers_for(profile, {name: float(value) for name, value in given.items()})
    return Config(
        profile=profile,
        timers=timers,
        thresholds=replace(thresholds, **changes),
        max_connections=bound,
        compare_payload=compares,
    )


def tracker_for(config: Config) -> Tracker:
    """A tracker with the configured timers and limits."""
    seconds = [round(getattr(config.timers, f.name) * SECOND) for f in fields(config.timers)]
    return Tracker(Timers(*seconds), Limits(config.max_connections, round(config.thresholds.stuck * SECOND)))


def run(scenario: Scenario, config: Config | None = None) -> Outcome:
    """Through the whole pipeline."""
    outcome = Outcome()

    def take(c: Connection, findings: list[Finding]) -> None:
        outcome.connections.append(c)
        outcome.findings.extend(findings)

    config = config or config_of(scenario)
    pipeline = Pipeline(
        _open(scenario),
        Decoder(),
        tracker_for(config),
        Judge(config),
        take,
        1 << 62,
        None,
        None,
        comparison_for(config),
    )
    pipeline.run()
    outcome.connections.sort(key=lambda c: c.number)
    outcome.findings.extend(pipeline.capture_findings)
    outcome.tally = pipeline.tally
    return outcome


def check(scenario: Scenario) -> list[str]:
    """Everything that is not as the scenario says."""
    outcome = run(scenario)
    wrong = check_frames(scenario)
    for which, states in scenario.final.items():
        wrong += [line for state in states for line in _final(outcome, which, state)]
    for retracted in scenario.retracted:
        found = [
            (st.NAMES[r.step.state], r.refuted_by)
            for c in outcome.connections
            for r in _endpoint(c, retracted.host).retracted
            if _takes_part(c, retracted.host)
        ]
        if (retracted.state, retracted.by) not in found:
            wrong.append(f"not retracted: {retracted.state} by {retracted.by}; retracted: {found}")
    return wrong + check_findings(scenario, outcome)


def check_frames(scenario: Scenario) -> list[str]:
    """The states after each frame, segment by segment."""
    captures = _open(scenario)
    decoder = Decoder()
    tracker = tracker_for(config_of(scenario))
    record, segment = Record(), Segment()
    wrong = []
    for frame in scenario.frames:
        assert captures.next(record)
        kind = decoder.decode(record, segment)
        if kind == SEGMENT:
            tracker.segment(segment)
        elif kind == QUOTED:
            tracker.quoted(segment)
        tracker.finished.clear()
        for state in frame.states:
            c = tracker.connection(_key(state.host, state.peer))
            wrong += [f"after frame {frame.number} (line {frame.line}): {line}" for line in _differs(c, state)]
    return wrong


def check_findings(scenario: Scenario, outcome: Outcome) -> list[str]:
    """The findings, as far as the scenario says which."""
    if scenario.findings is None:
        return []
    wanted = Counter(expected.rule for expected in scenario.findings)
    found = Counter(outcome.rules)
    wrong = [f"finding missing: {name}" for name in (wanted - found).elements()]
    wrong += [f"finding too many: {f.rule}: {f.message}" for f in outcome.findings if found[f.rule] > wanted[f.rule]]
    by_number = {c.number: c for c in outcome.connections}
    for expected in scenario.findings:
        those = [finding for finding in outcome.findings if finding.rule == expected.rule]
        if expected.severity and all(finding.severity != expected.severity for finding in those):
            wrong.append(f"{expected.rule} is {[finding.severity for finding in those]}, not {expected.severity}")
        if expected.letter:
            host = scenario.hosts[expected.letter]
            if not any(_blames(finding, by_number, host) for finding in those):
                wrong.append(f"{expected.rule} does not blame {expected.letter}: {[f.endpoint for f in those]}")
    return wrong


def _blames(finding: Finding, connections: dict[int, Connection], host: Host) -> bool:
    if finding.connection is None or finding.endpoint is None:
        return False
    c = connections[finding.connection]
    size = len(host.address)
    at = 0 if finding.endpoint == "client" else size
    return bytes(c.key[at : at + size]) == host.address


def _open(scenario: Scenario) -> Captures:
    return open_captures(["-"], io.BytesIO(scenario.capture()))


def _key(host: Host, peer: Host) -> bytes:
    return host.address + peer.address + host.port.to_bytes(2, "big") + peer.port.to_bytes(2, "big")


def _takes_part(c: Connection, host: Host) -> bool:
    return host.end in (_end(c.key, 0), _end(c.key, 1))


def _end(key: bytes, side: int) -> bytes:
    size = 4 if len(key) == 12 else 16
    at = len(key) - 4 + 2 * side
    return key[size * side : size * (side + 1)] + key[at : at + 2]


def _endpoint(c: Connection, host: Host) -> Endpoint:
    return c.client if _end(c.key, 0) == host.end else c.server


def _final(outcome: Outcome, which: int, state: State) -> list[str]:
    """The state at the end, of connection number ``which``, or of the last one of both ends."""
    ends = {state.host.end, state.peer.end}
    those = [c for c in outcome.connections if {_end(c.key, 0), _end(c.key, 1)} == ends]
    if which:
        those = [c for c in outcome.connections if c.number == which]
    return [f"at the end: {line}" for line in _differs(those[-1] if those else None, state)]


def _differs(c: Connection | None, state: State) -> list[str]:
    if c is None or not _takes_part(c, state.host):
        return [f"{state.name} has no connection"]
    e = _endpoint(c, state.host)
    name = st.NAMES[e.state]
    possible = set(st.mask_names(e.possible))
    if state.alone and possible != {name}:
        return [f"{state.name} may be {sorted(possible)}, not {name} alone"]
    if len(state.states) > 1:
        if name in state.states and possible == set(state.states):
            return []
        return [f"{state.name} may be {sorted(possible)} ({name}), not {sorted(state.states)}"]
    top = e.top()
    evidence = "proven" if top.is_sure() else EVIDENCE_NAMES[top.evidence]
    if (name, evidence) == (state.states[0], state.evidence):
        return []
    return [f"{state.name} is {name} ({evidence}), not {state.states[0]} ({state.evidence})"]
