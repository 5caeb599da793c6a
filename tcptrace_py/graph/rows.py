"""Points as rows: CSV with a header, or a JSON object a line, the same names in both."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import BinaryIO

from tcptrace_py.graph.points import RTT, Point
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.text import seconds

HEADER = ("graph", "time", "elapsed", "frame", "sender", "series", "value", "to", "marks", "of")
"""``elapsed`` is the time since the connection began; ``value`` of a round trip is in seconds."""
FORMATS = ("csv", "ndjson")


class Rows:
    """Writes points as they come."""

    def __init__(self, out: BinaryIO, format_name: str) -> None:
        self._out = out
        self._format = format_name
        self._buffer = io.StringIO()
        self._csv = csv.writer(self._buffer, lineterminator="\n")
        self._start = -1
        self.count = 0
        if format_name == "csv":
            self._line(HEADER)

    def write(self, point: Point, start: int) -> None:
        """One more point of a connection that began at ``start`` (ns)."""
        self.count += 1
        value: int | Decimal = seconds(point.value) if point.graph == RTT else point.value
        row = (
            point.graph,
            seconds(point.time),
            seconds(point.time - start),
            point.frame,
            point.sender,
            point.series,
            value,
            point.to,
            point.marks,
            point.of,
        )
        if self._format == "csv":
            self._line([" ".join(one) if isinstance(one, tuple) else cell(one) for one in row])
        else:
            self._out.write(to_json(dict(zip(HEADER, row, strict=True))) + b"\n")

    def _line(self, cells: tuple[str, ...] | list[str]) -> None:
        self._csv.writerow(cells)
        self._out.write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()


def cell(value: object) -> str:
    """One value; unknown is an empty cell."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
