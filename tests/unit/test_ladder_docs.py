"""docs/show.md names all marks, items and formats of a ladder."""

from __future__ import annotations

from pathlib import Path

from tcptrace_py.cli.show import FORMATS
from tcptrace_py.ladder.words import SHORT

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "show.md").read_text(encoding="utf-8")


def test_every_mark_is_explained() -> None:
    table = TEXT.partition("\n## Marks\n")[2].partition("\n## ")[0]
    named = {
        name.strip(" `")
        for line in table.splitlines()
        if line.startswith("| `")
        for name in line.split("|")[1].split(",")
    }
    assert named == set(SHORT)


def test_every_format_is_named() -> None:
    section = TEXT.partition("\n## Formats\n")[2]
    assert [name for name in FORMATS if f"`{name}`" not in section and f"--format {name}" not in section] == []
