"""What the witnesses of a run hand over: frames as the taps saw them, and looks at the kernels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from kernel.sockdiag import Address, Sock

CLIENT, MIDDLE, SERVER = "c", "middle", "s"
TAPS = {CLIENT: "client", SERVER: "server"}
"""By side: what its tap is called."""


class Sample(NamedTuple):
    """What one look at a kernel showed, between two moments."""

    before: int
    after: int
    side: str
    local: Address
    peer: Address
    sock: Sock | None
    source: str
    """probe (after a frame), dump (of all, now and then) or final."""


class Seen(NamedTuple):
    """A frame at a tap."""

    time: int
    order: int
    frame: bytes
    fate: int
    """Index in ``Evidence.fates``."""


@dataclass
class Fate:
    """What became of a frame, and whose it was."""

    connection: int | None
    side: str
    time: int
    what: str = "forwarded"


@dataclass
class Evidence:
    """All that the bridge saw."""

    end: int = 0
    taps: dict[str, list[Seen]] = field(default_factory=lambda: {CLIENT: [], MIDDLE: [], SERVER: []})
    fates: list[Fate] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    most_late: int = 0
    dropped: int = 0
    """Frames that the sockets lost: the run is worth nothing then."""
