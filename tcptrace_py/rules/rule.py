"""What a rule is: one class, which holds what it says (its docstring) and when it says it (its moments).

The docstring is the documentation.  Its first sentence is the summary; the sections after it are told apart by
how their first line begins (SECTIONS), and a test wants all of them from every rule.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, NamedTuple

from tcptrace_py.config import Config, Thresholds
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.rules.crowds import Crowds
from tcptrace_py.rules.finding import CONFIDENCES, Finding
from tcptrace_py.rules.phrases import sentence

SECTIONS: dict[str, str] = {
    "seen": "Seen:",
    "matters": "Why it matters:",
    "causes": "Usual causes:",
    "harmless": "Harmless:",
    "unknown": "Cannot be known:",
    "confirm": "To confirm:",
}
"""The parts of an explanation, in their order, and how each begins."""

MAX_RELATED = 16
"""Frames listed beside the first one."""


def ns(seconds: float) -> int:
    """Seconds, as options give them, in the engine's nanoseconds."""
    return round(seconds * 1e9)


class Explanation(NamedTuple):
    """The text of a rule, part by part; plain text with `commands` in backquotes."""

    summary: str
    seen: str
    matters: str
    causes: str
    harmless: str
    unknown: str
    confirm: str


class Rule:
    """Turns facts into findings.  A rule lives as long as one analysis, and its memory is bounded."""

    name: ClassVar[str] = ""
    """What people write; kebab-case."""
    family: ClassVar[str] = ""
    severity: ClassVar[str] = "warning"
    """The usual one; a finding may differ where the circumstances do."""
    references: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ()
    """The thresholds that decide whether it speaks, and how loudly."""
    facts: ClassVar[int] = 0
    """The facts it wants: it is asked only about connections that have one of them."""

    def __init__(self, config: Config, crowds: Crowds) -> None:
        self.config = config
        self.crowds = crowds

    @classmethod
    def explanation(cls) -> Explanation:
        """The docstring, in its parts.  A part that is missing is empty (as all are under ``python -OO``)."""
        parts = {"summary": "", **dict.fromkeys(SECTIONS, "")}
        for paragraph in inspect.cleandoc(cls.__doc__ or "").split("\n\n"):
            text = " ".join(paragraph.split())
            part = next((name for name, label in SECTIONS.items() if text.startswith(label)), "")
            if part:
                parts[part] = sentence(text.removeprefix(SECTIONS[part]).strip())
            elif not parts["summary"]:
                parts["summary"] = text
        return Explanation(**parts)

    @classmethod
    def scenarios(cls) -> tuple[str, str]:
        """The scenario in which it fires, and the one, close to it, in which it must stay quiet."""
        return f"{cls.name}.fires", f"{cls.name}.quiet"

    @classmethod
    def is_of_whole(cls) -> bool:
        """Whether it judges the capture, and finds nothing of one connection."""
        return cls.judge is Rule.judge and cls.on_note is Rule.on_note and cls.on_connection is Rule.on_connection

    # -- its moments -- #

    def judge(self, c: Connection) -> list[Finding]:
        """The findings of a connection that can no longer change: note by note, then of the whole."""
        found = []
        for note in c.notes:
            if note.fact & self.facts:
                finding = self.on_note(c, note)
                if finding is not None:
                    found.append(finding)
        finding = self.on_connection(c)
        if finding is not None:
            found.append(finding)
        return found

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        """One of its facts, as it was seen in one segment."""
        return None

    def on_connection(self, c: Connection) -> Finding | None:
        """A connection with at least one of its facts, at its end."""
        return None

    def on_capture(self, end: int) -> list[Finding]:
        """The end of observation, at ``end`` ns: for rules that judge many connections together."""
        return []

    # -- what it says -- #

    @property
    def thresholds(self) -> Thresholds:
        """When the rules speak."""
        return self.config.thresholds

    def report(
        self,
        c: Connection | None,
        side: int | None,
        time: int,
        frame: int,
        message: str,
        *,
        severity: str = "",
        confidence: str = "certain",
        related: tuple[int, ...] = (),
        evidence: Mapping[str, int | str | Decimal | None] | None = None,
        alternatives: tuple[str, ...] = (),
    ) -> Finding:
        """A finding of this rule.  Where the capture's times run backwards, nothing is certain."""
        if c is not None and c.facts & fa.DISORDER and confidence == CONFIDENCES[-1]:
            confidence = CONFIDENCES[-2]
            alternatives = (*alternatives, "the capture's times run backwards, so the order of frames may be wrong")
        endpoint = None
        if side is not None:
            endpoint = "client" if side == CLIENT else "server"
        return Finding(
            rule=self.name,
            family=self.family,
            severity=severity or self.severity,
            confidence=confidence,
            connection=None if c is None else c.number,
            endpoint=endpoint,
            time=time,
            frame=frame,
            message=message,
            related_frames=tuple(dict.fromkeys(f for f in related if f >= 0 and f != frame))[:MAX_RELATED],
            evidence=dict(evidence or {}),
            alternatives=alternatives,
        )
