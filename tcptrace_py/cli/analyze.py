"""``tcpfsm analyze``: the main job."""

from __future__ import annotations

from typing import Any

import click

from tcptrace_py.cli.options import (
    analysis_options,
    config_option,
    jobs_option,
    labels_option,
    output_options,
    packet_options,
)
from tcptrace_py.report.formats import FORMATS


@click.command(name="analyze")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@analysis_options
@packet_options
@labels_option
@jobs_option
@config_option
@click.option("--long", "is_long", is_flag=True, help="All figures of every connection, as text.")
@output_options(tuple(row.name for row in FORMATS), "table")
def command(captures: tuple[str, ...], **options: Any) -> int:
    """Report the TCP states of both endpoints of every connection in CAPTURE…, and what is wrong with them.

    Captures are files (pcap, pcapng, snoop; gzip, bzip2, xz or zstd) or - for standard input, read in the
    order given as one observation.
    """
    from tcptrace_py.cli.running import run_analysis
    from tcptrace_py.errors import ConfigError
    from tcptrace_py.gate.settings import load

    if options.pop("is_long"):
        if options["format_name"] != "table":
            raise ConfigError(
                f"--long is text, and --format {options['format_name']} has all figures: choose one of them"
            )
        options["format_name"] = "long"
    return run_analysis(captures, options, load(options["config"]))
