"""Every recorded run, analysed from every tap, as it is and cut short, and held against the kernels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from kernel.bars import Bar, bars, load_held
from kernel.runs import TAPS, Run, cut, load
from kernel.score import Score, score
from kernel.shapes import Seen
from kernel.unknowable import Unknowable, judge, members
from tcptrace_py.config import Config, parse_timers, timers_for
from tools.sinking import write

RUNS = Path(__file__).with_name("runs")
KINDS = ("clean", "lossy", "heavy", "defaults", "upstream", "midstream")
CUTS = (0.35, 0.6, 0.85)
"""Where captures are cut short, as shares of their length: what is then on its way is judged too."""


class Case(NamedTuple):
    """One row: a run, or the sum of its cuts, from one tap."""

    kind: str
    tap: str
    cut: bool
    score: Score
    unknowable: Unknowable
    """What no observer can have right of it."""

    @property
    def name(self) -> str:
        return f"{self.kind}{', cut' * self.cut}, {self.tap}"

    def figures(self) -> dict[str, float | None]:
        """Those of the score, and those that bars are made of."""
        made = self.score.figures()
        final, steps, matched = made["proven_final_wrong"], made["proven_violations"], made["matched"]
        assert final is not None
        assert steps is not None
        assert matched is not None
        return {**made, "proven_wrong": final + steps, "missed": round(100 - matched, 2)}


def analyse(run: Run, tap: str) -> list[dict[str, Any]]:
    """The connections that tcpfsm reports, told of the hosts' timers as its user would."""
    config = Config(timers=timers_for("linux", parse_timers(run.timers)))
    found: list[dict[str, Any]] = json.loads(write(run.captures[tap], "json", config))["connections"]
    return found


def cases_of(run: Run) -> Iterator[Case]:
    """Every tap of a run, and of its cuts."""
    shorter = [cut(run, run.begin + round(share * (run.end - run.begin))) for share in CUTS]
    for tap in TAPS:
        seen = Seen(run, tap)
        for parts in ([run], shorter):
            total = Score(tap)
            for part in parts:
                total.add(score(part, tap, analyse(part, tap)))
            yield Case(run.name, tap, parts is shorter, total, judge(members(seen, tap, total.spells)))


def in_order(some: Iterable[Case]) -> tuple[Case, ...]:
    """The cuts last."""
    return tuple(sorted(some, key=lambda case: case.cut))


@cache
def cases() -> tuple[Case, ...]:
    """Those of all recorded runs; takes a while."""
    return in_order(case for kind in KINDS for case in cases_of(load(RUNS / kind)))


def bars_of(case: Case, held: dict[str, dict[str, float]]) -> list[Bar]:
    """Every bar of a case."""
    unknowable = (part.figures(case.score) for part in case.unknowable)
    return list(bars(case.name, case.kind, case.tap, case.figures(), held, *unknowable))


def all_bars() -> list[Bar]:
    """Every bar of every case."""
    held = load_held()
    return [bar for case in cases() for bar in bars_of(case, held)]
