"""The judge: asks the selected rules about each connection that has a fact they want, and about the whole at the end."""

from __future__ import annotations

from tcptrace_py.config import Config
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.lone import LoneJudge
from tcptrace_py.machine.pile import Pile
from tcptrace_py.machine.quality import Quality
from tcptrace_py.rules.catalogue import check_fail_on, selected
from tcptrace_py.rules.crowds import Crowds
from tcptrace_py.rules.finding import Finding

LONE_FACTS = fa.SYN_UNANSWERED | fa.HALF_OPEN | fa.UNFINISHED
"""The facts that a connection can have that is a SYN and perhaps a SYN-ACK."""
TOLD_OF_LONE = {"syn-unanswered", "handshake-incomplete", "syn-flood", "port-scan"}
"""Rules that count such connections, and speak of some of them."""
SILENT_ON_LONE = {"stuck-close-wait", "stuck-fin-wait-2", "stuck-fin-wait-1", "missing-final-ack"}
"""Rules that have nothing to say of them: no FIN has passed."""


class Judge:
    """What the pipeline needs of the rules.  Raises ConfigError for names of rules that do not exist."""

    def __init__(self, config: Config) -> None:
        check_fail_on(config.fail_on)
        chosen = selected(config.select, config.ignore)
        self.crowds = Crowds(config.thresholds, frozenset(rule.name for rule in chosen))
        self.rules = [rule(config, self.crowds) for rule in chosen]
        self.pile_from = config.thresholds.time_wait_pileup
        self.facts = 0
        for rule in self.rules:
            self.facts |= rule.facts

    def connection(self, c: Connection) -> list[Finding]:
        """The findings of a connection that can no longer change, in the order of their frames."""
        self.crowds.add(c)
        return self.alone(c)

    def lone(self) -> LoneJudge | None:
        """What judges connections that are a SYN and perhaps a SYN-ACK; None: other rules must be asked, too."""
        asked = {rule.name for rule in self.rules if rule.facts & LONE_FACTS}
        return self.crowds.lone() if asked <= SILENT_ON_LONE | TOLD_OF_LONE else None

    def alone(self, c: Connection) -> list[Finding]:
        """The same of one that was added to its crowds before."""
        facts = c.facts
        found: list[Finding] = []
        for rule in self.rules:
            if rule.facts & facts:
                found.extend(rule.judge(c))
        if len(found) > 1:
            found.sort(key=lambda finding: finding.frame)
        return found

    def capture(self, end: int, piles: list[Pile], quality: Quality) -> list[Finding]:
        """The findings of the whole, at the end of observation (ns)."""
        self.crowds.piles = piles
        self.crowds.quality = quality
        found = [finding for rule in self.rules for finding in rule.on_capture(end)]
        found.sort(key=lambda finding: finding.frame)
        return found
