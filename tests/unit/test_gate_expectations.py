"""Expectations, each met by one sample and not by another; and fingerprints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tcptrace_py.errors import ConfigError
from tcptrace_py.gate.baseline import Fingerprints, read_baseline
from tcptrace_py.rules.finding import Finding
from tools.program import SAMPLES, run


@pytest.mark.parametrize(
    ("demand", "sample", "result", "said"),
    [
        ('closed_by = "client"', "stuck-close-wait", "passed", ""),
        ('closed_by = "server"', "stuck-close-wait", "failed", "closed first by the client"),
        ('outcome = ["closed", "stuck"]', "stuck-close-wait", "passed", ""),
        ('outcome = "closed"', "stuck-close-wait", "failed", "3 of 13 connections"),
        ("no_resets_from = 8080", "four-way-close", "passed", ""),
        ("no_resets_from = 8080", "data-after-peer-fin", "failed", "the server (port 8080) sent"),
        ("no_resets_from = 9", "data-after-peer-fin", "skipped", "no connection is of this kind"),
        ('no_findings = "closing"', "four-way-close", "passed", ""),
        ('no_findings = ["stuck-close-wait"]', "stuck-close-wait", "failed", "stuck-close-wait in frame 30"),
        ("max_retransmission_share = 0", "four-way-close", "passed", ""),
        ("max_retransmission_share = 0.001", "retransmissions", "failed", "segments with data were sent again"),
        ("max_retransmission_share = 1", "retransmissions", "passed", ""),
        ("min_connections = 13", "stuck-close-wait", "passed", ""),
        ("min_connections = 14", "stuck-close-wait", "failed", "13 connections, and at least 14 are expected"),
        ("port = 9\nmin_connections = 1", "stuck-close-wait", "failed", "0 connections"),
        ('address = "10.1.0.12"\noutcome = "closed"', "stuck-close-wait", "failed", "1 of 1 connections"),
        ('address = "10.1.0.11"\noutcome = "closed"', "stuck-close-wait", "passed", ""),
    ],
)
def test_an_expectation(demand: str, sample: str, result: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tcpfsm.toml").write_text(f'fail-on = "stuck-last-ack"\n[[expect]]\nname = "it"\n{demand}\n')
    done = run("check", "--format", "json", SAMPLES / f"{sample}.pcap", cwd=tmp_path)
    assert done.stderr == b""
    [case] = json.loads(done.stdout)["expectations"]
    assert (case["name"], case["result"]) == ("it", result)
    assert said in case["message"]
    assert done.returncode == int(result == "failed")


def test_what_is_ignored_is_expected(tmp_path: Path) -> None:
    (tmp_path / "tcpfsm.toml").write_text(
        '[[ignores]]\nrule = "stuck-close-wait"\nreason = "x"\n[[expect]]\nname = "a"\nno_findings = "stuck-close-wait"\n'
    )
    done = run("check", "--format", "json", SAMPLES / "stuck-close-wait.pcap", cwd=tmp_path)
    assert json.loads(done.stdout)["expectations"][0]["result"] == "passed"


# ---- fingerprints


def finding(rule: str, **evidence: object) -> Finding:
    return Finding(rule, "closing", "error", "certain", 1, None, 0, 1, "", evidence=evidence)


def test_a_fingerprint_is_rule_connection_and_ordinal() -> None:
    prints = Fingerprints()
    assert prints.of(finding("a"), "1:x=") == "a/1:x=/1"
    assert prints.of(finding("b"), "1:x=") == "b/1:x=/1"
    assert prints.of(finding("a"), "1:x=") == "a/1:x=/2"
    assert prints.of(finding("a"), "1:y=") == "a/1:y=/1"
    assert prints.of(finding("flood", server="10.0.0.1:80"), "") == "flood/capture 10.0.0.1:80/1"


def test_fingerprints_do_not_depend_on_what_else_is_found() -> None:
    def prints(*options: str) -> set[str]:
        done = run("check", "-f", "json", "--fail-on", "never", *options, SAMPLES / "reset-in-each-state.pcap")
        return {f["fingerprint"] for f in json.loads(done.stdout)["findings"]}

    some = prints("--select", "reset")
    assert some
    assert some < prints()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "not a baseline"),
        ('{"baseline": 2, "findings": []}', "version 2"),
        ('{"baseline": 1}', "must be a list"),
        ('{"baseline": 1, "findings": [{"fingerprint": 1}]}', "must be a list"),
    ],
)
def test_what_is_no_baseline(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_baseline(str(path))


def test_fingerprints_do_not_depend_on_other_traffic_nor_on_frames() -> None:
    def prints(*names: str) -> list[str]:
        files = [SAMPLES / f"{name}.pcap" for name in names]
        done = run("check", "-f", "json", "--select", "stuck-close-wait,stuck-fin-wait-2", *files)
        return sorted(f["fingerprint"] for f in json.loads(done.stdout)["findings"])

    alone = prints("stuck-close-wait")
    assert len(alone) == 6
    assert prints("http", "stuck-close-wait") == alone
    assert prints("four-way-close", "stuck-close-wait") == alone
