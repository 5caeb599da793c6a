"""What the rules say of connections that are still open: asked again and again, and counted once.

Rules of the capture as a whole gather what they say at the end from connections that have ended, so they are not asked
here.  A crowd (a flood, a scan) is told of while it grows.
"""

from __future__ import annotations

from dataclasses import replace

from tcptrace_py.config import Config
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.quality import Quality
from tcptrace_py.rules.catalogue import selected
from tcptrace_py.rules.crowds import Crowds
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge

CAPTURE = "capture"
"""The family of rules that speak of the capture itself."""


class OnceCrowds(Crowds):
    """Crowds to which a connection may be added any number of times."""

    half_open_told: dict[int, bool]
    attempts_told: dict[int, bool]
    counted: set[tuple[int, str]]

    def begin(self) -> None:
        """Nothing has been counted yet."""
        self.half_open_told = {}
        self.attempts_told = {}
        self.counted = set()

    def add_half_open(self, c: Connection) -> None:
        if self._is_first(c, "half-open"):
            super().add_half_open(c)

    def add_unanswered(self, c: Connection) -> None:
        if self._is_first(c, "unanswered"):
            super().add_unanswered(c)

    def add_attempt(self, c: Connection) -> None:
        if self._is_first(c, "attempt"):
            super().add_attempt(c)

    def _is_first(self, c: Connection, kind: str) -> bool:
        """Whether it has not been counted as this yet; now it is."""
        entry = (int(c.number), kind)
        is_first = entry not in self.counted
        self.counted.add(entry)
        return is_first

    def is_half_open_told(self, c: Connection) -> bool:
        """As it was answered the first time."""
        number = int(c.number)
        if number not in self.half_open_told:
            self.half_open_told[number] = super().is_half_open_told(c)
        return self.half_open_told[number]

    def is_attempt_told(self, c: Connection) -> bool:
        """Likewise."""
        number = int(c.number)
        if number not in self.attempts_told:
            self.attempts_told[number] = super().is_attempt_told(c)
        return self.attempts_told[number]

    def forget_all_but(self, numbers: set[int]) -> None:
        """Connections with other numbers have left."""
        self.half_open_told = {n: told for n, told in self.half_open_told.items() if n in numbers}
        self.attempts_told = {n: told for n, told in self.attempts_told.items() if n in numbers}
        self.counted = {entry for entry in self.counted if entry[0] in numbers}

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self.counted)


class ProvisionalJudge(Judge):
    """A judge of copies."""

    crowds: OnceCrowds

    def __init__(self, config: Config) -> None:
        super().__init__(replace(config, fail_on=("never",)))
        chosen = [rule for rule in selected(config.select, config.ignore) if rule.family != CAPTURE]
        self.crowds = OnceCrowds(config.thresholds, frozenset(rule.name for rule in chosen))
        self.crowds.begin()
        self.rules = [rule(config, self.crowds) for rule in chosen]
        self.facts = 0
        for rule in self.rules:
            self.facts |= rule.facts

    def of_crowds(self, now: int) -> list[Finding]:
        """What there is to say of many connections together, so far."""
        return self.capture(now, [], Quality())
