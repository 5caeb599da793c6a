"""Whoever watches changes nothing, however often and whenever they look."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from tcptrace_py.config import Config, Thresholds
from tcptrace_py.live.copying import copy_of
from tcptrace_py.live.events import Events
from tcptrace_py.live.lines import Lines
from tcptrace_py.live.view import View
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build
from tcptrace_py.report.encoding import to_json
from tcptrace_py.rules.finding import Finding
from tools.living import live_again
from tools.program import SAMPLES
from tools.sinking import write

NAMES = sorted(path.stem for path in SAMPLES.glob("*.pcap"))
SECOND = 1_000_000_000


def without_source(report: bytes) -> list[bytes]:
    """Its lines, but for what is said of the program and the source, which differ here.  In which order connections that end
    at nearly the same time are told is nobody's promise.
    """
    report = re.sub(rb'"sources":\[\{[^}]*\}\]', b"", report)
    return sorted(re.sub(rb'"tool":\{[^}]*\}', b"", report).splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_the_same_as_if_nobody_had_watched(name: str) -> None:
    data = (SAMPLES / f"{name}.pcap").read_bytes()
    expected = without_source(write(data, "ndjson"))
    for ahead in (0, 90 * SECOND):
        report, _ = live_again(data, "ndjson", View(), ahead=ahead)
        assert without_source(report) == expected


def test_the_report_is_the_same_beside_events() -> None:
    for name in ("stuck-close-wait", "time-wait-reuse", "retransmissions", "demo"):
        data = (SAMPLES / f"{name}.pcap").read_bytes()
        report, _ = live_again(data, "json", Events(io.BytesIO()))
        assert without_source(report) == without_source(write(data, "json"))


class Findings(View):
    """Remembers when what was found."""

    def __init__(self) -> None:
        self.new: list[tuple[int, Finding]] = []
        self.old: list[tuple[int, Finding]] = []

    def looked(self, c: Connection, new: list[Finding], old: list[Finding]) -> None:
        self.new += [(int(c.observed_until), f) for f in new]
        self.old += [(int(c.observed_until), f) for f in old]


def test_what_hangs_is_found_when_its_threshold_passes() -> None:
    data = (SAMPLES / "stuck-close-wait.pcap").read_bytes()
    view = Findings()
    live_again(data, "json", view, step=SECOND // 4)
    stuck = [(at, f) for at, f in view.new if f.rule == "stuck-fin-wait-2"]
    assert [f.connection for _, f in stuck] == [3, 5, 6]
    for at, f in stuck:
        assert 60 * SECOND <= at - f.time <= 61 * SECOND
    assert view.old == []


def test_what_was_found_and_is_no_more_is_taken_back() -> None:
    data = (SAMPLES / "syn-lost.pcap").read_bytes()
    view = Findings()
    config = Config(thresholds=Thresholds(unanswered=0.5))  # its second SYN comes after a second
    live_again(data, "json", view, config=config, step=SECOND // 20)
    assert [f.rule for _, f in view.old] == ["syn-unanswered"]


def test_a_flood_is_told_of_while_it_grows_and_once() -> None:
    class Crowds(View):
        told: list[Finding]

        def of_crowd(self, finding: Finding) -> None:
            self.told.append(finding)

    view = Crowds()
    view.told = []
    data = (SAMPLES / "syn-flood.pcap").read_bytes()
    whole = json.loads(write(data, "json"))
    live_again(data, "json", view, step=SECOND)
    (flood,) = [f for f in view.told if f.rule == "syn-flood"]
    (last,) = [f for f in whole["findings"] if f["rule"] == "syn-flood"]
    assert flood.evidence["server"] == last["evidence"]["server"]
    assert 100 <= int(str(flood.evidence["half_open"])) <= last["evidence"]["half_open"]


def test_a_copy_tells_the_same_story() -> None:
    class Copies(View):
        wants_first = 1 << 62
        seen = 0

        def left(self, c: Connection, findings: list[Finding]) -> None:
            self.seen += 1
            assert to_json(build.connection(copy_of(c), [])) == to_json(build.connection(c, []))

    view = Copies()
    live_again((SAMPLES / "demo.pcap").read_bytes(), "json", view)
    assert view.seen == 18


# ---- views


def events_of(name: str) -> list[dict[str, Any]]:
    out = io.BytesIO()
    live_again((SAMPLES / f"{name}.pcap").read_bytes(), "json", Events(out))
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_events_tell_the_whole_story(name: str) -> None:
    report = json.loads(write((SAMPLES / f"{name}.pcap").read_bytes(), "json"))
    states: dict[tuple[int, str], str] = {}
    opened: set[int] = set()
    for event in events_of(name):
        if event["type"] == "opened":
            assert event["connection"] not in opened
            opened.add(event["connection"])
        elif event["type"] == "transition":
            key = (event["connection"], event["endpoint"])
            assert event["connection"] in opened
            assert states.get(key, event["from"]) == event["from"], event
            states[key] = event["to"]
    assert opened == {c["id"] for c in report["connections"]}
    for c in report["connections"]:
        for side in ("client", "server"):
            if (c["id"], side) in states:
                assert states[c["id"], side] == c["endpoints"][side]["state"]


def test_a_step_that_is_taken_back_is_said_to_be() -> None:
    retracted = [e for e in events_of("handshake-ack-lost") if e["type"] == "transition" and e["retracts"]]
    assert [(e["endpoint"], e["from"], e["to"], e["frame"]) for e in retracted] == [
        ("server", "ESTABLISHED", "SYN_RECEIVED", 4)
    ]


def test_lines_are_written_once_a_finding() -> None:
    out = io.BytesIO()
    live_again((SAMPLES / "stuck-close-wait.pcap").read_bytes(), "json", Lines(out, "utf-8"))
    lines = out.getvalue().decode().splitlines()
    assert len(lines) == 6
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} error stuck-close-wait: connection 3 10\.1\.0\.12:40002 > 10\.1\.0\.7:8080: The server's .*",
        lines[0],
    )


def test_what_leaves_is_forgotten() -> None:
    view = Events(io.BytesIO())
    _, observer = live_again((SAMPLES / "demo.pcap").read_bytes(), "json", view)
    assert view._told == {}
    tracker = observer._tracker
    assert tracker is not None
    tracker.worth_a_look(1 << 61)
    assert tracker.open == []
