"""The view where there is no terminal: a line when something is found, and one now and then that tells how it goes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import BinaryIO

from tcptrace_py.live.observer import key_of
from tcptrace_py.live.view import Scene, Status, View
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report.digest import addresses
from tcptrace_py.report.identity import endpoint_text
from tcptrace_py.report.phrases import count, number
from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding


class Lines(View):
    """Writes them."""

    def __init__(self, out: BinaryIO, encoding: str) -> None:
        self._out = out
        self._encoding = encoding
        self._told: dict[int, set[object]] = {}
        self._last: Status | None = None

    def looked(self, c: Connection, new: list[Finding], old: list[Finding]) -> None:
        for f in old:
            self._write(c.observed_until, f"resolved {f.rule}", name_of(c))
        for f in new:
            self._finding(c, f)

    def of_crowd(self, finding: Finding) -> None:
        self._write(finding.time, f"{finding.severity} {finding.rule}", printable(finding.message))

    def left(self, c: Connection, findings: list[Finding]) -> None:
        for f in findings:
            self._finding(c, f)
        self._told.pop(int(c.number), None)

    def forget_all_but(self, numbers: set[int]) -> None:
        self._told = {number: told for number, told in self._told.items() if number in numbers}

    def tick(self, status: Status, scene: Scene) -> None:
        self._write(status.time, "status", sentence(status, self._last))
        self._last = status

    def _finding(self, c: Connection, f: Finding) -> None:
        told = self._told.setdefault(int(c.number), set())
        if key_of(f) not in told:
            told.add(key_of(f))
            self._write(c.observed_until, f"{f.severity} {f.rule}", f"{name_of(c)}: {printable(f.message)}")

    def _write(self, time: int, what: str, text: str) -> None:
        line = f"{clock_text(time)} {what}: {text}\n"
        self._out.write(line.encode(self._encoding, "backslashreplace"))


def sentence(status: Status, last: Status | None) -> str:
    """How it goes."""
    since = max(status.since_last, 1e-3)
    packets = (status.packets - (last.packets if last else 0)) / since
    opened = (status.connections - (last.connections if last else 0)) / since
    found = ", ".join(
        count(n, name, name if name == "info" else "") for name, n in reversed(status.severities.items()) if n
    )
    late = f"; {status.behind >> 20:,} MiB wait to be analysed" if status.behind >> 20 else ""
    return (
        f"{count(status.packets, 'packet')} ({packets:,.0f}/s), {count(status.connections, 'connection')} ({opened:,.0f}/s),"
        f" {number(status.open)} of them in memory; findings about those: {found or 'none'}{late}"
    )


def name_of(c: Connection) -> str:
    """Which connection."""
    client, server = addresses(c)
    ends = f"{endpoint_text(client.address, client.port)} > {endpoint_text(server.address, server.port)}"
    return f"connection {int(c.number)} {ends}"


def clock_text(time: int) -> str:
    """A moment of the day, in UTC."""
    if time < 0:
        return "--:--:--.---"
    try:
        moment = datetime.fromtimestamp(time // 10**9, timezone.utc)
    except (OverflowError, ValueError, OSError):  # a capture may claim any year
        return f"{time // 10**9} s"
    return f"{moment:%H:%M:%S}.{time // 10**6 % 1000:03d}"
