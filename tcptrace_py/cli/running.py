"""What commands that analyze captures have in common: from the options to the report and the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from tcptrace_py.cli import exits
from tcptrace_py.cli.analysis import Result, analyze
from tcptrace_py.cli.options import config_from
from tcptrace_py.cli.output import open_output, spare
from tcptrace_py.cli.picturing import pictures_of
from tcptrace_py.cli.progress import Progress
from tcptrace_py.config import Config
from tcptrace_py.gate.settings import Settings
from tcptrace_py.report.formats import sink_class
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import members
from tcptrace_py.rules.finding import SEVERITIES

NEVER = "never"


def run_analysis(
    captures: Sequence[str], options: dict[str, Any], settings: Settings | None = None, *, is_demo: bool = False
) -> int:
    """Analyze, write the report, warn, and return the exit status.  Raises TcpfsmError and OSError."""
    config = config_from(options, settings)
    path: str | None = options["output"]
    spare(captures, path)
    labels: dict[int, str] | None = {} if config.labels else None
    with open_output(path) as out:
        style = Style(
            color=wants_color(options["color"], path),
            verbose=options["verbose"],
            encoding="utf-8" if path else sys.stdout.encoding or "utf-8",
            command=("tcpfsm", "demo") if is_demo else ("tcpfsm", "analyze"),
            captures=() if is_demo else tuple(captures),
            restricted=bool(config.select or config.ignore),
            labels=labels,
            pictures=pictures_of(captures, config) if options["format_name"] == "html" else None,
        )
        sink = sink_class(options["format_name"])(out, style)
        try:
            with Progress(captures, enabled=not options["no_progress"] and not options["quiet"]) as progress:
                result = analyze(captures, config, sink, progress.update if progress.visible else None, labels=labels)
        finally:
            sink.close()
    if not options["quiet"]:
        warn(result)
    return status_of(result, config, strict=options["strict"])


def wants_color(choice: str, path: str | None) -> bool:
    """Colour on a terminal only, or when asked for; never with NO_COLOR set (https://no-color.org)."""
    if choice == "never" or os.environ.get("NO_COLOR"):
        return False
    return choice == "always" or (path is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def warn(result: Result) -> None:
    """Say on stderr what is wrong with the captures."""
    most = 5
    problems = result.capture.problems
    for problem in problems[:most]:
        print(f"tcpfsm: warning: {printable(problem.message)}", file=sys.stderr)
    if len(problems) > most:
        print(f"tcpfsm: warning: {len(problems) - most} more problems (capture.problems in JSON)", file=sys.stderr)


def status_of(result: Result, config: Config, *, strict: bool) -> int:
    """The exit status: findings first, then damage."""
    if is_failure(result, config.fail_on):
        return exits.FINDINGS
    if strict and result.capture.problems:
        return exits.DAMAGED
    return exits.DONE


def is_failure(result: Result, fail_on: tuple[str, ...]) -> bool:
    """Whether there is a finding that ``--fail-on`` names; a severity means itself and worse."""
    tally = result.tally
    for name in fail_on:
        if name in SEVERITIES:
            if any(tally.severities.get(worse) for worse in SEVERITIES[SEVERITIES.index(name) :]):
                return True
        elif name != NEVER and any(tally.findings.get(rule.name) for rule in members(name)):
            return True
    return False
