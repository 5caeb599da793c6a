"""``--format csv``: one row a connection, with a header line; both endpoints flattened as client_… and server_… columns.

Lists are separated by spaces; unknown is an empty cell.  A cell that a spreadsheet would take for a formula gets a quote
before it.
"""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import model
from tcptrace_py.report.build import rules_of
from tcptrace_py.report.connection_text import ConnectionText
from tcptrace_py.report.sink import EVERY, Ending, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding

PLAIN = (
    "start",
    "end",
    "duration",
    "first_frame",
    "last_frame",
    "packets",
    "opening",
    "closing",
    "outcome",
    "closed_by",
    "community_id",
    "history",
)
_SIDE = ("state", "evidence", "possible", "since", "since_frame", "timeline")
HEADER = (
    "id",
    "client_address",
    "client_port",
    "server_address",
    "server_port",
    *PLAIN,
    "rtt_to_server",
    "rtt_to_client",
    "findings",
    *(f"{side}_{name}" for side in ("client", "server") for name in (*_SIDE, *model.Sent.__struct_fields__)),
)


class Csv:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._labels = style.labels
        self._text = ConnectionText(encoded, style.labels, b"\n", is_json=False).as_row
        self._headed = False

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Write its row."""
        self._head()
        self._out.write(self._text(c, rules_of(findings)))

    def finish(self, ending: Ending) -> None:
        """Everything has been written, but for the header where there is no connection."""
        self._head()

    def close(self) -> None:
        """Nothing is held."""

    def _head(self) -> None:
        """The header, once there is something to report: of a capture that cannot be read there is nothing."""
        if not self._headed:
            self._headed = True
            self._out.write(
                ",".join([*HEADER, *(["application"] if self._labels is not None else [])]).encode() + b"\n"
            )


def encoded(text: str) -> bytes:
    """Any text as a cell, in quotes where it needs them."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([guarded(text), ""])
    return buffer.getvalue()[:-1].encode(
        "utf-8"
    )  # two cells: of a row that is one empty cell, csv makes something else


def guarded(text: str) -> str:
    """Text that no spreadsheet runs as a formula (OWASP, CSV injection), without control characters."""
    text = printable(text)
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text
