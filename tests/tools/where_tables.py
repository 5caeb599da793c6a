"""The tables of docs/where.md, made from the fields and kinds that the parser knows.

They stand between ``<!-- where: NAME -->`` and ``<!-- end -->``.  ``PYTHONPATH=. python tests/tools/where_tables.py docs/where.md`` writes
them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tcptrace_py.machine.states import NAMES
from tcptrace_py.where import kinds
from tcptrace_py.where.fields import Field, fields
from tcptrace_py.where.kinds import Kind

MARKS = re.compile(r"(<!-- where: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
KINDS: tuple[type[Kind], ...] = (
    kinds.Number,
    kinds.Size,
    kinds.Seconds,
    kinds.Moment,
    kinds.Port,
    kinds.Address,
    kinds.Text,
    kinds.Flag,
    kinds.Rules,
)


def fill(text: str) -> str:
    """The document with its tables as they should be."""
    return MARKS.sub(lambda m: f"{m[1]}\n{table(m[2])}\n{m[4]}", text)


def table(which: str) -> str:
    """One of the tables."""
    if which == "kinds":
        rows = [(kind.name, kind.written, operators(kind)) for kind in KINDS]
        rows.append(("word", "one of those named with the field; capitals do not matter, - is _", "`==` `!=` `in` `~`"))
        rows.append(("word in order", "likewise; the least comes first", "also `<` `<=` `>` `>=` and ranges"))
        return lines(("kind", "written", "compared by"), rows)
    of = {
        "connection": [f for f in fields().values() if not f.is_sided and not f.name.startswith("finding.")],
        "endpoint": [f for f in fields().values() if f.is_sided],
        "finding": [f for f in fields().values() if f.name.startswith("finding.")],
    }[which]
    return lines(("field", "kind", "meaning"), list(dict.fromkeys(row(field) for field in of)))


def operators(kind: type[Kind]) -> str:
    """Those that make sense for it."""
    found = ["`==`", "`!=`", "`in`"]
    if kind.ordered:
        found += ["`<`", "`<=`", "`>`", "`>=`", "ranges `a..b`"]
    if kind.has_text:
        found += ["`~`"]
    return " ".join(found)


def row(field: Field) -> tuple[str, str, str]:
    """One field."""
    kind = field.kind.name
    if isinstance(field.kind, kinds.Word):
        is_state = set(field.kind.words) == set(NAMES)
        written = "a state, as `FIN_WAIT_2`" if is_state else field.kind.written
        kind = f"word{' in order' if field.kind.ordered else ''}: {written}"
    if field.is_many:
        kind = f"list of {kind}"
    name, meaning = field.name, field.meaning
    if name.startswith("time_in_state."):
        name, meaning = "time_in_state.STATE", "how long it was in that state; 0: never"
    return f"`{name}`", kind.replace("list of word", "list of words"), meaning


def lines(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    """A table."""
    made = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in made) + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
