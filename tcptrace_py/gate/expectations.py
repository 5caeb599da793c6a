"""Expectations: what a project wants to be true of its connections, each a test case with a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tcptrace_py.config import suggest
from tcptrace_py.gate.scope import KEYS as SCOPE_KEYS
from tcptrace_py.gate.scope import Scope, check_name, read_scope
from tcptrace_py.gate.toml import Table
from tcptrace_py.machine import story
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report.build import closed_by
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Case, Miss, Place, Result
from tcptrace_py.rules.catalogue import members
from tcptrace_py.rules.finding import Finding

MOST_MISSES = 5
"""Connections named in a case that failed."""

CLOSERS = ("client", "server", "both")
DEMANDS = (
    "closed_by",
    "outcome",
    "no_findings",
    "no_resets_from",
    "max_retransmission_share",
    "min_connections",
)
KEYS = ("name", *SCOPE_KEYS, *DEMANDS)


class Expectation(NamedTuple):
    """One of them; None and empty: not asked for."""

    name: str
    scope: Scope
    closed_by: str | None = None
    """Who closes first, of connections that anybody closed."""
    outcome: tuple[str, ...] = ()
    """What may become of a connection."""
    no_findings: tuple[str, ...] = ()
    """Rules or families."""
    no_resets_from: tuple[int, ...] = ()
    """Ports whose side sends no RST."""
    max_retransmission_share: float | None = None
    """Of all segments with data, those sent again."""
    min_connections: int | None = None


def read_expectation(table: Table) -> Expectation:
    """What a table of the configuration says.  Raises ConfigError."""
    found = Expectation(
        name=table.text("name") or "",
        scope=read_scope(table),
        closed_by=table.choice("closed_by", CLOSERS),
        outcome=table.words("outcome") or (),
        no_findings=table.words("no_findings") or (),
        no_resets_from=table.ports("no_resets_from") or (),
        max_retransmission_share=table.number("max_retransmission_share", 1),
        min_connections=table.count("min_connections"),
    )
    if not found.name:
        raise table.error("an expectation needs a name, for the test case that it becomes")
    for word in found.outcome:
        if word not in story.OUTCOMES:
            raise table.error(f"outcome: no {printable(word)!r}{suggest(word, story.OUTCOMES)}")
    for word in found.no_findings:
        check_name(table, "no_findings", word)
    if not any(demand in table for demand in DEMANDS):
        raise table.error(f"it expects nothing; there are {', '.join(DEMANDS)}")
    return found


class Trial:
    """An expectation, held against connections as they come."""

    def __init__(self, expectation: Expectation) -> None:
        self.expectation = expectation
        self.connections = 0
        self.missed = 0
        self.misses: list[Miss] = []
        self.data = 0
        self.again = 0
        self._unwanted = {rule.name for name in expectation.no_findings for rule in members(name)}

    def connection(
        self,
        c: Connection,
        findings: list[Finding],
        sides: tuple[tuple[bytes, int], ...],
        place: Callable[[], Place],
    ) -> None:
        """Take a connection in; ``findings`` without those that are ignored."""
        wanted = self.expectation
        if not wanted.scope.holds(sides):
            return
        if wanted.no_resets_from and not any(port in wanted.no_resets_from for _, port in sides):
            return
        self.connections += 1
        for e in (c.client, c.server):
            self.data += e.sent.data_packets
            self.again += e.sent.retransmitted_packets
        wrong = [*self._wrong(c, sides), *self._unwanted_findings(findings)]
        if wrong:
            self.missed += 1
            if len(self.misses) < MOST_MISSES:
                text, frame = wrong[0]
                self.misses.append(Miss(place(), frame, "; ".join([text, *(other for other, _ in wrong[1:])])))

    def _wrong(self, c: Connection, sides: tuple[tuple[bytes, int], ...]) -> list[tuple[str, int]]:
        """What is not as expected of the connection itself, each with a frame to look at."""
        wanted = self.expectation
        wrong = []
        closer = closed_by(c)
        if wanted.closed_by and closer is not None and closer != wanted.closed_by:
            wrong.append((f"closed first by {'both sides' if closer == 'both' else 'the ' + closer}", c.first_frame))
        outcome = story.OUTCOMES[c.outcome]
        if wanted.outcome and outcome not in wanted.outcome:
            wrong.append((f"its outcome is {outcome}", c.first_frame))
        for e, (_, port), side in zip((c.client, c.server), sides, ("client", "server"), strict=True):
            if port in wanted.no_resets_from and e.sent.rst:
                wrong.append((f"the {side} (port {port}) sent {e.sent.rst} RST", c.first_frame))
        return wrong

    def _unwanted_findings(self, findings: list[Finding]) -> list[tuple[str, int]]:
        return [(f"{f.rule} in frame {f.frame}", f.frame) for f in findings if f.rule in self._unwanted]

    def case(self) -> Case:
        """What came of it."""
        wanted = self.expectation
        wrong = []
        if self.missed:
            first = self.misses[0].place
            example = f"connection {first.connection}, {first.client} to {first.server}: {self.misses[0].message}"
            wrong.append(f"{self.missed} of {self.connections} connections are not so ({example})")
        share = self.again / self.data if self.data else 0.0
        most = wanted.max_retransmission_share
        if most is not None and share > most:
            wrong.append(
                f"{self.again} of {self.data} segments with data were sent again: {share:.2%}, and {most:.2%} are allowed"
            )
        if wanted.min_connections is not None and self.connections < wanted.min_connections:
            wrong.append(f"{self.connections} connections, and at least {wanted.min_connections} are expected")
        result: Result = "failed" if wrong else "passed"
        if not wrong and not self.connections and wanted.min_connections is None:
            result = "skipped"
            wrong = ["no connection is of this kind (min_connections would make that a failure)"]
        return Case(wanted.name, result, "; ".join(wrong), self.connections, self.missed, self.misses)
