"""Reading captures for the points of one connection; they are written only once it is known that no other was meant."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, cast

from tcptrace_py.capture import Captures
from tcptrace_py.cli.options import names
from tcptrace_py.cli.showing import Reader, ambiguous, is_file, missing, owner_of, whole
from tcptrace_py.config import Config, suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.graph.points import AVERAGED, GRAPHS, Points
from tcptrace_py.graph.rows import Rows
from tcptrace_py.ladder.choice import Choice
from tcptrace_py.packet import RST, Segment
from tcptrace_py.report.text import printable

IN_MEMORY = 16_000_000
"""Bytes of rows that wait in memory; more wait in a temporary file."""


class PointReader(Reader):
    """One pass over captures, that writes the points of the connection that is chosen."""

    def draw(self, points: Points, rows: Rows, sender: str | None) -> None:
        """What to make of its segments."""
        self.points = points
        self.rows = rows
        self.sender = sender

    def segment(self, seg: Segment) -> None:
        """The tracker's turn, then a look at what it made of the segment."""
        older = whole(self.tracker.flows.find(seg.key))
        rival = int(older.rival_frame) if older is not None else -1
        self.tracker.segment(seg)
        c = whole(self.tracker.flows.find(seg.key))
        if c is None:
            return
        if c is not older:
            self.begin(c, rival)
            if older is not None and seg.flags & RST and c.first_frame != seg.number:
                c = older  # the RST is the older one's, and shows that a SYN had begun another
        if c.number in self.trails:
            for point in self.points.segment(c, seg):
                if self.sender is None or point.sender == self.sender:
                    self.rows.write(point, int(c.start))


def graphs_named(text: str) -> frozenset[str]:
    """``NAME,…`` as a set of graphs.  Raises ConfigError."""
    wanted = names(text)
    for name in wanted:
        if name not in GRAPHS and name != "all":
            raise ConfigError(f"no graph {printable(name)!r}{suggest(name, [*GRAPHS, 'all'])}")
    return frozenset(GRAPHS) if "all" in wanted or not wanted else frozenset(wanted)


def write_points(
    captures: Sequence[str],
    config: Config,
    choice: Choice,
    graphs: frozenset[str],
    out: BinaryIO,
    options: dict[str, Any],
    progress: Callable[[Captures], None] | None = None,
) -> list[str]:
    """Write the points of the connection that ``choice`` names; returns what is wrong with the captures.

    Raises CaptureError and ConfigError.
    """
    if choice.frame >= 0:
        if not all(is_file(path) for path in captures):
            raise ConfigError(
                "a frame names a connection only in files, which are read twice: give its number or its addresses and ports"
            )
        choice = Choice(choice.text, number=owner_of(captures, config, choice, progress))
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as waiting:
        reader = PointReader(captures, config, choice, progress)
        rows = Rows(cast("BinaryIO", waiting), options["format_name"])
        reader.draw(Points(graphs, options.get("average", AVERAGED)), rows, options.get("sender"))
        reader.run()
        if not reader.told:
            raise ConfigError(missing(reader))
        if reader.matched > 1:
            raise ConfigError(ambiguous(choice.text, reader.matched, reader.matches))
        waiting.seek(0)
        shutil.copyfileobj(waiting, out, 1 << 16)
    return [printable(problem.message) for problem in reader.captures.problems]
