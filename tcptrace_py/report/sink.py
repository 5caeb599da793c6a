"""What a format is: something that takes connections with their findings as they come, and the whole at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

from msgspec import Struct

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import model
from tcptrace_py.rules.finding import Finding


class Style(Struct, frozen=True):
    """What a format may want to know of where its text goes."""

    color: bool = False
    verbose: bool = False
    encoding: str = "utf-8"
    program: str = "tcpfsm"
    command: tuple[str, ...] = ("tcpfsm", "analyze")
    """How this analysis is called, for commands to paste; ``captures`` follow."""
    captures: tuple[str, ...] = ()
    """As given on the command line."""
    restricted: bool = False
    """Only some of the rules ran."""
    labels: dict[int, str] | None = None
    """Application protocols of connections, by number, filled before a connection is told; None: nobody asked."""
    pictures: Callable[[Sequence[int]], dict[int, str]] | None = None
    """Draws the connections with these numbers, as SVG to stand in a page; None: they cannot be drawn."""


class Ending(Struct, frozen=True):
    """The whole, known when everything has been read."""

    tool: model.Tool
    capture: model.Capture
    summary: model.Summary
    findings: list[Finding] = []
    """Those about the whole capture."""


EVERY = 1 << 62


class Sink(Protocol):
    """Writes a report to ``out`` in one format."""

    wants_first: int
    """It wants the first so many connections even if nothing was found of them, or EVERY one."""
    detailed: bool
    """It shows all figures of ``endpoint.sent``; the engine counts most of them only if they are wanted."""

    def __init__(self, out: BinaryIO, style: Style) -> None: ...

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """A connection that can no longer change, with its findings."""

    def finish(self, ending: Ending) -> None:
        """Everything has been read."""

    def close(self) -> None:
        """Let go of what is held, whether or not it came to an end."""
