"""Which engine runs: the compiled one, or the same source interpreted.

Both give the same results; the compiled one is about 20 times faster.
"""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from typing import Final, Literal

import tcptrace_py
from tcptrace_py import packet

COMPILED: Final = (packet.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES))  # all of the engine is, or none of it

ENGINE: Final[Literal["compiled", "interpreted"]] = "compiled" if COMPILED else "interpreted"

REASON: Final[str] = (
    "compiled by mypyc" if COMPILED else tcptrace_py.PURE_REASON or "installed without a compiled engine"
)
"""Why, for people: half a sentence."""
