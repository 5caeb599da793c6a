"""What the rest of the program uses: a configuration → a function that says of a connection whether it is wanted."""

from __future__ import annotations

from dataclasses import replace

from tcptrace_py.config import Config
from tcptrace_py.machine.connection import Connection
from tcptrace_py.rules.judge import Judge
from tcptrace_py.where.fields import FIXED, KEPT, needs_details
from tcptrace_py.where.look import Look
from tcptrace_py.where.parser import parse

_ALL_SINGLY = 1 << 60


class Filter:
    """Says of a connection whether the expression holds of it.

    It judges with rules of its own, those that the configuration selects, each connection for itself: of a flood, every
    connection has the finding, not only the first few that the report tells singly.
    """

    def __init__(self, config: Config) -> None:
        """Raises ConfigError: one line, with the column of the expression."""
        self._test, names = parse(config.where)
        self.detailed = needs_details(names)
        """It asks for figures that the engine keeps only where they are wanted."""
        self._early = self._test if names <= KEPT else parse(config.where, FIXED)[0]
        self._judge = Judge(replace(config, thresholds=replace(config.thresholds, told_singly=_ALL_SINGLY)))

    def holds(self, c: Connection) -> bool:
        """Of a connection that can no longer change.  What comes out unknown does not hold."""
        return self._test(Look(c, self._judge)) is True

    def may_hold(self, c: Connection) -> bool:
        """Of one that closed without incident, whatever may still come: False only if that is sure.

        Such a one may then be parked, which loses its counters and its trail.  Should it be unparked, it is asked again, so
        only an expression that does without them is asked in full here, and of any other what nothing can change.
        """
        return self._early(Look(c, self._judge)) is not False


def filter_of(config: Config) -> Filter | None:
    """The filter of a configuration; None: it wants every connection.  Raises ConfigError."""
    return Filter(config) if config.where else None
