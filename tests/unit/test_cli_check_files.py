"""What ``tcpfsm check`` reads and writes besides: odd configurations, baselines and outputs, and nothing lost by a slip."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tcptrace_py.gate import settings as gs
from tools.program import COMMAND, SAMPLES, environment, here, run, without_traceback

STUCK = SAMPLES / "stuck-close-wait.pcap"
FINE = SAMPLES / "four-way-close.pcap"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error(captured: Captured, *arguments: str | Path) -> str:
    """The only line that is said where the arguments make no sense."""
    assert here("check", *arguments) == 2
    out, err = captured.readouterr()
    assert out == ""
    assert err.startswith("tcpfsm: ")
    assert err.count("\n") == 1
    return err


# ---- configuration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select = [", "not TOML: "),
        ("a = 1\na = 2\n", "not TOML: "),
        ("x = " + "[" * 5000, "not TOML: "),
        ("x = " + "1" * 5000, "not TOML: "),
        ('fail-on = ["never", "error"]', "fail_on: never stands alone"),
        ('[tool.tcpfsm]\nselect = ["reset"]', "[tool.tcpfsm] is for pyproject.toml"),
        ("tool = 1", "no key 'tool'"),
        ("thresholds = 3", "thresholds: not a table"),
        ("[thresholds]\nstuck = nan", "stuck: nan is not between"),
        ("max-connections = 1e400", "max_connections must be a whole number"),
        ('"\\u001b[31m" = 1', "no key '\\\\x1b[31m'"),
        ('baseline = "no.json"', "no.json: the baseline is not there; --write-baseline makes one"),
        ('baseline = ""', "baseline must be a text"),
    ],
)
def test_an_odd_configuration_is_told_in_a_line(text: str, said: str, folder: Path, capsys: Captured) -> None:
    (folder / "tcpfsm.toml").write_text(text)
    assert said in error(capsys, STUCK)


def test_a_folder_above_that_may_not_be_searched_holds_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert gs.load(None) == gs.Settings()


# ---- baselines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a baseline: it is no JSON"),
        ("[" * 100_000, "not a baseline: it is no JSON"),
        ("[]", "not a baseline"),
        ("{}", "not a baseline"),
        ('{"baseline": 2}', "a baseline of version 2, and this is 1"),
        ('{"baseline": true, "findings": []}', "a baseline of version True"),
        ('{"baseline": 1}', "its findings must be a list"),
        ('{"baseline": 1, "findings": [3]}', "its findings must be a list"),
    ],
)
def test_an_odd_baseline_is_told_in_a_line(text: str, said: str, folder: Path, capsys: Captured) -> None:
    (folder / "known.json").write_text(text)
    assert f"known.json: {said}" in error(capsys, "--baseline", "known.json", STUCK)


def test_where_a_baseline_cannot_be_read(folder: Path, capsys: Captured) -> None:
    (folder / "known").mkdir()
    assert "known: the baseline cannot be read (Is a directory)" in error(capsys, "--baseline", "known", STUCK)
    assert "the name of a file is missing" in error(capsys, "--baseline", "", STUCK)


def test_a_baseline_takes_the_place_of_a_baseline_only(folder: Path, capsys: Captured) -> None:
    (folder / "tcpfsm.toml").write_text("strict = true\n")
    assert "tcpfsm.toml: is there, and no baseline" in error(capsys, "--write-baseline", "tcpfsm.toml", STUCK)
    (folder / "empty").write_text("\n")
    (folder / "old").write_text('{\n  "baseline": 1,\n  "findings": []\n}\n')
    for name in ("empty", "old", "new"):
        assert here("check", "--write-baseline", name, STUCK) == 0
        assert '"fingerprint": "stuck-close-wait/1:' in (folder / name).read_text(encoding="utf-8")


# ---- outputs


def test_no_capture_is_overwritten(folder: Path, capsys: Captured) -> None:
    data = STUCK.read_bytes()
    (folder / "a.pcap").write_bytes(data)
    (folder / "link").symlink_to("a.pcap")
    assert "a.pcap: is there, and no baseline" in error(capsys, "--write-baseline", "a.pcap", FINE)
    for arguments in (["-o", "a.pcap"], ["-o", "sarif:./a.pcap"], ["-o", "junit:link"], ["--write-baseline", "link"]):
        assert "is a capture that is to be read" in error(capsys, *arguments, FINE, "a.pcap")
    assert here("analyze", "-o", "a.pcap", "a.pcap") == 2
    assert (folder / "a.pcap").read_bytes() == data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "sarif:a", "-o", "junit:./a"], "two things go to ./a"),
        (["-o", "json:a", "--write-baseline", "a"], "two things go to a"),
        (["-f", "json", "--write-baseline", "-"], "two things go to standard output"),
        (["-o", "sarif:"], "--output 'sarif:': the name of a file is missing"),
        (["--write-baseline", ""], "the name of an output file is missing"),
        (["--write-baseline", "."], ".: cannot be written (Is a directory)"),
        (["--write-baseline", "no/known.json"], "no/known.json: cannot be written (No such file or directory)"),
        (["-o", "json:a/\x1b[31m"], "a/\\x1b[31m: cannot be written"),
        (["--fail-on", "never,error"], "never stands alone"),
    ],
)
def test_outputs_that_make_no_sense(arguments: list[str], said: str, folder: Path, capsys: Captured) -> None:
    assert said in error(capsys, *arguments, STUCK)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full on this system")
def test_a_full_disk_is_named(folder: Path, capsys: Captured) -> None:
    for arguments in (["-o", "/dev/full"], ["-o", "json:/dev/full", "-o", "a"], ["--write-baseline", "/dev/full"]):
        assert here("check", *arguments, STUCK) == 2
        assert capsys.readouterr().err == "tcpfsm: /dev/full: No space left on device\n"
    for command in (["check", "-f", "sarif"], ["analyze", "-f", "json"], ["rules"]):
        names = [] if command == ["rules"] else [str(STUCK)]
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*COMMAND, *command, *names], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
            )
        assert (done.returncode, done.stderr) == (2, b"tcpfsm: standard output: No space left on device\n")


def test_standard_output_may_be_closed(tmp_path: Path) -> None:
    script = 'exec >&-; exec "$@"'
    for arguments, status, said in (
        (["check", str(STUCK)], 2, "tcpfsm: standard output is closed: name a file with --output\n"),
        (["check", "-o", f"{tmp_path}/a", str(STUCK)], 1, ""),
    ):
        done = subprocess.run(
            ["sh", "-c", script, "sh", *COMMAND, *arguments], capture_output=True, env=environment(), check=False
        )
        assert (done.returncode, without_traceback(done)) == (status, said)


# ---- captures


def test_a_capture_without_connections_is_not_judged_in_silence(folder: Path, capsys: Captured) -> None:
    (folder / "empty.pcap").write_bytes(FINE.read_bytes()[:24])
    assert here("check", "empty.pcap") == 0
    out, err = capsys.readouterr()
    assert out == "passed: 0 findings in 0 connections\n"
    assert err == "tcpfsm: warning: there is no TCP connection in it: nothing was judged\n"
    assert here("check", "--quiet", "empty.pcap") == 0
    assert capsys.readouterr().err == ""


def test_a_capture_of_several_that_is_missing_stops_all(folder: Path, capsys: Captured) -> None:
    assert "missing.pcap: no such file" in error(capsys, FINE, "missing.pcap")


def test_damage_in_one_of_several_counts_when_strict() -> None:
    cut = STUCK.read_bytes()[:4000]
    done = run("check", "--strict", "--fail-on", "never", "-", FINE, stdin=cut)
    assert done.returncode == 3
    assert b"warning: standard input: frame 43 at byte 3962: the file is cut short" in done.stderr
