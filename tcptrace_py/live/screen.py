"""The view at a terminal: a table that is drawn anew again and again, the worst connections first.

It has a screen of its own (the terminal's alternate one), which is given back at the end, whatever ends it.
"""

from __future__ import annotations

import shutil
from typing import BinaryIO

from tcptrace_py.live.lines import clock_text, sentence
from tcptrace_py.live.view import Scene, Status, View
from tcptrace_py.report.as_table import connections_table
from tcptrace_py.report.phrases import duration
from tcptrace_py.report.text import printable

ENTER = "\x1b[?1049h\x1b[?25l"
LEAVE = "\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"
_COLORS = {"error": "1;31", "warning": "33", "info": "36"}
_MOST_FINDINGS = 5


class Screen(View):
    """Draws it."""

    def __init__(self, out: BinaryIO, encoding: str, title: str, *, color: bool) -> None:
        self._out = out
        self._encoding = encoding
        self._title = title
        self._color = color
        self._last: Status | None = None
        self._is_open = False

    def tick(self, status: Status, scene: Scene) -> None:
        width, height = shutil.get_terminal_size()
        lines = self._lines(status, scene, max(height, 5))[: height - 1]
        text = "" if self._is_open else ENTER
        self._is_open = True
        text += _HOME + "".join(f"{line}{_CLEAR_LINE}\r\n" for line in self._cut(lines, width)) + _CLEAR_BELOW
        self._put(text)
        self._last = status

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._put(LEAVE)

    def _lines(self, status: Status, scene: Scene, height: int) -> list[tuple[str, str]]:
        """Each with its colour."""
        running = duration(int(status.elapsed) * 10**9)
        lines = [
            (f"{self._title}  {clock_text(status.time)} UTC, for {running}; Ctrl-C ends it with the report", "1"),
            (sentence(status, self._last), ""),
            ("", ""),
        ]
        room = max(height - len(lines) - 2, 2)
        worst = scene.worst(room // 2)
        for f in worst.findings[: min(_MOST_FINDINGS, room // 3)]:
            where = "" if f.connection is None else f"connection {f.connection}: "
            lines.append((f"  {f.severity:<7}  {f.rule}  {where}{printable(f.message)}", _COLORS[f.severity]))
        if worst.findings:
            lines.append(("", ""))
        rows = worst.rows[: max((height - len(lines) - 2) // 2, 1)]
        lines += [(line, "") for line in connections_table(rows)] if rows else [("  No connection is open.", "")]
        return lines

    def _cut(self, lines: list[tuple[str, str]], width: int) -> list[str]:
        """What fits, painted."""
        return [
            f"\x1b[{color}m{text[:width]}\x1b[0m" if color and self._color else text[:width] for text, color in lines
        ]

    def _put(self, text: str) -> None:
        self._out.write(text.encode(self._encoding, "backslashreplace"))
        self._out.flush()
