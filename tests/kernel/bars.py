"""What is demanded of every figure, and what is held where that is not reached yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HELD = Path(__file__).with_name("held.json")
"""Case → figure → the most it may be now.  ``judge.py --write`` makes it; a value may only be there where a target is missed."""
Figures = dict[str, float | None]
COARSE = 0.25
"""The least counts alike what has the same shape; a back-off, finer than shapes are, may tell one endpoint of a run apart."""
SLACK = 0.05
"""A held value is the measured one and this share more ..."""
LEAST_SLACK = 0.02
"""... at least so much."""


class Figure(NamedTuple):
    """A figure of ``Score.figures``, or one made of several, and the most it should be."""

    name: str
    title: str
    kinds: dict[str, float]
    """By kind of run; "" is for all others.  A kind that is not there has no bar."""
    taps: tuple[str, ...] = ("client", "middle", "server")
    elsewhere: dict[str, float] | None = None
    """Likewise, the most that may be wrong where frames can tell; None: not asked for."""

    def target(self, kind: str) -> float | None:
        """The bar of a run of that name, which ends with its kind; None: there is none."""
        return of_kind(self.kinds, kind)

    def margin(self, kind: str) -> float | None:
        """Likewise, of that."""
        return of_kind(self.elsewhere or {}, kind)


def of_kind(values: dict[str, float], kind: str) -> float | None:
    own = (value for name, value in values.items() if name and kind.endswith(name))
    return next(own, values.get(""))


ENDS = ("client", "server")
FIGURES = (
    Figure("proven_wrong", "proven, and wrong", {"": 0}),
    Figure("possible_miss", "outside `possible`, %", {"": 1, "midstream": 2}),
    Figure("possible_size", "size of `possible`", {"": 1.4}),
    Figure("final_wrong_near", "near state wrong, %", {"": 5, "midstream": 8}, ENDS, {"": 1.4, "midstream": 4.5}),
    Figure(
        "final_wrong_far",
        "far state wrong, %",
        {"": 10, "midstream": 13},
        ENDS,
        {"": 2, "lossy": 2.9, "heavy": 3.6, "midstream": 5.8},
    ),
    Figure(
        "final_wrong",
        "state wrong (middle), %",
        {"": 9, "midstream": 12},
        ("middle",),
        {"": 1.5, "lossy": 1.9, "heavy": 2.6, "midstream": 5.6},
    ),
    Figure(
        "time_wrong",
        "time wrong, %",
        {"clean": 6, "lossy": 7, "defaults": 7, "upstream": 7, "heavy": 10},
        elsewhere={"clean": 2.3, "lossy": 3.1, "defaults": 2.8, "upstream": 2.1, "heavy": 4},
    ),
    Figure(
        "ordinary_time_wrong",
        "ordinary time wrong, %",
        {"clean": 0.2, "lossy": 0.8, "defaults": 0.8, "upstream": 0.8, "heavy": 3, "midstream": 3},
    ),
    Figure("extra", "split", {"": 0}),
    Figure("missed", "missed, %", {"": 0.5}),
)


class Bar(NamedTuple):
    """One figure of one case against what it may be."""

    case: str
    figure: Figure
    measured: float
    target: float | None
    held: float | None
    least: float | None = None
    """What nobody can have right; None: that is not counted."""
    guessed: float | None = None
    """What is wrong of the endpoints among which is the least."""
    margin: float | None = None
    """The most that may be wrong of the others; None: anything."""

    @property
    def elsewhere(self) -> float | None:
        """What is wrong of the others: somebody might know it."""
        return None if self.guessed is None else round(self.measured - self.guessed, 2)

    @property
    def excused(self) -> bool:
        """What is wrong is mostly what nobody can know; and not less than the least of that, or that were not the least."""
        if self.least is None or self.guessed is None or self.margin is None:
            return True
        return self.guessed >= self.least - COARSE and self.measured - self.guessed <= self.margin

    @property
    def most(self) -> float | None:
        """What a test allows; None: anything."""
        return self.target if self.held is None else self.held

    @property
    def reached(self) -> bool:
        return self.target is None or self.measured <= self.target


def load_held() -> dict[str, dict[str, float]]:
    """The table of held values."""
    found: dict[str, dict[str, float]] = json.loads(HELD.read_text(encoding="utf-8"))
    return found


def bars(
    case: str,
    kind: str,
    tap: str,
    figures: Figures,
    held: dict[str, dict[str, float]],
    least: Figures,
    guessed: Figures,
) -> Iterator[Bar]:
    """Every figure that this tap has."""
    for figure in FIGURES:
        measured = figures[figure.name]
        if tap in figure.taps and measured is not None:
            may_be = held.get(case, {}).get(figure.name)
            nobody = least.get(figure.name), guessed.get(figure.name)
            yield Bar(case, figure, measured, figure.target(kind), may_be, *nobody, figure.margin(kind))


def hold(measured: float) -> float:
    """What to hold where the target is missed."""
    return round(measured + max(SLACK * measured, LEAST_SLACK), 3)
