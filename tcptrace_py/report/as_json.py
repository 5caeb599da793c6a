"""``--format json``: one object, the Report of ``model``.

What comes first in it, the summary, is known last.  So connections are put aside encoded, in memory up to a bound and
then in a temporary file, and copied behind it at the end in order of their number: a million connections need little
more than their text.
"""

from __future__ import annotations

from array import array
from tempfile import SpooledTemporaryFile, gettempdir
from typing import BinaryIO

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import EVERY, Ending, Style
from tcptrace_py.rules.finding import Finding

MOST_IN_MEMORY = 64 << 20


class Spool:
    """Lines of text, put aside under a number, and given back in its order."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=MOST_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._numbers = array("q")
        self._starts = array("q", [0])

    def add(self, number: int, line: bytes) -> None:
        """Put a line aside."""
        try:
            self._file.write(line)
        except OSError as e:  # a full disk names no file, and it is not the report's
            e.filename = e.filename or gettempdir()
            raise
        self._numbers.append(number)
        self._starts.append(self._starts[-1] + len(line))

    def copy(self, out: BinaryIO) -> None:
        """Write all of them, with commas between."""
        numbers = self._numbers
        starts = self._starts
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        comma = b""
        at = -1
        for i in order:
            if starts[i] != at:
                self._file.seek(starts[i])
            out.write(comma + self._file.read(starts[i + 1] - starts[i]))
            at = starts[i + 1]
            comma = b",\n"

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


class Json:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._text = build.text_of(style.labels, b"")
        self._connections = Spool()
        self._findings = Spool()

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Put it aside, encoded."""
        self._connections.add(c.number, self._text(c, findings))
        if findings:
            self._findings.add(c.number, b",\n".join(to_json(build.finding(f)) for f in findings))

    def finish(self, ending: Ending) -> None:
        """Write the whole object: one connection a line, one finding a line."""
        if ending.findings:
            self._findings.add(1 << 62, b",\n".join(to_json(build.finding(f)) for f in ending.findings))
        out = self._out
        out.write(b'{"schema":%d,\n"tool":%b,\n' % (model.SCHEMA, to_json(ending.tool)))
        out.write(b'"capture":%b,\n"summary":%b,\n' % (to_json(ending.capture), to_json(ending.summary)))
        out.write(b'"connections":[\n')
        self._connections.copy(out)
        out.write(b'],\n"findings":[\n')
        self._findings.copy(out)
        out.write(b"]}\n")

    def close(self) -> None:
        """Remove the temporary files."""
        self._connections.close()
        self._findings.close()
