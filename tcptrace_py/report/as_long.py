"""``analyze --long``: every connection with all its figures, both sides beside each other, as soon as it is known.

The names are those of ``endpoint.sent`` in the report, so that they can be asked for with ``--where`` and ``jq``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import BinaryIO

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model, phrases
from tcptrace_py.report.identity import endpoint_text
from tcptrace_py.report.sink import EVERY, Ending, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding

GROUPS = {
    "packets": "Segments",
    "retransmitted_packets": "Sent again",
    "syn_retransmits": "Losses and oddities",
    "duplicate_acks": "Acknowledgements and windows",
    "mss": "Offered in the SYN",
    "rtt_samples": "Round trips",
    "in_flight_max": "Flow",
    "hardware_duplicates": "Capture",
}
"""The field that begins a group, and what is above it."""
LISTS = ("retransmissions", "retransmission_gaps")
"""Fields that are told below the columns."""
_BOLD = "1"
_UNITS = {"throughput": "B/s", "goodput": "B/s"}


class Long:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._style = style

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Write it."""
        self._write([*self._lines(build.connection(c, findings)), ""])

    def finish(self, ending: Ending) -> None:
        """What was found of the whole, the verdict, and what was looked at."""
        lines = [
            self._paint(phrases.verdict(ending.summary)),
            "  " + phrases.circumstances(ending.capture, self._style),
        ]
        lines += [f"  {f.severity} {f.rule}: {printable(f.message)}" for f in ending.findings]
        self._write(lines)

    def close(self) -> None:
        """Nothing is held."""

    def _lines(self, c: model.Connection) -> list[str]:
        """One connection."""
        client, server = (endpoint_text(one.address, one.port) for one in (c.client, c.server))
        ends = c.endpoints
        closer = f" by the {c.closed_by}" if c.closed_by in ("client", "server") else ""
        lines = [
            self._paint(f"Connection {c.id}: {client} -> {server}"),
            f"  opening {words(c.opening)}, closing {words(c.closing)}{closer}, outcome {words(c.outcome)}",
            f"  {phrases.count(c.packets, 'frame')} ({c.first_frame}-{c.last_frame}), {c.duration:f} s from {c.start:f}",
        ]
        if c.findings:
            lines.append(f"  findings: {', '.join(c.findings)}")
        rows = [
            ("", "client", "server"),
            ("state", ends.client.state, ends.server.state),
            ("evidence", ends.client.evidence, ends.server.evidence),
            ("handshake rtt", value("", c.rtt.to_client), value("", c.rtt.to_server)),
        ]
        lines += columns(rows)
        group: list[tuple[str, str, str]] = []
        for name in model.Sent.__struct_fields__:
            if name in GROUPS:
                lines += columns(group)
                lines.append(f"  {GROUPS[name]}")
                group = []
            if name not in LISTS:
                one, two = (value(name, getattr(e.sent, name)) for e in (ends.client, ends.server))
                group.append((name, one, two))
        lines += columns(group)
        again = [line for side in ("client", "server") for line in repeated(side, getattr(ends, side).sent)]
        return [*lines, *(["  Segments with data sent again"] if again else []), *again]

    def _paint(self, text: str) -> str:
        return f"\x1b[{_BOLD}m{text}\x1b[0m" if self._style.color else text

    def _write(self, lines: list[str]) -> None:
        self._out.write(("\n".join(lines) + "\n").encode(self._style.encoding, "backslashreplace"))


def columns(rows: list[tuple[str, str, str]]) -> list[str]:
    """Rows of a name and two values."""
    return [f"    {name:<28} {one:>22} {two:>22}".rstrip() for name, one, two in rows]


def value(name: str, what: object) -> str:
    """One figure; ``-`` where it is not known."""
    if what is None:
        return "-"
    if isinstance(what, bool):
        return "yes" if what else "no"
    if isinstance(what, Decimal):
        return f"{what:f} s"
    if isinstance(what, list):
        return " ".join(f"{one:f}" if isinstance(one, Decimal) else str(one) for one in what) or "-"
    return f"{what:,} {_UNITS[name]}" if name in _UNITS else f"{what:,}"


def words(name: str) -> str:
    """A name of the report in words."""
    return name.replace("_", " ")


def repeated(side: str, sent: model.Sent) -> list[str]:
    """What a side sent again, line by line."""
    lines = [f"    {side}, {told(one)}" for one in sent.retransmissions]
    if sent.retransmission_gaps:
        gaps = " ".join(f"{gap:f}" for gap in sent.retransmission_gaps)
        lines.append(f"    {side}, between the transmissions of the segment that was sent most often: {gaps} s")
    return lines


def told(one: model.Retransmission) -> str:
    """A segment that was sent again."""
    what = f"frame {one.frame} repeats {one.original}" if one.original is not None else f"frame {one.frame}"
    if not one.bytes:
        what += " (the first one was lost before the capture)"
    why = words(one.kind)
    if one.spurious is not None:
        why += f", as shown by {SHOWN[one.spurious]}"
        why += f"; sent again by {words(one.trigger)}" if one.trigger else ""
    return f"{what}: {why}"


SHOWN = {"acknowledged": "an ACK before it", "dsack": "a duplicate SACK", "timestamp": "the timestamp that was echoed"}
