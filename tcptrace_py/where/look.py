"""One connection, as an expression sees it: what takes time to make is made when it is asked for, and once."""

from __future__ import annotations

from decimal import Decimal

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.report import build, model
from tcptrace_py.report.figures import sent
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge


class Look:
    """A look at a connection that can no longer change."""

    __slots__ = ("_endpoints", "_findings", "_judge", "_sent", "c")

    def __init__(self, c: Connection, judge: Judge) -> None:
        self.c = c
        self._judge = judge
        self._findings: list[Finding] | None = None
        self._sent: list[model.Sent | None] = [None, None]
        self._endpoints: list[model.Endpoint | None] = [None, None]

    def findings(self) -> list[Finding]:
        """What the rules find of it, each connection judged for itself."""
        if self._findings is None:
            self._findings = self._judge.connection(self.c) if self.c.facts & self._judge.facts else []
        return self._findings

    def connection(self) -> model.Connection:
        """The whole of it, as in the report."""
        return build.connection(self.c, self.findings())

    def endpoint(self, side: int) -> model.Endpoint:
        """A side, as in the report."""
        made = self._endpoints[side]
        if made is None:
            made = build.endpoint(self.c, *self._sides(side))
            self._endpoints[side] = made
        return made

    def sent(self, side: int) -> model.Sent:
        """Its counters."""
        made = self._sent[side]
        if made is None:
            made = sent(*self._sides(side), self.c.end)
            self._sent[side] = made
        return made

    def _sides(self, side: int) -> tuple[Endpoint, Endpoint]:
        """That one and the other."""
        c = self.c
        return (c.client, c.server) if side == CLIENT else (c.server, c.client)

    def time_in_state(self, side: int) -> dict[str, Decimal]:
        """Seconds in each state."""
        e = self.c.client if side == CLIENT else self.c.server
        return build.time_in_state(e.steps, self.c.start, self.c.observed_until)

    def possible(self, side: int) -> list[str]:
        """Every state that it may be in."""
        e = self.c.client if side == CLIENT else self.c.server
        return st.mask_names(e.possible | 1 << e.state)
