"""What it takes to show an observation that goes on, and what there is to show."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report.digest import Row
from tcptrace_py.rules.finding import Finding


class Status(NamedTuple):
    """The figures of a moment."""

    time: int
    """Now, by the capture's clock (ns); -1: not known."""
    elapsed: float
    """Seconds since the beginning."""
    since_last: float
    """Seconds since the status before."""
    packets: int
    bytes: int
    segments: int
    connections: int
    open: int
    behind: int
    """Bytes that have come and wait to be analysed."""
    severities: dict[str, int]
    """Findings about what is open."""


class Worst(NamedTuple):
    """What to look at first."""

    findings: list[Finding]
    """About what is open, the worst first."""
    rows: list[Row]
    """Connections that are open, the worst first."""


class Scene(Protocol):
    """Where a view may look."""

    def worst(self, most: int) -> Worst:
        """At most so many connections."""
        ...


class View:
    """Shows nothing: the base of all views."""

    tells_touched = False
    """It wants to know of each connection that a segment may have changed."""
    wants_first = 0
    """As a Sink's: it wants the end of so many connections of which nothing was found."""

    def touched(self, connections: list[Connection]) -> None:
        """These may have changed, in the order in which they did."""

    def looked(self, c: Connection, new: list[Finding], old: list[Finding]) -> None:
        """A connection as it stands now (a copy): findings that it has now, and those that it had and has no more."""

    def of_crowd(self, finding: Finding) -> None:
        """Something new about many connections together."""

    def left(self, c: Connection, findings: list[Finding]) -> None:
        """A connection can no longer change: with the last word on it."""

    def forget_all_but(self, numbers: set[int]) -> None:
        """Connections with other numbers have left, though perhaps nobody wanted to know."""

    def tick(self, status: Status, scene: Scene) -> None:
        """Some time has passed."""

    def close(self) -> None:
        """Nothing more will be shown."""
