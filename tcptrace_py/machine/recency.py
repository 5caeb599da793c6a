"""A bounded number of places, and the order in which they were last touched: a ring of numbers.

What is kept at a place stays there and is filled anew when the place changes hands, so that millions of keys come and go
without an object for each.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.words import vec

END: Final = -1


@mypyc_attr(acyclic=True)
class Recency:
    """Places from 0 on.  The one behind the last stands for both ends of the ring."""

    def __init__(self, most: i64) -> None:
        self.most = most
        self.count: i64 = 0
        self.newer = vec[i64]([most] * (most + 1))
        self.older = vec[i64]([most] * (most + 1))

    def is_full(self) -> bool:
        """Whether every place is taken."""
        return self.count == self.most

    def take(self) -> i64:
        """The next place that nobody has; there must be one."""
        place: i64 = self.count
        self.count += 1
        self.append(place)
        return place

    def append(self, place: i64) -> None:
        """Make a place that is not in the ring the latest."""
        latest: i64 = self.older[self.most]
        self.newer[latest] = place
        self.older[place] = latest
        self.newer[place] = self.most
        self.older[self.most] = place

    def touch(self, place: i64) -> None:
        """Make a place the latest."""
        after: i64 = self.newer[place]
        if after == self.most:
            return
        before: i64 = self.older[place]
        self.newer[before] = after
        self.older[after] = before
        self.append(place)

    def oldest(self) -> i64:
        """The place that was not touched for longest; END: there is none."""
        return self.following(self.most)

    def latest(self) -> i64:
        """The place that was touched last; END: there is none."""
        place: i64 = self.older[self.most]
        return END if place == self.most else place

    def following(self, place: i64) -> i64:
        """The one that was touched next after another; END: that was the last."""
        after: i64 = self.newer[place]
        return END if after == self.most else after

    def places(self) -> list[int]:
        """All of them, the latest last."""
        found: list[int] = []
        place: i64 = self.oldest()
        while place != END:
            found.append(int(place))
            place = self.following(place)
        return found
