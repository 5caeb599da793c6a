"""``tcpfsm graph``: the data of graphs of one connection."""

from __future__ import annotations

from typing import Any

import click

from tcptrace_py.cli.options import analysis_options, config_option
from tcptrace_py.graph.points import AVERAGED, GRAPHS
from tcptrace_py.graph.rows import FORMATS


@click.command(name="graph")
@click.argument("words", nargs=-1, required=True, metavar="CAPTURE… CONNECTION")
@click.option(
    "--data",
    "-d",
    "graphs",
    metavar="NAME,…",
    default="time-sequence",
    show_default=True,
    help=f"Which graphs: {', '.join(GRAPHS)}, or all.",
)
@click.option("--sender", type=click.Choice(["client", "server"]), help="Only the points about what this side sends.")
@click.option(
    "--average",
    type=click.IntRange(min=1, max=100_000),
    default=AVERAGED,
    show_default=True,
    help="Segments that the average throughput is over.",
)
@analysis_options
@config_option
@click.option("--format", "-f", "format_name", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the points there, whole or not at all.",
)
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option("--quiet", "-q", is_flag=True, help="No warnings.")
def command(words: tuple[str, ...], **options: Any) -> int:
    """Write the data of graphs of one connection of CAPTURE…: what a plotting program needs, a point a line.

    CONNECTION is its number in the report (3), its addresses and ports (10.0.0.1:40000-10.0.0.2:80), its Community ID
    or one of its frames (frame 42).
    """
    from tcptrace_py.cli.graphing import graphs_named, write_points
    from tcptrace_py.cli.options import config_from
    from tcptrace_py.cli.output import open_output, spare
    from tcptrace_py.cli.progress import Progress
    from tcptrace_py.cli.show import split
    from tcptrace_py.errors import ConfigError
    from tcptrace_py.gate.settings import load
    from tcptrace_py.where.filter import filter_of

    config = config_from({**options, "fail_on": "never"}, load(options["config"]))
    if filter_of(config) is not None:
        raise ConfigError(
            "graph is of one connection: name it, in place of --where (tcpfsm analyze --where … lists them)"
        )
    graphs = graphs_named(options["graphs"])
    captures, choice = split(list(words), command="graph")
    assert choice is not None  # split sees to it
    path: str | None = options["output"]
    spare(captures, path)
    shows = not options["no_progress"] and not options["quiet"]
    with open_output(path) as out, Progress(captures, enabled=shows) as progress:
        tick = progress.update if progress.visible else None
        problems = write_points(captures, config, choice, graphs, out, options, tick)
    if not options["quiet"]:
        for problem in problems[:5]:
            click.echo(f"tcpfsm: warning: {problem}", err=True)
    return 0
