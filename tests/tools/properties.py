"""How the property tests of the machine run: the same examples every time, and no deadline on a busy computer."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

REPEATABLE: Final = settings(derandomize=True, deadline=None, database=None)
