"""``tcpfsm extract``: the byte streams of chosen connections, or their frames as a new capture."""

from __future__ import annotations

from typing import Any

import click

from tcptrace_py.cli.options import analysis_options, config_option, display_filter_option

FOLLOW_FORMATS = ("text", "hex", "raw")


@click.command(name="extract")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@click.option(
    "--connection",
    "-c",
    "connections",
    multiple=True,
    metavar="CONNECTION",
    help="Number (3), addresses and ports, Community ID, or 'frame 42'; several times for several.",
)
@click.option("--rule", "rules", metavar="NAME,…", help="Only connections with such a finding: rules or families.")
@click.option(
    "--state",
    "states",
    metavar="STATE,…",
    help="Only connections that end in it on either side: FIN_WAIT_2; or on both: FIN_WAIT_2/CLOSE_WAIT (client first).",
)
@click.option("--streams", metavar="DIR", help="Write what each side sent into a file of its own, in this folder.")
@click.option("--pcap", metavar="FILE", help="Write their frames there, as pcapng; - is standard output.")
@click.option(
    "--alone",
    is_flag=True,
    help="With --pcap: without the connections before and after on the same ports, on which states may rest.",
)
@click.option("--follow", metavar="CONNECTION", help="Print what both sides of one connection said, in turns.")
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(FOLLOW_FORMATS),
    default="text",
    show_default=True,
    help="Of --follow.",
)
@click.option("--output", "-o", metavar="FILE", help="Write what --follow prints there instead, whole or not at all.")
@click.option(
    "--fill",
    metavar="BYTE",
    help="With --streams: put this byte (0 to 255) where bytes are missing; otherwise what follows comes right behind.",
)
@click.option("--force", is_flag=True, help="With --streams: replace files that are there.")
@analysis_options
@display_filter_option
@config_option
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours in what --follow prints; NO_COLOR is honoured.",
)
@click.option("--strict", is_flag=True, help="Exit 3 when the capture is damaged or incomplete, or bytes are missing.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option("--quiet", "-q", is_flag=True, help="No warnings, and no word on what was written.")
def command(captures: tuple[str, ...], **options: Any) -> int:
    """Write what the connections of CAPTURE… carried, or the connections themselves: all of them, or those chosen.

    The captures are read twice: first to find the connections, then to extract them.
    """
    from tcptrace_py.cli.extracting import run_extract

    return run_extract(captures, options)
