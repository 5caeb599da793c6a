"""``--format table``: for people at a terminal.  The verdict first; then causes, the worst connections, what cannot be
known, and what to type next.  At most 100 columns, wherever addresses allow.
"""

from __future__ import annotations

import textwrap
from typing import BinaryIO

from tcptrace_py.report import phrases
from tcptrace_py.report.digest import CAPTURE_FAMILY, Digest, Group, Row
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.report.text import printable

WIDTH = 100
MOST_ROWS = 10
MOST_ROWS_VERBOSE = 100
_BOLD, _RED, _YELLOW, _CYAN, _GREEN, _DIM = "1", "1;31", "33", "36", "32", "2"
_COLORS = {"error": _RED, "warning": _YELLOW, "info": _CYAN}


class Table:
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
        text = "\n".join(self._lines(ending)) + "\n"
        self._out.write(text.encode(self._style.encoding, "backslashreplace"))

    def close(self) -> None:
        """Nothing is held."""

    def _lines(self, ending: Ending) -> list[str]:
        groups = self._digest.groups()
        causes = [g for g in groups if g.family != CAPTURE_FAMILY]
        rows = self._digest.rows()
        summary = ending.summary
        good = not causes and summary.connections > 0
        lines = [self._paint(phrases.verdict(summary), _GREEN if good else _BOLD)]
        lines += fold(phrases.circumstances(ending.capture, self._style), "", "  ")
        if summary.outcomes:
            lines += fold("Outcomes: " + phrases.outcomes(summary), "", "  ")
        if causes:
            lines += ["", self._paint("What was found", _BOLD)]
            for group in causes:
                lines += self._cause(group)
        if rows:
            lines += ["", self._paint(phrases.rows_title(len(rows), summary), _BOLD)]
            lines += connections_table(rows)
        unknown = phrases.unknowns(ending, groups, self._style)
        if unknown:
            lines += ["", self._paint("What this capture cannot tell, and what is wrong with it", _BOLD)]
            lines += [part for line in unknown for part in fold(line, "  - ", "    ")]
        commands = phrases.next_commands(self._style, causes, rows)
        if commands:
            lines += ["", self._paint("Next", _BOLD)]
            lines += [f"  {command}" for command in commands]
        return lines

    def _cause(self, group: Group) -> list[str]:
        """A group of findings: how many, whose, and what that means."""
        head = f"{phrases.number(group.connections or group.count)} x {group.rule}"
        severity = self._paint(f"{group.severity:<7}", _COLORS[group.severity])
        lines = [f"  {severity}  {self._paint(head, _BOLD)}  {phrases.whom(group)}".rstrip()]
        for text in phrases.causes(group):
            lines += fold(text, " " * 11, " " * 11)
        examples = group.examples if self._style.verbose else []
        for f in examples:
            number = "" if f.connection is None else f"connection {f.connection}, "
            text = f"{number}frame {f.frame} ({f.confidence}): {printable(f.message)}"
            lines += fold(text, " " * 11 + "- ", " " * 13)
            for other in f.alternatives:
                lines += fold(f"or: {printable(other)}", " " * 13, " " * 17)
        return lines

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._style.color else text


def connections_table(rows: list[Row]) -> list[str]:
    """Two lines a connection, one an endpoint; where that is too wide, with less of the findings, or without a column."""
    from tabulate import tabulate

    lines: list[str] = []
    for columns, short in ((7, False), (7, True), (6, True), (5, True)):
        cells = [phrases.cells(row, side, short=short)[:columns] for row in rows for side in (row.client, row.server)]
        used = [i for i in range(columns) if any(line[i] for line in cells)]
        text = tabulate(
            [[line[i] for i in used] for line in (phrases.HEADERS, *cells)],  # as headers= they would be padded
            tablefmt="plain",
            disable_numparse=True,
            colalign=["right" if phrases.HEADERS[i] in ("id", "for") else "left" for i in used],
        )
        lines = ["  " + line.rstrip() for line in text.splitlines()]
        if max(map(len, lines)) <= WIDTH:
            break
    return lines


def fold(text: str, first: str, rest: str) -> list[str]:
    """A paragraph, indented and folded."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
