"""In which parts a rule, a state or a transition is told."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.rules.rule import Explanation, Rule
from tcptrace_py.thresholds import THRESHOLDS

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
    thresholds: tuple[str, ...] = ()


def told(
    summary: str, *references: str, seen: str, matters: str, causes: str, harmless: str, unknown: str, confirm: str
) -> Told:
    """A state or a transition: all parts by name, so that none can be left out."""
    return Told(Explanation(summary, seen, matters, causes, harmless, unknown, confirm), references, SHOWN)


def of_rule(rule: type[Rule]) -> Told:
    """A rule's docstring."""
    return Told(rule.explanation(), rule.references, TITLES, rule.uses)


def parts(entry: Told) -> list[tuple[str, str]]:
    """Title and text of every part behind the summary; the references last."""
    found = [(title, getattr(entry.text, field)) for field, title in entry.titles.items()]
    more = (("Thresholds", of_thresholds(entry.thresholds)), ("References", "; ".join(entry.references)))
    return [(title, text) for title, text in (*found, *more) if text]


_SHOWN = 3
"""Of a rule's thresholds, so many stand in the command that changes them: it must fit a line."""


def of_thresholds(names: tuple[str, ...]) -> str:
    """What each decides, with its default and its source, and how to change them."""
    if not names:
        return ""
    used = [THRESHOLDS[name] for name in names]
    texts = [f"{one.name} = {one.shown}: {one.meaning} ({one.source})" for one in used]
    changes = ",".join(f"{one.name}={one.default:g}" for one in used[:_SHOWN])
    return f"{'; '.join(texts)}. To change: `--thresholds {changes}`"
