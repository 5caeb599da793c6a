"""The command line: the table of commands, and how a run ends.

Commands are imported when they are called: ``tcpfsm --help`` must feel instant.  Whatever happens, a user sees one line
and an exit status of ``exits``, never a traceback.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn, cast

import click

import tcptrace_py
from tcptrace_py.cli import exits
from tcptrace_py.errors import TcpfsmError

# name: (module, one line for the list)
COMMANDS: dict[str, tuple[str, str]] = {
    "analyze": ("analyze", "Report the TCP states and findings of captures."),
    "check": ("check", "Judge captures: the gate for CI, with a baseline and expectations."),
    "show": ("show", "Show one connection as a ladder of frames and states."),
    "graph": ("graph", "Write the data of graphs of one connection."),
    "live": ("live", "Analyze live traffic."),
    "interfaces": ("interfaces", "List what live traffic can be captured on."),
    "extract": ("extract", "Write the byte streams of connections, or the connections as a capture."),
    "crosscheck": ("crosscheck", "Compare what tcpfsm and Wireshark say of segments, and say why they differ."),
    "demo": ("demo", "Analyze a bundled sample: no arguments, no rights needed."),
    "rules": ("rules", "List the rules."),
    "explain": ("explain", "Explain a topic, a state, a transition or a rule."),
    "schema": ("schema", "Print the JSON Schema of the report."),
    "doctor": ("doctor", "Check the installation and its helpers."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table: the main job first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, which its module calls ``command``."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        return cast("click.Command", import_module(f"tcptrace_py.cli.{row[0]}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[1]) for name, row in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a did-you-mean."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from tcptrace_py.config import suggest

            hint = suggest(args[0], list(COMMANDS))
            if os.path.exists(args[0]):
                hint = f"; to analyze that file: tcpfsm analyze {args[0]}"
            ctx.fail(f"no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    name="tcpfsm",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(tcptrace_py.__version__, prog_name="tcpfsm")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Infer the TCP state of both endpoints of every connection in a packet capture, over time, with evidence.

    Start with: tcpfsm demo
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit, at once: to free a million objects one by one takes longer than most runs."""
    gc.disable()  # a run leaves no cycles that are worth looking for
    if "_TCPFSM_COMPLETE" in os.environ:  # click's completion for shells
        cli.main(prog_name="tcpfsm")
    signal.signal(signal.SIGTERM, _terminate)
    status = run(list(sys.argv[1:] if args is None else args))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed or never open; run has told what there was to tell
            stream.flush()
    os._exit(status)


def run(args: list[str]) -> int:
    """Run the command line; returns the exit status."""
    try:
        status = _invoke(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        return exits.CLOSED
    except KeyboardInterrupt:
        _say("interrupted")
        return exits.INTERRUPTED
    except TcpfsmError as e:
        _say(str(e))
        return exits.USAGE
    except MemoryError:
        _say("out of memory: --max-connections bounds how many connections are kept")
        return exits.USAGE
    except OSError as e:  # a full disk, a folder that may not be written to
        _say(f"{e.filename or 'standard output'}: {e.strerror or e}")  # what writes a file names it (cli/output.py)
        return exits.USAGE
    return status


def _invoke(args: list[str]) -> int:
    """Parse and call; click's own ways to end are made exit statuses."""
    # not Command.main, which exits 1 on a closed pipe
    try:
        with cli.make_context("tcpfsm", args) as ctx:
            result = cli.invoke(ctx)
            return result if isinstance(result, int) else exits.DONE
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as e:
        from tcptrace_py.report.text import printable

        context = getattr(e, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        meant = _meant(e)
        said = e.format_message().replace("\n", " ")
        _say(printable(said.rstrip(".") + meant if meant else said) + hint)
        return exits.USAGE


def _meant(e: click.ClickException) -> str:
    """The choice that was perhaps meant; click names them all, and not which is near."""
    kind = e.param.type if isinstance(e, click.BadParameter) and e.param is not None else None
    wrong = re.match(r"'(.*)' is not one of ", e.message)
    if not isinstance(kind, click.Choice) or wrong is None:
        return ""
    from tcptrace_py.config import suggest

    text = suggest(wrong[1], [str(choice) for choice in kind.choices])
    return text if "did you mean" in text else ""


def _say(message: str) -> None:
    """One line on stderr."""
    try:
        print(f"tcpfsm: {message}", file=sys.stderr, flush=True)
    except OSError:  # nobody is listening there either
        _discard(sys.stderr)


def _discard(stream: object) -> None:
    """Let what is still buffered for a closed pipe go nowhere, or the interpreter complains when it ends."""
    try:
        fd = os.open(os.devnull, os.O_WRONLY)
        os.dup2(fd, stream.fileno())  # type: ignore[attr-defined]
        os.close(fd)
    except (OSError, ValueError, AttributeError):
        pass


def _terminate(_signum: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds like an exception, so that temporary files are removed."""
    raise SystemExit(exits.TERMINATED)
