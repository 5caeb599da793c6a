"""``tcpfsm check``: exit statuses, where the formats go, baselines, and which configuration holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.report.check_formats import CHECK_NAMES
from tcptrace_py.report.formats import FORMATS
from tools.program import SAMPLES, here, run, without_traceback

STUCK = SAMPLES / "stuck-close-wait.pcap"  # errors: stuck-close-wait, stuck-fin-wait-2, three of each
RETRIED = SAMPLES / "syn-lost.pcap"  # a warning: syn-retransmit
FINE = SAMPLES / "four-way-close.pcap"


Captured = pytest.CaptureFixture[bytes]


def verdict(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    done = run("check", "--format", "json", *arguments, cwd=cwd)
    assert done.stderr == b""
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(result["failed"])
    return result


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of a project, without any configuration above it."""
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    return folder


# ---- exit statuses


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture without findings that ends in the middle of a frame."""
    path = tmp_path_factory.mktemp("cut") / "cut.pcap"
    path.write_bytes(FINE.read_bytes()[:-1])
    return path


@pytest.mark.parametrize("name", CHECK_NAMES)
def test_the_status_is_the_same_in_every_format(name: str, cut: Path, tmp_path: Path, capsysbinary: Captured) -> None:
    known = tmp_path / "known.json"
    assert here("check", "--write-baseline", known, STUCK) == 0
    capsysbinary.readouterr()
    cases: list[tuple[int, list[str | Path]]] = [
        (0, [RETRIED]),
        (0, ["--fail-on", "never", STUCK]),
        (0, ["--baseline", known, STUCK]),
        (0, [cut]),
        (1, [STUCK]),
        (1, ["--fail-on", "warning", RETRIED]),
        (1, ["--strict", STUCK, cut]),
        (2, [tmp_path / "missing.pcap"]),
        (2, ["--fail-on", "eror", STUCK]),
        (2, ["--baseline", tmp_path / "missing.json", STUCK]),
        (3, ["--strict", cut]),
    ]
    for status, arguments in cases:
        assert here("check", "--format", name, *arguments) == status, arguments
        out, err = capsysbinary.readouterr()
        assert bool(out) == (status != 2), arguments
        assert err.count(b"\n") == (1 if status == 2 or cut in arguments else 0), arguments


@pytest.mark.parametrize("name", [row.name for row in FORMATS])
def test_so_it_is_with_the_formats_of_a_report(name: str, cut: Path, tmp_path: Path, capsysbinary: Captured) -> None:
    cases: list[tuple[int, list[str | Path]]] = [
        (0, [STUCK]),
        (0, ["--fail-on", "error", RETRIED]),
        (1, ["--fail-on", "error", STUCK]),
        (1, ["--fail-on", "opening", RETRIED]),
        (2, [tmp_path / "missing.pcap"]),
        (3, ["--strict", cut]),
    ]
    for status, arguments in cases:
        assert here("analyze", "--format", name, *arguments) == status, arguments
        assert bool(capsysbinary.readouterr().out) == (status != 2), arguments


@pytest.mark.parametrize(
    ("fail_on", "status"), [("stuck-close-wait", 1), ("closing", 1), ("opening", 0), ("info", 1), ("never", 0)]
)
def test_names_and_severities_fail(fail_on: str, status: int) -> None:
    assert run("check", "--fail-on", fail_on, STUCK).returncode == status


def test_damage_fails_when_strict_and_after_findings(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(FINE.read_bytes()[:-1])
    assert run("check", cut).returncode == 0
    assert run("check", "--strict", cut).returncode == 3
    cut.write_bytes(STUCK.read_bytes()[:-1])
    assert run("check", "--strict", cut).returncode == 1
    (tmp_path / "tcpfsm.toml").write_text('strict = true\nfail-on = "never"\n')
    assert run("check", cut, cwd=tmp_path).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-file.pcap"], "no such file"),
        (["--fail-on", "eror", STUCK], "did you mean error?"),
        (["--select", "stuck-close-wat", STUCK], "did you mean stuck-close-wait?"),
        (["-o", "sarfi:x", STUCK], "did you mean sarif?"),
        (["-o", "sarif:", STUCK], "the name of a file is missing"),
        (["-o", "sarif:-", "-o", "junit:-", STUCK], "two things go to standard output"),
        (["-o", "no/such/folder/x", STUCK], "cannot be written"),
        (["--baseline", "none.json", STUCK], "none.json: the baseline is not there"),
        (["--config", "none.toml", STUCK], "none.toml: cannot be read"),
        (["--format", "xml", STUCK], "'xml' is not one of"),
    ],
)
def test_errors_are_one_line_and_2(arguments: list[str | Path], said: str, project: Path) -> None:
    done = run("check", *arguments, cwd=project)
    assert (done.returncode, done.stdout) == (2, b"")
    text = without_traceback(done)
    assert said in text
    assert text.count("\n") == 1
    assert list(project.iterdir()) == []


# ---- lines


def test_a_line_says_where_how_bad_and_what() -> None:
    lines = run("check", STUCK).stdout.decode().splitlines()
    assert lines[0].startswith(f"{STUCK}:frame 30: error: stuck-close-wait: The server's application (10.1.0.7:8080)")
    assert lines[0].endswith("(connection 3, 10.1.0.12:40002 > 10.1.0.7:8080)")
    assert lines[-1] == "FAILED: 6 findings (6 fail) in 13 connections"
    assert len(lines) == 7


def test_a_capture_without_findings() -> None:
    assert run("check", FINE).stdout.decode().startswith("passed: 0 findings in ")


def test_of_several_captures_the_line_names_the_one() -> None:
    found = verdict("--select", "stuck-close-wait", FINE, STUCK)
    assert {f["file"] for f in found["findings"]} == {str(STUCK)}
    frames = json.loads(run("analyze", "--format", "json", FINE).stdout)["capture"]["packets"]
    assert found["findings"][0]["frame"] == 30 + frames


def test_standard_input_has_a_name() -> None:
    done = run("check", "-", stdin=STUCK.read_bytes())
    assert done.stdout.startswith(b"<stdin>:frame 30: error: stuck-close-wait: ")


# ---- where the formats go


def test_several_formats_in_one_pass(tmp_path: Path) -> None:
    outputs = [part for name in CHECK_NAMES for part in ("-o", f"{name}:{tmp_path / name}")]
    done = run("check", *outputs, STUCK)
    assert done.returncode == 1
    assert done.stdout == run("check", STUCK).stdout
    for name in CHECK_NAMES:
        assert (tmp_path / name).read_bytes() == run("check", "--format", name, STUCK).stdout, name


def test_an_output_may_take_the_place_of_standard_output(tmp_path: Path) -> None:
    done = run("check", "-f", "json", "-o", tmp_path / "plain", STUCK)
    assert done.stdout == b""
    assert json.loads((tmp_path / "plain").read_bytes())["failed"] is True
    assert json.loads(run("check", "-o", "json:-", STUCK).stdout)["failed"] is True


def test_a_capture_that_cannot_be_read_leaves_no_report(tmp_path: Path) -> None:
    done = run("check", "-o", "json:report.json", "--write-baseline", "known.json", "no.pcap", cwd=tmp_path)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


# ---- baseline


def test_a_baseline_goes_round(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    first = run("check", "--write-baseline", known, STUCK)
    assert first.returncode == 0
    assert first.stdout.count(b"[in the baseline]") == 6
    found = verdict("--baseline", known, STUCK)
    assert found["decisions"] == {"fails": 0, "reported": 0, "baselined": 6, "ignored": 0}
    assert found["baseline"] == {"used": True, "gone": []}
    again = known.read_bytes()
    assert run("check", "--write-baseline", known, STUCK).returncode == 0
    assert known.read_bytes() == again


def test_what_is_not_in_the_baseline_fails(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    run("check", "--write-baseline", known, STUCK)
    whole = json.loads(known.read_text(encoding="utf-8"))
    left_out = whole["findings"].pop(0)["fingerprint"]
    known.write_text(json.dumps(whole))
    found = verdict("--baseline", known, STUCK)
    assert [f["fingerprint"] for f in found["findings"] if f["decision"] == "fails"] == [left_out]


def test_a_baseline_of_something_else_is_of_no_use_and_said_to_be(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    run("check", "--write-baseline", known, STUCK)
    found = verdict("--baseline", known, RETRIED)
    assert len(found["baseline"]["gone"]) == 6
    assert found["decisions"]["baselined"] == 0
    done = run("check", "--verbose", "--baseline", known, RETRIED)
    assert b"6 of the baseline not found any more" in done.stdout
    assert done.stdout.count(b"in the baseline, and not found any more") == 6


def test_the_baseline_of_the_configuration_is_beside_it(project: Path) -> None:
    (project.parent / "tcpfsm.toml").write_text('baseline = "known.json"\n')
    missing = run("check", STUCK, cwd=project)
    assert missing.returncode == 2
    assert b"--write-baseline makes one" in missing.stderr
    assert run("check", "--write-baseline", "../known.json", STUCK, cwd=project).returncode == 0
    assert run("check", STUCK, cwd=project).returncode == 0


# ---- configuration


def test_the_nearest_configuration_holds(project: Path) -> None:
    above = project.parent
    (above / "pyproject.toml").write_text('[tool.tcpfsm]\nfail-on = "never"\n')
    assert run("check", STUCK, cwd=project).returncode == 0
    (above / "tcpfsm.toml").write_text('select = ["opening"]\n')
    assert verdict(STUCK, cwd=project)["findings"] == []
    (project / "pyproject.toml").write_text('[project]\nname = "tcpfsm-user"\n')  # none of ours
    assert verdict(STUCK, cwd=project)["findings"] == []
    (project / "tcpfsm.toml").write_text("")
    assert run("check", STUCK, cwd=project).returncode == 1
    assert run("check", "--config", "../pyproject.toml", STUCK, cwd=project).returncode == 0


def test_the_command_line_goes_before_the_configuration(project: Path) -> None:
    (project / "tcpfsm.toml").write_text(
        'ignore = ["closing"]\nfail-on = "never"\nprofile = "bsd"\n[timers]\ntime_wait = 0\nslop = 0\n'
    )
    assert verdict(STUCK, cwd=project)["findings"] == []
    assert run("check", "--ignore", "opening", "--fail-on", "error", STUCK, cwd=project).returncode == 1
    states = verdict(FINE, cwd=project)["summary"]["states"]
    assert not any("TIME_WAIT" in pair for pair in states)
    states = verdict("--timers", "time_wait=60", FINE, cwd=project)["summary"]["states"]
    assert any("TIME_WAIT" in pair for pair in states)


def test_a_pyproject_of_others_may_have_errors(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project\n")
    assert run("check", FINE, cwd=project).returncode == 0
    (project / "pyproject.toml").write_text("[tool.tcpfsm]\nselect = [\n")
    done = run("check", FINE, cwd=project)
    assert done.returncode == 2
    assert b"not TOML" in done.stderr


def test_thresholds_change_what_is_found(project: Path) -> None:
    (project / "tcpfsm.toml").write_text("[thresholds]\nstuck = 96\n")
    assert verdict(STUCK, cwd=project)["decisions"]["fails"] == 2


def test_analyze_takes_what_it_shares(project: Path) -> None:
    (project / "tcpfsm.toml").write_text('fail-on = "error"\n[thresholds]\nstuck = 96\n')
    done = run("analyze", "--format", "json", STUCK, cwd=project)
    assert done.returncode == 0, "a report does not fail because a file says so"
    assert len(json.loads(done.stdout)["findings"]) == 2
    (project / "tcpfsm.toml").write_text("nonsense = 1\n")
    assert run("analyze", STUCK, cwd=project).returncode == 2
    assert run("demo", cwd=project).returncode == 0, "the demo is the same everywhere"


def test_what_is_ignored_is_told_with_its_reason(project: Path) -> None:
    (project / "tcpfsm.toml").write_text(
        '[[ignores]]\nrule = "closing"\naddress = "10.1.0.12/31"\nport = 40002\nreason = "a test client that is killed"\n'
    )
    found = verdict(STUCK, cwd=project)
    assert found["decisions"]["ignored"] == 2
    assert {f["reason"] for f in found["findings"] if f["client"] == "10.1.0.12:40002"} == {
        "a test client that is killed"
    }
    assert b"[ignored: a test client that is killed]" in run("check", STUCK, cwd=project).stdout
    (project / "tcpfsm.toml").write_text('[[ignores]]\nport = 8080\nreason = "not ours"\n')
    assert run("check", STUCK, cwd=project).returncode == 0


def test_expectations_fail_whatever_was_found(project: Path) -> None:
    (project / "tcpfsm.toml").write_text('[[expect]]\nname = "servers close"\nclosed-by = "server"\n')
    done = run("check", "--ignore", "closing", STUCK, cwd=project)
    assert done.returncode == 1
    text = done.stdout.decode()
    assert "error: expectation 'servers close': 13 of 13 connections are not so (connection 1, " in text
    assert "0 of 1 expectation met" in text
    known = run("check", "--ignore", "closing", "--write-baseline", "known.json", STUCK, cwd=project)
    assert known.returncode == 1, "a baseline is of findings"
    assert run("check", "--fail-on", "never", STUCK, cwd=project).returncode == 0
