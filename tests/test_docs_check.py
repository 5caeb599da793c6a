"""docs/check.md is true: its configuration is one, its tables name all there is, and its workflow's command does what it says."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from tcptrace_py.config import Thresholds
from tcptrace_py.gate import settings as gs
from tcptrace_py.gate.expectations import DEMANDS
from tcptrace_py.machine.story import OUTCOMES
from tcptrace_py.report.check_formats import CHECK_NAMES
from tools import threshold_table
from tools.capturing import need_capture
from tools.documents import CHECKOUT, FENCE
from tools.helpers import put_program
from tools.program import SAMPLES, run
from tools.workflow import RECORDER, run_job, steps_of

TEXT = (CHECKOUT / "docs" / "check.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [match["body"] for match in FENCE.finditer(TEXT) if match["language"] == language]


def test_the_configuration_is_one_and_shows_every_key(tmp_path: Path) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text(blocks("toml")[0])
    settings = gs.load(str(path))
    assert [expectation.name for expectation in settings.expectations] == [
        "clients close first",
        "the API sends no resets and loses little",
    ]
    shown = {key.replace("-", "_") for key in re.findall(r"^\[*([\w-]+)(?:\]| =)", blocks("toml")[0], re.MULTILINE)}
    assert shown >= set(gs.KEYS) | set(gs.IGNORE_KEYS)


def test_the_tables_name_everything() -> None:
    for name in (*CHECK_NAMES, *DEMANDS, *OUTCOMES, *asdict(Thresholds())):
        assert f"`{name}`" in TEXT, name


def test_the_table_of_thresholds_is_current() -> None:
    renewal = "write it anew: PYTHONPATH=. python tests/tools/threshold_table.py docs/check.md"
    assert threshold_table.fill(TEXT) == TEXT, renewal


# ---- the workflows

RECORD, JUDGE = "Run the integration tests, and record what they send", "Judge the traffic"


@pytest.fixture
def checkout_folder(tmp_path: Path) -> Path:
    """A project whose integration tests do nothing; what they would send is the stuck sample."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    put_program(folder / "run-integration-tests", "#!/bin/sh\nexit 0\n")
    (folder / "recorded.pcap").write_bytes((SAMPLES / "stuck-close-wait.pcap").read_bytes())
    return folder


def test_the_job_is_red_and_with_a_baseline_green(checkout_folder: Path, tmp_path: Path) -> None:
    steps = steps_of(blocks("yaml")[0])
    red = run_job(steps, checkout_folder, tmp_path / "tools", tcpdump=RECORDER)
    assert red.failed == [JUDGE], red.output
    assert red.output.count("::error file=capture.pcap,line=") == 6
    assert red.summary.read_text(encoding="utf-8").startswith("## tcpfsm: FAILED: 6 findings")
    assert [step["uses"].partition("@")[0] for step in red.used] == [
        "actions/checkout",
        "actions/setup-python",
        "github/codeql-action/upload-sarif",
        "actions/upload-artifact",
    ]
    results = json.loads((checkout_folder / red.used[2]["with"]["sarif_file"]).read_text(encoding="utf-8"))["runs"][0][
        "results"
    ]
    assert [result["suppressions"] for result in results] == [[]] * 6
    for name in red.used[3]["with"]["path"].split():
        assert (checkout_folder / name).stat().st_size

    [command] = re.findall(r"`tcpfsm (check capture\.pcap --write-baseline \S+)`", TEXT)
    [line] = re.findall(r"in `tcpfsm\.toml`, `(baseline = .+?)`", TEXT)
    assert run(*shlex.split(command), cwd=checkout_folder).returncode == 0
    (checkout_folder / "tcpfsm.toml").write_text(line)
    green = run_job(steps, checkout_folder, tmp_path / "tools", tcpdump=RECORDER)
    assert green.failed == [], green.output
    assert "::error" not in green.output
    assert green.summary.read_text(encoding="utf-8").startswith("## tcpfsm: passed: 6 findings (6 in the baseline)")


def test_the_job_is_red_when_there_is_nothing_to_judge(checkout_folder: Path, tmp_path: Path) -> None:
    (checkout_folder / "recorded.pcap").write_bytes(b"no capture")
    done = run_job(steps_of(blocks("yaml")[0]), checkout_folder, tmp_path / "tools", tcpdump=RECORDER)
    assert done.failed == [JUDGE]
    done = run_job(
        steps_of(blocks("yaml")[0]), checkout_folder, tmp_path / "tools", tcpdump="exit 1", timeout="exit 124"
    )
    assert done.failed == [RECORD, JUDGE]


TRAFFIC = """
import socket, subprocess, threading, time
from subprocess import DEVNULL

def serve(listener, closes):
    connection, _ = listener.accept()
    connection.recv(100)
    connection.recv(100)
    if not closes:  # it stays open for longer than is recorded
        fd = connection.fileno()
        subprocess.Popen(["/bin/sleep", "2"], pass_fds=[fd], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    connection.close()

for closes in (CLOSES, True):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, closes))
        thread.start()
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"x")
        thread.join()
    time.sleep(0.4)
"""


@pytest.mark.parametrize("closes", [False, True])
def test_the_job_judges_what_it_has_recorded(closes: bool, checkout_folder: Path, tmp_path: Path) -> None:
    prefix = need_capture("tcpdump")
    program = TRAFFIC.replace("CLOSES", str(closes))
    put_program(checkout_folder / "run-integration-tests", f"#!{sys.executable}\n{program}")
    (checkout_folder / "tcpfsm.toml").write_text("[thresholds]\nstuck = 0.3\n")
    done = run_job(steps_of(blocks("yaml")[0]), checkout_folder, tmp_path / "tools", prefix)
    assert done.failed == ([] if closes else [JUDGE]), done.output
    assert ("title=stuck-close-wait::" in done.output) == (not closes)
    assert re.search(
        rf"^{'passed' if closes else 'FAILED'}: \d findings?.* in 2 connections", done.output, re.MULTILINE
    )


def test_the_job_of_gitlab_does_the_same(checkout_folder: Path, tmp_path: Path) -> None:
    [(_, job)] = yaml.safe_load(blocks("yaml")[1]).items()
    (checkout_folder / "recorded.pcap").rename(checkout_folder / "capture.pcap")
    steps = [{"run": line} for line in job["script"]]
    red = run_job(steps, checkout_folder, tmp_path / "tools")
    assert red.failed == job["script"]
    reports = job["artifacts"]["reports"]
    assert len(json.loads((checkout_folder / reports["codequality"]).read_text(encoding="utf-8"))) == 6
    assert b'failures="2"' in (checkout_folder / reports["junit"]).read_bytes()
    run("check", "capture.pcap", "--write-baseline", "known.json", cwd=checkout_folder)
    (checkout_folder / "tcpfsm.toml").write_text('baseline = "known.json"')
    assert run_job(steps, checkout_folder, tmp_path / "tools").failed == []
    assert json.loads((checkout_folder / reports["codequality"]).read_text(encoding="utf-8")) == []
