"""``tcpfsm explain`` and ``tcpfsm rules`` as programs."""

from __future__ import annotations

import json

import pytest

from tcptrace_py.explain.as_text import explain, overview
from tcptrace_py.explain.names import find
from tcptrace_py.rules.catalogue import BY_NAME
from tools.program import run, without_traceback


@pytest.mark.parametrize(
    "words", [["why-time-wait"], ["FIN_WAIT_1", "->", "TIME_WAIT"], ["stuck-fin-wait-2"], ["estab"]]
)
def test_a_name_is_explained(words: list[str]) -> None:
    done = run("explain", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == list(explain(find(" ".join(words))))


def test_without_a_name_it_lists_what_there_is() -> None:
    done = run("explain")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == list(overview())


@pytest.mark.parametrize("word", ["why-time-wat", "LISTEN:TIME_WAIT", "\x1b[31m\nnothing", "", "x" * 3000])
def test_an_unknown_name_is_one_line(word: str) -> None:
    done = run("explain", word)
    assert (done.returncode, done.stdout) == (2, b"")
    said = without_traceback(done)
    assert said.startswith("tcpfsm: ")
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_the_catalogue() -> None:
    table = run("rules").stdout.decode()
    assert max(map(len, table.splitlines())) <= 80
    assert 80 < max(map(len, run("rules", COLUMNS="120").stdout.decode().splitlines())) <= 100
    rules = json.loads(run("rules", "--format", "json").stdout)
    assert [rule["name"] for rule in rules] == list(BY_NAME)
    assert all(rule["name"] in table and rule["summary"] and rule["confirm"] for rule in rules)
    assert run("rules", "--format", "markdown").stdout.decode().count("\n") == len(BY_NAME) + 2
