"""Our classification beside Wireshark's: every difference has its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.cli.analysis import timers
from tcptrace_py.config import Config
from tcptrace_py.crosscheck.case import KINDS, Case
from tcptrace_py.crosscheck.compare import MOST_FRAMES, Comparison, Reader
from tcptrace_py.crosscheck.reasons import NONE, REASONS, reason_for
from tcptrace_py.crosscheck.words import as_json, as_text
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import ACK, FIN, SYN
from tcptrace_py.wireshark import FLAGS
from tools import reason_table
from tools.helpers import need
from tools.program import SAMPLES, run

SOME = (
    "client-reboots",
    "keepalive",
    "retransmissions",
    "rfc9293-figures",
    "simultaneous-open",
    "split-handshake",
    "stale-syn-client",
    "zero-window",
)
PLAIN: dict[str, Any] = {
    "frame": 1,
    "flags": ACK,
    "length": 0,
    "marks": 0,
    "incarnation": 1,
    "begins": False,
    "is_rival": False,
    "answers_syn": False,
    "is_other_half": False,
    "is_fresh": False,
    "has_late_syn": False,
}


def case(ours: str, theirs: str, **changes: object) -> Case:
    """A frame; kinds separated by spaces."""
    return Case(**{**PLAIN, "ours": frozenset(ours.split()), "theirs": frozenset(theirs.split()), **changes})


CASES = {
    "copy": case("", "retransmission", marks=mk.COPIED, length=100),
    "passed-before": case("retransmission", "out-of-order", marks=mk.RETRANSMISSION | mk.SACK, length=100),
    "repaired": case("retransmission", "out-of-order", marks=mk.LOST_BEFORE, length=100),
    "delayed": case("out-of-order", "retransmission", marks=mk.OUT_OF_ORDER, length=100),
    "overtaken-by-ack": case("", "retransmission", flags=FIN | ACK),
    "small-probe": case("window-probe", "keep-alive", marks=mk.WINDOW_PROBE),
    "unseen-before": case("keep-alive", "", marks=mk.KEEP_ALIVE, is_fresh=True),
    "old-ack": case("", "keep-alive"),
    "one-byte": case("retransmission", "keep-alive", marks=mk.RETRANSMISSION, length=1),
    "set-back": case("retransmission", "", marks=mk.LOST_BEFORE, length=100, has_late_syn=True),
    "both-opened": case("", "retransmission", flags=SYN | ACK, answers_syn=True),
    "other-half": case("", "reuse", flags=SYN, is_other_half=True),
    "answer": case("", "reuse", flags=SYN | ACK),
    "answered-anew": case("retransmission", "reuse", flags=SYN | ACK, marks=mk.SYN_AGAIN),
    "not-believed": case("", "reuse", flags=SYN, is_rival=True),
    "not-believed-again": case("", "retransmission", flags=SYN, is_rival=True),
    "long-over": case("", "reuse", flags=SYN, begins=True),
    "syn-of-the-new": case("reuse", "retransmission", flags=SYN, begins=True, incarnation=2),
    "ports-again": case("reuse", "", flags=ACK, begins=True, incarnation=2),
}


@pytest.mark.parametrize("name", [reason.name for reason in REASONS])
def test_each_reason_has_its_case(name: str) -> None:
    assert reason_for(CASES[name]).name == name


def test_what_nobody_can_explain_is_said_to_be_so() -> None:
    assert reason_for(case("zero-window", "")) is NONE
    assert reason_for(case("", "window-probe")) is NONE


def compared(name: str, flagged: list[tuple[int, frozenset[str]]]) -> Comparison:
    """A sample, with what Wireshark would say of it."""
    captures = open_captures([str(SAMPLES / f"{name}.pcap")])
    result = Comparison()
    Reader(captures, Tracker(timers(Config()), Limits(0, 0)), flagged, 0, result).run()
    captures.close()
    return result


def test_frames_are_compared_one_by_one() -> None:
    zero, alive = frozenset(("zero_window",)), frozenset(("keep_alive",))
    flagged = [
        (7, zero),
        (8, alive),
        (9, zero),
        (10, alive),
        (11, zero),
        (12, alive),
        (13, zero),
        (14, alive),
        (15, zero),
    ]
    result = compared("zero-window", flagged)
    assert (result.frames, result.flagged) == (30, 9)
    assert {kind: n for kind, n in result.agreements.items() if n} == {"zero-window": 5}
    (d,) = result.disagreements
    assert (d.reason.name, d.count, d.frames) == ("small-probe", 4, [(0, 8), (0, 10), (0, 12), (0, 14)])
    text = as_text(result, ["zero-window.pcap"], "4.0.17")
    assert text.startswith("30 TCP segments, 9 of them classified by tcpfsm or Wireshark 4.0.17: 5 alike, 4 not\n")
    assert "\nnot    window-probe  keep-alive        4  small-probe\n" in text
    told = as_json(result, ["zero-window.pcap"], "")
    assert told["wireshark"] is None
    assert told["disagreements"][0]["frames"][0] == {"source": 0, "frame": 8}


def test_that_ports_are_used_again_is_known_when_the_connection_is() -> None:
    result = compared("client-reboots", [(8, frozenset(("reused_ports",))), (11, frozenset(("retransmission",)))])
    assert {kind: n for kind, n in result.agreements.items() if n} == {"reuse": 1, "retransmission": 1}
    assert result.disagreements == []
    result = compared("client-reboots", [])
    assert sorted((sorted(d.ours), d.count) for d in result.disagreements) == [(["retransmission"], 1), (["reuse"], 1)]


def test_of_many_frames_the_first_are_named() -> None:
    result = Comparison()
    for frame in range(1000):
        result.add(0, case("window-probe", "keep-alive", frame=frame))
    (d,) = result.disagreements
    assert (d.count, len(d.frames)) == (1000, MOST_FRAMES)


def test_all_of_wiresharks_flags_have_a_kind_of_ours() -> None:
    assert set(FLAGS.values()) == set(KINDS)


def test_every_difference_on_the_samples_has_its_reason() -> None:
    need("tshark")
    done = run("crosscheck", "--format", "json", *(SAMPLES / f"{name}.pcap" for name in SOME))
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)
    assert [d["frames"] for d in told["disagreements"] if d["reason"] == NONE.name] == []
    assert {"small-probe", "passed-before", "both-opened", "other-half"} <= {d["reason"] for d in told["disagreements"]}
    assert set(told["agreements"]) >= {"retransmission", "zero-window", "keep-alive", "reuse"}
    assert told["wireshark"]


def test_the_reasons_are_documented() -> None:
    text = reason_table.PAGE.read_text(encoding="utf-8")
    assert reason_table.fill(text) == text, "write them anew: PYTHONPATH=.:tests python tests/tools/reason_table.py"
