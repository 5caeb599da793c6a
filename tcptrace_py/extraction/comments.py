"""Which frames findings cite, and what is written on them."""

from __future__ import annotations

from collections.abc import Iterable

from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding

MOST_ON_A_FRAME = 16
"""Comments on one frame: thousands of findings may cite the same."""


class Comments:
    """Comments by frame number of the original."""

    def __init__(self) -> None:
        self.by_frame: dict[int, list[str]] = {}

    def cite(self, findings: Iterable[Finding]) -> None:
        """Write each finding on its frame, and on those that it cites where it is to be found."""
        for f in findings:
            where = "" if f.connection is None else f" (connection {f.connection})"
            self.add(f.frame, f"{f.severity} {f.rule}{where}, frame {f.frame}: {printable(f.message)}")
            for frame in f.related_frames:
                if frame != f.frame:
                    self.add(frame, f"frame {frame}: cited by {f.rule} of frame {f.frame}")

    def add(self, frame: int, text: str) -> None:
        """One comment."""
        there = self.by_frame.setdefault(frame, [])
        if len(there) < MOST_ON_A_FRAME:
            there.append(text)

    def keep(self, comments: Iterable[tuple[int | None, str]]) -> None:
        """Those that the frames had: they come first."""
        for frame, text in comments:
            if frame is not None:
                self.by_frame.setdefault(frame, []).insert(0, text)
