"""Options that mean the same in every command, and the Config they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tcptrace_py.config import PROFILES, Config, parse_timers, timers_for

F = TypeVar("F", bound=Callable[..., Any])


def names(text: str | None) -> tuple[str, ...]:
    """``NAME,…`` as a tuple."""
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))


def analysis_options(f: F) -> F:
    """What is analysed, and how."""
    for option in reversed(
        (
            click.option("--select", metavar="NAME,…", help="Run only these rules or families of rules."),
            click.option("--ignore", metavar="NAME,…", help="Leave these rules or families out."),
            click.option(
                "--profile",
                type=click.Choice(list(PROFILES)),
                default="linux",
                show_default=True,
                help="Whose TCP timers the endpoints have.",
            ),
            click.option(
                "--timers", metavar="NAME=SECONDS,…", default="", help="Change some of them: time_wait=30,fin_wait_2=5"
            ),
            click.option(
                "--max-connections",
                type=click.IntRange(min=0),
                default=0,
                help="Keep at most this many connections in memory; 0: no bound.",
            ),
            click.option("--verify-checksums", is_flag=True, help="Compute checksums, and count wrong ones."),
        )
    ):
        f = option(f)
    return f


def output_options(formats: tuple[str, ...], default: str) -> Callable[[F], F]:
    """Where the report goes, and as what."""

    def decorate(f: F) -> F:
        for option in reversed(
            (
                click.option(
                    "--format",
                    "-f",
                    "format_name",
                    type=click.Choice(list(formats)),
                    default=default,
                    show_default=True,
                    help="Format of the report.",
                ),
                click.option(
                    "--output",
                    "-o",
                    type=click.Path(dir_okay=False),
                    metavar="FILE",
                    help="Write the report there, whole or not at all.",
                ),
                click.option(
                    "--fail-on",
                    metavar="never|info|warning|error|NAME,…",
                    default="never",
                    show_default=True,
                    help="Exit 1 when there is such a finding.",
                ),
                click.option("--strict", is_flag=True, help="Exit 3 when the capture is damaged or incomplete."),
                click.option(
                    "--color",
                    type=click.Choice(["auto", "always", "never"]),
                    default="auto",
                    show_default=True,
                    help="Colours in the table; NO_COLOR is honoured.",
                ),
                click.option("--no-progress", is_flag=True, help="No progress bar."),
                click.option("--quiet", "-q", is_flag=True, help="No warnings."),
                click.option("--verbose", "-v", is_flag=True, help="Show more."),
            )
        ):
            f = option(f)
        return f

    return decorate


def config_from(options: dict[str, Any]) -> Config:
    """The configuration that the options describe.  Raises ConfigError."""
    profile: str = options["profile"]
    return Config(
        profile=profile,
        timers=timers_for(profile, parse_timers(options["timers"])),
        max_connections=options["max_connections"],
        verify_checksums=options["verify_checksums"],
        select=names(options["select"]),
        ignore=names(options["ignore"]),
        fail_on=names(options["fail_on"]) or ("never",),
    )
