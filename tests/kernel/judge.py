"""Hold tcpfsm against kernels: the table of all runs and taps, in Markdown.

``python tests/kernel/judge.py`` prints it for the recorded runs, with ``DIR…`` for others.  ``--misses RUN TAP`` prints every mistake
of one run from one tap.  ``--write`` renews the tables in docs/accuracy.md and the held values in held.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2]), str(here.parents[1])]

from kernel import tables
from kernel.bars import HELD, hold
from kernel.judging import RUNS, all_bars, analyse, cases_of, in_order
from kernel.runs import TAPS, Run, load
from kernel.score import score

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


def main() -> int:
    parser = argparse.ArgumentParser(description="hold tcpfsm against kernels")
    parser.add_argument("runs", nargs="*", metavar="DIR", help="runs other than the recorded ones")
    parser.add_argument("--write", action="store_true", help="renew docs/accuracy.md and held.json")
    parser.add_argument("--misses", nargs=2, metavar=("RUN", "TAP"), help="print every mistake there")
    options = parser.parse_args()
    try:
        if options.misses:
            name, tap = options.misses
            if tap not in TAPS:
                parser.error(f"taps are {', '.join(TAPS)}")
            sys.stdout.write(misses(find(name), tap))
        elif options.write:
            renew()
        else:
            chosen = [find(name) for name in options.runs]
            sys.stdout.write(tables.figures(in_order(case for run in chosen for case in cases_of(run))))
    except FileNotFoundError as error:
        parser.error(f"no run: {error.filename}")
    return 0


def find(name: str) -> Run:
    """A recorded run by its name, or any by its folder."""
    return load(RUNS / name if (RUNS / name).is_dir() else Path(name))


def misses(run: Run, tap: str) -> str:
    """Every mistake, a line each."""
    found = score(run, tap, analyse(run, tap))
    wrong = [str(final) for final in found.finals if not final.right or final.true not in final.possible]
    return "".join(f"{line}\n" for line in [*found.missed, *found.violations, *wrong])


def renew() -> None:
    """Write what depends on how good tcpfsm is."""
    held: dict[str, dict[str, float]] = {}
    for bar in all_bars():
        if not bar.reached:
            held.setdefault(bar.case, {})[bar.figure.name] = hold(bar.measured)
    HELD.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    DOCUMENT.write_text(tables.fill(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
