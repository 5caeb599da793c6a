"""Time does nothing to a young connection to which nothing has happened: what is skipped for it would change nothing."""

from __future__ import annotations

from hypothesis import given, settings

from model.judge import Judge
from model.programs import programs
from model.test_bytes import account
from model.wire import Program
from tools.properties import REPEATABLE


def trails(program: Program, young: int | None) -> list[list[tuple[int, ...]]]:
    """What is inferred of both sides after every segment, and at the end."""
    judge = Judge(program)
    if young is not None:
        judge.tracker.young = young
    found = []
    while judge.world.step():
        judge.feed(judge.world.tapped[-1])
        for c in judge.tracker.flows.connections():
            found += [account(c.client), account(c.server)]
    return found


@settings(REPEATABLE, max_examples=600)
@given(programs(("usual", "refused", "simultaneous", "midstream")))
def test_what_is_skipped_would_change_nothing(program: Program) -> None:
    assert trails(program, None) == trails(program, 0)
