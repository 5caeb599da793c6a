"""The gate: takes connections with their findings as they come, and reaches a verdict at the end."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.config import Config
from tcptrace_py.gate.baseline import Fingerprints
from tcptrace_py.gate.expectations import Expectation, Trial
from tcptrace_py.gate.scope import Scope
from tcptrace_py.gate.settings import Ignore
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model
from tcptrace_py.report.identity import address_text, community_id, endpoint_text, ports
from tcptrace_py.report.sink import EVERY, Ending
from tcptrace_py.report.verdict import Decision, Place, Reported, Verdict, source_of
from tcptrace_py.rules.catalogue import fails, members, selected
from tcptrace_py.rules.finding import Finding

NEVER = ("never",)
Sides = tuple[tuple[bytes, int], ...]


class Held(NamedTuple):
    """A finding until the end, when its number among others is known."""

    finding: Finding
    place: Place | None
    reason: str
    endpoints: model.Endpoints | None


class Gate:
    """A Sink, of which a verdict comes instead of a report."""

    def __init__(
        self,
        config: Config,
        ignores: tuple[Ignore, ...] = (),
        expectations: tuple[Expectation, ...] = (),
        known: frozenset[str] | None = None,
        *,
        wants_endpoints: bool = False,
    ) -> None:
        """``known``: the fingerprints of a baseline; None: there is none.  Raises ConfigError for names without a rule."""
        self.detailed = False
        self.wants_first = EVERY if expectations else 0
        self._config = config
        self._rules = tuple(rule.name for rule in selected(config.select, config.ignore))
        self._ignores = [
            (frozenset(rule.name for name in entry.rules for rule in members(name)), entry) for entry in ignores
        ]
        self._trials = [Trial(expectation) for expectation in expectations]
        self._known = known
        self._wants_endpoints = wants_endpoints
        self._held: list[Held] = []
        self.verdict: Verdict | None = None
        """Known when everything has been read."""

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """A connection that can no longer change, with its findings."""
        half = (len(c.key) - 4) // 2
        client_port, server_port = ports(c.key)
        sides = ((c.key[:half], client_port), (c.key[half : 2 * half], server_port))
        place = Places(c, sides)
        counted = []
        endpoints = None
        if findings and self._wants_endpoints:
            endpoints = build.connection(c, findings).endpoints
        for finding in findings:
            reason = self._reason(finding, sides)
            if not reason:
                counted.append(finding)
            self._held.append(Held(finding, place(), reason, endpoints))
        for trial in self._trials:
            trial.connection(c, counted, sides, place)

    def _reason(self, finding: Finding, sides: Sides | None) -> str:
        """Why a finding is ignored; empty: it is not.  ``sides`` is None where it is about the whole."""
        for rules, entry in self._ignores:
            in_scope = entry.scope == Scope() if sides is None else entry.scope.holds(sides)
            if in_scope and (not rules or finding.rule in rules):
                return entry.reason
        return ""

    def finish(self, ending: Ending) -> None:
        """Everything has been read: reach the verdict."""
        held = [*self._held, *(Held(finding, None, self._reason(finding, None), None) for finding in ending.findings)]
        # Connections come when they are over: number them in the order of their frames, whatever came first
        held.sort(key=lambda h: (h.finding.frame, h.place.connection if h.place else 0))
        fingerprints = Fingerprints()
        reported = []
        for finding, place, reason, endpoints in held:
            fingerprint = fingerprints.of(finding, place.community_id if place else "")
            decision = self._decide(finding, reason, fingerprint)
            source = source_of(ending.capture, finding.frame)
            reported.append(Reported(finding, place, fingerprint, decision, reason, source, endpoints))
        cases = [trial.case() for trial in self._trials]
        missed = any(case.result == "failed" for case in cases) and self._config.fail_on != NEVER
        known = self._known or frozenset()
        self.verdict = Verdict(
            tool=ending.tool,
            capture=ending.capture,
            summary=ending.summary,
            reported=reported,
            cases=cases,
            rules=self._rules,
            has_baseline=self._known is not None,
            # with a filter, what is not found may be there all the same
            gone=[] if self._config.is_selective else sorted(known - {r.fingerprint for r in reported}),
            failed=missed or any(r.decision == "fails" for r in reported),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _decide(self, finding: Finding, reason: str, fingerprint: str) -> Decision:
        if reason:
            return "ignored"
        if self._known is not None and fingerprint in self._known:
            return "baselined"
        return "fails" if fails(self._config, finding) else "reported"


class Places:
    """Says who a connection is between, when it is asked."""

    def __init__(self, c: Connection, sides: Sides) -> None:
        self._c = c
        self._sides = sides
        self._place: Place | None = None

    def __call__(self) -> Place:
        if self._place is None:
            (client, client_port), (server, server_port) = self._sides
            self._place = Place(
                self._c.number,
                endpoint_text(address_text(client), client_port),
                endpoint_text(address_text(server), server_port),
                community_id(self._c.key),
            )
        return self._place
