"""Connection and findings, as the engine holds them → the report's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import cast

from msgspec import UNSET

from tcptrace_py import engine
from tcptrace_py.machine import states as st
from tcptrace_py.machine import story
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint, Step
from tcptrace_py.report import model
from tcptrace_py.report.connection_text import ConnectionText
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.figures import sent
from tcptrace_py.report.identity import address_text, community_id, ports
from tcptrace_py.report.text import known, maybe_seconds, seconds
from tcptrace_py.rules.finding import Finding

_POSSIBLE = [cast("list[model.State]", st.mask_names(mask)) for mask in range(st.ANY + 1)]
_EVIDENCE = cast("tuple[model.Evidence, ...]", EVIDENCE_NAMES)
_NAMES = cast("tuple[model.State, ...]", st.NAMES)
_OPENINGS = cast("tuple[model.Opening, ...]", story.OPENINGS)
_CLOSINGS = cast("tuple[model.Closing, ...]", story.CLOSINGS)
_OUTCOMES = cast("tuple[model.Outcome, ...]", story.OUTCOMES)


def connection(c: Connection, findings: list[Finding], labels: Mapping[int, str] | None = None) -> model.Connection:
    """One connection, as it stands at the end of its observation.  ``labels``: application protocols, by number."""
    half = (len(c.key) - 4) // 2
    client_port, server_port = ports(c.key)
    until = c.observed_until
    return model.Connection(
        id=c.number,
        client=model.Address(address_text(c.key[:half]), client_port),
        server=model.Address(address_text(c.key[half : 2 * half]), server_port),
        start=seconds(c.start),
        end=seconds(c.end),
        duration=seconds(max(c.end - c.start, 0)),
        first_frame=c.first_frame,
        last_frame=c.last_frame,
        packets=c.packets,
        opening=_OPENINGS[c.opening],
        closing=_CLOSINGS[c.closing],
        outcome=_OUTCOMES[c.outcome],
        closed_by=closed_by(c),
        community_id=community_id(c.key),
        history=c.history,
        rtt=model.Rtt(maybe_seconds(c.handshake_to_server), maybe_seconds(c.handshake_to_client)),
        endpoints=model.Endpoints(endpoint(c, c.client, c.server), endpoint(c, c.server, c.client)),
        findings=rules_of(findings),
        incarnation=c.incarnation,
        observed_until=seconds(until),
        evicted=c.evicted,
        application=UNSET if labels is None else labels.get(int(c.number)),
    )


def text_of(labels: dict[int, str] | None, end: bytes) -> Callable[[Connection, list[Finding]], bytes]:
    """What gives the JSON of a connection, and ``end`` behind it: the faster of two ways that give the same."""
    if engine.COMPILED:
        as_object = ConnectionText(to_json, labels, end, is_json=True).as_object
        return lambda c, findings: as_object(c, rules_of(findings))
    return lambda c, findings: to_json(connection(c, findings, labels)) + end


def rules_of(findings: list[Finding]) -> list[str]:
    """The rules that found something, each once."""
    return list(dict.fromkeys(f.rule for f in findings)) if findings else []


def closed_by(c: Connection) -> model.Closer | None:
    """Who closed first; both when neither had seen the other's FIN."""
    if c.closing == story.SIMULTANEOUS_CLOSE:
        return "both"
    if c.first_closer < 0:
        return None
    return "client" if c.first_closer == 0 else "server"


def endpoint(c: Connection, e: Endpoint, p: Endpoint) -> model.Endpoint:
    """One side of a connection; ``p`` is the other."""
    steps = e.steps
    top = steps[-1]
    # the step before anything was seen of it is a placeholder, unless it is all there is
    first = 1 if len(steps) > 1 and 1 << steps[0].state & st.NO_CONNECTION else 0
    return model.Endpoint(
        state=_NAMES[e.state],
        evidence=_EVIDENCE[e.evidence_at_end()],
        possible=_POSSIBLE[e.possible | 1 << e.state],
        since=seconds(top.time),
        since_frame=None if top.frame < 0 else top.frame,
        timeline=[entry(step) for step in steps[first:]],
        retracted=[
            model.Retracted(
                state=_NAMES[r.step.state],
                time=seconds(r.step.time),
                frame=None if r.step.frame < 0 else r.step.frame,
                refuted_by=r.refuted_by,
                why=r.why,
            )
            for r in e.retracted
        ],
        time_in_state=time_in_state(steps, c.start, c.observed_until),
        sent=sent(e, p, c.end),
    )


def entry(step: Step) -> model.Entry:
    """One entry of the timeline."""
    return model.Entry(
        state=_NAMES[step.state],
        time=seconds(step.time),
        frame=None if step.frame < 0 else step.frame,
        evidence=_EVIDENCE[step.evidence],
        confirmed_by=None if step.confirmed_by < 0 else step.confirmed_by,
        why=step.why,
    )


def time_in_state(steps: list[Step], start: int, until: int) -> dict[str, Decimal]:
    """Seconds in each state from ``start`` to ``until``; they add up to just that.

    A step takes effect when all before it have: captures may run backwards in time, states do not.
    """
    spent: dict[str, int] = {}
    now = start
    name = st.NAMES[steps[0].state]
    for step in steps[1:]:
        then = step.time
        if then > until:
            then = until
        if then > now:
            spent[name] = spent.get(name, 0) + then - now
            now = then
        name = st.NAMES[step.state]
    spent[name] = spent.get(name, 0) + (until - now if until > now else 0)
    return {name: seconds(ns) for name, ns in spent.items()}


def finding(f: Finding) -> model.Finding:
    """One finding."""
    return model.Finding(
        rule=f.rule,
        family=f.family,
        severity=cast("model.Severity", f.severity),
        confidence=cast("model.Confidence", f.confidence),
        connection=f.connection,
        endpoint=cast("model.Side | None", f.endpoint),
        time=seconds(f.time),
        frame=known(f.frame),
        related_frames=list(f.related_frames),
        message=f.message,
        evidence=f.evidence,
        alternatives=list(f.alternatives),
    )
