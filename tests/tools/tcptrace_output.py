"""What tcptrace prints with ``-n -l``: its connections and, of each direction, its figures by label.

Labels that come twice are told apart by their unit (``initial window bytes``, ``initial window pkts``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone

End = tuple[str, int]

_CONNECTION = re.compile(r"TCP connection (\d+):")
_HOST = re.compile(r"\thost \S+\s+(\S+):(\d+)$")
_TIME = re.compile(r"\t(first|last) packet:\s+\S+ (\w+ +\d+ [\d:]+)\.(\d+) (\d+)")
_FIGURE = re.compile(r"\s{2,}([A-Za-z][^:]*?):\s+(\S+)(?: (\w+))?")
_TWICE = "initial window"


@dataclass
class Traced:
    """One connection; ``sides`` are those of host a and host b.  Times are nanoseconds of the clock that tcptrace showed."""

    number: int
    ends: list[End] = field(default_factory=list)
    first: int = -1
    last: int = -1
    sides: tuple[dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}))

    def figure(self, side: int, label: str) -> int:
        """A whole number; -1 where the label is missing or says ``NA``."""
        text = self.sides[side].get(label, "")
        return int(text) if text.lstrip("-").isdigit() else -1


def parse(text: str) -> list[Traced]:
    """All connections of the output."""
    found: list[Traced] = []
    for line in text.splitlines():
        match = _CONNECTION.match(line)
        if match:
            found.append(Traced(int(match[1])))
            continue
        if not found:
            continue
        here = found[-1]
        match = _HOST.match(line.replace("host a:", "host a: ").replace("host b:", "host b: "))
        if match and len(here.ends) < 2:
            here.ends.append((match[1], int(match[2])))
            continue
        match = _TIME.match(line)
        if match:
            moment = datetime.strptime(f"{match[2]} {match[4]}", "%b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc)
            nanoseconds = int(moment.timestamp()) * 10**9 + int(match[3].ljust(9, "0"))
            setattr(here, match[1], nanoseconds)
            continue
        figures = _FIGURE.findall(line)
        if len(figures) == 2 and figures[0][0].strip() == figures[1][0].strip():
            for side, (label, value, unit) in enumerate(figures):
                name = f"{label.strip()} {unit}" if label.strip() == _TWICE else label.strip()
                here.sides[side][name] = value
    return [one for one in found if len(one.ends) == 2 and one.sides[0]]
