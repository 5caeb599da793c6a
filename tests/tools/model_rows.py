"""The rows that CSV is to have, made from the report's types: what the compiled writer is held against."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import msgspec

from tcptrace_py.report import model
from tcptrace_py.report.as_csv import PLAIN, guarded

_SENT = model.Sent.__struct_fields__


def row(m: model.Connection) -> bytes:
    """The row of a connection."""
    values: list[object] = [m.id, m.client.address, m.client.port, m.server.address, m.server.port]
    values += [getattr(m, name) for name in PLAIN]
    values += [m.rtt.to_server, m.rtt.to_client, " ".join(m.findings)]
    for e in (m.endpoints.client, m.endpoints.server):
        timeline = " ".join(
            entry.state if entry.frame is None else f"{entry.state}@{entry.frame}" for entry in e.timeline
        )
        values += [e.state, e.evidence, " ".join(e.possible), e.since, e.since_frame, timeline]
        values += _sent_values(e.sent)
    if m.application is not msgspec.UNSET:
        values.append(m.application)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([cell(value) for value in values])
    return buffer.getvalue().encode("utf-8")


def _sent_values(sent: model.Sent) -> list[object]:
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
