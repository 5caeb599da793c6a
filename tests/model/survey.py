"""Many programs, run once, and what they showed together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from hypothesis import HealthCheck, Phase, given, settings

from model.judge import Judge
from model.programs import programs
from model.wire import Program

ORDINARY = ("usual", "refused")
SIMULTANEOUS = ("simultaneous",)
MIDSTREAM = ("midstream",)


@dataclass
class Survey:
    """The sum of the verdicts; of each kind of failure all stories, the shortest first."""

    runs: int = 0
    claims: int = 0
    size: int = 0
    outside: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    misses: int = 0  # claims that the truth was outside of

    def add(self, judge: Judge) -> None:
        verdict = judge.run()
        self.runs += 1
        self.claims += verdict.claims
        self.size += verdict.size
        self.misses += len(verdict.outside)
        for stories, faults in (
            (self.outside, verdict.outside),
            (self.false, verdict.false),
            (self.broken, verdict.broken),
        ):
            if faults:
                stories.append("\n".join([*faults[:5], judge.story()]))
                stories.sort(key=len)


@cache
def survey(openings: tuple[str, ...], examples: int) -> Survey:
    """Run programs that Hypothesis draws: the same ones every time."""
    found = Survey()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(openings))
    def run(program: Program) -> None:
        found.add(Judge(program))

    run()
    return found
