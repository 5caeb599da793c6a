"""``--format ndjson``: one object a line, each with its ``type``, written as soon as it is known; constant memory.

A connection is followed by its findings; ``capture`` and ``summary``, known last, come last.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import EVERY, Ending, Style
from tcptrace_py.rules.finding import Finding


class Ndjson:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._text = build.text_of(style.labels, b"\n")

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Write it, and then what was found."""
        self._out.write(self._text(c, findings))
        for f in findings:
            self._line(build.finding(f))

    def finish(self, ending: Ending) -> None:
        """Write what was found of the whole, and the two lines that are known last."""
        for f in ending.findings:
            self._line(build.finding(f))
        capture = msgspec.structs.asdict(ending.capture)
        self._line(model.CaptureLine(**capture, schema=model.SCHEMA, tool=ending.tool))
        self._line(model.SummaryLine(**msgspec.structs.asdict(ending.summary)))

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, value: object) -> None:
        self._out.write(to_json(value) + b"\n")
