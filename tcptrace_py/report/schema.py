"""The JSON Schema of the report, made from ``model``: what ``tcpfsm schema`` prints and every report validates against."""

from __future__ import annotations

from typing import Any

import msgspec

from tcptrace_py.report import model
from tcptrace_py.report.events import EVENTS

LINES = (model.CaptureLine, model.Connection, model.Finding, model.SummaryLine, *EVENTS)
"""What a line of NDJSON may be; the events are those of ``live``."""


def report_schema() -> dict[str, Any]:
    """Of --format json; ``$defs/Line`` is that of a line of --format ndjson."""
    (root, *lines), components = msgspec.json.schema_components((model.Report, *LINES), ref_template="#/$defs/{name}")
    root, components, lines = numbers((root, components, lines))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tcpfsm:report:{model.SCHEMA}",
        "title": f"tcpfsm report, schema {model.SCHEMA}",
        "description": "What tcpfsm infers of the TCP connections in packet captures.",
        **root,
        "$defs": {**components, "Line": {"title": "Line", "description": "A line of NDJSON.", "anyOf": lines}},
    }


def numbers(schema: Any) -> Any:
    """The same schema with decimals as the numbers that they are written as; msgspec's default is strings."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            rest = {key: value for key, value in schema.items() if key != "format"}
            return {**rest, "type": "number"}
        return {key: numbers(value) for key, value in schema.items()}
    if isinstance(schema, (list, tuple)):
        return [numbers(value) for value in schema]
    return schema
