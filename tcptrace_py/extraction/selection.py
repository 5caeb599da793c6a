"""Which connections are wanted: all conditions that are given must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tcptrace_py.config import suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.ladder.choice import Choice
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.pipeline import Filter
from tcptrace_py.rules.catalogue import members
from tcptrace_py.rules.finding import Finding


class Pair(NamedTuple):
    """States at the end; -1: any."""

    client: int
    server: int


class Selection:
    """What was asked for."""

    def __init__(
        self,
        choices: Sequence[Choice] = (),
        rules: Sequence[str] = (),
        states: Sequence[str] = (),
        where: Filter | None = None,
    ) -> None:
        """``choices`` of frames must have been made numbers.  Raises ConfigError for names that there are not."""
        self.choices = choices
        self.rules = {rule.name for name in rules for rule in members(name)}
        self.pairs = [pair for text in states for pair in pairs_of(text)]
        self.where = where
        self.met = [0] * len(choices)  # connections that each choice has met

    def takes(self, c: Connection, findings: list[Finding]) -> bool:
        """Whether this connection is wanted."""
        if not self._is_chosen(c.number, c.key):
            return False
        if self.rules and not any(f.rule in self.rules for f in findings):
            return False
        if self.pairs and not any(
            pair.client in (-1, c.client.state) and pair.server in (-1, c.server.state) for pair in self.pairs
        ):
            return False
        return self.where is None or self.where.holds(c)

    def needs_whole(self, c: Connection) -> bool:
        """Whether one that closed without incident must be kept whole, to be asked about at its end."""
        return bool(self.pairs) or (self.where is not None and self.where.may_hold(c))

    def takes_parked(self, number: int, key: bytes) -> bool:
        """Whether one is wanted that was not kept whole, and has no finding."""
        if self.rules or self.pairs or self.where is not None:
            return False
        return self._is_chosen(number, key)

    def _is_chosen(self, number: int, key: bytes) -> bool:
        if not self.choices:
            return True
        chosen = False
        for i, choice in enumerate(self.choices):
            if choice.is_met(number, key):
                self.met[i] += 1
                chosen = True
        return chosen

    def unmet(self) -> list[Choice]:
        """Choices that met no connection."""
        return [choice for choice, met in zip(self.choices, self.met, strict=True) if not met]


def pairs_of(text: str) -> list[Pair]:
    """``FIN_WAIT_2`` of either side, or ``FIN_WAIT_2/CLOSE_WAIT``.  Raises ConfigError."""
    client, slash, server = text.partition("/")
    if not slash:
        state = number(client)
        return [Pair(state, -1), Pair(-1, state)]
    return [Pair(number(client), number(server))]


def number(name: str) -> int:
    """The state of that name; ``*``: any."""
    name = name.strip()
    if name == "*":
        return -1
    wanted = name.upper().replace("-", "_")
    if wanted not in st.NAMES:
        raise ConfigError(f"no state {name!r}{suggest(wanted, list(st.NAMES))}")
    return st.NAMES.index(wanted)
