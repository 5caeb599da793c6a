"""What a test may ask of a capture, and how it is told when that is not so: on the samples, for which nobody need capture."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tcptrace_py.config import Config, Thresholds
from tcptrace_py.errors import ConfigError
from tcptrace_py.testing import Recording, capture
from tcptrace_py.testing.judging import Judged
from tools.program import SAMPLES, report


def judged(name: str, config: Config | None = None) -> Judged:
    cap = Judged(config)
    cap.path = str(SAMPLES / f"{name}.pcap")
    cap.analyze()
    return cap


@pytest.fixture(scope="module")
def stuck() -> Judged:
    return judged("stuck-close-wait")


@pytest.fixture(scope="module")
def fine() -> Judged:
    return judged("four-way-close")


def test_the_report_is_that_of_analyze(stuck: Judged) -> None:
    said = report(SAMPLES / "stuck-close-wait.pcap")
    assert [c.id for c in stuck.connections] == [c["id"] for c in said["connections"]]
    assert [f.message for f in stuck.findings] == [f["message"] for f in said["findings"]]
    assert stuck.report.summary.states == said["summary"]["states"]
    assert stuck.report.capture.packets == said["capture"]["packets"]


def test_what_is_so_passes(stuck: Judged, fine: Judged) -> None:
    fine.assert_no()
    fine.assert_no("reset", "closing", "warning")
    fine.assert_closed_by("client")
    fine.assert_states(client="TIME_WAIT", server="CLOSED")
    fine.assert_states(server=["CLOSED", "LAST_ACK"], connection=1)
    stuck.assert_found("stuck-close-wait", "closing", "error", "info")
    stuck.assert_no("reset", "opening")
    stuck.assert_states("FIN_WAIT_2", "CLOSE_WAIT", connection=3)


def test_a_finding_that_must_not_be_there_is_shown_with_its_ladder(stuck: Judged) -> None:
    with pytest.raises(AssertionError) as failure:
        stuck.assert_no("stuck-close-wait")
    lines = str(failure.value).splitlines()
    assert lines[0] == "not expected (stuck-close-wait):"
    assert re.fullmatch(
        r"  frame 30: error: stuck-close-wait: The server's application \(10\.1\.0\.7:8080\) received .+"
        r" \(connection 3, 10\.1\.0\.12:40002 > 10\.1\.0\.7:8080\)",
        lines[1],
    )
    assert len([line for line in lines if line.startswith("  frame ")]) == 3
    assert "Connection 3 of stuck-close-wait.pcap" in lines
    assert stuck.ladder(3) in str(failure.value)


@pytest.mark.parametrize("name", ["info", "warning", "error", "closing", "stuck-fin-wait-2"])
def test_severities_and_families_name_findings(stuck: Judged, name: str) -> None:
    with pytest.raises(AssertionError, match="stuck-fin-wait-2"):
        stuck.assert_no(name)


def test_without_a_name_any_finding_is_too_many() -> None:
    with pytest.raises(AssertionError, match=r"not expected \(any finding\):\n  frame 2: warning: syn-retransmit: "):
        judged("syn-lost").assert_no()
    judged("syn-lost").assert_no("error")


def test_a_finding_that_must_be_there_is_missed(stuck: Judged) -> None:
    with pytest.raises(AssertionError) as failure:
        stuck.assert_found("stuck-close-wait", "reset", "stuck-last-ack")
    assert str(failure.value).startswith("expected, and not found: reset, stuck-last-ack\n  frame 30: error: ")
    assert "Connection 1 of " in str(failure.value)


def test_who_closed_and_where_they_ended(stuck: Judged, fine: Judged) -> None:
    with pytest.raises(
        AssertionError, match=r"connection 1, \S+ > \S+ was to be closed by server first; closed by: the client"
    ):
        fine.assert_closed_by("server")
    with pytest.raises(AssertionError, match="was to be closed by client first; closed by: nobody"):
        judged("filtered").assert_closed_by("client")
    with pytest.raises(AssertionError) as failure:
        stuck.assert_states(server=("CLOSED", "LAST_ACK"))
    first, *rest = str(failure.value).splitlines()
    assert "connection 3, 10.1.0.12:40002 > 10.1.0.7:8080: the server was to end in CLOSED or LAST_ACK;" in first
    assert "it is in CLOSE_WAIT, assumed" in first or "it is in CLOSE_WAIT, proven" in first
    assert any(line.startswith("  frame 30: error: stuck-close-wait: ") for line in rest)


def test_of_nothing_nothing_is_well(tmp_path: Path, fine: Judged) -> None:
    (tmp_path / "empty.pcap").write_bytes((SAMPLES / "four-way-close.pcap").read_bytes()[:24])
    cap = Judged(None)
    cap.path = str(tmp_path / "empty.pcap")
    cap.analyze()
    asked: list[Callable[[], object]] = [cap.assert_no, cap.assert_found, cap.assert_states]
    asked.append(partial(cap.assert_closed_by, "client"))
    for ask in asked:
        with pytest.raises(AssertionError, match="no TCP connection was captured"):
            ask()
    with pytest.raises(AssertionError, match="no connection 9 was captured"):
        fine.assert_states(connection=9)


def test_what_was_lost_is_said(stuck: Judged) -> None:
    cap = judged("stuck-close-wait")
    cap.dropped = 3
    cap.analyze()
    assert cap.report.capture.dropped == 3
    with pytest.raises(AssertionError, match="the capture tool lost 3 packets"):
        cap.assert_no("error")


def test_the_configuration_is_that_of_the_analysis() -> None:
    patient = judged("stuck-close-wait", Config(thresholds=Thresholds(stuck=96)))
    assert len(patient.findings) == 2


def test_names_that_do_not_exist(fine: Judged) -> None:
    with pytest.raises(ConfigError, match=r"did you mean stuck-close-wait\?"):
        fine.assert_no("stuck-close-wat")
    with pytest.raises(ConfigError, match="never"):
        fine.assert_found("never")
    with pytest.raises(ConfigError, match=r"no state 'TIME-WAIT'; did you mean TIME_WAIT\?"):
        fine.assert_states("TIME-WAIT")
    with pytest.raises(ConfigError, match="'clint' is none of"):
        fine.assert_closed_by("clint")  # type: ignore[arg-type]


def test_a_capture_can_be_kept(fine: Judged, tmp_path: Path) -> None:
    fine.save(str(tmp_path / "kept.pcap"))
    assert (tmp_path / "kept.pcap").read_bytes() == (SAMPLES / "four-way-close.pcap").read_bytes()


def test_there_is_no_report_before_the_end() -> None:
    with pytest.raises(RuntimeError, match="before the end of the with block"):
        _ = Recording(8080).report


@pytest.mark.parametrize("port", [0, 65536, -1, True, [80, "81"], []])
def test_what_is_no_port(port: object) -> None:
    with pytest.raises(ConfigError, match="port"):
        capture(port)  # type: ignore[arg-type]


def test_filters() -> None:
    assert capture().bpf == "tcp"
    assert capture([80, 443]).bpf == "tcp port 80 or tcp port 443"
    assert capture(bpf="tcp[tcpflags] & tcp-rst != 0").bpf == "tcp[tcpflags] & tcp-rst != 0"
    with pytest.raises(ConfigError, match="not both"):
        capture(80, bpf="tcp")
