"""Conversations of RFC 9293 of which the inference does not yet say all that it could, each a strict expected failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.conversation import parse
from tools.replay import check

PATHS = sorted((Path(__file__).parent / "conversations").glob("*.txt"))


@pytest.mark.xfail(reason="known gaps: the first line of each says what is missing", strict=True)
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_conversation(path: Path) -> None:
    assert check(parse(path.read_text(encoding="utf-8"), path.stem)) == []
