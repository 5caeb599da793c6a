"""The recorder, as far as it can be tested without being root: its scripts, how it tells segments apart, what it forges."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(autouse=True)
def beside_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder shares the namespaces and frames of the samples' recorder."""
    monkeypatch.syspath_prepend(str(SAMPLES))


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the recorder needs Linux")


def test_every_word_of_every_script_is_one() -> None:
    from kernel.player import Player
    from kernel.scripts import SCRIPTS

    assert len(SCRIPTS) > 70
    for script in SCRIPTS:
        for word in script.words.split():
            name, *arguments = word.rstrip("&").split(":")
            if name in ("again", "sibling"):
                assert len(arguments) == 1
                continue
            method = getattr(Player, f"do_{name.replace('-', '_')}", None)
            assert method, f"{script.name}: {word}"
            inspect.signature(method).bind(None, *arguments)  # TypeError: the wrong number of arguments


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from kernel import record

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    problem = record.obstacle()
    assert problem
    assert "\n" not in problem
    assert sys.platform != "linux" or "root" in problem


def test_segments_are_told_apart() -> None:
    from frames import ACK, FIN, RST, SYN, build, parse
    from kernel.rules import Flow
    from wire import CLIENT, SERVER

    c, s = ("10.1.0.11", 40001), ("10.1.0.7", 80)
    flow = Flow(1, [])

    def kinds(side: str, seq: int, ack: int, flags: int, payload: bytes = b"") -> set[str]:
        segment = parse(build(*((c, s) if side == CLIENT else (s, c)), seq, ack, flags, payload))
        assert segment
        return flow.kinds(side, segment) - {"any"}

    assert kinds(CLIENT, 100, 0, SYN) == {"syn"}
    assert kinds(SERVER, 500, 101, SYN | ACK) == {"synack"}
    assert kinds(CLIENT, 101, 501, ACK) == {"ack", "third"}
    assert kinds(CLIENT, 101, 501, ACK, b"data") == {"data"}
    assert kinds(CLIENT, 105, 501, ACK) == {"ack"}
    assert kinds(CLIENT, 105, 501, FIN | ACK) == {"fin"}
    assert kinds(SERVER, 501, 105, ACK) == {"ack"}
    assert kinds(SERVER, 501, 106, ACK) == {"ack", "finack"}
    assert kinds(SERVER, 501, 106, RST | ACK) == {"rst"}


def test_a_rule_befalls_the_segments_it_counts() -> None:
    from kernel.rules import EVER, Rule

    assert [Rule("c", "fin", "lose", nth=2, count=2, seen=n).applies() for n in range(4)] == [False, True, True, False]
    assert all(Rule("c", "fin", "lose", count=EVER, seen=n).applies() for n in (0, 1, 1000))


def test_forged_frames_have_right_checksums() -> None:
    from frames import ACK, RST, build
    from kernel.forge import segment_like, unreachable
    from tcptrace_py.config import Config
    from tools.sinking import analysed

    frame = build(("10.1.0.11", 40001), ("10.1.0.7", 80), 100, 500, ACK, b"data")
    made = [segment_like(frame, 104, 0, RST), unreachable(frame)]
    capture = analysed(
        [(n * 1000, data) for n, data in enumerate([frame, *made])], "json", Config(verify_checksums=True)
    )
    checksums = capture[1].capture.checksums
    assert checksums
    assert (checksums.checked, checksums.bad, checksums.bad_ip) == (2, 0, 0)
    assert capture[1].capture.quoted == 1
