"""``--format csv``: one row a connection, with a header line; both endpoints flattened as client_… and server_… columns.

Lists are separated by spaces; unknown is an empty cell.  A cell that a spreadsheet would take for a formula gets a quote
before it.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import BinaryIO

import msgspec

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model
from tcptrace_py.report.sink import EVERY, Ending, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding

_PLAIN = (
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
_SENT = model.Sent.__struct_fields__
HEADER = (
    "id",
    "client_address",
    "client_port",
    "server_address",
    "server_port",
    *_PLAIN,
    "rtt_to_server",
    "rtt_to_client",
    "findings",
    *(f"{side}_{name}" for side in ("client", "server") for name in (*_SIDE, *_SENT)),
)


class Csv:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._labels = style.labels
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator="\n")
        self._headed = False

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Write its row."""
        self._head()
        m = build.connection(c, findings, self._labels)
        row: list[object] = [m.id, m.client.address, m.client.port, m.server.address, m.server.port]
        row += [getattr(m, name) for name in _PLAIN]
        row += [m.rtt.to_server, m.rtt.to_client, " ".join(m.findings)]
        for e in (m.endpoints.client, m.endpoints.server):
            timeline = " ".join(
                entry.state if entry.frame is None else f"{entry.state}@{entry.frame}" for entry in e.timeline
            )
            row += [e.state, e.evidence, " ".join(e.possible), e.since, e.since_frame, timeline]
            row += sent_cells(e.sent)
        if self._labels is not None:
            row.append(m.application)
        self._row([cell(value) for value in row])

    def finish(self, ending: Ending) -> None:
        """Everything has been written, but for the header where there is no connection."""
        self._head()

    def close(self) -> None:
        """Nothing is held."""

    def _head(self) -> None:
        """The header, once there is something to report: of a capture that cannot be read there is nothing."""
        if not self._headed:
            self._headed = True
            self._row([*HEADER, *(["application"] if self._labels is not None else [])])

    def _row(self, cells: list[str]) -> None:
        self._writer.writerow(cells)
        self._out.write(self._buffer.getvalue().encode("utf-8"))
        self._buffer.seek(0)
        self._buffer.truncate()


def sent_cells(sent: model.Sent) -> list[object]:
    """The counters of a side, lists as text."""
    values = list(msgspec.structs.astuple(sent))
    values[_SENT.index("retransmissions")] = " ".join(
        f"{again.kind}@{again.frame}" if again.original is None else f"{again.kind}@{again.frame}<{again.original}"
        for again in sent.retransmissions
    )
    return [" ".join(map(str, value)) if isinstance(value, list) else value for value in values]


def cell(value: object) -> str:
    """One value as it stands in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return guarded(value)
    return str(value)


def guarded(text: str) -> str:
    """Text that no spreadsheet runs as a formula (OWASP, CSV injection), without control characters."""
    text = printable(text)
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text
