"""What time it is for the capture: its packets' clock, which goes on when none comes."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Of a capture taken here, the clock on the wall; of one that comes from elsewhere, that of its packets."""

    def __init__(
        self, latest: Callable[[], int], *, is_local: bool, is_behind: Callable[[], bool] = lambda: False
    ) -> None:
        """``latest``: the time of the latest packet so far (ns), negative before there is one.  ``is_behind``: others have
        come and wait for their turn, so that it is not later than that yet.
        """
        self._latest = latest
        self._is_behind = is_behind
        self._is_local = is_local
        self._shown = -1
        self._seen = -1  # the latest packet's time when it was last asked ...
        self._at = 0  # ... and when that was, by our own clock, which never jumps

    def now(self) -> int:
        """Nanoseconds since the epoch; -1: not known before the first packet.  It never goes back."""
        self._shown = max(self._shown, self._time())
        return self._shown

    def _time(self) -> int:
        latest = self._latest()
        if self._is_behind():
            return latest
        if self._is_local:
            return max(time.time_ns(), latest)
        if latest < 0:
            return -1
        here = time.monotonic_ns()
        if latest > self._seen + here - self._at or self._seen < 0:
            self._seen, self._at = latest, here
        return self._seen + here - self._at
