"""The table of thresholds in docs/check.md, made from where they are defined and from the rules that ask for them.

It stands between ``<!-- thresholds -->`` and ``<!-- end -->``.  ``PYTHONPATH=. python tests/tools/threshold_table.py docs/check.md``
writes it anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.rules.catalogue import RULES
from tcptrace_py.thresholds import THRESHOLDS

MARKS = re.compile(r"(<!-- thresholds -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """The document with its table as it should be."""
    made = "\n".join(rows())
    return MARKS.sub(lambda m: f"{m[1]}\n{made}\n\n{m[3]}", text)


def rows() -> Iterator[str]:
    """A row a threshold."""
    yield "| threshold | default | decides | source | rules |"
    yield "| --- | --- | --- | --- | --- |"
    for one in THRESHOLDS.values():
        users = ", ".join(f"[{rule.name}](rules.md#{rule.name})" for rule in RULES if one.name in rule.uses)
        yield f"| `{one.name}` | {one.shown} | {one.meaning} | {one.source} | {users} |"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
