"""Options that mean the same in every command, and the Config they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tcptrace_py.config import (
    PROFILES,
    Config,
    Thresholds,
    parse_thresholds,
    parse_timers,
    thresholds_with,
    timers_for,
)
from tcptrace_py.errors import ConfigError

if TYPE_CHECKING:
    from tcptrace_py.gate.settings import Settings

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
                show_default="linux",
                help="Whose TCP timers the endpoints have.",
            ),
            click.option(
                "--timers", metavar="NAME=SECONDS,…", default="", help="Change some of them: time_wait=30,fin_wait_2=5"
            ),
            click.option(
                "--thresholds",
                metavar="NAME=VALUE,…",
                default="",
                help="Change when rules speak: stuck=30,idle=600 (tcpfsm explain RULE lists them).",
            ),
            click.option(
                "--max-connections",
                type=click.IntRange(min=0),
                help="Keep at most this many connections in memory; 0, the default: no bound.",
            ),
            click.option("--verify-checksums", is_flag=True, help="Compute checksums, and count wrong ones."),
            click.option(
                "--compare-payload",
                is_flag=True,
                help="Compare data that comes again with what passed first: overlap-conflict.",
            ),
            click.option(
                "--where",
                metavar="EXPR",
                default="",
                help="Only connections of which this holds: 'server.port == 443 and finding' (tcpfsm explain where).",
            ),
        )
    ):
        f = option(f)
    return f


def packet_options(f: F) -> F:
    """Which packets and connections, in the languages of libpcap and Wireshark."""
    for option in reversed(
        (
            click.option(
                "--bpf",
                metavar="EXPR",
                default="",
                help="Only packets that pass this capture filter (man pcap-filter).",
            ),
            display_filter_option,
        )
    ):
        f = option(f)
    return f


def jobs_option(f: F) -> F:
    """How many processors the work may take."""
    option = click.option(
        "--jobs",
        metavar="N",
        type=click.IntRange(min=1),
        help="With 2, a process of its own reads the captures: faster, the same report. Else, as it pays. "
        "Pipes are read without it, and so is what --verify-checksums and --compare-payload look at.",
    )
    return option(f)


def display_filter_option(f: F) -> F:
    """Which connections, in the language of Wireshark."""
    option = click.option(
        "--display-filter",
        metavar="EXPR",
        default="",
        help="Only connections with a frame that matches this Wireshark display filter (needs tshark).",
    )
    return option(f)


def labels_option(f: F) -> F:
    """What the connections carry."""
    option = click.option(
        "--labels", is_flag=True, help="Name the application protocol of each connection (needs tshark)."
    )
    return option(f)


def config_option(f: F) -> F:
    """Where the project's configuration is."""
    option = click.option(
        "--config",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Configuration; else the nearest tcpfsm.toml, or pyproject.toml with [tool.tcpfsm], from here upwards.",
    )
    return option(f)


def output_options(formats: tuple[str, ...], default: str) -> Callable[[F], F]:
    """Where the report goes, and as what."""

    def decorate(f: F) -> F:
        options = (
            format_option(formats, default),
            click.option(
                "--output",
                "-o",
                type=click.Path(dir_okay=False),
                metavar="FILE",
                help="Write the report there, whole or not at all.",
            ),
            fail_on_option("never"),
        )
        f = message_options(f)
        for option in reversed(options):
            f = option(f)
        return f

    return decorate


def format_option(formats: tuple[str, ...], default: str) -> Callable[[F], F]:
    """The format of what goes to standard output."""
    return click.option(
        "--format",
        "-f",
        "format_name",
        type=click.Choice(list(formats)),
        default=default,
        show_default=True,
        help="Format of the report.",
    )


def fail_on_option(default: str) -> Callable[[F], F]:
    """The threshold of the exit status."""
    return click.option(
        "--fail-on",
        metavar="never|info|warning|error|NAME,…",
        show_default=default,
        help="Exit 1 when there is such a finding.",
    )


def message_options(f: F) -> F:
    """What is said besides the report, and how."""
    for option in reversed(
        (
            click.option("--strict", is_flag=True, help="Exit 3 when the capture is damaged or incomplete."),
            click.option(
                "--color",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                show_default=True,
                help="Colours in the text; NO_COLOR is honoured.",
            ),
            click.option("--no-progress", is_flag=True, help="No progress bar."),
            click.option("--quiet", "-q", is_flag=True, help="No warnings."),
            click.option("--verbose", "-v", is_flag=True, help="Show more."),
        )
    ):
        f = option(f)
    return f


def config_from(options: dict[str, Any], settings: Settings | None = None) -> Config:
    """The configuration that the options describe, and where they say nothing, the file.  Raises ConfigError.

    ``fail_on`` of the file is for the gate (``check``) alone: a report does not fail because a file says so.
    """
    profile: str = options["profile"] or (settings.profile if settings else None) or "linux"
    thresholds = settings.thresholds if settings else Thresholds()
    with blaming("--timers"):
        timers = timers_for(profile, {**(settings.timers if settings else {}), **parse_timers(options["timers"])})
    with blaming("--thresholds"):
        thresholds = thresholds_with(thresholds, parse_thresholds(options["thresholds"]))
    check_names(options)
    config = Config(
        profile=profile,
        timers=timers,
        thresholds=thresholds,
        max_connections=options["max_connections"] or 0,
        verify_checksums=options["verify_checksums"],
        compare_payload=options["compare_payload"],
        select=names(options["select"]),
        ignore=names(options["ignore"]),
        fail_on=names(options["fail_on"]) or ("never",),
        where=options["where"].strip(),
        display_filter=options.get("display_filter", "").strip(),
        labels=options.get("labels", False),
        bpf=options.get("bpf", "").strip(),
        jobs=(options["jobs"] or 0) if "jobs" in options else 1,
    )
    if settings is None:
        return config
    bound = options["max_connections"]
    return replace(
        config,
        max_connections=(settings.max_connections or 0) if bound is None else bound,
        jobs=config.jobs or settings.jobs or 0,
        verify_checksums=config.verify_checksums or bool(settings.verify_checksums),
        compare_payload=config.compare_payload or bool(settings.compare_payload),
        select=(settings.select or ()) if options["select"] is None else config.select,
        ignore=(settings.ignore or ()) if options["ignore"] is None else config.ignore,
    )


def check_names(options: dict[str, Any]) -> None:
    """Raises ConfigError where an option names a rule, family or field that does not exist: before anything is opened."""
    from tcptrace_py.rules.catalogue import check_fail_on, members

    for option in ("select", "ignore"):
        with blaming(f"--{option}"):
            for name in names(options[option]):
                members(name)
    with blaming("--fail-on"):
        check_fail_on(names(options["fail_on"]))
    if options["where"].strip():
        from tcptrace_py.where.parser import parse

        parse(options["where"].strip())


@contextmanager
def blaming(option: str) -> Iterator[None]:
    """Say of an error which option it is about."""
    try:
        yield
    except ConfigError as e:
        raise ConfigError(f"{option}: {e}") from None
