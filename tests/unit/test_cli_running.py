"""What the options do to an analysis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.program import SAMPLES, report, run, without_traceback

STUCK = SAMPLES / "stuck-close-wait.pcap"  # errors: stuck-close-wait, stuck-fin-wait-2; no warnings
RETRIED = SAMPLES / "syn-lost.pcap"  # a warning: syn-retransmit
FINE = SAMPLES / "four-way-close.pcap"


@pytest.mark.parametrize(
    ("sample", "fail_on", "status"),
    [
        (STUCK, "never", 0),
        (STUCK, "error", 1),
        (STUCK, "warning", 1),
        (STUCK, "info", 1),
        (STUCK, "stuck-close-wait", 1),
        (STUCK, "syn-unanswered", 0),
        (STUCK, "syn-unanswered,stuck-fin-wait-2", 1),
        (STUCK, "closing", 1),
        (STUCK, "opening", 0),
        (RETRIED, "error", 0),
        (RETRIED, "warning", 1),
        (RETRIED, "info", 1),
        (FINE, "info", 0),
    ],
)
def test_fail_on(sample: Path, fail_on: str, status: int) -> None:
    done = run("analyze", "--fail-on", fail_on, sample)
    assert done.returncode == status
    assert done.stdout, "the report is written all the same"


@pytest.mark.parametrize("name", ["table", "json", "ndjson", "csv", "markdown"])
def test_the_status_does_not_depend_on_the_format(name: str) -> None:
    assert run("analyze", "--format", name, "--fail-on", "error", STUCK).returncode == 1
    assert run("analyze", "--format", name, STUCK).returncode == 0


def test_what_is_ignored_does_not_fail() -> None:
    assert run("analyze", "--fail-on", "error", "--ignore", "stuck-close-wait,stuck-fin-wait-2", STUCK).returncode == 0
    assert run("analyze", "--fail-on", "error", "--ignore", "closing", STUCK).returncode == 0
    assert run("analyze", "--fail-on", "error", "--select", "opening", STUCK).returncode == 0


def test_findings_before_damage(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(STUCK.read_bytes()[:-1])
    assert run("analyze", "--strict", "--fail-on", "error", cut).returncode == 1
    assert run("analyze", "--strict", cut).returncode == 3


def test_select_and_ignore() -> None:
    assert set(report(STUCK)["summary"]["findings"]) == {"stuck-close-wait", "stuck-fin-wait-2"}
    assert set(report("--select", "stuck-close-wait", STUCK)["summary"]["findings"]) == {"stuck-close-wait"}
    assert report("--select", "opening", STUCK)["findings"] == []
    assert b"only some of the rules were asked" in run("analyze", "--select", "opening", STUCK).stdout


@pytest.mark.parametrize("option", ["--select", "--ignore", "--fail-on"])
def test_a_rule_that_does_not_exist(option: str) -> None:
    done = run("analyze", option, "stuck-fin-wait", STUCK)
    assert done.returncode == 2
    assert "did you mean stuck-fin-wait-2?" in without_traceback(done)


def test_timers_change_what_is_inferred() -> None:
    def states(*options: str) -> set[str]:
        return {c["endpoints"]["client"]["state"] for c in report(*options, FINE)["connections"]}

    assert states() == {"TIME_WAIT"}
    assert states("--timers", "time_wait=0,slop=0") == {"CLOSED"}


def test_more_connections_than_may_be_kept() -> None:
    whole = report("--max-connections", "3", STUCK)
    assert whole["summary"]["evicted"] > 0
    assert sum(c["evicted"] for c in whole["connections"]) == whole["summary"]["evicted"]
    assert b"left memory before the end" in run("analyze", "--max-connections", "3", STUCK).stdout


def test_checksums_are_null_until_asked_for() -> None:
    assert report(FINE)["capture"]["checksums"] is None
    assert report("--verify-checksums", FINE)["capture"]["checksums"]["checked"] > 0


def test_findings_point_at_connections_and_frames() -> None:
    whole = report(STUCK)
    by_id = {c["id"]: c for c in whole["connections"]}
    assert whole["findings"]
    for f in whole["findings"]:
        c = by_id[f["connection"]]
        assert f["rule"] in c["findings"]
        assert c["first_frame"] <= f["frame"] <= c["last_frame"]
    assert sum(whole["summary"]["findings"].values()) == len(whole["findings"])
    assert sum(whole["summary"]["severities"].values()) == len(whole["findings"])
    assert whole["summary"]["fine"] == sum(not c["findings"] for c in whole["connections"])


def test_the_verdict_of_a_leak_blames_the_application() -> None:
    text = run("analyze", STUCK).stdout.decode()
    assert text.splitlines()[0].startswith("13 connections: 10 look fine, 3 have findings")
    told = " ".join(text.split())
    assert "3 x stuck-close-wait server 10.1.0.7:8080 An application does not call close()" in told
    assert "With it goes 3 x stuck-fin-wait-2" in told
    assert text.index("FIN_WAIT_2") < text.index("Next")


def test_the_demo_needs_no_arguments() -> None:
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"stuck-close-wait" in done.stdout
    assert b"tcpfsm demo --format json | jq" in done.stdout
    assert json.loads(run("demo", "--format", "json").stdout)["schema"] == 1
    assert run("demo", "--fail-on", "error").returncode == 1


def test_two_captures_are_one_observation() -> None:
    whole = report(FINE, STUCK)
    assert [s["name"] for s in whole["capture"]["sources"]] == [str(FINE), str(STUCK)]
    assert whole["capture"]["packets"] == sum(s["packets"] for s in whole["capture"]["sources"])
