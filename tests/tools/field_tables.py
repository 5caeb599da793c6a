"""The tables of docs/report.md and docs/extract.md, made from the types of what is written.

They stand between ``<!-- fields: Name -->`` and ``<!-- end -->``.  ``python tests/tools/field_tables.py docs/report.md`` writes
them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from tcptrace_py.cli.analysis import FILTERED
from tcptrace_py.cli.exits import EXITS
from tcptrace_py.decode import REASONS
from tcptrace_py.extraction.rows import ROWS
from tcptrace_py.report.schema import report_schema

BLOCK = re.compile(r"(<!-- (reasons|exits) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
MARKS = re.compile(r"(<!-- fields: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """The document with its tables as they should be."""
    definitions = {**rows(), **report_schema()["$defs"]}
    text = MARKS.sub(lambda m: m[1] + "\n" + table(definitions[m[2]], definitions) + "\n" + m[4], text)
    return BLOCK.sub(lambda m: m[1] + "\n" + lists(m[2]) + "\n" + m[4], text)


def rows() -> dict[str, Any]:
    """The types of the list of extracted streams; what they share with the report is documented there."""
    _, components = msgspec.json.schema_components(ROWS, ref_template="report.md#{name}")
    return {name: what for name, what in components.items() if name.endswith("Row")}


def lists(which: str) -> str:
    """The tables that are not about types."""
    if which == "reasons":
        reasons = [*REASONS, (FILTERED, "left out by the capture filter (--bpf)")]
        head, rows = ("reason", "meaning"), [(f"`{name}`", meaning) for name, meaning in reasons]
    else:
        head, rows = ("status", "meaning"), [(str(status), meaning) for status, meaning in EXITS.items()]
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {one} | {two} |" for one, two in lines).replace("(| head)", "(`\\| head`)") + "\n"


def table(definition: dict[str, Any], definitions: dict[str, Any]) -> str:
    """One type: a row a field."""
    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    for name, what in definition["properties"].items():
        meaning = what.get("description", "what kind of object this is")
        rows.append(f"| `{name}` | {kind(what, definitions)} | {meaning} |")
    return "\n".join(rows) + "\n"


def kind(what: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A type in words."""
    if "$ref" in what:
        place, _, name = what["$ref"].rpartition("/" if what["$ref"].startswith("#") else "#")
        return f"[{name.lower()}]({'' if place.startswith('#') else place}#{name.lower()})"
    if "anyOf" in what:
        return " or ".join(kind(one, definitions) for one in what["anyOf"])
    if "const" in what:
        return f"`{what['const']}`"
    if "enum" in what:
        words = [f"`{word}`" if word is not None else "null" for word in what["enum"]]
        return ", ".join(words)
    if what.get("type") == "array":
        return f"list of {kind(what['items'], definitions)}"
    if what.get("type") == "object":
        values = what.get("additionalProperties")
        return f"object of {kind(values, definitions)}" if values else "object"
    name = str(what.get("type", "any"))
    return "seconds" if name == "number" else name


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
