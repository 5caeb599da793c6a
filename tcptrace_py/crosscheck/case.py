"""What both say of a frame, and what is known of it besides."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.machine import marks as mk
from tcptrace_py.wireshark import FLAGS

RETRANSMISSION = "retransmission"
OUT_OF_ORDER = "out-of-order"
ZERO_WINDOW = "zero-window"
KEEP_ALIVE = "keep-alive"
WINDOW_PROBE = "window-probe"
REUSE = "reuse"
KINDS = (RETRANSMISSION, OUT_OF_ORDER, ZERO_WINDOW, KEEP_ALIVE, WINDOW_PROBE, REUSE)
"""What is compared, in the order of the table."""

OURS = (
    (mk.RETRANSMISSION | mk.LOST_BEFORE | mk.SYN_AGAIN | mk.FIN_AGAIN, RETRANSMISSION),
    (mk.OUT_OF_ORDER, OUT_OF_ORDER),
    (mk.ZERO_WINDOW, ZERO_WINDOW),
    (mk.KEEP_ALIVE, KEEP_ALIVE),
    (mk.WINDOW_PROBE, WINDOW_PROBE),
)
"""Our marks, as kinds.  That ports are used again is no mark: a connection says it, when it is known to be one."""

Kinds = frozenset[str]


class Case(NamedTuple):
    """A frame of which at least one of both says something that is compared."""

    frame: int
    ours: Kinds
    theirs: Kinds
    flags: int
    length: int
    marks: int
    incarnation: int
    """Which use of the ports its connection is; 0: of no connection."""
    begins: bool
    """It is the first frame of its connection."""
    is_rival: bool
    """A SYN on a connection that lived: perhaps a new one."""
    answers_syn: bool
    """A SYN-ACK whose sender had sent a SYN before: both opened."""
    is_other_half: bool
    """A bare SYN of the side that did not open."""
    is_fresh: bool
    """No data of its sender has passed."""
    has_late_syn: bool
    """A copy of a SYN has come in the middle of the connection."""


def ours_of(marks: int) -> Kinds:
    """Our marks, as kinds."""
    return frozenset(kind for bits, kind in OURS if marks & bits)


def theirs_of(flags: Kinds) -> Kinds:
    """Wireshark's flags, as kinds."""
    return frozenset(FLAGS[flag] for flag in flags)
