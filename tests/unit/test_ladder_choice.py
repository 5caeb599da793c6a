"""tcptrace_py.ladder.choice: how a connection may be named."""

from __future__ import annotations

import pytest

from tcptrace_py.errors import ConfigError
from tcptrace_py.ladder.choice import parse, tuple_text

V4 = bytes((10, 0, 0, 1, 10, 0, 0, 2)) + (40000).to_bytes(2, "big") + (80).to_bytes(2, "big")


@pytest.mark.parametrize("text", ["3", "#3", " 3 "])
def test_a_number(text: str) -> None:
    assert parse([text]).number == 3


@pytest.mark.parametrize("words", [["frame", "42"], ["frame 42"], ["frame:42"], ["Frame=42"]])
def test_a_frame(words: list[str]) -> None:
    assert parse(words).frame == 42


@pytest.mark.parametrize(
    "text", ["10.0.0.1:40000-10.0.0.2:80", "10.0.0.2:80-10.0.0.1:40000", "10.0.0.1:40000 -> 10.0.0.2:80"]
)
def test_a_four_tuple_in_either_order(text: str) -> None:
    assert V4 in parse([text]).keys


def test_what_is_written_can_be_typed() -> None:
    assert tuple_text(V4) == "10.0.0.1:40000-10.0.0.2:80"
    v6 = bytes(15) + b"\1" + bytes(15) + b"\2" + V4[-4:]
    assert tuple_text(v6) == "[::1]:40000-[::2]:80"
    assert v6 in parse([tuple_text(v6)]).keys


def test_a_community_id() -> None:
    assert parse(["1:LQU9qZlK+B5F3KDmev6m5PMibrg="]).community == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="


@pytest.mark.parametrize(
    "text",
    ["", "-3", "x", "frame", "frame x", "1:short", "10.0.0.1:1-10.0.0.2:65536", "10.0.0.1:1-[::1]:1", "a:1-b:2", "9" * 40],
)  # fmt: skip
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ConfigError, match=r"names no connection: give a number \(3\)"):
        parse([text])
