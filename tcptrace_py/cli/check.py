"""``tcpfsm check``: the gate for CI."""

from __future__ import annotations

from typing import Any

import click

from tcptrace_py.cli.options import (
    analysis_options,
    config_option,
    fail_on_option,
    format_option,
    jobs_option,
    message_options,
    packet_options,
)
from tcptrace_py.report.check_formats import CHECK_NAMES


@click.command(name="check")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@analysis_options
@packet_options
@jobs_option
@config_option
@format_option(CHECK_NAMES, "text")
@click.option(
    "--output",
    "-o",
    "outputs",
    multiple=True,
    metavar="[FORMAT:]FILE",
    help="Write there, whole or not at all; several times for several formats: -o sarif:a.sarif -o junit:b.xml",
)
@fail_on_option("error")
@click.option("--baseline", metavar="FILE", help="Findings that are in it are known, and do not fail.")
@click.option("--write-baseline", metavar="FILE", help="Write all findings there: they are known from now on.")
@message_options
def command(captures: tuple[str, ...], **options: Any) -> int:
    """Judge the connections in CAPTURE…: a line a finding, and exit 1 when one is at or above --fail-on.

    What a project has decided (thresholds, what to ignore and why, what to expect) is in tcpfsm.toml, or in
    pyproject.toml under [tool.tcpfsm].
    """
    from tcptrace_py.cli.checking import run_check

    return run_check(captures, options)
