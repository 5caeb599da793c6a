from __future__ import annotations

import io
import re

import pytest

from tcptrace_py.live.lines import clock_text, sentence
from tcptrace_py.live.screen import ENTER, LEAVE, Screen
from tcptrace_py.live.view import Scene, Status, Worst
from tcptrace_py.report.digest import Row, Side
from tcptrace_py.report.model import Address
from tcptrace_py.rules.finding import Finding

SECOND = 1_000_000_000
STATUS = Status(1_700_000_000 * SECOND, 65.0, 1.0, 1200, 99, 1000, 30, 12, 0, {"info": 0, "warning": 1, "error": 2})


def row(number: int) -> Row:
    side = Side("10.0.0.1:80", "FIN_WAIT_2", 5 * SECOND, "assumed", 0, "FIN first", ("stuck-fin-wait-2",))
    return Row(number, Address("10.0.0.1", 80), Address("10.0.0.2", 4000 + number), side, side)


class Bad(Scene):
    """More than fits."""

    def worst(self, most: int) -> Worst:
        finding = Finding(
            "stuck-fin-wait-2", "closing", "error", "certain", 1, "client", 0, 1, "It \x1b[2J hangs " * 20
        )
        return Worst([finding] * 50, [row(n) for n in range(most)])


class Empty(Scene):
    """Nothing."""

    def worst(self, most: int) -> Worst:
        return Worst([], [])


@pytest.fixture(autouse=True)
def size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def drawn(scene: Scene, *, color: bool = False) -> str:
    out = io.BytesIO()
    screen = Screen(out, "utf-8", "tcpfsm live lo", color=color)
    screen.tick(STATUS, scene)
    return out.getvalue().decode()


def test_what_is_drawn_fits_and_nothing_from_packets_moves_the_cursor() -> None:
    text = drawn(Bad())
    assert text.startswith(ENTER)
    lines = text.removeprefix(ENTER).split("\r\n")
    assert len(lines) <= 24
    plain = [re.sub(r"\x1b\[[HKJ]", "", line) for line in lines]
    assert all(len(line) <= 80 and "\x1b" not in line for line in plain)
    assert "stuck-fin-wait-2" in text
    assert "FIN_WAIT_2" in text


def test_colours_are_given_back_on_every_line() -> None:
    for line in drawn(Bad(), color=True).split("\r\n"):
        assert line.count("\x1b[1;31m") <= line.count("\x1b[0m")


def test_an_empty_observation_is_said_to_be_one() -> None:
    assert "No connection is open." in drawn(Empty())


def test_the_terminal_is_given_back_once() -> None:
    out = io.BytesIO()
    screen = Screen(out, "utf-8", "tcpfsm live lo", color=False)
    screen.close()
    assert out.getvalue() == b""
    screen.tick(STATUS, Empty())
    screen.tick(STATUS, Empty())
    screen.close()
    screen.close()
    assert out.getvalue().decode().count(ENTER) == 1
    assert out.getvalue().decode().count(LEAVE) == 1
    assert out.getvalue().decode().endswith(LEAVE)


def test_figures_are_of_the_time_since_the_last_ones() -> None:
    text = sentence(STATUS._replace(packets=1700, connections=40), STATUS)
    assert text == (
        "1,700 packets (500/s), 40 connections (10/s), 12 of them in memory; findings about those: 2 errors, 1 warning"
    )
    late = sentence(STATUS._replace(behind=5 << 20, severities={"error": 0}), None)
    assert late.endswith("findings about those: none; 5 MiB wait to be analysed")


def test_a_moment_of_the_day() -> None:
    assert clock_text(1_700_000_000 * SECOND + 42_999_999) == "22:13:20.042"
    assert clock_text(-1) == "--:--:--.---"
    assert clock_text(1 << 62).count(":") == 2
