"""``tcpfsm check`` from its options to the exit status: one analysis, one verdict, any number of formats."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

from tcptrace_py.cli import exits
from tcptrace_py.cli.analysis import Result, analyze
from tcptrace_py.cli.options import config_from, names
from tcptrace_py.cli.output import naming, open_output, spare
from tcptrace_py.cli.progress import Progress
from tcptrace_py.cli.running import wants_color, warn
from tcptrace_py.config import Config, suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.gate.baseline import baseline_text, may_write, read_baseline
from tcptrace_py.gate.gate import NEVER, Gate
from tcptrace_py.gate.settings import Settings, load
from tcptrace_py.report.check_formats import CHECK_FORMATS, CHECK_NAMES, check_writer
from tcptrace_py.report.phrases import filters_of
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Verdict

DEFAULT_FAIL_ON = ("error",)


class Target(NamedTuple):
    """A format, and where it goes; None: to standard output."""

    format_name: str
    path: str | None


def run_check(captures: Sequence[str], options: dict[str, Any]) -> int:
    """Analyze, judge, write every format, and return the exit status.  Raises TcpfsmError and OSError."""
    settings = load(options["config"])
    config = gate_config(options, settings)
    targets = targets_of(options["format_name"], options["outputs"])
    new_baseline: str | None = options["write_baseline"]
    check_files(captures, targets, new_baseline)
    gate = Gate(
        config,
        settings.ignores,
        settings.expectations,
        known_findings(options, settings),
        wants_endpoints=any(
            row.wants_endpoints for row in CHECK_FORMATS if row.name in {t.format_name for t in targets}
        ),
    )
    with ExitStack() as stack:
        # opened first: a folder that may not be written to is known before a long analysis, not after
        files = [(target, stack.enter_context(open_output(target.path))) for target in targets]
        written = None if new_baseline is None else stack.enter_context(open_output(new_baseline))
        with Progress(captures, enabled=not options["no_progress"] and not options["quiet"]) as progress:
            result = analyze(captures, config, gate, progress.update if progress.visible else None)
        verdict = gate.verdict
        assert verdict is not None  # analyze() ends with finish()
        if written is not None:
            with naming(new_baseline):
                verdict = accept(verdict, config, written)
        for target, file in files:
            with naming(target.path):
                write(verdict, target, file, options)
    if not options["quiet"]:
        warn(result)
        if not result.summary.connections:
            why = f"none of {result.summary.others} connections matches {filters_of(result.summary)}"
            if not result.summary.others:
                why = "there is no TCP connection in it"
            print(f"tcpfsm: warning: {why}: nothing was judged", file=sys.stderr)
    return status_of(verdict, result, strict=options["strict"] or bool(settings.strict))


def gate_config(options: dict[str, Any], settings: Settings) -> Config:
    """The configuration of the analysis, with the threshold of the gate."""
    fail_on = names(options["fail_on"]) or settings.fail_on or DEFAULT_FAIL_ON
    return replace(config_from(options, settings), fail_on=fail_on)


def known_findings(options: dict[str, Any], settings: Settings) -> frozenset[str] | None:
    """The fingerprints of the baseline; None: there is none, or a new one is written."""
    path: str | None = settings.baseline if options["baseline"] is None else options["baseline"]
    if path is None or options["write_baseline"] is not None:
        return None
    if not path:
        raise ConfigError("--baseline: the name of a file is missing")
    return read_baseline(path)


def targets_of(format_name: str, outputs: Sequence[str]) -> list[Target]:
    """Where each format goes.  Standard output has ``format_name``, unless an output takes its place."""
    targets = [target_of(format_name, output) for output in outputs]
    if all(target.path for target in targets) and not any(_PREFIX.fullmatch(output) is None for output in outputs):
        targets.insert(0, Target(format_name, None))
    return targets


def check_files(captures: Sequence[str], targets: Sequence[Target], new_baseline: str | None) -> None:
    """Raises ConfigError where two things would go into one file, or something that is wanted would be lost."""
    paths = [target.path for target in targets] + ([] if new_baseline is None else [new_baseline])
    seen: set[str | None] = set()
    for path in paths:
        spare(captures, path)
        same = None if path in (None, "-") else os.path.realpath(path)
        if same in seen and same != os.devnull:
            where = "standard output" if same is None else printable(path or "")
            raise ConfigError(f"two things go to {where}: choose one")
        seen.add(same)
    if new_baseline:
        may_write(new_baseline)


_PREFIX = re.compile(r"([A-Za-z][\w-]+):(.*)", re.DOTALL)  # a single letter is a drive


def target_of(format_name: str, output: str) -> Target:
    """``FORMAT:PATH``, or a path for the format of standard output.  Raises ConfigError."""
    match = _PREFIX.fullmatch(output)
    path = output
    if match is not None:
        format_name, path = match[1], match[2]
        if format_name not in CHECK_NAMES:
            hint = suggest(format_name, CHECK_NAMES)
            raise ConfigError(
                f"--output {printable(output)}: no format {format_name!r}{hint} (a file: ./{printable(output)})"
            )
    if not path:
        raise ConfigError(f"--output '{printable(output)}': the name of a file is missing")
    return Target(format_name, None if path == "-" else path)


def accept(verdict: Verdict, config: Config, file: BinaryIO) -> Verdict:
    """Write a new baseline of all findings but those that are ignored; the verdict, now that they are known."""
    import msgspec

    known = [r for r in verdict.reported if r.decision != "ignored"]
    file.write(baseline_text(known).encode("utf-8"))
    return msgspec.structs.replace(
        verdict,
        reported=[
            r if r.decision == "ignored" else msgspec.structs.replace(r, decision="baselined") for r in verdict.reported
        ],
        has_baseline=True,
        gone=[],
        failed=config.fail_on != NEVER and any(case.result == "failed" for case in verdict.cases),
    )


def write(verdict: Verdict, target: Target, file: BinaryIO, options: dict[str, Any]) -> None:
    """One format."""
    is_text = target.format_name == "text"
    encoding = sys.stdout.encoding or "utf-8" if target.path is None and is_text else "utf-8"
    style = Style(color=wants_color(options["color"], target.path), verbose=options["verbose"], encoding=encoding)
    file.write(check_writer(target.format_name)(verdict, style).encode(encoding, "backslashreplace"))


def status_of(verdict: Verdict, result: Result, *, strict: bool) -> int:
    """The exit status: the verdict first, then damage."""
    if verdict.failed:
        return exits.FINDINGS
    if strict and result.capture.problems:
        return exits.DAMAGED
    return exits.DONE
