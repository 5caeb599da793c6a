"""``tcpfsm show``: one connection as a ladder."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from tcptrace_py.cli.options import analysis_options, config_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcptrace_py.capture import Observation
    from tcptrace_py.config import Config
    from tcptrace_py.ladder.choice import Choice
    from tcptrace_py.ladder.model import Ladder

    Tick = Callable[[Observation], None]

FORMATS = ("text", "json", "mermaid", "svg")
ONE_ONLY = ("mermaid", "svg")
"""Formats of which a file holds one ladder."""


@click.command(name="show")
@click.argument("words", nargs=-1, required=True, metavar="CAPTURE… [CONNECTION]")
@analysis_options
@config_option
@click.option("--format", "-f", "format_name", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the ladder there, whole or not at all.",
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--all", "whole", is_flag=True, help="Show every frame: fold nothing.")
@click.option("--width", type=click.IntRange(min=64), help="Columns to fit in. [default: the terminal's, else 80]")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours in the text; NO_COLOR is honoured.",
)
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option("--quiet", "-q", is_flag=True, help="No warnings.")
def command(words: tuple[str, ...], **options: Any) -> int:
    """Show one connection of CAPTURE… as a ladder: every frame, and both endpoints' states between the frames.

    CONNECTION is its number in the report (3), its addresses and ports (10.0.0.1:40000-10.0.0.2:80), its Community ID
    or one of its frames (frame 42). Without it, --where chooses: the first few that match are shown.
    """
    from tcptrace_py.cli.options import config_from
    from tcptrace_py.cli.output import open_output
    from tcptrace_py.cli.progress import Progress
    from tcptrace_py.cli.running import wants_color
    from tcptrace_py.gate.settings import load
    from tcptrace_py.ladder.formats import render

    config = config_from({**options, "fail_on": "never"}, load(options["config"]))
    captures, choice = split(list(words), may_lack=bool(config.where))
    path: str | None = options["output"]
    with open_output(path) as out:
        with Progress(captures, enabled=not options["no_progress"] and not options["quiet"]) as progress:
            tick = progress.update if progress.visible else None
            ladders, warnings = read(captures, config, choice, tick, options)
        texts = [
            render(
                ladder,
                options["format_name"],
                width=options["width"] or (shutil.get_terminal_size((80, 24)).columns if path is None else 80),
                ascii_only=options["ascii_only"] or (path is None and not draws(sys.stdout.encoding)),
                color=wants_color(options["color"], path),
            )
            for ladder in ladders
        ]
        out.write("\n".join(texts).encode("utf-8"))
    if not options["quiet"]:
        for warning in warnings:
            click.echo(f"tcpfsm: {warning}", err=True)
    return 0


def read(
    captures: list[str], config: Config, choice: Choice | None, progress: Tick | None, options: dict[str, Any]
) -> tuple[list[Ladder], list[str]]:
    """The ladders to show, and what to say of them.  Raises CaptureError and ConfigError."""
    from tcptrace_py.cli.showing import read_ladder, read_ladders

    if not config.where:
        assert choice is not None  # split sees to it
        made, problems = read_ladder(captures, config, choice, progress, whole=options["whole"])
        return [made], [f"warning: {problem}" for problem in problems[:5]]
    from tcptrace_py.cli.matching import MOST_LADDERS, matching

    numbers = matching(captures, config, choice, progress)
    if len(numbers) > 1 and options["format_name"] in ONE_ONLY:
        from tcptrace_py.errors import ConfigError

        named = ", ".join(map(str, numbers[:MOST_LADDERS])) + (", ..." if len(numbers) > MOST_LADDERS else "")
        form = options["format_name"]
        raise ConfigError(
            f"{len(numbers)} connections match --where, and {form} shows one: choose it by number: {named}"
        )
    ladders, problems = read_ladders(
        captures, config, frozenset(numbers[:MOST_LADDERS]), progress, whole=options["whole"]
    )
    warnings = [f"warning: {problem}" for problem in problems[:5]]
    rest = numbers[MOST_LADDERS:]
    if rest:
        named = ", ".join(map(str, rest[:MOST_LADDERS])) + (", ..." if len(rest) > MOST_LADDERS else "")
        warnings.append(f"{len(rest)} more of {len(numbers)} connections that match, to be shown by number: {named}")
    return ladders, warnings


def split(words: list[str], *, may_lack: bool = False, command: str = "show") -> tuple[list[str], Choice | None]:
    """Captures and connection; with ``may_lack``, a last word that names no connection is a capture.  Raises ConfigError."""
    from tcptrace_py.errors import ConfigError
    from tcptrace_py.ladder.choice import FORMS, parse
    from tcptrace_py.report.phrases import quoted
    from tcptrace_py.report.text import printable

    last = 2 if len(words) > 1 and words[-2].lower() == "frame" and words[-1].isdigit() else 1
    captures = words[:-last]
    if may_lack:
        try:
            return (captures, parse(words[-last:])) if captures else (words, None)
        except ConfigError:
            return words, None
    if not captures:
        if last == 2 or words[-1].isdigit():
            raise ConfigError(f"{command} needs a capture and a connection: tcpfsm {command} CAPTURE 1")
        name = quoted(words[-1])
        raise ConfigError(
            f"which connection of {printable(words[-1])}? Give {FORMS}: tcpfsm {command} {name} 1; tcpfsm analyze {name} --format csv lists them"
        )
    return captures, parse(words[-last:])


def draws(encoding: str | None) -> bool:
    """Whether the lines and arrows can be written in this encoding."""
    return (encoding or "utf-8").lower().replace("-", "").startswith("utf")
