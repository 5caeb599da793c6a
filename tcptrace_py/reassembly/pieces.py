"""What streams are made of, what bounds them, and what they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from tcptrace_py.reassembly.stream import Stream

PIECE_COST: Final = 120
"""Bytes of memory that a piece takes besides its payload: nobody shall fill the memory with single bytes."""

HAND_OVER: Final = 256 * 1024
"""Cost of the pieces that are handed on together."""

KEEP: Final = 256 * 1024
"""Cost of the pieces that are kept when they have been handed on, to compare with what comes again."""

MOST_WAITING: Final = 128 * 1024 * 1024
"""Cost of what may wait behind a hole: what is on its way at 10 Gbit/s and 100 ms."""

MOST_PIECES: Final = 98304
"""Pieces that may wait: of full segments, as much as that."""

MOST_GAPS: Final = 1024
"""Holes that wait to be told until they are acknowledged, and as many told ones that are remembered: what comes too late must
be known from what comes again."""

GRACE: Final = 64 * 1024
"""Cost of what must wait behind a hole that is acknowledged, before it is given up: captures are not always in order."""

EAGER_GRACE: Final = 8 * 1024
"""The same for an eager stream, which is read in turns with the other direction."""

FAR: Final = 1 << 30
"""No window is larger (RFC 7323, 2.3): what lies further ahead belongs to something else."""


@mypyc_attr(acyclic=True)
class Piece:
    """Payload of one segment, or a part of it: where it belongs, and the frame that brought it."""

    def __init__(self, start: i64, data: bytes, frame: i64) -> None:
        self.start = start
        self.data = data
        self.frame = frame


@mypyc_attr(acyclic=True)
class Gap:
    """Bytes that were given up, ``position`` bytes being in order before them; ``cut``: by the capture length."""

    def __init__(self, start: i64, end: i64, position: i64, cut: bool) -> None:
        self.start = start
        self.end = end
        self.position = position
        self.cut = cut


@mypyc_attr(acyclic=True)
class Budget:
    """The memory that all streams together take."""

    def __init__(self, limit: i64) -> None:
        self.limit = limit
        self.held: i64 = 0


class Outlet(Protocol):
    """What a stream tells, and to whom.  Offsets count from the stream's ``base``."""

    def data(self, stream: Stream, pieces: list[Piece]) -> None:
        """Bytes in order, following on what was told before but for holes."""

    def hole(self, stream: Stream, start: int, end: int, position: int, acknowledged: bool, cut: bool) -> None:
        """Bytes that are not there; ``position``: how many were, before.  ``cut``: by the capture length.

        Told in order among holes, but mostly later than the data behind it; of an ``eager`` stream, before that.
        """

    def conflict(self, stream: Stream, start: int, first: Piece, at: int, other: bytes, frame: int) -> None:
        """``frame`` has ``other`` bytes at ``start`` than ``first`` had, in whose data they stand from ``at`` on."""

    def late(self, stream: Stream, start: int, end: int, frame: int) -> None:
        """Bytes of a hole that had been given up: they came in ``frame``, too late."""
