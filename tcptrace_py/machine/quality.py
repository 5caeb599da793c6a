"""What is wrong with the capture itself, counted over all connections: the reader must know it before believing the rest."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Exchange
from tcptrace_py.machine.space import Space


@mypyc_attr(acyclic=True)
class Blemish:
    """One thing that is wrong with a capture: how often, where first, and how badly at worst."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.frame: i64 = -1  # the first
        self.time: i64 = 0
        self.worst: i64 = 0  # a figure whose meaning depends on what it is

    def add(self, frame: i64, time: i64, figure: i64) -> None:
        """Once more; ``figure`` tells how badly."""
        self.count += 1
        if self.frame < 0 or frame < self.frame:
            self.frame = frame
            self.time = time
        if figure > self.worst:
            self.worst = figure


@mypyc_attr(acyclic=True)
class Quality:
    """The blemishes of a capture."""

    def __init__(self) -> None:
        self.duplicates = Blemish()  # frames captured twice
        self.disorder = Blemish()  # connections with frames out of the order of time; worst: ns
        self.offload = Blemish()  # sides whose segments are longer than their peer takes; worst: mean bytes
        self.truncated = Blemish()  # segments cut short

    def weigh(self, c: Exchange) -> None:
        """Take in how long the segments of a connection were, now that it has ended."""
        self._weigh(c, c.one, c.two)
        self._weigh(c, c.two, c.one)

    def _weigh(self, c: Exchange, e: Space, p: Space) -> None:
        if p.mss > 0 and e.payload_bytes > e.data_packets * p.mss:
            self.offload.add(c.first_frame, c.start, e.payload_bytes // e.data_packets)
