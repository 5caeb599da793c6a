from __future__ import annotations

import pytest

from tcptrace_py.live.clock import Clock


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Our own clocks, in nanoseconds: monotonic, and on the wall."""
    now = [1000, 5_000_000]
    monkeypatch.setattr("time.monotonic_ns", lambda: now[0])
    monkeypatch.setattr("time.time_ns", lambda: now[1])
    return now


def test_here_it_is_what_the_wall_says(here: list[int]) -> None:
    latest = [-1]
    local = Clock(lambda: latest[0], is_local=True)
    assert local.now() == 5_000_000
    latest[0] = 6_000_000  # a packet that is dated later has come all the same
    assert local.now() == 6_000_000


def test_elsewhere_it_is_what_the_packets_say_and_goes_on(here: list[int]) -> None:
    latest = [-1]
    remote = Clock(lambda: latest[0], is_local=False)
    assert remote.now() == -1
    latest[0] = 70
    assert remote.now() == 70
    here[0] += 10
    assert remote.now() == 80
    latest[0] = 75  # it was a little late on its way here
    assert remote.now() == 80
    latest[0] = 100
    assert remote.now() == 100
    here[0] += 5
    assert remote.now() == 105


def test_while_packets_wait_for_their_turn_it_is_not_later_than_they(here: list[int]) -> None:
    latest, behind = [1000], [True]
    local = Clock(lambda: latest[0], is_local=True, is_behind=lambda: behind[0])
    assert local.now() == 1000
    behind[0] = False
    assert local.now() == 5_000_000
    latest[0], behind[0] = 4_999_000, True
    assert local.now() == 5_000_000  # it never goes back
