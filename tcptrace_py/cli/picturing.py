"""Ladders for a report that has pictures: a second reading of the captures, for the connections that the first has found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcptrace_py.config import Config
from tcptrace_py.errors import CaptureError

Pictures = Callable[[Sequence[int]], dict[int, str]]


def pictures_of(captures: Sequence[str], config: Config) -> Pictures | None:
    """What draws the connections with certain numbers; None: the captures can be read only once (a pipe)."""
    from tcptrace_py.cli.showing import is_file, read_ladders
    from tcptrace_py.ladder.as_svg import inline

    if not all(map(is_file, captures)):
        return None

    def pictures(numbers: Sequence[int]) -> dict[int, str]:
        try:
            ladders, _ = read_ladders(captures, config, frozenset(numbers))
        except CaptureError:  # it was there when it was read first: the report is worth more than its pictures
            return {}
        return {ladder.connection.id: inline(ladder) for ladder in ladders}

    return pictures
