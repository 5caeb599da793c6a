"""What ``detail`` keeps of one direction: counters, sums and extremes, and the segments on their way."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.flight import Flight
from tcptrace_py.machine.recovery import Again

MAX_LOGGED: Final = 64
"""Repetitions told one by one, a direction; all are counted."""

_NO_LOG: Final[list[Again]] = []
_NO_WAITS: Final[list[int]] = []


@mypyc_attr(acyclic=True)
class Spread:
    """Count, extremes, sum and spread of durations (ns)."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.least: i64 = -1
        self.most: i64 = -1
        self.sum: i64 = 0
        self.mean: float = 0.0
        self.squares: float = 0.0  # of the distances from the mean (Welford), so that nothing cancels out

    def add(self, value: i64) -> None:
        """One more."""
        self.count += 1
        self.sum += value
        if value > self.most:
            self.most = value
        if value < self.least or self.least < 0:
            self.least = value
        distance: float = float(value) - self.mean
        self.mean += distance / float(self.count)
        self.squares += distance * (float(value) - self.mean)

    def deviation(self) -> i64:
        """The standard deviation of the sample; -1: fewer than two values."""
        if self.count < 2:
            return -1
        root: float = (self.squares / float(self.count - 1)) ** 0.5
        return int(root + 0.5)


# Shared by all directions until they have one of their own: most never do
_NO_SPREAD: Final = Spread()


@mypyc_attr(acyclic=True)
class Detail:
    """Figures of one direction beyond those of ``Sent``."""

    def __init__(self) -> None:
        # first what every segment counts, side by side in memory
        self.idle_max: i64 = -1
        self.idle_from: i64 = -1
        self.idle_to: i64 = -1
        self.pure_acks: i64 = 0  # ACK, no SYN, FIN or RST, no payload
        # windows, scaled where both offers are known
        self.windows: i64 = 0
        self.max_window: i64 = -1
        self.min_window: i64 = -1
        self.window_sum: i64 = 0
        self.zero_since: i64 = -1  # -1: its window is open
        # on their way
        self.flight = Flight()
        self.in_flight: i64 = 0
        self.in_flight_max: i64 = 0
        self.in_flight_min: i64 = -1
        self.flight_time: i64 = 0  # when that last changed
        self.flight_sum: float = 0.0  # bytes times nanoseconds
        self.flight_busy: i64 = 0  # nanoseconds with something on its way
        self.sent_to: i64 = 1  # offset after its highest byte
        # round trips
        self.rtt = Spread()
        self.sample: i64 = -1  # the one that the last acknowledgement gave
        self.sample_of: i64 = -1  # the frame that it measured
        self.cumulatively: i64 = 0
        # segments
        self.segment_min: i64 = -1
        self.segment_max: i64 = -1
        self.first_data: i64 = -1
        self.last_data: i64 = -1
        self.initial_packets: i64 = 0
        self.initial_bytes: i64 = 0
        self.push: i64 = 0
        # then the rest
        self.urgent: i64 = 0
        self.urgent_bytes: i64 = 0
        self.keepalives: i64 = 0
        self.window_probes: i64 = 0
        self.window_probe_bytes: i64 = 0
        self.zero_time: i64 = 0
        self.window_full: i64 = 0  # of the peer's window
        # acknowledgements
        self.duplicate_acks: i64 = 0  # RFC 5681, 2
        self.triple_duplicate_acks: i64 = 0
        self.sack_packets: i64 = 0
        self.dsack_packets: i64 = 0
        self.max_sack_blocks: i64 = 0
        self.ambiguous: i64 = 0
        self.after_loss: i64 = 0
        # sent again
        self.again = _NO_LOG  # the first MAX_LOGGED
        self.waits = _NO_SPREAD
        self.most_again: i64 = 0
        self.worst = _NO_WAITS  # ns between the transmissions of the segment that was sent most often
        # capture quality
        self.truncated_packets: i64 = 0
        self.truncated_bytes: i64 = 0
        self.bad_checksums: i64 = 0

    def waited(self, time: i64) -> None:
        """A segment was sent again ``time`` after the last time."""
        if self.waits is _NO_SPREAD:
            self.waits = Spread()
        self.waits.add(time)

    def log(self, again: Again) -> None:
        """Keep a repetition to tell of it."""
        if self.again is _NO_LOG:
            self.again = []
        if len(self.again) < MAX_LOGGED:
            self.again.append(again)
