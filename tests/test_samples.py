"""Every sample gives the states and findings that expected.toml states, in whatever form it is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tools.captures import pcapng
from tools.program import run
from tools.reading import read_bytes
from tools.readme_samples import README, fill
from tools.stories import EXPECTED, SAMPLES, capture, differences, report

NAMES = list(EXPECTED)


def test_every_sample_is_listed() -> None:
    assert sorted(path.stem for path in SAMPLES.glob("*.pcap")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_gives_the_expected_states(name: str) -> None:
    assert differences(EXPECTED[name], report(capture(name))).states == []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gives_the_expected_findings(name: str) -> None:
    assert differences(EXPECTED[name], report(capture(name))).findings == []


@pytest.mark.parametrize("name", EXPECTED)
def test_pcapng_and_gzip_give_the_same(name: str) -> None:
    data = capture(name).read_bytes()
    plain = content(report(data))
    reading = read_bytes(data)
    assert content(report(pcapng(reading.frames, reading.records[0].link))) == plain
    assert content(report(gzip.compress(data, 1))) == plain


@pytest.mark.parametrize("name", ["stuck-close-wait", "three-segment-close", "rfc9293-figures", "icmp-rejected"])
def test_stdin_gives_the_same_as_the_file(name: str, tmp_path: Path) -> None:
    path = capture(name)
    zipped = tmp_path / "capture"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    runs = [
        run("analyze", "--format", "json", path),
        run("analyze", "--format", "json", zipped),
        run("analyze", "--format", "json", "-", stdin=path.read_bytes()),
    ]
    assert [(done.returncode, done.stderr) for done in runs] == [(0, b"")] * 3
    inside = content(report(path))
    assert all(content(json.loads(done.stdout)) == inside for done in runs)


def test_the_readme_says_what_tcpfsm_says() -> None:
    text = README.read_text(encoding="utf-8")
    assert fill(text) == text, "write it anew: python tests/tools/readme_samples.py"
    assert text.count("- tcpfsm says: ") == len(EXPECTED)


def content(made: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on the form of the capture."""
    facts = {key: value for key, value in made["capture"].items() if key != "sources"}
    return {**{key: made[key] for key in ("summary", "connections", "findings")}, "capture": facts}
