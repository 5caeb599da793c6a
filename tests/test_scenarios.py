"""Every scenario, as a capture through the whole pipeline and segment by segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.conversation import SCENARIOS, load
from tools.replay import check

PATHS = sorted(SCENARIOS.rglob("*.txt"))


@pytest.mark.parametrize("path", PATHS, ids=[p.relative_to(SCENARIOS).with_suffix("").as_posix() for p in PATHS])
def test_scenario(path: Path) -> None:
    assert check(load(path)) == []
