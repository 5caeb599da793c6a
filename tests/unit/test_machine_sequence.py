"""Arithmetic modulo 2^32, against arithmetic without."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine.sequence import distance, unwrap, wrap
from tools.properties import REPEATABLE

MODULUS = 1 << 32
HALF = 1 << 31

numbers = some.one_of(some.integers(0, MODULUS - 1), some.sampled_from([0, 1, HALF - 1, HALF, MODULUS - 1]))


@REPEATABLE
@given(numbers, numbers)
def test_the_distance_is_the_short_way_round(a: int, b: int) -> None:
    d = distance(a, b)
    assert -HALF <= d < HALF
    assert (a + d) % MODULUS == b


@REPEATABLE
@given(numbers, numbers)
def test_there_and_back(a: int, b: int) -> None:
    there = distance(a, b)
    assert distance(b, a) == (-there if there != -HALF else -HALF)


def test_across_the_wrap() -> None:
    assert distance(0xFFFFFFFF, 0) == 1
    assert distance(0, 0xFFFFFFFF) == -1
    assert distance(0xFFFFFF00, 0x100) == 0x200


@REPEATABLE
@given(numbers, some.integers(0, 1 << 50), some.integers(-HALF, HALF - 1))
def test_a_number_near_what_is_expected_is_unwrapped(origin: int, near: int, off: int) -> None:
    offset = near + off
    assert unwrap((origin + offset) % MODULUS, origin, near) == offset


@REPEATABLE
@given(numbers, some.integers(0, 1 << 50))
def test_wrap_undoes_unwrap(origin: int, offset: int) -> None:
    number = wrap(offset, origin)
    assert 0 <= number < MODULUS
    assert number == (origin + offset) % MODULUS
    assert unwrap(number, origin, offset) == offset


def test_a_transfer_beyond_4_gib_keeps_counting() -> None:
    origin = 0xFFFFFFF0
    offset = 0
    for _ in range(5):
        offset = unwrap(wrap(offset + HALF - 1, origin), origin, offset)
    assert offset == 5 * (HALF - 1)
