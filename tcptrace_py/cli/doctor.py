"""``tcpfsm doctor``: what is installed, what works without the rest, and the command that mends what is missing."""

from __future__ import annotations

import os
import sys
from importlib import metadata

import click

from tcptrace_py import programs

LIBRARIES = ("click", "dpkt", "msgspec", "pyshark", "tabulate", "mypy-extensions", "librt", "backports.zstd")
OPTIONAL = {
    "librt": "only the compiled engine needs it",
    "backports.zstd": "captures compressed with zstd need it before Python 3.14: pip install 'tcptrace-py[zstd]'",
}


@click.command(name="doctor")
def command() -> None:
    """Check versions, the engine, helper programs and the right to capture, and say how to mend what is missing."""
    import tcptrace_py
    from tcptrace_py.engine import ENGINE, REASON

    row("tcpfsm", f"{tcptrace_py.__version__}, in {os.path.dirname(tcptrace_py.__file__)}")
    row("engine", f"{ENGINE}: {REASON}")
    if ENGINE == "interpreted":
        advise("the results are the same, about 20 times slower; to have it compiled, with a C compiler present:")
        advise("TCPFSM_COMPILE=1 pip install --force-reinstall --no-deps tcptrace-py")
    row("python", f"{sys.version.split()[0]}, {sys.executable}")
    for name in LIBRARIES:
        library(name)
    for name in programs.PROGRAMS:
        helper(name)
    live_capture()


def row(name: str, text: str) -> None:
    """One line of the report."""
    click.echo(f"{name:<16} {text}")


def advise(text: str) -> None:
    """A line below the one it belongs to."""
    click.echo(f"{'':<16} {text}")


def library(name: str) -> None:
    """The version of a library."""
    try:
        row(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        row(name, "not installed")
        advise(OPTIONAL.get(name, f"pip install {name}"))


def helper(name: str) -> None:
    """Where a helper program is, and which version."""
    path = programs.find(name)
    if path is None:
        program = programs.PROGRAMS[name]
        row(name, f"not found: {program.purpose}; {programs.WORKS_WITHOUT}")
        advise(programs.installation(program.debian, program.other))
        return
    row(name, f"{path} ({programs.version(path)})")


def live_capture() -> None:
    """Whether live capture is allowed, and how it can be."""
    right = programs.right_to_capture()
    row("live capture", right.why if right.allowed else f"{right.why}; {programs.WORKS_WITHOUT}")
    if right.command:
        advise(right.command)
