"""Which of the chosen connections a frame belongs to, and their streams within the bounds of memory."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.packet import Segment
from tcptrace_py.reassembly.conversation import Conversation
from tcptrace_py.reassembly.pieces import Budget, Outlet

MEMORY: Final = 256 * 1024 * 1024
"""Bytes that all streams together may keep in memory; beyond that they keep only what waits, and then not even that."""


@mypyc_attr(acyclic=True)
class Chosen:
    """One use of a four-tuple: from which frame on its segments are, and whether it is wanted.

    ``first_frame`` may come before ``takes_from``: a SYN that was only later known to begin a connection.  One that is
    only ``taken_along`` gives frames, and no streams.
    """

    def __init__(
        self, number: i64, key: bytes, first_frame: i64, takes_from: i64, last_frame: i64, wanted: bool
    ) -> None:
        self.number = number
        self.key = key
        self.first_frame = first_frame
        self.takes_from = takes_from
        self.last_frame = last_frame
        self.wanted = wanted
        self.taken_along: bool = False
        self.done: bool = False
        self.talk: Conversation | None = None


@mypyc_attr(acyclic=True)
class Uses:
    """The uses of one four-tuple, in order."""

    def __init__(self) -> None:
        self.parts: list[Chosen] = []
        self.at: i64 = 0  # the one that the last frame belonged to


class Roster:
    """The chosen connections, by their four-tuples.  Frames must be asked for in order."""

    def __init__(self) -> None:
        self.uses: dict[bytes, Uses] = {}
        self.side: i64 = 0  # of the segment that was found last

    def knows(self, key: bytes) -> bool:
        """Whether a use of this four-tuple, client first, was chosen: then those after it must be added, too."""
        return key in self.uses

    def add(self, part: Chosen) -> None:
        """Add a use of a four-tuple, later than those before."""
        uses = self.uses.get(part.key)
        if uses is None:
            uses = Uses()
            self.uses[part.key] = uses
            self.uses[turned(part.key)] = uses
        uses.parts.append(part)

    def rewind(self) -> None:
        """The frames will be asked for once more, from the first one on."""
        for uses in self.uses.values():
            uses.at = 0

    def find(self, seg: Segment) -> Chosen | None:
        """The connection that a segment belongs to, if it is wanted or taken along; ``side`` is then the one that sent it."""
        key = seg.key
        uses = self.uses.get(key)
        if uses is None:
            return None
        frame = seg.number
        parts = uses.parts
        at: i64 = uses.at
        while at + 1 < len(parts) and parts[at + 1].takes_from <= frame:
            at += 1
        uses.at = at
        part = parts[at]
        if at + 1 < len(parts) and parts[at + 1].first_frame == frame:
            part = parts[at + 1]
        elif frame < part.takes_from and frame != part.first_frame:
            return None
        if not part.wanted and not part.taken_along:
            return None
        self.side = 0
        if key != part.key:
            self.side = 1
        return part


class Assembly:
    """The streams of the chosen connections."""

    def __init__(self, outlet: Outlet, roster: Roster, eager: bool = False, memory: i64 = MEMORY) -> None:
        """``eager``: tell at once what is in order."""
        self.outlet = outlet
        self.roster = roster
        self.eager = eager
        self.budget = Budget(memory)
        self.open: dict[int, Conversation] = {}
        self.relieved: i64 = 0  # times that memory ran short

    def segment(self, part: Chosen, side: i64, seg: Segment) -> Conversation | None:
        """Take in a segment of a connection; returns the conversation when that was its last one, for the caller to close."""
        if part.done or not part.wanted:
            return None
        talk = part.talk
        if talk is None:
            talk = Conversation(part.number, self.outlet, self.budget, self.eager)
            part.talk = talk
            self.open[part.number] = talk
        talk.segment(seg, side)
        if self.budget.held > self.budget.limit:
            self.relieve()
        if seg.number >= part.last_frame:
            part.done = True
            part.talk = None
            del self.open[part.number]
            return talk
        return None

    def relieve(self) -> None:
        """Memory is short: first hand on everything and keep nothing to compare with, then give up what waits."""
        self.relieved += 1
        for talk in self.open.values():
            for stream in (talk.client, talk.server):
                stream.hand_over()
                stream.trim(0)
        if self.budget.held > self.budget.limit >> 1:
            for talk in self.open.values():
                talk.client.relieve()
                talk.server.relieve()

    def rest(self) -> list[Conversation]:
        """The conversations that have had no last frame, for the caller to close."""
        return list(self.open.values())


def turned(key: bytes) -> bytes:
    """The key of the other direction."""
    half: i64 = (len(key) - 4) >> 1
    end: i64 = len(key)
    return key[half : 2 * half] + key[:half] + key[end - 2 :] + key[end - 4 : end - 2]
