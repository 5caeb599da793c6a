"""The report on each sample is, letter by letter, the one kept in tests/golden."""

from __future__ import annotations

import difflib

import pytest

from tools.golden import GOLDEN, PAGES, reports
from tools.stories import EXPECTED


@pytest.mark.parametrize("name", EXPECTED)
def test_a_report_is_as_it_was(name: str) -> None:
    differing: list[str] = []
    for file, text in reports(name).items():
        kept = (GOLDEN / file).read_text(encoding="utf-8")
        lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), f"golden/{file}", "now", n=2, lineterm="")
        differing += list(lines)
    if differing:
        shown = "\n".join(differing[:80])
        pytest.fail(f"{shown}\n\nIf this is better: python tests/tools/golden.py", pytrace=False)


def test_nothing_else_is_kept() -> None:
    wanted = {f"{n}.{kind}" for n in EXPECTED for kind in ("json", "txt")} | {f"{n}.html" for n in PAGES}
    assert {p.name for p in GOLDEN.iterdir()} == wanted
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 3_000_000
