"""Ranges, against a set of the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tcptrace_py.machine.ranges import MAX_ISLANDS, Ranges
from tools.properties import REPEATABLE

offsets = some.integers(0, 60)


class BytesSeen(RuleBasedStateMachine):
    """The same done to Ranges and to a set of ints."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges = Ranges(10)
        self.seen = set(range(10))
        self.missing = 0

    @rule(start=offsets, length=some.integers(0, 12))
    def add(self, start: int, length: int) -> None:
        new = set(range(start, start + length)) - self.seen
        assert self.ranges.add(start, start + length) == len(new)
        self.seen |= new

    @rule(upto=offsets)
    def give_up(self, upto: int) -> None:
        lost = set(range(upto)) - self.seen
        assert self.ranges.give_up(upto) == len(lost)
        self.seen |= lost
        self.missing += len(lost)

    @invariant()
    def agrees(self) -> None:
        ranges = self.ranges
        first_hole = next(n for n in range(200) if n not in self.seen)
        assert ranges.contiguous == first_hole
        islands = {n for start, end in zip(ranges.starts, ranges.ends, strict=True) for n in range(start, end)}
        assert islands == {n for n in self.seen if n > first_hole}
        assert ranges.missing == self.missing
        assert ranges.is_whole() == (not islands)

    @invariant()
    def islands_are_sorted_and_apart(self) -> None:
        edges = [self.ranges.contiguous]
        for start, end in zip(self.ranges.starts, self.ranges.ends, strict=True):
            edges += [start, end]
        assert edges == sorted(set(edges))


TestBytesSeen = BytesSeen.TestCase
TestBytesSeen.settings = REPEATABLE


def test_islands_are_bounded() -> None:
    ranges = Ranges(0)
    for n in range(2 * MAX_ISLANDS):
        ranges.add(2 * n + 1, 2 * n + 2)
        assert len(ranges.starts) <= MAX_ISLANDS
    # what had to make room is given up as missing, not taken for seen
    assert ranges.missing == MAX_ISLANDS
    assert ranges.contiguous == 2 * MAX_ISLANDS


@REPEATABLE
@given(some.permutations(range(12)))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    ranges = Ranges(0)
    assert sum(ranges.add(3 * n, 3 * n + 3) for n in order) == 36
    assert ranges.contiguous == 36
    assert ranges.is_whole()
