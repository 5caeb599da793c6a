"""Connections in TIME_WAIT that pile up: how many of one pair of hosts, on one side, to one server port."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(acyclic=True)
class Pile:
    """The connections of one pair that are in TIME_WAIT at the end of observation."""

    def __init__(self, key: bytes, side: i64, since: i64, frame: i64) -> None:
        self.key = key  # of one of them
        self.side = side
        self.count: i64 = 0
        self.first_time = since
        self.first_frame = frame
        self.last_frame = frame

    def add(self, since: i64, frame: i64) -> None:
        """One more, in TIME_WAIT since ``since``; its last frame was ``frame``."""
        self.count += 1
        if since < self.first_time:
            self.first_time = since
        if frame < self.first_frame:
            self.first_frame = frame
        if frame > self.last_frame:
            self.last_frame = frame


@mypyc_attr(acyclic=True)
class Waiting:
    """A connection that is in TIME_WAIT at the end of observation."""

    def __init__(self, key: bytes, pair: i64, side: i64, since: i64, frame: i64) -> None:
        self.key = key
        self.pair = pair  # a hash of its two hosts and the server's port
        self.side = side
        self.since = since
        self.frame = frame  # its last one
