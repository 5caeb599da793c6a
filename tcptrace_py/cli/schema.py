"""``tcpfsm schema``: the JSON Schema of the report."""

from __future__ import annotations

import click


@click.command(name="schema")
def command() -> None:
    """Print the JSON Schema of the report (--format json; $defs/Line is a line of --format ndjson)."""
    import json

    from tcptrace_py.report.schema import report_schema

    click.echo(json.dumps(report_schema(), indent=2))
