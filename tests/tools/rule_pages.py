"""The rules in docs/rules.md, made from their docstrings.

They stand between ``<!-- rules -->`` and ``<!-- end -->``.  ``PYTHONPATH=.:tests python tests/tools/rule_pages.py docs/rules.md``
writes them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.explain import told
from tcptrace_py.rules.catalogue import FAMILIES, RULES
from tcptrace_py.rules.rule import Rule
from tools.explained import bullets, plain

MARKS = re.compile(r"(<!-- rules -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SCENARIOS = "../tests/scenarios/rules"


def fill(text: str) -> str:
    """The document with its rules as they should be."""
    lines = [line for family in FAMILIES for line in of_family(family)]
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
    yield from (f"### {rule.name}", "", plain(rule.explanation().summary), "")
    yield from bullets(told.of_rule(rule), rule.name, "rules.md")
    fires, quiet = rule.scenarios()
    yield f"- **Scenarios:** [it fires]({SCENARIOS}/{fires}.txt), [it stays quiet]({SCENARIOS}/{quiet}.txt)"
    yield ""


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
