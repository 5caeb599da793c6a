"""``tcpfsm interfaces``: what live traffic can be captured on."""

from __future__ import annotations

import click

from tcptrace_py import programs
from tcptrace_py.report.text import printable


@click.command(name="interfaces")
@click.option(
    "--format",
    "-f",
    "format_name",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Format of the list.",
)
def command(format_name: str) -> None:
    """List the interfaces to capture on, with their addresses, and say whether this user may capture."""
    from tcptrace_py.capture.live import interfaces

    found = interfaces()
    right = programs.right_to_capture()
    if format_name == "json":
        from tcptrace_py.report.encoding import to_json

        rows = [adapter._asdict() for adapter in found]
        click.echo(to_json({"interfaces": rows, "allowed": right.allowed, "mend": right.command or None}).decode())
        return
    width = max(len(printable(adapter.name)) for adapter in found)
    for adapter in found:
        about = ", ".join(filter(None, (adapter.description, *adapter.addresses)))
        click.echo(f"{printable(adapter.name):<{width}}  {adapter.kind:<8}  {printable(about)}".rstrip())
    if not right.allowed:
        click.echo(f"live capture: {right.why}")
        click.echo(right.command)
