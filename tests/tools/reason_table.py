"""The table of docs/wireshark.md that tells why tcpfsm and Wireshark differ.

``PYTHONPATH=.:tests python tests/tools/reason_table.py`` writes it anew; a test compares.
"""

from __future__ import annotations

import re
from pathlib import Path

from tcptrace_py.crosscheck.reasons import REASONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wireshark.md"
BLOCK = re.compile(r"(<!-- reasons -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """The page with its table as it should be."""
    return BLOCK.sub(lambda match: match[1] + "\n" + table() + "\n" + match[3], text)


def table() -> str:
    """A row a reason."""
    rows = ["| reason | tcpfsm | Wireshark | why |", "| --- | --- | --- | --- |"]
    rows += [f"| `{r.name}` | {r.ours or '-'} | {r.theirs or '-'} | {r.text} |" for r in REASONS]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
