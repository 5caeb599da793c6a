"""What one endpoint sent, counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine.sent import Sent
from tools.properties import REPEATABLE


def test_nothing_is_known_at_first() -> None:
    sent = Sent()
    unknown = ("max_window", "min_window", "mss", "window_scale", "sack_permitted", "timestamps", "fast_open", "mptcp")
    assert {getattr(sent, name) for name in unknown} == {-1}
    assert (sent.rtt_min, sent.rtt_max, sent.rtt_samples) == (-1, -1, 0)


@REPEATABLE
@given(some.lists(some.integers(0, 10**12), min_size=1, max_size=20))
def test_round_trips_are_summed_up(samples: list[int]) -> None:
    sent = Sent()
    for sample in samples:
        sent.rtt(sample)
    assert (sent.rtt_min, sent.rtt_max) == (min(samples), max(samples))
    assert (sent.rtt_sum, sent.rtt_samples) == (sum(samples), len(samples))
