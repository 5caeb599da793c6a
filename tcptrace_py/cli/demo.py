"""``tcpfsm demo``: the main job on a bundled sample."""

from __future__ import annotations

from importlib import resources
from typing import Any

import click

from tcptrace_py.cli.options import analysis_options, labels_option, output_options, packet_options
from tcptrace_py.errors import CaptureError
from tcptrace_py.report.formats import FORMATS


@click.command(name="demo")
@analysis_options
@packet_options
@labels_option
@output_options(tuple(row.name for row in FORMATS), "table")
def command(**options: Any) -> int:
    """Analyze a bundled sample, recorded between two Linux hosts: no arguments, no network, no rights needed."""
    from tcptrace_py.cli.running import run_analysis

    sample = resources.files("tcptrace_py").joinpath("data").joinpath("demo.pcap")
    with resources.as_file(sample) as path:
        if not path.is_file():
            raise CaptureError("the sample data/demo.pcap is missing from this installation: install tcptrace-py again")
        return run_analysis([str(path)], options, is_demo=True)
