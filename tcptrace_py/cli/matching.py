"""Which connections a filter leaves for ``show``: a pass over the captures before the one that draws."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tcptrace_py.capture import Observation
from tcptrace_py.cli.analysis import KEPT, analyze
from tcptrace_py.cli.showing import MOST_NAMED, ambiguous, is_file, owner_of
from tcptrace_py.config import Config
from tcptrace_py.errors import ConfigError
from tcptrace_py.ladder.choice import Choice
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report.sink import EVERY, Ending
from tcptrace_py.rules.finding import Finding

MOST_LADDERS = 10
"""Drawn of one filter; of the others only the numbers are told."""


class Matches:
    """A Sink that keeps what is chosen, of those that the filter leaves: some of them whole, and the numbers of some more."""

    wants_first = EVERY
    detailed = False

    def __init__(self, choice: Choice | None) -> None:
        self._choice = choice
        self.count = 0
        self.left = 0
        self.others = 0
        self.numbers: list[int] = []
        self.first: list[Connection] = []

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        """One that the filter leaves."""
        if self._choice is not None and not self._choice.takes(c):
            return
        self.count += 1
        self.numbers.append(int(c.number))
        if len(self.first) <= MOST_NAMED:
            self.first.append(c)

    def finish(self, ending: Ending) -> None:
        """Everything has been read."""
        self.left = ending.summary.connections
        self.others = ending.summary.others
        self.numbers.sort()

    def close(self) -> None:
        """Nothing is held."""


def matching(
    paths: Sequence[str],
    config: Config,
    choice: Choice | None,
    progress: Callable[[Observation], None] | None = None,
) -> list[int]:
    """The numbers of the connections that ``config.where`` leaves, of those that are chosen (None: of all), in their order.

    Raises CaptureError, and ConfigError where there is none, or several are where one was chosen.
    """
    if any(path == "-" or (os.path.exists(path) and not is_file(path)) for path in paths):
        raise ConfigError(
            "--where reads the captures twice, and a pipe can be read once: save the capture to a file first"
        )
    if choice is not None and choice.frame >= 0:
        choice = Choice(choice.text, number=owner_of(paths, config, choice, progress))
    found = Matches(choice)
    analyze(paths, config, found, progress)
    KEPT.clear()  # the second pass needs the room
    if not found.count:
        whole = found.left + found.others
        if choice is not None and found.left:
            raise ConfigError(
                f"no connection {choice.text} among the {found.left} of {whole} connections that match --where"
            )
        raise ConfigError(f"none of {whole} connections matches --where")
    if choice is not None and found.count > 1:
        raise ConfigError(ambiguous(choice.text, found.count, found.first))
    return found.numbers
