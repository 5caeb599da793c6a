"""What was captured, as the report has it, and assertions about it that explain themselves when they fail."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tcptrace_py.errors import ConfigError

if TYPE_CHECKING:
    from tcptrace_py.config import Config
    from tcptrace_py.report import model

States = str | Sequence[str] | None
WIDTH = 100
MOST_LINES = 20
"""Findings that a failing assertion lists."""


class Judged:
    """The report on a capture, once it has been taken, and what a test may ask of it."""

    def __init__(self, config: Config | None) -> None:
        self._config = config
        self._report: model.Report | None = None
        self.path = ""
        """The capture: a file that is there as long as this object; ``save`` keeps it."""
        self.dropped: int | None = None
        """Packets that the capture tool lost; None: it did not say."""

    # ---- what there is

    @property
    def report(self) -> model.Report:
        """The whole report, as ``tcpfsm analyze --format json`` has it."""
        if self._report is None:
            raise RuntimeError("there is no report before the end of the with block")
        return self._report

    @property
    def connections(self) -> list[model.Connection]:
        """Every connection, in the order in which they began."""
        return self.report.connections

    @property
    def findings(self) -> list[model.Finding]:
        """Every finding."""
        return self.report.findings

    def ladder(self, connection: int = 1, *, width: int = WIDTH) -> str:
        """One connection as ``tcpfsm show`` draws it; by its id.  Raises ConfigError when there is none."""
        from tcptrace_py.cli.showing import read_ladder
        from tcptrace_py.ladder.as_text import render
        from tcptrace_py.ladder.choice import Choice

        drawn, _ = read_ladder([self.path], self._settings(), Choice(str(connection), number=connection), whole=False)
        return render(drawn, width=width)

    def save(self, path: str) -> None:
        """Copy the capture there, to look at it with other tools."""
        shutil.copyfile(self.path, path)

    def analyze(self) -> None:
        """Read the capture."""
        from tcptrace_py.testing.collecting import report_on

        self._report = report_on(self.path, self._settings(), self.dropped)

    def _settings(self) -> Config:
        from tcptrace_py.config import Config

        return self._config or Config()

    # ---- what may be asked

    def assert_no(self, *names: str) -> None:
        """That nothing was found of these rules, families or severities (``warning``: and worse); without any, nothing at all.

        Raises AssertionError; ConfigError for a name that does not exist.
        """
        __tracebackhide__ = True
        self._connections(None)
        wrong = self._named(names or ("info",))
        if wrong:
            what = ", ".join(names) if names else "any finding"
            self._fail(f"not expected ({what}):", wrong, wrong[0].connection)

    def assert_found(self, *names: str) -> None:
        """That each of these rules, families or severities found something.  Raises AssertionError, ConfigError."""
        __tracebackhide__ = True
        connections = self._connections(None)
        missing = [name for name in names if not self._named((name,))]
        if missing:
            self._fail(f"expected, and not found: {', '.join(missing)}", self.findings, connections[0].id)

    def assert_closed_by(self, side: Literal["client", "server", "both"], *, connection: int | None = None) -> None:
        """That this side closed first (``both``: simultaneously), of every connection, or of that with this id."""
        __tracebackhide__ = True
        if side not in ("client", "server", "both"):
            raise ConfigError(f"{side!r} is none of client, server and both")
        for c in self._connections(connection):
            if c.closed_by != side:
                closer = {None: "nobody", "both": "both at once"}.get(c.closed_by, f"the {c.closed_by}")
                self._fail(f"{named(c)} was to be closed by {side} first; closed by: {closer}", self._of(c), c.id)

    def assert_states(self, client: States = None, server: States = None, *, connection: int | None = None) -> None:
        """That the endpoints ended in this state, or in one of these; of every connection, or of that with this id."""
        __tracebackhide__ = True
        wanted = {"client": states(client), "server": states(server)}
        for c in self._connections(connection):
            for side, allowed in wanted.items():
                endpoint = c.endpoints.client if side == "client" else c.endpoints.server
                if allowed and endpoint.state not in allowed:
                    others = [state for state in endpoint.possible if state != endpoint.state]
                    also = f" (possible too: {', '.join(others)})" if others else ""
                    is_so = f"it is in {endpoint.state}, {endpoint.evidence}{also}"
                    self._fail(
                        f"{named(c)}: the {side} was to end in {' or '.join(allowed)}; {is_so}", self._of(c), c.id
                    )

    # ---- how it fails

    def _connections(self, wanted: int | None) -> list[model.Connection]:
        """Those that are asked about.  Raises AssertionError when there is none: what was not seen is not well."""
        __tracebackhide__ = True
        found = [c for c in self.connections if wanted is None or c.id == wanted]
        if not found:
            which = "no TCP connection" if wanted is None else f"no connection {wanted}"
            segments = self.report.capture.tcp_segments
            raise AssertionError(f"{which} was captured ({segments} segments): nothing to judge; is the port right?")
        return found

    def _named(self, names: Sequence[str]) -> list[model.Finding]:
        """The findings that these names mean.  Raises ConfigError."""
        from tcptrace_py.rules.catalogue import check_fail_on, members
        from tcptrace_py.rules.finding import SEVERITIES

        check_fail_on(names)
        rules = {rule.name for name in names if name not in SEVERITIES for rule in members(name)}
        severities = {worse for name in names if name in SEVERITIES for worse in SEVERITIES[SEVERITIES.index(name) :]}
        return [f for f in self.findings if f.rule in rules or f.severity in severities]

    def _of(self, c: model.Connection) -> list[model.Finding]:
        return [f for f in self.findings if f.connection == c.id]

    def _fail(self, what: str, findings: Sequence[model.Finding], connection: int | None) -> None:
        """Raises AssertionError with the findings, and the ladder of a connection."""
        __tracebackhide__ = True
        lines = [what, *(self._line(f) for f in findings[:MOST_LINES])]
        if len(findings) > MOST_LINES:
            lines.append(f"  ... and {len(findings) - MOST_LINES} more")
        if self.dropped:
            lines.append(f"  (the capture tool lost {self.dropped} packets: what is missing may be among them)")
        if connection is not None:
            lines += ["", self.ladder(connection)]
        raise AssertionError("\n".join(lines))

    def _line(self, f: model.Finding) -> str:
        """A finding, as ``tcpfsm check`` prints it."""
        from tcptrace_py.report.text import printable

        where = "" if f.frame is None else f"frame {f.frame}: "
        which = next((named(c) for c in self.connections if c.id == f.connection), "the capture as a whole")
        return f"  {where}{f.severity}: {f.rule}: {printable(f.message).rstrip('.')} ({which})"


def named(c: model.Connection) -> str:
    """``connection 1, 127.0.0.1:40000 > 127.0.0.1:8080``."""
    from tcptrace_py.report.identity import endpoint_text

    client, server = (endpoint_text(side.address, side.port) for side in (c.client, c.server))
    return f"connection {c.id}, {client} > {server}"


def states(wanted: States) -> tuple[str, ...]:
    """Names of states; empty: any.  Raises ConfigError."""
    from tcptrace_py.config import suggest
    from tcptrace_py.machine.states import NAMES

    names = (wanted,) if isinstance(wanted, str) else tuple(wanted or ())
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"no state {name!r}{suggest(name, NAMES)}")
    return names
