"""``--format markdown``: what the table says, to paste into an issue or a wiki."""

from __future__ import annotations

import re
from typing import BinaryIO

from tcptrace_py.report import phrases
from tcptrace_py.report.as_table import MOST_ROWS, MOST_ROWS_VERBOSE
from tcptrace_py.report.digest import CAPTURE_FAMILY, Digest, Group, Row
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.report.text import printable

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")  # within a word, _ is only itself


class Markdown:
    """A Sink."""

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._style = style
        self.detailed = False
        self.wants_first = MOST_ROWS_VERBOSE if style.verbose else MOST_ROWS
        self._digest = Digest(self.wants_first, style.labels)
        self.connection = self._digest.connection

    def finish(self, ending: Ending) -> None:
        """Write everything."""
        for f in ending.findings:
            self._digest.finding(f)
        self._out.write(("\n".join(self._lines(ending)) + "\n").encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Nothing is held."""

    def _lines(self, ending: Ending) -> list[str]:
        groups = self._digest.groups()
        causes = [g for g in groups if g.family != CAPTURE_FAMILY]
        rows = self._digest.rows()
        summary = ending.summary
        lines = [
            f"# {escaped(phrases.verdict(summary))}",
            "",
            escaped(phrases.circumstances(ending.capture, self._style)),
        ]
        if summary.outcomes:
            lines += ["", "Outcomes: " + escaped(phrases.outcomes(summary))]
        if causes:
            lines += ["", "## What was found", ""]
            lines += [line for group in causes for line in self._cause(group)]
        if rows:
            lines += ["", f"## {escaped(phrases.rows_title(len(rows), summary))}", "", *connections_table(rows)]
        unknown = phrases.unknowns(ending, groups, self._style)
        if unknown:
            lines += ["", "## What this capture cannot tell, and what is wrong with it", ""]
            lines += [f"- {escaped(line)}" for line in unknown]
        commands = phrases.next_commands(self._style, causes, rows)
        if commands:
            lines += ["", "## Next", "", "```sh", *commands, "```"]
        return lines

    def _cause(self, group: Group) -> list[str]:
        """A group of findings as an item of a list."""
        times = phrases.number(group.connections or group.count)
        head = f"- **{group.severity}**: {times} × `{group.rule}`, {escaped(phrases.whom(group))}  "
        lines = [head, *(f"  {escaped(text)}" for text in phrases.causes(group))]
        if self._style.verbose:
            lines += [f"  - frame {f.frame}: {escaped(printable(f.message))}" for f in group.examples]
        return lines


def connections_table(rows: list[Row]) -> list[str]:
    """Two rows a connection, one an endpoint."""
    lines = ["| " + " | ".join(phrases.HEADERS) + " |", "| --: | --- | --- | --: | --- | --- | --- |"]
    for row in rows:
        lines += [line_of(phrases.cells(row, row.client)), line_of(phrases.cells(row, row.server))]
    return lines


def line_of(cells: tuple[str, ...]) -> str:
    """One endpoint."""
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", printable(text))
