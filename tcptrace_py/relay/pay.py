"""Whether a second process pays, and whether there can be one."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.observation import Observation
from tcptrace_py.config import Config

LARGE = 32 << 20
"""Bytes of all files together from which a second process pays: less is read before it has begun."""


def relayed(captures: Captures, paths: Sequence[str], config: Config) -> Observation:
    """The captures, read by a process of their own where that is wanted (``config.jobs``) and can be; else themselves."""
    if not is_wanted(paths, config.jobs) or not is_possible(paths, config):
        return captures
    from tcptrace_py.relay.child import Child
    from tcptrace_py.relay.relayed import Relayed

    try:
        child = Child(captures)
    except OSError:  # no more processes or descriptors: it goes without
        return captures
    return Relayed(child)


def is_wanted(paths: Sequence[str], jobs: int) -> bool:
    """``jobs`` 0: where there is more than one processor for us, and enough to read."""
    if jobs:
        return jobs > 1
    try:
        return len(os.sched_getaffinity(0)) > 1 and sum(os.stat(path).st_size for path in paths) >= LARGE
    except (AttributeError, OSError, ValueError):  # not Linux; "-"
        return False


def is_possible(paths: Sequence[str], config: Config) -> bool:
    """Not for pipes, which others may read too; nor where payload is looked at, as passing it on costs what it saves."""
    import threading

    if not hasattr(os, "fork") or config.verify_checksums or config.compare_payload or threading.active_count() > 1:
        return False
    try:
        return all(stat.S_ISREG(os.stat(path).st_mode) for path in paths)
    except (OSError, ValueError):
        return False
