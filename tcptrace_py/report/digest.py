"""What a person wants to know first: findings grouped by cause, and the worst connections.  Bounded, however long the run.

The table and the Markdown report are two ways to write a Digest.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint
from tcptrace_py.machine.story import SIMULTANEOUS_CLOSE
from tcptrace_py.report.identity import address_text, endpoint_text, ports
from tcptrace_py.report.model import Address
from tcptrace_py.rules.finding import SEVERITIES, Finding

MOST_NAMES = 1000
"""Different endpoints counted in a group."""
MOST_EXAMPLES = 5
CAPTURE_FAMILY = "capture"
"""Findings of this family say what cannot be known; they blame nobody."""


@dataclass
class Group:
    """Findings of one rule about one side."""

    rule: str
    family: str
    severity: str
    endpoint: str | None
    count: int = 0
    connections: int = 0
    examples: list[Finding] = field(default_factory=list)
    """The first few."""
    names: dict[str, int] = field(default_factory=dict)
    """The endpoints it is about (of clients, whose ports change, the addresses), with the number of findings."""
    more_names: bool = False


@dataclass(frozen=True)
class Side:
    """One endpoint of a row."""

    name: str
    state: str
    nanoseconds: int
    """How long it has been in it."""
    evidence: str
    also_possible: int
    """How many other states it may be in."""
    closed: str
    """What it sent to close: FIN or RST, and whether that came first; empty: nothing."""
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One connection, as a person compares them."""

    number: int
    first: Address
    second: Address
    client: Side
    server: Side


class Digest:
    """Collects as connections come."""

    def __init__(self, most_rows: int) -> None:
        self._most_rows = most_rows
        self._groups: dict[tuple[str, str | None], Group] = {}
        self._worst: list[tuple[tuple[int, int, int], Row]] = []  # a heap: the least bad first
        self._fine: list[Row] = []

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Take a connection in."""
        if not findings:
            if c.number <= self._most_rows:
                self._fine.append(row_of(c, findings))
            return
        rank = 0
        seen: set[tuple[str, str | None]] = set()
        for f in findings:
            rank = max(rank, SEVERITIES.index(f.severity))
            group = self.finding(f)
            key = (f.rule, f.endpoint)
            if key not in seen:
                seen.add(key)
                group.connections += 1
                count_name(group, c)
        badness = (rank, max(c.observed_until - c.start, 0), -c.number)
        if len(self._worst) < self._most_rows:
            heapq.heappush(self._worst, (badness, row_of(c, findings)))
        elif badness > self._worst[0][0]:
            heapq.heapreplace(self._worst, (badness, row_of(c, findings)))

    def finding(self, f: Finding) -> Group:
        """Count a finding; returns its group."""
        group = self._groups.get((f.rule, f.endpoint))
        if group is None:
            group = Group(f.rule, f.family, f.severity, f.endpoint)
            self._groups[f.rule, f.endpoint] = group
        group.count += 1
        if SEVERITIES.index(f.severity) > SEVERITIES.index(group.severity):
            group.severity = f.severity
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(f)
        return group

    def groups(self) -> list[Group]:
        """The worst first, then the most frequent."""
        return sorted(self._groups.values(), key=lambda g: (-SEVERITIES.index(g.severity), -g.count, g.rule))

    def rows(self) -> list[Row]:
        """The worst connections, worst first; if there are no bad ones, the first ones."""
        if self._worst:
            return [row for _, row in sorted(self._worst, key=lambda item: item[0], reverse=True)]
        return sorted(self._fine, key=lambda row: row.number)


def count_name(group: Group, c: Connection) -> None:
    """Count whom the finding is about; without a side, the server it happened at."""
    client, server = addresses(c)
    name = client.address if group.endpoint == "client" else endpoint_text(server.address, server.port)
    if name in group.names or len(group.names) < MOST_NAMES:
        group.names[name] = group.names.get(name, 0) + 1
    else:
        group.more_names = True


def addresses(c: Connection) -> tuple[Address, Address]:
    """The client's and the server's."""
    half = (len(c.key) - 4) // 2
    client_port, server_port = ports(c.key)
    return Address(address_text(c.key[:half]), client_port), Address(address_text(c.key[half : 2 * half]), server_port)


def row_of(c: Connection, findings: list[Finding]) -> Row:
    """A connection as a row."""
    client, server = addresses(c)
    return Row(c.number, client, server, side_of(c, 0, client, findings), side_of(c, 1, server, findings))


def side_of(c: Connection, which: int, address: Address, findings: list[Finding]) -> Side:
    """One side of it; a finding about no side stands with the client."""
    e = c.server if which else c.client
    mine = ("server",) if which else ("client", None)
    return Side(
        name=endpoint_text(address.address, address.port),
        state=st.NAMES[e.state],
        nanoseconds=max(c.observed_until - e.steps[-1].time, 0),
        evidence=EVIDENCE_NAMES[e.evidence_at(c.observed_until)],
        also_possible=len(st.mask_names(e.possible & ~(1 << e.state))),
        closed=closing_of(c, which, e),
        findings=tuple(dict.fromkeys(f.rule for f in findings if f.endpoint in mine)),
    )


def closing_of(c: Connection, which: int, e: Endpoint) -> str:
    """How it closed its side."""
    if c.closing == SIMULTANEOUS_CLOSE:
        return "FIN, both at once"
    sent_fin = e.fin >= 0
    sent_rst = c.reset_by == which or e.rst_time >= 0
    how = "FIN" if sent_fin else "RST" if sent_rst else ""
    if sent_fin and sent_rst:
        how = "FIN, RST" if e.rst_time < 0 or e.fin_time <= e.rst_time else "RST, FIN"
    return f"{how} first".strip() if c.first_closer == which else how
