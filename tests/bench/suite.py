"""All that docs/performance.md shows, measured anew: ``suite.py [-n ROUNDS] [--folder DIR] [--only NAME,…] [--write FILE]``.

Captures are made in DIR, once (14 GB in all), and read from the page cache.  Each table is printed when it is complete; with
``--write`` it also takes its place in the document, between the comments that bear its name.  ``PYTHONPATH=tests`` finds what it
imports; tcpfsm is the one that is installed.  The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.compare import BY_NAME, lines, measure, run
from bench.generate import generate

COPIES = ("tcpdump -w", "capinfos -c", "cat")


class Case(NamedTuple):
    """A capture, and what reads it."""

    name: str
    kind: str
    amount: int
    programs: tuple[str, ...]


CASES = (
    Case("web", "pages", 220_000, (
        "tcpfsm", "tcpfsm --jobs 2", "tcpfsm -f json", "tcpfsm -f ndjson", "tcpfsm -f csv", "tcptrace", "tcptrace -l",
        "argus", *COPIES,
    )),
    Case("small", "pages", 22_000, (
        "tcpfsm", "tcpfsm, interpreted", "tshark -z conv,tcp", "tshark, analysis", "tcptrace", "argus",
    )),
    Case("bulk", "bulk", 3_000_000, ("tcpfsm", "tcptrace", "argus", *COPIES)),
    Case("lossy", "lossy", 3_000_000, ("tcpfsm", "tcpfsm -f ndjson", "tcptrace", "argus", *COPIES)),
    Case("six", "six", 200_000, ("tcpfsm", "tcpfsm -f ndjson", "argus", *COPIES)),
    Case("flood", "flood", 2_000_000, (
        "tcpfsm", "tcpfsm --max-connections 200000", "tcpfsm -f ndjson", "argus", *COPIES,
    )),
    Case("open", "open", 1_000_000, ("tcpfsm", "tcpfsm -f ndjson", "argus", *COPIES)),
)  # fmt: skip

FLAT = (("pages", (5_000, 50_000, 500_000)), ("lossy", (100_000, 1_000_000, 10_000_000)))
"""Kinds, and counts that make about 10^5, 10^6 and 10^7 packets of each."""
FEW = 700
OFTEN = 20
SNAPLEN = 96
KEPT = (("a SYN without an answer", "flood", 1), ("a SYN and its SYN-ACK", "half-open", 1), ("established", "open", 1))
MANY = 400_000


class Capture(NamedTuple):
    """A file of the folder."""

    path: Path
    packets: int


def captured(folder: Path, kind: str, count: int, snaplen: int = 1 << 18) -> Capture:
    """A capture, made if it is not there."""
    path = folder / f"{kind}-{count}{'' if snaplen > SNAPLEN else '-cut'}"
    note = path.with_suffix(".packets")
    if not note.exists():
        note.write_text(str(generate(kind, count, str(path), snaplen)))
    return Capture(path, int(note.read_text()))


def compared(case: Case, folder: Path, rounds: int) -> Iterator[str]:
    """A capture, and how long each program takes for it."""
    capture = captured(folder, case.kind, case.amount)
    programs = [BY_NAME[name] for name in case.programs]
    runs = measure(programs, str(capture.path), rounds)
    took = median(done.wall for done in runs[programs[0].name])
    size = capture.path.stat().st_size
    yield f"`{case.kind} {case.amount}`: {capture.packets:,} packets, {size / 1e9:.2f} GB; {rounds} rounds;"
    yield f"{capture.packets / took / 1e6:.1f} M packets and {size / took / 1e9:.1f} GB a second."
    yield ""
    yield from lines(programs, runs)


def least(capture: Capture, rounds: int) -> float:
    """The least that a report on a capture costs the processor, in seconds: what is longer is the machine's doing."""
    run(BY_NAME["cat"], str(capture.path))
    return min(run(BY_NAME["tcpfsm"], str(capture.path)).cpu for _ in range(rounds))


def flat(folder: Path, rounds: int) -> Iterator[str]:
    """What a packet costs in captures of different lengths."""
    yield f"Packets cut to {SNAPLEN} bytes; what a capture of the same kind with hardly any packets costs is taken off."
    yield ""
    yield "| capture | packets | ns a packet |"
    yield "| --- | ---: | ---: |"
    for kind, counts in FLAT:
        start = captured(folder, kind, FEW, SNAPLEN)
        for count in counts:
            capture = captured(folder, kind, count, SNAPLEN)
            # of a short run, start-up is the largest part
            often = rounds * max(min(2_000_000 // capture.packets, OFTEN), 1)
            cost = (least(capture, often) - least(start, often)) / (capture.packets - start.packets)
            yield f"| `{kind} {count}` | {capture.packets:,} | {cost * 1e9:.0f} |"


def memory(folder: Path, rounds: int) -> Iterator[str]:
    """What a connection costs that is still there."""
    yield "| a connection | bytes |"
    yield "| --- | ---: |"
    for what, kind, first in KEPT:
        peaks = []
        for count in (first, MANY):
            capture = captured(folder, kind, count, SNAPLEN)
            peaks.append(min(run(BY_NAME["tcpfsm"], str(capture.path)).peak for _ in range(max(rounds // 2, 1))))
        yield f"| {what} | {(peaks[1] - peaks[0]) * 1024 / (MANY - first):,.0f} |"


def machine(folder: Path, rounds: int) -> Iterator[str]:
    """What it was measured on, and with."""
    cpus = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    }
    yield f"{', '.join(sorted(cpus))}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}, Python {platform.python_version()};"
    versions = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "tcptrace", "tshark", "argus-server", "tcpdump"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    yield versions.stdout.rstrip(", ") + "."


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "machine": machine,
    **{case.name: partial(compared, case) for case in CASES},
    "flat": flat,
    "memory": memory,
}


def place(document: Path, name: str, text: str) -> None:
    """Put a table between its comments."""
    old = document.read_text(encoding="utf-8")
    new, count = re.subn(
        rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", lambda _: f"\n{text}\n\n", old, flags=re.DOTALL
    )
    if count != 1:
        sys.exit(f"{document} has no place for {name}")
    document.write_text(new, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, metavar="ROUNDS")
    parser.add_argument("--folder", type=Path, default=Path("bench-captures"), metavar="DIR")
    parser.add_argument("--only", default=",".join(TABLES), metavar="NAME,…")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    for name in options.only.split(","):
        text = "\n".join(TABLES[name](options.folder, options.n))
        sys.stdout.write(f"{name}\n\n{text}\n\n")
        sys.stdout.flush()
        if options.write:
            place(options.write, name, text)


if __name__ == "__main__":
    main()
