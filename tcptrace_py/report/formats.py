"""The table of formats: one row a format, one module a format, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from tcptrace_py.report.sink import Sink


class Format(NamedTuple):
    """A format that a report can have."""

    name: str
    module: str
    sink: str
    meaning: str


FORMATS: tuple[Format, ...] = (
    Format("table", "as_table", "Table", "text for people: the verdict, the worst connections, what to do next"),
    Format("json", "as_json", "Json", "one object: the whole report (see tcpfsm schema)"),
    Format("ndjson", "as_ndjson", "Ndjson", "one object a line, as soon as it is known"),
    Format("csv", "as_csv", "Csv", "one row a connection, for spreadsheets"),
    Format(
        "html",
        "as_html",
        "Html",
        "a page for people: the same, what the rules explain, and the worst connections as ladders",
    ),
    Format("markdown", "as_markdown", "Markdown", "the text for people, to paste into an issue"),
)


LONG = Format("long", "as_long", "Long", "all figures of every connection, as text")
"""The table's other form: not a format by itself, but asked for with --long."""


def sink_class(name: str) -> type[Sink]:
    """The class that writes a format.  KeyError: there is no such format."""
    row = {row.name: row for row in (*FORMATS, LONG)}[name]
    return cast("type[Sink]", getattr(import_module(f"tcptrace_py.report.{row.module}"), row.sink))
