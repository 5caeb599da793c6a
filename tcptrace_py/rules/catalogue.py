"""All rules in one table; which of them a user wants; and whether what they found fails the run."""

from __future__ import annotations

from collections.abc import Iterable

from tcptrace_py.config import Config, suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.rules import (
    afterwards,
    capture,
    closing,
    floods,
    handshake,
    incarnations,
    loss,
    opening,
    resets,
    silence,
    stuck,
    unusual,
    violations,
)
from tcptrace_py.rules.finding import SEVERITIES, Finding
from tcptrace_py.rules.rule import Rule

RULES: tuple[type[Rule], ...] = (
    *opening.RULES,
    *handshake.RULES,
    *unusual.RULES,
    *incarnations.RULES,
    *closing.RULES,
    *stuck.RULES,
    *resets.RULES,
    *floods.RULES,
    *loss.RULES,
    *silence.RULES,
    *afterwards.RULES,
    *violations.RULES,
    *capture.RULES,
)
"""In the order in which they are asked, and listed."""

BY_NAME: dict[str, type[Rule]] = {rule.name: rule for rule in RULES}

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(rule.family for rule in RULES))


def find(name: str) -> type[Rule]:
    """The rule of that name.  Raises ConfigError, with a suggestion."""
    rule = BY_NAME.get(name)
    if rule is None:
        raise ConfigError(f"no rule {name!r}{_near(name, list(BY_NAME))}")
    return rule


def members(name: str) -> tuple[type[Rule], ...]:
    """The rules of a family, or the one of that name.  Raises ConfigError, with a suggestion."""
    family = tuple(rule for rule in RULES if rule.family == name)
    if family:
        return family
    if name in BY_NAME:
        return (BY_NAME[name],)
    raise ConfigError(f"no rule or family {name!r}{_near(name, [*FAMILIES, *BY_NAME])}")


def selected(select: Iterable[str], ignore: Iterable[str]) -> tuple[type[Rule], ...]:
    """The rules to run: those selected (all, if none are), less those ignored.  Raises ConfigError."""
    chosen = {rule for name in select for rule in members(name)} or set(RULES)
    unwanted = {rule for name in ignore for rule in members(name)}
    return tuple(rule for rule in RULES if rule in chosen and rule not in unwanted)


def check_fail_on(fail_on: Iterable[str]) -> None:
    """Raises ConfigError unless each is a severity, a rule or a family; or there is only ``never``."""
    fail_on = tuple(fail_on)
    if "never" in fail_on and len(fail_on) > 1:
        raise ConfigError("never stands alone: beside others it says nothing")
    for name in fail_on:
        if name != "never" and name not in SEVERITIES:
            try:
                members(name)
            except ConfigError:
                known = ["never", *SEVERITIES, *FAMILIES, *BY_NAME]
                raise ConfigError(f"no severity, rule or family {name!r}{_near(name, known)}") from None


def fails(config: Config, finding: Finding) -> bool:
    """Whether a finding is at or above ``--fail-on``."""
    for name in config.fail_on:
        if name in SEVERITIES:
            if SEVERITIES.index(finding.severity) >= SEVERITIES.index(name):
                return True
        elif name in (finding.rule, finding.family):
            return True
    return False


def _near(word: str, known: list[str]) -> str:
    """A did-you-mean; a list of all rules would fill the screen, so where nothing is near, how to see it."""
    text = suggest(word, known)
    return text if "did you mean" in text else "; `tcpfsm rules` lists them all"
