"""Hold tcpfsm against the recorded kernels: the table of all runs and taps, in Markdown.

``python tests/kernel/judge.py`` prints it; with ``--write`` it renews the tables in docs/accuracy.md and the held values in
held.json; with ``--misses RUN TAP`` it prints every mistake of one run from one tap.
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
from kernel.judging import KINDS, all_bars, cases
from kernel.runs import TAPS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


def main() -> int:
    parser = argparse.ArgumentParser(description="hold tcpfsm against the recorded kernels")
    parser.add_argument("--write", action="store_true", help="renew docs/accuracy.md and held.json")
    parser.add_argument("--misses", nargs=2, metavar=("RUN", "TAP"), help="print every mistake there")
    options = parser.parse_args()
    if options.misses:
        kind, tap = options.misses
        if kind not in KINDS or tap not in TAPS:
            parser.error(f"runs are {', '.join(KINDS)}; taps {', '.join(TAPS)}")
        sys.stdout.write(misses(kind, tap))
    elif options.write:
        renew()
    else:
        sys.stdout.write(tables.figures())
    return 0


def misses(kind: str, tap: str) -> str:
    """Every mistake, a line each."""
    (case,) = (case for case in cases() if (case.kind, case.tap, case.cut) == (kind, tap, False))
    wrong = [str(final) for final in case.score.finals if not final.right or final.true not in final.possible]
    return "".join(f"{line}\n" for line in [*case.score.missed, *case.score.violations, *wrong])


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
