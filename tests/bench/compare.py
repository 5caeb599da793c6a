"""Measures tcpfsm beside the programs that people use for the same captures: ``compare.py [-n ROUNDS] [--only A,B] FILE…``.

All programs read the same file in turn, ROUNDS times over after one round that is not counted, so that whatever slows the
machine down slows all of them.  Printed are the medians: seconds of the clock and of the processor, the largest memory,
and how often as long as tcpfsm's summary each took.  A program that is not installed is a line that says so.

tcpfsm is the one that the Python that runs this finds from the capture's folder.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

TCPFSM = (sys.executable, "-m", "tcptrace_py", "analyze", "--no-progress", "--quiet", "FILE", "-o", "/dev/null")
ALONE = ("--jobs", "1")
FIELDS = ("frame.number", "tcp.stream", "tcp.analysis.retransmission", "tcp.analysis.ack_rtt", "tcp.completeness")
PATIENCE = 20.0
"""Seconds: what takes longer is run in one counted round only."""


class Program(NamedTuple):
    """What is measured, and how it is called; ``FILE`` stands for the capture."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


PROGRAMS = (
    Program("tcpfsm", (*TCPFSM, *ALONE)),
    Program("tcpfsm --jobs 2", (*TCPFSM, "--jobs", "2")),
    Program("tcpfsm --max-connections 200000", (*TCPFSM, *ALONE, "--max-connections", "200000")),
    Program("tcpfsm -f json", (*TCPFSM, *ALONE, "-f", "json")),
    Program("tcpfsm -f ndjson", (*TCPFSM, *ALONE, "-f", "ndjson")),
    Program("tcpfsm -f csv", (*TCPFSM, *ALONE, "-f", "csv")),
    Program("tcpfsm, interpreted", (*TCPFSM, *ALONE), (("TCPFSM_PURE", "1"),)),
    Program("tcptrace", ("tcptrace", "-n", "FILE")),
    Program("tcptrace -l", ("tcptrace", "-n", "-l", "FILE")),
    Program("argus", ("argus", "-r", "FILE", "-w", "/dev/null")),
    Program("tshark -z conv,tcp", ("tshark", "-n", "-q", "-r", "FILE", "-z", "conv,tcp")),
    Program(
        "tshark, analysis", ("tshark", "-n", "-r", "FILE", "-T", "fields", *(w for f in FIELDS for w in ("-e", f)))
    ),
    Program("tcpdump -w", ("tcpdump", "-n", "-r", "FILE", "-w", "/dev/null")),
    Program("capinfos -c", ("capinfos", "-c", "FILE")),
    Program("cat", ("cat", "FILE")),
)
BY_NAME = {program.name: program for program in PROGRAMS}


class Run(NamedTuple):
    """One run of a program."""

    wall: float
    cpu: float
    peak: int
    """KiB."""
    status: int


def run(program: Program, path: str) -> Run:
    """Run a program to its end, and take what the operating system accounts to it."""
    path = os.path.abspath(path)
    words = [path if word == "FILE" else word for word in program.command]
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.chdir(os.path.dirname(path))  # not the checkout, or Python would take the package from there
        try:
            os.execvpe(words[0], words, {**os.environ, **dict(program.environment)})
        except OSError:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - begun
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


def measure(programs: list[Program], path: str, rounds: int) -> dict[str, list[Run]]:
    """All programs in turn; what fails once is not called again, and what takes long only once more."""
    runs: dict[str, list[Run]] = {program.name: [] for program in programs}
    ended: set[str] = set()
    for round_ in range(rounds + 1):
        for program in programs:
            if program.name in ended:
                continue
            run(BY_NAME["cat"], path)  # so that it is in the page cache whatever came before
            done = run(program, path)
            if round_ or done.status:
                runs[program.name].append(done)
            if done.status or (round_ and done.wall > PATIENCE):
                ended.add(program.name)
    return runs


def row(program: Program, runs: dict[str, list[Run]], base: list[Run]) -> str:
    """A row of the table.  Ratios are medians of the ratios in each round."""
    those = runs[program.name]
    if shutil.which(program.command[0]) is None:
        return f"| {program.name} | not installed | | | | |"
    if not those or any(done.status for done in those):
        return f"| {program.name} | exit {those[-1].status if those else '?'} | | | | |"
    wall, cpu = (median(getattr(done, what) for done in those) for what in ("wall", "cpu"))
    peak = median(done.peak for done in those) / 1024
    pairs = list(zip(those, base, strict=False))
    of_wall, of_cpu = (median(getattr(a, what) / getattr(b, what) for a, b in pairs) for what in ("wall", "cpu"))
    return f"| {program.name} | {wall:.2f} | {cpu:.2f} | {peak:,.0f} | {of_wall:.2f} | {of_cpu:.2f} |"


def lines(programs: list[Program], runs: dict[str, list[Run]]) -> Iterator[str]:
    """The table, in Markdown."""
    yield "| program | wall s | cpu s | peak MiB | wall, of tcpfsm's | cpu, of tcpfsm's |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for program in programs:
        yield row(program, runs, runs[programs[0].name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, metavar="ROUNDS")
    parser.add_argument("--only", default="", metavar="NAME,…", help="only programs whose name contains one of these")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    wanted = [word for word in options.only.split(",") if word]
    programs = [p for i, p in enumerate(PROGRAMS) if not i or not wanted or any(word in p.name for word in wanted)]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for path in options.files:
        sys.stdout.write(
            f"{os.path.basename(path)}, {os.path.getsize(path) / 1e9:.2f} GB, medians of {options.n} rounds\n\n"
        )
        sys.stdout.write("\n".join(lines(programs, measure(programs, path, options.n))) + "\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
