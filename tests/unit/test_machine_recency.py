"""The ring of places: held against an ordered dictionary, which says the same with an object for each."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.machine.recency import END, Recency

MOST = 5


@given(st.lists(st.integers(0, MOST), max_size=40))
def test_places_stand_in_the_order_in_which_they_were_touched(steps: list[int]) -> None:
    ring = Recency(MOST)
    expected: OrderedDict[int, None] = OrderedDict()
    assert ring.oldest() == ring.latest() == END
    for step in steps:
        if step < ring.count:
            ring.touch(step)
            expected.move_to_end(step)
        elif not ring.is_full():
            expected[int(ring.take())] = None
        assert ring.places() == list(expected)
        assert ring.is_full() == (len(expected) == MOST)
        if expected:
            assert ring.latest() == next(reversed(expected))
