"""docs/check.md is true: its configuration is one, its tables name all there is, and its workflow's command does what it says."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict
from pathlib import Path

from tcptrace_py.config import Thresholds
from tcptrace_py.gate import settings as gs
from tcptrace_py.gate.expectations import DEMANDS
from tcptrace_py.machine.story import OUTCOMES
from tcptrace_py.report.check_formats import CHECK_NAMES
from tools.documents import CHECKOUT, FENCE
from tools.program import SAMPLES, run

TEXT = (CHECKOUT / "docs" / "check.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [body] = [match["body"] for match in FENCE.finditer(TEXT) if match["language"] == language]
    return body


def test_the_configuration_is_one_and_shows_every_key(tmp_path: Path) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text(block("toml"))
    settings = gs.load(str(path))
    assert [expectation.name for expectation in settings.expectations] == [
        "clients close first",
        "the API sends no resets and loses little",
    ]
    shown = {key.replace("-", "_") for key in re.findall(r"^\[*([\w-]+)(?:\]| =)", block("toml"), re.MULTILINE)}
    assert shown >= set(gs.KEYS) | set(gs.IGNORE_KEYS)


def test_the_tables_name_everything() -> None:
    for name in (*CHECK_NAMES, *DEMANDS, *OUTCOMES, *asdict(Thresholds())):
        assert f"`{name}`" in TEXT, name


def test_the_thresholds_have_the_defaults_of_the_table() -> None:
    section = TEXT.partition("\nThresholds:\n")[2].partition("\n## ")[0]
    told: dict[str, float] = {}
    for row in re.findall(r"^\| (`.+?) \| (.+?) \|", section, re.MULTILINE):
        names = re.findall(r"`(\w+)`", row[0])
        figures = [float(figure) for figure in re.findall(r"[\d.]+", row[1])]
        told |= dict(zip(names, figures if len(figures) == len(names) else figures * len(names), strict=True))
    assert told == asdict(Thresholds())


def test_the_job_is_red_and_with_a_baseline_green(tmp_path: Path) -> None:
    command = re.search(r"^ +tcpfsm (check (?:.+\n +)+?)- if", block("yaml"), re.MULTILINE)
    assert command
    arguments = shlex.split(command[1])
    (tmp_path / "capture.pcap").write_bytes((SAMPLES / "stuck-close-wait.pcap").read_bytes())
    red = run(*arguments, cwd=tmp_path)
    assert red.returncode == 1
    assert red.stdout.count(b"::error file=capture.pcap,line=") == 6
    assert {path.name for path in tmp_path.iterdir()} == {"capture.pcap", "tcpfsm.sarif", "tcpfsm.xml", "summary.md"}
    assert len(json.loads((tmp_path / "tcpfsm.sarif").read_text())["runs"][0]["results"]) == 6
    assert run("check", "capture.pcap", "--write-baseline", "known.json", cwd=tmp_path).returncode == 0
    green = run(*arguments, "--baseline", "known.json", cwd=tmp_path)
    assert green.returncode == 0
    assert b"::error" not in green.stdout
