"""docs/where.md is true: its tables are those of the program, and every expression in it is one."""

from __future__ import annotations

import re
import shlex

import pytest

from tcptrace_py.where.fields import SIDES, fields
from tcptrace_py.where.kinds import Kind
from tcptrace_py.where.parser import COMPARISONS, parse
from tools import where_tables
from tools.documents import CHECKOUT, FENCE, commands
from tools.program import call

PATH = CHECKOUT / "docs" / "where.md"
TEXT = PATH.read_text(encoding="utf-8")
EXAMPLES = [c.text for c in commands(TEXT) if c.status != 2]


def test_the_tables_are_current() -> None:
    renewal = "write them anew: PYTHONPATH=. python tests/tools/where_tables.py docs/where.md"
    assert where_tables.fill(TEXT) == TEXT, renewal
    for name in fields():
        shown = "time_in_state.STATE" if name.startswith("time_in_state.") else name
        assert f"| `{shown}` |" in TEXT


def test_the_terminal_tells_every_field() -> None:
    text = call("explain", "where").stdout.decode()
    assert max(map(len, text.splitlines())) <= 80
    for name in fields():
        shown = "time_in_state.STATE" if name.startswith("time_in_state.") else name
        assert f"\n  {shown} (" in text
    for operator in COMPARISONS:
        assert f" {operator}" in text
    assert "tcpfsm explain where" in call("explain").stdout.decode()


def test_every_kind_is_in_the_table() -> None:
    used: set[type[Kind]] = {type(field.kind) for field in fields().values()}
    assert {kind.__name__ for kind in used} == {kind.__name__ for kind in where_tables.KINDS} | {"Word"}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_finds_something(line: str) -> None:
    words = shlex.split(line, comments=True)
    where, capture = words[words.index("--where") + 1], next(word for word in words if word.endswith(".pcap"))
    done = call("analyze", "--where", where, CHECKOUT / capture)
    assert done.stderr == b""
    [(found, whole)] = re.findall(rb"^(\d+) of (\d+) connections? match", done.stdout)
    assert 0 < int(found) <= int(whole)


def test_what_stands_in_the_text_is_understood() -> None:
    prose = FENCE.sub("", TEXT)
    found = [text for text in re.findall(r"`([^`\n]+)`", prose) if re.search(r" (==|!=|in|>|<|~) ", text)]
    found = [
        text.replace("== X", "== CLOSED").replace("!= X", "!= CLOSED")
        for text in found
        if not re.search("FIELD|NAME", text)
    ]
    assert len(found) > 12
    for text in found:
        parse(text)


def test_all_operators_and_sides_are_told() -> None:
    for word in (*COMPARISONS, "not in", "and", "or", "not"):
        assert re.search(rf"`[^`]*{re.escape(word)}[^`]*`", TEXT), word
    for side in SIDES:
        assert f"`{side}." in TEXT
