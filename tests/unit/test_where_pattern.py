"""tcptrace_py.where.pattern finds what Python's own module finds, and never takes long."""

from __future__ import annotations

import random
import re
import time

import pytest

from tcptrace_py.where.pattern import Pattern

ATOMS = ("a", "b", ".", "[ab]", "[^a]", r"\w", r"\.", "[]a]", "[^]]", r"[\]b]", r"\d", r"\S", "^", "$", "[a-c]", r"\-")
REPEATS = ("*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?")


def pattern(rnd: random.Random, depth: int) -> str:
    if depth == 0:
        return rnd.choice(ATOMS)
    inner = [pattern(rnd, depth - 1) for _ in range(2)]
    return rnd.choice(
        (
            "".join(inner),
            f"({inner[0]}|{inner[1]})",
            "|".join(inner),
            f"(?:{inner[0]}){rnd.choice(REPEATS)}",
            f"(|{inner[0]})",
        )
    )


@pytest.mark.parametrize("prefix", ["", "(?i)"])
def test_it_agrees_with_python(prefix: str) -> None:
    rnd = random.Random(7)
    found = 0
    for _ in range(600):
        text = prefix + pattern(rnd, rnd.randrange(5))
        if len(text) > 200:
            continue
        ours, theirs = Pattern(text), re.compile(text, re.DOTALL)
        for _ in range(5):
            line = "".join(rnd.choices("abAB.]-1 ", k=rnd.randrange(6)))
            assert ours.search(line) == bool(theirs.search(line)), f"{text} in {line!r}"
            found += ours.search(line)
    assert found > 300


@pytest.mark.parametrize(
    "text", ["(a*)*b", "(a|aa)+$", "(.|.){27}x", "(a?){40}a{40}", "(a+)+(a+)+(a+)+c", ".*.*.*.*.*.*x"]
)
def test_it_never_takes_long(text: str) -> None:
    began = time.process_time()
    assert not Pattern(text).search("a" * 39 + "!")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "text", ["(", "[", "*", "a**", r"\1", "(?=a)", "(?P<n>a)", r"\b", "a" * 201, "a{1000}", "x{", r"\x41"]
)
def test_what_is_not_taken(text: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Pattern(text)
