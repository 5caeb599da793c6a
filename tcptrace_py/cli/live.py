"""``tcpfsm live``: the main job, on traffic as it passes."""

from __future__ import annotations

from typing import Any

import click

from tcptrace_py.cli.options import analysis_options, config_option, output_options, packet_options
from tcptrace_py.report.formats import FORMATS


@click.command(name="live")
@click.argument("interface", metavar="INTERFACE")
@click.option("--duration", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), help="End after so long.")
@click.option("--count", metavar="PACKETS", type=click.IntRange(min=1), help="End after so many packets.")
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help="From one refresh, status line or tick to the next; 1, or 10 where there is no terminal.",
)
@click.option(
    "--write", metavar="FILE", type=click.Path(dir_okay=False), help="Keep what is captured there, as pcapng."
)
@click.option("--rotate-size", metavar="MIB", type=click.IntRange(min=1), help="Begin another file after so much.")
@click.option(
    "--rotate-time", metavar="SECONDS", type=click.FloatRange(min=1), help="Begin another file after so long."
)
@click.option("--keep-files", metavar="N", type=click.IntRange(min=1), help="Keep only the last N of those files.")
@click.option(
    "--snaplen",
    metavar="BYTES",
    type=click.IntRange(min=0, max=262144),
    show_default="256, or with --display-filter 0",
    help="Capture so much of each packet; 0: all of it.",
)
@click.option(
    "--buffer",
    metavar="MIB",
    type=click.IntRange(min=1, max=4096),
    default=32,
    show_default=True,
    help="Of the kernel, for packets that wait to be read.",
)
@click.option("--no-promiscuous", is_flag=True, help="Capture only what is for this host.")
@analysis_options
@packet_options
@config_option
@output_options(tuple(row.name for row in FORMATS), "table")
def command(interface: str, **options: Any) -> int:
    """Analyze the traffic on INTERFACE as it passes, until Ctrl-C, and then write the report.

    tcpfsm interfaces lists what there is; - is a capture that is piped in, as in: ssh HOST tcpdump -U -w - | tcpfsm live -

    A terminal shows the connections, the worst first; elsewhere there is a line for each finding. With --format ndjson there is
    an event a line, as it happens.
    """
    from tcptrace_py.cli.living import run_live
    from tcptrace_py.gate.settings import load

    return run_live(interface, options, load(options["config"]))
