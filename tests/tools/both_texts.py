"""A format that compares: what the compiled writer makes of each connection, with what the report's types give."""

from __future__ import annotations

from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build
from tcptrace_py.report.as_csv import encoded
from tcptrace_py.report.connection_text import ConnectionText
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import EVERY, Ending
from tcptrace_py.rules.finding import Finding
from tools import model_rows


class Both:
    """A Sink."""

    wants_first = EVERY
    detailed = True

    def __init__(self, labels: dict[int, str] | None = None) -> None:
        self._labels = labels
        self._json = ConnectionText(to_json, labels, b"", is_json=True)
        self._csv = ConnectionText(encoded, labels, b"\n", is_json=False)
        self.texts: list[bytes] = []

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Fails where the texts are not the same to the byte."""
        m = build.connection(c, findings, self._labels)
        rules = build.rules_of(findings)
        text = self._json.as_object(c, rules)
        row, wanted = self._csv.as_row(c, rules), model_rows.row(m)
        assert text == to_json(m), differing(text, to_json(m))
        assert row == wanted, differing(row, wanted)
        self.texts.append(text)

    def finish(self, ending: Ending) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Nothing is held."""


def differing(one: bytes, other: bytes) -> list[tuple[bytes, bytes]]:
    """The values that are not the same."""
    return [pair for pair in zip(one.split(b","), other.split(b","), strict=False) if pair[0] != pair[1]]
