"""The second reading of the captures: record → segment → the streams and the frames of the chosen connections.

Which frames are whose was found out by an analysis; no states are inferred here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from tcptrace_py.capture.captures import Captures
from tcptrace_py.decode.decoder import Decoder
from tcptrace_py.packet import QUOTED, SEGMENT, Record, Segment
from tcptrace_py.reassembly.assembly import Assembly, Roster
from tcptrace_py.reassembly.conversation import Conversation

_PROGRESS_MASK: Final = 0x3FFF


class Frames(Protocol):
    """Whoever takes the frames of the chosen connections."""

    def frame(self, record: Record) -> None:
        """The next one, in the order of the captures.  The record is only valid during the call."""


class Loop:
    """One reading."""

    def __init__(
        self,
        captures: Captures,
        decoder: Decoder,
        roster: Roster,
        assembly: Assembly | None,
        frames: Frames | None,
        close: Callable[[Conversation], None],
        progress: Callable[[], None] | None,
    ) -> None:
        """``close`` gets each conversation whose last frame has come, and at the end all the others."""
        self.captures = captures
        self.decoder = decoder
        self.roster = roster
        self.assembly = assembly
        self.frames = frames
        self.close = close
        self.progress = progress
        self.fragments: set[int] = set()
        """Frames that hold fragments of chosen segments, but for the last one of each."""

    def find_fragments(self) -> None:
        """Read everything only to fill ``fragments``: that of a datagram is known when its last one has come."""
        record = Record()
        segment = Segment()
        decoder = self.decoder
        while self.captures.next(record):
            if decoder.decode(record, segment) == SEGMENT and segment.reassembled:
                if self.roster.find(segment) is not None:
                    self.fragments.update(decoder.fragments.frames())
        self.roster.rewind()

    def run(self) -> None:
        """Read everything.  Raises CaptureError, and what the receivers raise."""
        record = Record()
        segment = Segment()
        captures = self.captures
        decoder = self.decoder
        roster = self.roster
        assembly = self.assembly
        frames = self.frames
        progress = self.progress
        while captures.next(record):
            code = decoder.decode(record, segment)
            if code in (SEGMENT, QUOTED):
                part = roster.find(segment)
                if part is not None:
                    if frames is not None:
                        frames.frame(record)
                    if assembly is not None and code == SEGMENT:
                        talk = assembly.segment(part, roster.side, segment)
                        if talk is not None:
                            self.close(talk)
            elif frames is not None and self.fragments and record.number in self.fragments:
                frames.frame(record)
            if progress is not None and record.number & _PROGRESS_MASK == 0:
                progress()
        if assembly is not None:
            for talk in assembly.rest():
                self.close(talk)
