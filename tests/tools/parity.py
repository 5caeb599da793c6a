"""Our figures beside tcptrace's and tshark's, direction by direction.

    PYTHONPATH=.:tests python tests/tools/parity.py [--expected] [--verbose] CAPTURE…

Of the fields on which the two agree with each other (docs/tcptrace.md names them), every disagreement is put down to a class that
says why, or stays unexplained.  ``--expected`` compares with recorded output of tcptrace (``OUTPUTbench/NAME.long`` beside a
capture) in place of running it.  Needs tcptrace and tshark; captures in a format that tcpfsm does not read are converted with
editcap.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcptrace_py.errors import CaptureError
from tools.parity_classes import CLASSES, explain, is_divided_otherwise
from tools.parity_tools import FIELDS, Pair, Talked, features_of, ours, read_report, theirs, tshark
from tools.tcptrace_output import parse

_HOUR = 3600 * 10**6


@dataclass
class Outcome:
    """All comparisons with one tool."""

    captures: int = 0
    directions: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    why: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    elsewhere: Counter[str] = field(default_factory=Counter)
    """Connections that only one of the two has."""
    unexplained: list[str] = field(default_factory=list)


@dataclass
class Compared:
    """One capture, by us and by one other tool."""

    name: str
    tool: str
    outcome: Outcome
    features: set[str]
    hours_may_differ: bool = False
    """The other tool's clock shows the time of some place."""

    def all(
        self, mine: dict[Pair, list[Talked]], other: dict[Pair, list[Talked]], wire: dict[Pair, list[Talked]]
    ) -> None:
        """Compare all connections."""
        self.outcome.captures += 1
        for pair in sorted(mine.keys() | other.keys(), key=sorted):
            one, two, seen = mine.get(pair, []), other.get(pair, []), wire.get(pair, [])
            if len(one) == len(two):
                divided = (
                    len(one) > 1
                    and not all(a == b for a, b in zip(sizes(one), sizes(two), strict=True))
                    and is_divided_otherwise(one, two)
                )
                for n, (here, there) in enumerate(zip(one, two, strict=True)):
                    self.connection(here, there, seen[n] if len(seen) == len(one) else None, divided=divided)
                continue
            why = "ports used again" if one and two and is_divided_otherwise(one, two) else self.missing(one, two)
            self.outcome.elsewhere[why or "unexplained"] += abs(len(one) - len(two))
            if not why:
                self.outcome.unexplained.append(
                    f"{self.name}: {sorted(pair)}: {len(one)} of ours, {len(two)} of {self.tool}"
                )

    def missing(self, one: list[Talked], two: list[Talked]) -> str:
        """Why the other tool does not have a connection."""
        known = ("behind other headers", "IP length 0", "link type", "malformed")
        return next((why for why in known if why in self.features), "") if not two or not one else ""

    def connection(self, here: Talked, there: Talked, seen: Talked | None, *, divided: bool) -> None:
        """Compare both sides, field by field."""
        outcome = self.outcome
        for end, side in here.sides.items():
            outcome.directions += 1
            other = there.sides[end]
            mirror = next((s for e, s in here.sides.items() if e != end), None)
            for name in FIELDS:
                if name not in other.values:
                    continue
                outcome.compared[name] += 1
                if self.is_same(name, side.values[name], other.values[name]):
                    outcome.agreed[name] += 1
                    continue
                wire = None if seen is None else seen.sides.get(end)
                why = explain(name, side, other, mirror, wire, self.features, self.tool) or (
                    "ports used again" if divided else ""
                )
                outcome.why[name][why or "unexplained"] += 1
                if not why:
                    outcome.unexplained.append(
                        f"{self.name}: {end[0]}:{end[1]} {name}: {side.values[name]} of ours, {other.values[name]}"
                    )

    def is_same(self, name: str, a: Any, b: Any) -> bool:
        """Times as precisely as tcptrace prints them."""
        if not name.endswith("_time") or self.tool == "tshark":
            return bool(a == b)
        a, b = a // 1000, b // 1000
        return bool(a == b or (self.hours_may_differ and abs(a - b) % _HOUR == 0))


def sizes(talked: list[Talked]) -> list[int]:
    """Packets of each use."""
    return [sum(side.values["packets"] + side.hints.get("copies", 0) for side in one.sides.values()) for one in talked]


def traced(path: Path) -> str:
    """What tcptrace says."""
    command = ["tcptrace", "-n", "-l", "-r", "-W", path.name]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "TZ": "UTC"}, cwd=path.parent)
    return done.stdout.decode("utf-8", "replace")


def readable(capture: Path, folder: Path) -> Path:
    """The capture as a file that all three read."""
    data = capture.read_bytes()
    path = folder / capture.name.removesuffix(".gz")
    path.write_bytes(gzip.decompress(data) if capture.name.endswith(".gz") else data)
    try:
        read_report(path)
    except CaptureError:
        made = folder / "converted.pcap"
        subprocess.run(["editcap", "-F", "pcap", str(path), str(made)], capture_output=True, check=False)
        if made.exists():
            return made
    return path


def run(captures: list[Path], *, expected: bool) -> dict[str, Outcome]:
    """Compare captures that hold TCP; by tool."""
    outcomes = {"tcptrace": Outcome()} if expected else {"tcptrace": Outcome(), "tshark": Outcome()}
    for capture in captures:
        with tempfile.TemporaryDirectory() as folder:
            path = readable(capture, Path(folder))
            try:
                mine = ours(read_report(path))
            except CaptureError:
                continue
            if not mine:
                continue
            features = features_of(path)
            wire = tshark(path)
            recorded = capture.parent / "OUTPUTbench" / f"{capture.name}.long"
            text = recorded.read_text(encoding="utf-8", errors="replace") if expected else traced(path)
            if "TCP connection" not in text and "packets seen" not in text:
                features = features | {"link type"}
            Compared(capture.name, "tcptrace", outcomes["tcptrace"], features, expected).all(
                mine, theirs(parse(text)), wire
            )
            if not expected:
                Compared(capture.name, "tshark", outcomes["tshark"], features).all(mine, wire, wire)
    return outcomes


def table(tool: str, outcome: Outcome) -> str:
    """As a Markdown table."""
    lines = [
        f"{outcome.captures:,} captures, {outcome.directions:,} directions, {tool}:",
        "",
        "| field | agree | of | explained | unexplained |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in FIELDS:
        of = outcome.compared[name]
        if of:
            reasons = outcome.why[name]
            share = f"{100 * outcome.agreed[name] / of:.2f} %"
            why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common() if reason in CLASSES)
            lines.append(f"| `{name}` | {share} | {of:,} | {why} | {reasons['unexplained'] or ''} |")
    if outcome.elsewhere:
        lines += [
            "",
            "Connections of one tool only: "
            + ", ".join(f"{n} {why}" for why, n in outcome.elsewhere.most_common())
            + ".",
        ]
    return "\n".join(lines)


def main() -> None:
    """Print a table a tool, and with --verbose what nothing explains."""
    options = argparse.ArgumentParser()
    options.add_argument("captures", nargs="+", type=Path)
    options.add_argument("--expected", action="store_true")
    options.add_argument("--verbose", "-v", action="store_true")
    given = options.parse_args()
    for tool, outcome in run(given.captures, expected=given.expected).items():
        sys.stdout.write(table(tool, outcome) + "\n\n")
        if given.verbose:
            sys.stdout.writelines(line + "\n" for line in outcome.unexplained)


if __name__ == "__main__":
    main()
