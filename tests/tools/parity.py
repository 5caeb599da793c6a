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

from tcptrace_py.errors import CaptureError
from tools.parity_classes import CLASSES, ROUGH, Both, divided_otherwise, missing
from tools.parity_tools import FIELDS, Pair, Talked, agree, canonical, ours, read_report, seen, theirs
from tools.parity_wire import Features, Packet, Wires, between, features_of, wires_of
from tools.tcptrace_output import End, parse

Uses = dict[Pair, list[Talked]]


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
    features: Features
    hours_may_differ: bool = False
    """The other tool's clock shows the time of some place."""

    def all(self, mine: Uses, other: Uses, wires: Wires) -> None:
        """Compare all connections."""
        self.outcome.captures += 1
        for pair in sorted(mine.keys() | other.keys(), key=sorted):
            one, two, wire = mine.get(pair, []), other.get(pair, []), wires.get(pair, [])
            divided = divided_otherwise(one, two, self.tool)
            if len(one) == len(two):
                begins = [here.frames[0] for here in one]  # to the last frame before the next, as that may be a copy
                for here, there, until in zip(one, two, [*begins[1:], 1 << 62], strict=True):
                    self.connection(here, there, between(wire, here.frames[0], until), divided)
                continue
            why = "ports used again" if divided else missing(one, self.features, self.tool) if not two else ""
            self.outcome.elsewhere[why or "unexplained"] += abs(len(one) - len(two))
            if not why:
                self.outcome.unexplained.append(
                    f"{self.name}: {sorted(pair)}: {len(one)} of ours, {len(two)} of {self.tool}"
                )

    def connection(self, here: Talked, there: Talked, wire: dict[End, list[Packet]], divided: set[str]) -> None:
        """Compare both sides, field by field."""
        outcome = self.outcome
        for end, side in here.sides.items():
            outcome.directions += 1
            back = [p for other, sent in wire.items() if other != end for p in sent]
            both = Both(
                side,
                there.sides[end],
                wire.get(end, []),
                set(here.frames),
                back,
                self.features,
                self.tool,
                self.hours_may_differ,
            )
            for name in FIELDS:
                a, b = side.values[name], both.other.values.get(name)
                if b is None and name != "mss":
                    continue
                outcome.compared[name] += 1
                if agree(name, a, b, self.tool, hours_may_differ=self.hours_may_differ):
                    outcome.agreed[name] += 1
                    continue
                why = both.explain(name) or ("ports used again" if name in divided else "")
                outcome.why[name][why or "unexplained"] += 1
                if not why:
                    outcome.unexplained.append(f"{self.name}: {end[0]}:{end[1]} {name}: {a} of ours, {b}")


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
            wires = wires_of(path, canonical)
            recorded = capture.parent / "OUTPUTbench" / f"{capture.name}.long"
            text = recorded.read_text(encoding="utf-8", errors="replace") if expected else traced(path)
            if "TCP connection" not in text and "packets seen" not in text:
                features.unknown_link = True
            Compared(capture.name, "tcptrace", outcomes["tcptrace"], features, expected).all(
                mine, theirs(parse(text)), wires
            )
            if not expected:
                Compared(capture.name, "tshark", outcomes["tshark"], features).all(mine, seen(wires), wires)
    return outcomes


def table(tool: str, outcome: Outcome) -> str:
    """As a Markdown table."""
    lines = [
        f"{outcome.captures:,} captures, {outcome.directions:,} directions, {tool}:",
        "",
        "| field | agree | of | agree, taken as each tool defines it | explained | unexplained |",
        "| --- | --- | ---: | --- | --- | --- |",
    ]
    for name in FIELDS:
        of = outcome.compared[name]
        if of:
            reasons = outcome.why[name]
            share = f"{100 * outcome.agreed[name] / of:.2f} %"
            exact = sum(count for reason, count in reasons.items() if reason in CLASSES and reason not in ROUGH)
            alike = f"{100 * (outcome.agreed[name] + exact) / of:.2f} %"
            why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common() if reason in CLASSES)
            lines.append(f"| `{name}` | {share} | {of:,} | {alike} | {why} | {reasons['unexplained'] or ''} |")
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
    captures = [path for path in dict.fromkeys(given.captures) if path.is_file()]
    for tool, outcome in run(captures, expected=given.expected).items():
        sys.stdout.write(table(tool, outcome) + "\n\n")
        if given.verbose:
            sys.stdout.writelines(line + "\n" for line in outcome.unexplained)


if __name__ == "__main__":
    main()
