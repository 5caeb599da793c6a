"""tcpfsm: the TCP state of both endpoints of every connection in a packet capture, over time, with evidence.

::

    bytes -> Record -> Segment -> Connection (two endpoints: transitions, facts, counters) -> Finding -> Report -> text, JSON, ...
     capture/  decode/    machine/                                                    rules/     report/

One direction, no way back.  Each room takes one noun in and gives one noun out: ``capture`` makes records of bytes, ``decode``
makes segments of records, ``machine`` makes transitions and facts of segments, ``rules`` makes findings of those, and ``report``
makes text of findings.  ``pipeline`` is the loop that walks a packet through them and owns no policy; ``cli`` is words for all of
the above.  ``packet`` holds the nouns the rooms share, ``config`` every option, ``errors`` what a caller may catch.  Imports go
one way, from ``cli`` down to ``errors``, and a contract in pyproject.toml checks it.

The engine (``packet``, ``pipeline``, ``capture``, ``decode``, ``machine``) is compiled by mypyc where that is possible, and runs
interpreted from the same source elsewhere, or wherever ``TCPFSM_PURE=1`` is set.
"""

from __future__ import annotations

import os
from importlib.machinery import PathFinder

__version__ = "0.1.0"

PURE_REASON = ""
"""Why the source of the engine is used even if a compiled one is present; empty if nothing forbids that one."""

if os.environ.get("TCPFSM_PURE", "") not in ("", "0"):
    PURE_REASON = "TCPFSM_PURE is set"
elif PathFinder.find_spec("librt") is None:  # the compiled engine calls it; without, only the source works
    PURE_REASON = "librt is not installed"

if PURE_REASON:
    from tcptrace_py._source import prefer_source

    prefer_source()
