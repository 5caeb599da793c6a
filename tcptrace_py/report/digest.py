"""What a person wants to know first: findings grouped by cause, and the worst connections.  Bounded, however long the run.

The table and the Markdown report are two ways to write a Digest.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from msgspec import Struct

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
EFFECTS: dict[str, tuple[str, ...]] = {
    "stuck-fin-wait-2": ("stuck-close-wait",),
    "syn-retransmit": ("syn-unanswered", "connection-refused", "accept-queue-overflow", "half-open-peer"),
    "synack-retransmit": ("accept-queue-overflow", "handshake-incomplete"),
    "fin-retransmit": ("final-ack-lost", "missing-final-ack", "stuck-fin-wait-1", "stuck-closing", "stuck-last-ack"),
    "reset": ("data-after-peer-fin", "keepalive-failure", "idle-then-reset", "reset-injection"),
    "abortive-close": ("reset", "data-after-peer-fin", "keepalive-failure"),
    "reset-after-handshake": ("reset",),
    "retransmission": ("dead-peer", "idle-then-reset"),
    "idle-then-reset": ("dead-peer",),
    "challenge-ack": ("reset-not-accepted",),
}
"""Findings that only show another one from a different side: told with it, where the connection has both."""
CAPTURE_FAMILY = "capture"
"""Findings of this family say what cannot be known; they blame nobody."""


class Group(Struct):
    """Findings of one rule about one side."""

    rule: str
    family: str
    severity: str
    endpoint: str | None
    count: int = 0
    connections: int = 0
    examples: list[Finding] = []
    """The first few."""
    names: dict[str, int] = {}
    """The endpoints it is about (of clients, whose ports change, the addresses), with the number of findings."""
    more_names: bool = False
    effects: dict[str, int] = {}
    """Rules that found what follows from it, with the number of findings."""


class Side(Struct, frozen=True, gc=False):
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


class Row(Struct, frozen=True, gc=False):
    """One connection, as a person compares them."""

    number: int
    first: Address
    second: Address
    client: Side
    server: Side
    application: str = ""
    """What it carries, if that was asked and is known."""


class Digest:
    """Collects as connections come."""

    def __init__(self, most_rows: int, labels: Mapping[int, str] | None = None) -> None:
        """``labels``: application protocols of connections, by number."""
        self._labels = labels
        self._most_rows = most_rows
        self._groups: dict[tuple[str, str | None], Group] = {}
        self._worst: list[tuple[tuple[int, int, int], Row]] = []  # a heap: the least bad first
        self._fine: list[tuple[int, Row]] = []  # likewise: the highest number first

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Take a connection in."""
        if not findings:
            self._keep_first(c)
            return
        rank = 0
        rules = {f.rule for f in findings}
        seen: set[tuple[str, str | None]] = set()
        for f in findings:
            rank = max(rank, SEVERITIES.index(f.severity))
            root = cause_of(f.rule, rules)
            if root != f.rule:
                cause = next(g for g in findings if g.rule == root)
                effects = self._group(cause).effects
                effects[f.rule] = effects.get(f.rule, 0) + 1
                continue
            group = self.finding(f)
            key = (f.rule, f.endpoint)
            if key not in seen:
                seen.add(key)
                group.connections += 1
                count_name(group, c)
        badness = (rank, max(c.observed_until - c.start, 0), -c.number)
        if len(self._worst) < self._most_rows:
            heapq.heappush(self._worst, (badness, row_of(c, findings, self._labels)))
        elif badness > self._worst[0][0]:
            heapq.heapreplace(self._worst, (badness, row_of(c, findings, self._labels)))

    def _keep_first(self, c: Connection) -> None:
        """Of those without a finding, the first ones by number, in whatever order they come."""
        if len(self._fine) < self._most_rows:
            heapq.heappush(self._fine, (-c.number, row_of(c, [], self._labels)))
        elif -c.number > self._fine[0][0]:
            heapq.heapreplace(self._fine, (-c.number, row_of(c, [], self._labels)))

    def finding(self, f: Finding) -> Group:
        """Count a finding; returns its group."""
        group = self._group(f)
        group.count += 1
        if SEVERITIES.index(f.severity) > SEVERITIES.index(group.severity):
            group.severity = f.severity
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(f)
        return group

    def _group(self, f: Finding) -> Group:
        """The group that a finding belongs to."""
        group = self._groups.get((f.rule, f.endpoint))
        if group is None:
            group = Group(f.rule, f.family, f.severity, f.endpoint)
            self._groups[f.rule, f.endpoint] = group
        return group

    def groups(self) -> list[Group]:
        """The worst first, then the most frequent."""
        return sorted(self._groups.values(), key=lambda g: (-SEVERITIES.index(g.severity), -g.count, g.rule))

    def rows(self) -> list[Row]:
        """The worst connections, worst first; if there are no bad ones, the first ones."""
        if self._worst:
            return [row for _, row in sorted(self._worst, key=lambda item: item[0], reverse=True)]
        return [row for _, row in sorted(self._fine, key=lambda item: -item[0])]


def cause_of(rule: str, found: set[str]) -> str:
    """What a finding follows from, among those of one connection, back to what follows from none of them."""
    for cause in EFFECTS.get(rule, ()):
        if cause in found:
            return cause_of(cause, found)
    return rule


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


def row_of(c: Connection, findings: list[Finding], labels: Mapping[int, str] | None = None) -> Row:
    """A connection as a row."""
    client, server = addresses(c)
    label = "" if labels is None else labels.get(int(c.number), "")
    return Row(c.number, client, server, side_of(c, 0, client, findings), side_of(c, 1, server, findings), label)


def side_of(c: Connection, which: int, address: Address, findings: list[Finding]) -> Side:
    """One side of it; a finding about no side stands with the client."""
    e = c.server if which else c.client
    worst_first = sorted(findings, key=lambda f: -SEVERITIES.index(f.severity))
    mine = ("server",) if which else ("client", None)
    return Side(
        name=endpoint_text(address.address, address.port),
        state=st.NAMES[e.state],
        nanoseconds=max(c.observed_until - e.steps[-1].time, 0),
        evidence=EVIDENCE_NAMES[e.evidence_at_end()],
        also_possible=len(st.mask_names(e.possible & ~(1 << e.state))),
        closed=closing_of(c, which, e),
        findings=tuple(dict.fromkeys(f.rule for f in worst_first if f.endpoint in mine)),
    )


def closing_of(c: Connection, which: int, e: Endpoint) -> str:
    """How it closed its side."""
    if c.closing == SIMULTANEOUS_CLOSE:
        return "FIN, both at once"
    parts = [("FIN", e.fin_time)] if e.fin >= 0 else []
    if c.reset_by == which or e.rst_time >= 0:
        parts.append(("RST", e.rst_time if e.rst_time >= 0 else c.reset_time))
    names = [name for name, _ in sorted(parts, key=lambda part: part[1])]
    if names and c.first_closer == which:
        names[0] += " first"
    return ", ".join(names)
