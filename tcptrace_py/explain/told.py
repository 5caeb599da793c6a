"""In which parts a rule, a state or a transition is told."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.rules.rule import Explanation, Rule

TITLES: dict[str, str] = {
    "seen": "What was seen",
    "matters": "Why it matters",
    "causes": "Usual causes",
    "harmless": "When it is harmless",
    "unknown": "What cannot be known",
    "confirm": "How to confirm",
}
"""The parts behind the summary, in their order: the field of ``Explanation``, and its title."""

SHOWN: dict[str, str] = {**TITLES, "seen": "What a capture shows"}
"""The same of a state or a transition, which is not a finding."""


class Told(NamedTuple):
    """A rule, a state or a transition; plain text with `commands` in backquotes."""

    text: Explanation
    references: tuple[str, ...]
    titles: dict[str, str]


def told(
    summary: str, *references: str, seen: str, matters: str, causes: str, harmless: str, unknown: str, confirm: str
) -> Told:
    """A state or a transition: all parts by name, so that none can be left out."""
    return Told(Explanation(summary, seen, matters, causes, harmless, unknown, confirm), references, SHOWN)


def of_rule(rule: type[Rule]) -> Told:
    """A rule's docstring."""
    return Told(rule.explanation(), rule.references, TITLES)


def parts(entry: Told) -> list[tuple[str, str]]:
    """Title and text of every part behind the summary; the references last."""
    found = [(title, getattr(entry.text, field)) for field, title in entry.titles.items()]
    return [(title, text) for title, text in (*found, ("References", "; ".join(entry.references))) if text]
