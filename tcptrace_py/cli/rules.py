"""``tcpfsm rules``: the catalogue."""

from __future__ import annotations

import shutil

import click

FORMATS = ("table", "json", "markdown")
BESIDE = 47
"""Columns beside what a rule finds."""


@click.command(name="rules")
@click.option("--format", "-f", "format_name", type=click.Choice(FORMATS), default="table", show_default=True)
def command(format_name: str) -> None:
    """List the rules: name, family, usual severity, and what each finds."""
    from tcptrace_py.rules.catalogue import RULES
    from tcptrace_py.thresholds import THRESHOLDS

    if format_name == "json":
        import json

        rules = [
            {
                "name": rule.name,
                "family": rule.family,
                "severity": rule.severity,
                **rule.explanation()._asdict(),
                "references": list(rule.references),
                "thresholds": {name: THRESHOLDS[name]._asdict() for name in rule.uses},
            }
            for rule in RULES
        ]
        click.echo(json.dumps(rules, indent=2))
        return
    from tabulate import tabulate

    columns = min(shutil.get_terminal_size((80, 24)).columns, 100)
    rows = [(rule.name, rule.family, rule.severity, rule.explanation().summary) for rule in RULES]
    click.echo(
        tabulate(
            rows,
            headers=("rule", "family", "severity", "finds"),
            tablefmt="pipe" if format_name == "markdown" else "plain",
            disable_numparse=True,
            maxcolwidths=None if format_name == "markdown" else [None, None, None, max(columns - BESIDE, 32)],
        )
    )
    if format_name == "table":
        click.echo("\nOne of them in full: tcpfsm explain NAME")
