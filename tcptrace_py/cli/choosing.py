"""Which connections of live traffic are wanted: ``--where`` as they stand, ``--display-filter`` as tshark says beside us."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from tcptrace_py.config import Config
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.watched import WatchedTracker
from tcptrace_py.pipeline import Filter
from tcptrace_py.where.filter import filter_of


class Choosing:
    """The filters of one run."""

    def __init__(self, config: Config) -> None:
        """Raises ConfigError and HelperError: before anything is captured."""
        where = filter_of(config)
        self.detailed = where is not None and where.detailed
        self.filter: Filter | None = where
        """For the report."""
        self.wants: Callable[[Connection], bool] | None = None
        """For what is shown before; None: everything."""
        self.feed: Callable[[bytes], None] | None = None
        """For the stream; None: it need not tell."""
        self.trouble = ""
        shown = filter_of(config)  # it asks often, so it has rules of its own
        if shown is not None:
            self.wants = shown.holds
        if config.display_filter:
            from tcptrace_py.capture.listed import Listed
            from tcptrace_py.cli.bridging import Matching
            from tcptrace_py.wireshark import Following, Wireshark

            tshark = Wireshark("--display-filter")
            tshark.check_filter(config.display_filter)
            listed = Listed([[]], [[]], [[]])
            self.filter = Matching(listed, where, is_late=True)
            self.wants = Matching(listed, shown).holds
            self._numbers = listed.numbers
            self._following = Following(tshark, config.display_filter)
            self.feed = self._following.feed

    def poll(self, tracker: WatchedTracker) -> None:
        """Take in what tshark has found since the last time."""
        if self.feed is None:
            return
        for match in self._following.poll():
            with suppress(OSError):  # no address: it was cut off
                family = socket.AF_INET6 if ":" in match.source else socket.AF_INET
                ends = socket.inet_pton(family, match.source) + socket.inet_pton(family, match.target)
                ports = match.source_port.to_bytes(2, "big") + match.target_port.to_bytes(2, "big")
                flow = tracker.flows.find(ends + ports)
                if isinstance(flow, (Connection, Parked)) and flow.first_frame <= match.frame:
                    self._numbers.add(int(flow.number))
        self.trouble = self._following.trouble

    def tidy(self, tracker: WatchedTracker) -> None:
        """Forget connections that have left."""
        if self.feed is not None:
            self._numbers.intersection_update({int(watch.c.number) for watch in tracker.open})

    def finish(self, tracker: WatchedTracker | None) -> None:
        """Nothing more comes: wait for what tshark still has to say."""
        if self.feed is not None:
            self._following.close()
            if tracker is not None:
                self.poll(tracker)

    def close(self) -> None:
        """Let go of tshark."""
        if self.feed is not None:
            self._following.close()
