"""``tcpfsm crosscheck``: our classification of segments beside Wireshark's."""

from __future__ import annotations

from os.path import basename

import click

from tcptrace_py.cli.options import format_option


@click.command(name="crosscheck")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@format_option(("table", "json"), "table")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
def command(captures: tuple[str, ...], format_name: str, *, no_progress: bool) -> int:
    """Compare, frame by frame, what tcpfsm and Wireshark take for retransmissions, out of order, zero windows, keep-alives,
    window probes and reuse of ports in CAPTURE…, and say why where they differ. Needs tshark.

    It ends with 0 whether or not they differ.
    """
    from tcptrace_py.capture import open_captures
    from tcptrace_py.cli.analysis import timers
    from tcptrace_py.cli.bridging import readable
    from tcptrace_py.cli.progress import Progress
    from tcptrace_py.config import Config
    from tcptrace_py.crosscheck.compare import Comparison, Reader
    from tcptrace_py.crosscheck.words import as_json, as_text
    from tcptrace_py.machine.registry import Limits
    from tcptrace_py.machine.tracker import Tracker
    from tcptrace_py.report.encoding import to_json
    from tcptrace_py.report.text import printable, storable
    from tcptrace_py.wireshark import Wireshark

    tshark = Wireshark("crosscheck")
    clocks = timers(Config())
    result = Comparison()
    with Progress(captures, enabled=not no_progress) as progress:
        for index, path in enumerate(captures):
            opened = open_captures([path])
            try:
                with readable(path, tshark.what) as file:
                    flagged = [(one.frame, one.flags) for one in tshark.flagged(file)]
                reader = Reader(opened, Tracker(clocks, Limits(0, 0)), flagged, index, result)
                reader.run(progress.update if progress.visible else None)
            finally:
                opened.close()
    version = tshark.version
    if format_name == "json":
        click.echo(to_json(as_json(result, [storable(path) for path in captures], version)).decode())
    else:
        click.echo(as_text(result, [printable(basename(path)) for path in captures], version), nl=False)
    return 0
