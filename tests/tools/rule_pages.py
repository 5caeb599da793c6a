"""The rules in docs/rules.md, made from their docstrings.

They stand between ``<!-- rules -->`` and ``<!-- end -->``.  ``PYTHONPATH=. python tests/tools/rule_pages.py docs/rules.md`` writes them
anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.rules.catalogue import FAMILIES, LEFT_OUT, RULES
from tcptrace_py.rules.rule import Rule

MARKS = re.compile(r"(<!-- rules -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SCENARIOS = "../tests/scenarios/rules"


def fill(text: str) -> str:
    """The document with its rules as they should be."""
    lines = [line for family in FAMILIES for line in of_family(family)]
    lines += ["## Left out for now", "", *(f"- `{name}`: {reason}." for name, reason in LEFT_OUT.items()), ""]
    pages = "\n".join(lines)
    return MARKS.sub(lambda m: f"{m[1]}\n{pages}\n{m[3]}", text)


def of_family(family: str) -> Iterator[str]:
    """A table of its rules, then each of them."""
    rules = [rule for rule in RULES if rule.family == family]
    yield from (f"## Family {family}", "", "| rule | severity | finds |", "| --- | --- | --- |")
    for rule in rules:
        yield f"| [{rule.name}](#{rule.name}) | {rule.severity} | {plain(rule.explanation().summary)} |"
    yield ""
    for rule in rules:
        yield from of_rule(rule)


def of_rule(rule: type[Rule]) -> Iterator[str]:
    """A rule, in the order in which ``tcpfsm explain`` tells it."""
    text = rule.explanation()
    yield from (f"### {rule.name}", "", plain(text.summary), "")
    for title, body in (
        ("What was seen", text.seen),
        ("Why it matters", text.matters),
        ("Usual causes", text.causes),
        ("When it is harmless", text.harmless),
        ("What cannot be known", text.unknown),
        ("How to confirm", text.confirm),
        ("References", "; ".join(rule.references)),
    ):
        if body:
            yield f"- **{title}:** {plain(body)}"
    fires, quiet = rule.scenarios()
    yield f"- **Scenarios:** [it fires]({SCENARIOS}/{fires}.txt), [it stays quiet]({SCENARIOS}/{quiet}.txt)"
    yield ""


def plain(text: str) -> str:
    """Text that Markdown leaves alone but for its `code`."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else re.sub(r"([|<>*])", r"\\\1", piece) for piece in pieces)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
