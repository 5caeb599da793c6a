"""Programs for Hypothesis: what two applications may do, and what may happen to their segments."""

from __future__ import annotations

from hypothesis import strategies as some

from model.host import MS, Habits
from model.wire import AFTER, BEFORE, CLIENT, SERVER, Action, Fault, Program

VERBS = ("write", "shutdown", "close", "abort")


def sides() -> some.SearchStrategy[int]:
    return some.sampled_from((CLIENT, SERVER))


def faults() -> some.SearchStrategy[Fault]:
    late = some.sampled_from((3, 15, 60, 250, 1200, 4000))
    where = (sides(), some.integers(0, 12), some.sampled_from((AFTER, BEFORE)))
    return some.one_of(
        some.builds(Fault, *where, some.just("lose"), some.just(0)),
        some.builds(Fault, *where, some.sampled_from(("delay", "double")), late),
    )


@some.composite
def programs(draw: some.DrawFn, openings: tuple[str, ...] = ("usual", "refused", "simultaneous")) -> Program:
    """Any of them; ``midstream`` in the openings: the usual one, and observation begins later."""
    opening = draw(some.sampled_from(openings))
    to_tap = draw(some.sampled_from((10, 0, 1, 40)))
    from_tap = draw(some.sampled_from((10, 0, 1, 40)))
    actions = [Action(1, CLIENT, "open")]
    if opening in ("usual", "midstream"):
        actions.insert(0, Action(0, SERVER, "listen"))
    elif opening == "simultaneous":  # before the client's SYN can have arrived
        actions.append(Action(draw(some.integers(1, 1 + (to_tap + from_tap) // 2)), SERVER, "open"))
    times = some.sampled_from((2, 30, 60, 100, 110, 125, 140, 300, 500, 2000, 5000))
    for ms in sorted(draw(some.lists(times, min_size=2, max_size=8))):
        side = draw(sides())
        verb = draw(some.sampled_from(VERBS))
        actions.append(Action(ms, side, verb, draw(some.sampled_from((1, 500, 2500))) if verb == "write" else 0))
    return Program(
        tuple(actions),
        tuple(draw(some.lists(faults(), max_size=5))),
        to_tap,
        from_tap,
        draw(some.sampled_from(((100, 300), (0xFFFFFFFF, 0xFFFFFC00), (0x7FFFFFFF, 0)))),
        Habits(
            draw(some.sampled_from((300, 1000))) * MS,
            draw(some.sampled_from((8, 3))),
            delayed_ack=draw(some.sampled_from((0, 40))) * MS,
        ),
        draw(some.sampled_from((30, 3, 300))),
        draw(some.sampled_from((115, 90, 140, 300, 1000))) if opening == "midstream" else 0,
    )
