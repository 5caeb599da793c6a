"""Frames that were named before the captures were read, and whose connections are to be found on the way."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(acyclic=True)
class Listed:
    """Frame numbers, for each file those of its own, and what is said of each."""

    def __init__(self, frames: list[list[int]], labels: list[list[str]], wanted: list[list[bool]]) -> None:
        """``frames`` in their order, by file; likewise what to call the connection of each (empty: nothing), and whether
        that connection is wanted.
        """
        self.frames = frames
        self.labels = labels
        self.wanted = wanted
        self.source: i64 = 0  # the file that is being read ...
        self.at: i64 = 0  # ... and the first of its frames that has not passed yet
        self.numbers: set[int] = set()
        """Connections that a wanted frame belongs to."""
        self.names: dict[int, str] = {}
        """What the first frame of a connection calls it that calls it anything."""

    def holds(self, source: i64, frame: i64) -> bool:
        """Whether a frame, numbered in its own file, was named.  They are asked for in their order."""
        if source != self.source:
            self.source = source
            self.at = 0
        frames = self.frames[source]
        at: i64 = self.at
        count: i64 = len(frames)
        while at < count and frames[at] < frame:
            at += 1
        self.at = at
        return at < count and frames[at] == frame

    def belongs(self, number: i64) -> None:
        """The frame that was last asked for belongs to the connection with this number."""
        if self.wanted[self.source][self.at]:
            self.numbers.add(int(number))
        label = self.labels[self.source][self.at]
        if label and int(number) not in self.names:
            self.names[int(number)] = label
