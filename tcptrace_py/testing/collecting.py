"""An analysis into one object: the report, whole, in memory."""

from __future__ import annotations

import msgspec

from tcptrace_py.cli.analysis import analyze
from tcptrace_py.config import Config
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build, model
from tcptrace_py.report.sink import EVERY, Ending
from tcptrace_py.rules.finding import Finding


class Collector:
    """A Sink that keeps everything."""

    wants_first = EVERY
    detailed = True

    def __init__(self) -> None:
        self._connections: list[tuple[model.Connection, list[model.Finding]]] = []
        self.ending: Ending | None = None

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """Keep it."""
        self._connections.append((build.connection(c, findings), [build.finding(f) for f in findings]))

    def finish(self, ending: Ending) -> None:
        """Everything has been read."""
        self.ending = ending

    def close(self) -> None:
        """Nothing is held."""

    def report(self) -> model.Report:
        """All of it."""
        assert self.ending is not None  # analyze() ends with finish()
        ordered = sorted(self._connections, key=lambda pair: pair[0].id)
        return model.Report(
            schema=model.SCHEMA,
            tool=self.ending.tool,
            capture=self.ending.capture,
            summary=self.ending.summary,
            connections=[c for c, _ in ordered],
            findings=[
                *(f for _, findings in ordered for f in findings),
                *(build.finding(f) for f in self.ending.findings),
            ],
        )


def report_on(path: str, config: Config, dropped: int | None) -> model.Report:
    """The report on a capture; ``dropped``: packets that the tool lost, where the file does not say."""
    collector = Collector()
    analyze([path], config, collector)
    report = collector.report()
    if report.capture.dropped is None and dropped is not None:
        report = msgspec.structs.replace(report, capture=msgspec.structs.replace(report.capture, dropped=dropped))
    return report
