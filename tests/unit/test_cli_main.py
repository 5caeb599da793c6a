"""How a run ends: exit statuses, closed pipes, signals, and what is said on stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tcptrace_py.cli import main
from tcptrace_py.cli.main import COMMANDS
from tools.captures import pcap
from tools.program import COMMAND, SAMPLES, environment, run, without_traceback
from tools.talk import Talk

STUCK = SAMPLES / "stuck-close-wait.pcap"
FINE = SAMPLES / "four-way-close.pcap"


def test_without_arguments_it_helps() -> None:
    done = run()
    assert done.returncode == 0
    assert all(name.encode() in done.stdout for name in COMMANDS)
    assert done.stderr == b""


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_helps(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: tcpfsm {name}".encode())


def test_help_imports_nothing_slow(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys\n"
        "from tcptrace_py.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        "slow = {'tabulate', 'dpkt', 'pyshark', 'msgspec', 'tcptrace_py.machine', 'tcptrace_py.rules'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_json_needs_no_library_for_tables(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys\n"
        "from tcptrace_py.cli.main import run\n"
        f"assert run(['analyze', '--format', 'json', {str(FINE)!r}]) == 0\n"
        "slow = {'tabulate', 'dpkt', 'pyshark'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_version() -> None:
    from tcptrace_py import __version__

    assert run("--version").stdout.decode().strip().endswith(__version__)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyse"], "did you mean analyze?"),
        (["analyze"], "Missing argument"),
        (["analyze", "--nope"], "No such option"),
        (["analyze", "--format", "xml", STUCK], "'xml' is not one of"),
        (["analyze", "no-such-file.pcap"], "no-such-file.pcap: no such file"),
        (["analyze", "--profile", "plan9", STUCK], "'plan9' is not one of"),
        (["analyze", "--timers", "time_wait", STUCK], "NAME=SECONDS"),
        (["analyze", "--timers", "time_wate=1", STUCK], "did you mean time_wait?"),
        (["analyze", "--timers", "time_wait=nan", STUCK], "not a number of seconds"),
        (["analyze", "--max-connections", "-1", STUCK], "-1"),
        (["analyze", "-", "-"], "more than once"),
        (["analyze", __file__], "not a capture"),
        (["explain", "nothing-of-the-kind"], "nothing to explain"),
        ([STUCK], "tcpfsm analyze"),
    ],
)
def test_a_usage_error_is_one_line_and_status_2(arguments: list[str | Path], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    text = without_traceback(done)
    assert said in text
    assert text.startswith("tcpfsm: ")
    assert text.count("\n") == 1


def test_an_empty_standard_input_is_no_capture() -> None:
    done = run("analyze", "-", stdin=b"")
    assert done.returncode == 2
    assert "standard input: is empty" in without_traceback(done)


@pytest.mark.parametrize("name", ["table", "json", "ndjson", "csv", "markdown"])
def test_standard_input_and_files_give_the_same(name: str, tmp_path: Path) -> None:
    data = pcap(Talk().handshake().close().frames, nano=True)
    (tmp_path / "some.pcap").write_bytes(data)
    from_file = run("analyze", "--format", name, "some.pcap", cwd=tmp_path)
    from_pipe = run("analyze", "--format", name, "-", stdin=data)
    assert from_file.returncode == from_pipe.returncode == 0
    connections = [
        line for line in from_file.stdout.splitlines() if b"10.0.0.1" in line and b"-r some.pcap" not in line
    ]
    assert connections
    assert all(line in from_pipe.stdout.splitlines() for line in connections)


# ---- damage


def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(Talk().handshake().close().frames)[:-7])
    return path


def test_damage_is_a_warning(tmp_path: Path) -> None:
    done = run("analyze", damaged(tmp_path))
    assert done.returncode == 0
    assert without_traceback(done).startswith("tcpfsm: warning: ")
    assert b"cut.pcap" in done.stderr


def test_damage_is_silent_when_asked(tmp_path: Path) -> None:
    done = run("analyze", "--quiet", damaged(tmp_path))
    assert (done.returncode, done.stderr) == (0, b"")


def test_damage_fails_strictly(tmp_path: Path) -> None:
    assert run("analyze", "--strict", damaged(tmp_path)).returncode == 3
    assert run("analyze", "--strict", FINE).returncode == 0


# ---- closed pipes and signals


@pytest.mark.parametrize("name", ["table", "json", "ndjson", "csv", "markdown"])
def test_a_closed_pipe_is_141_and_quiet(name: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(
            [*COMMAND, "analyze", "--format", name, str(STUCK)],
            stdout=out, stderr=subprocess.PIPE, env=environment(), check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["rules"], ["doctor"], ["explain", "FIN_WAIT_2"]])
def test_a_closed_pipe_is_141_for_every_command(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=out, stderr=subprocess.PIPE, env=environment(), check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_head_gets_its_lines() -> None:
    command = f"{' '.join(COMMAND)} analyze --format ndjson '{STUCK}' '{STUCK}' | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment(), check=True, timeout=60)
    assert done.stderr == b""
    lines = done.stdout.splitlines()
    assert lines[0].startswith(b'{"type":')
    assert lines[-1] in (b"0", b"141")  # 0: all of it fitted into the pipe


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(number: int, status: int, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    process = subprocess.Popen(
        [*COMMAND, "analyze", "--format", "json", "--output", str(target), "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(pcap(Talk().handshake().frames))
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not list(tmp_path.iterdir()):  # it has begun when its temporary file is there
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert out == b""
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "analyze", str(STUCK)],
            stdout=full, stderr=subprocess.PIPE, env=environment(), check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert without_traceback(done).count("\n") == 1


def test_completion_is_offered() -> None:
    done = subprocess.run(
        [*COMMAND], env=environment(_TCPFSM_COMPLETE="bash_source"), capture_output=True, check=False, timeout=60
    )
    assert b"_TCPFSM_COMPLETE=bash_complete" in done.stdout


# ---- colours


def test_colors_only_when_wanted() -> None:
    assert b"\x1b[" not in run("analyze", STUCK).stdout
    assert b"\x1b[" in run("analyze", "--color", "always", STUCK).stdout
    assert b"\x1b[" not in run("analyze", "--color", "always", STUCK, NO_COLOR="1").stdout


def test_a_terminal_that_knows_only_ascii_is_written_to() -> None:
    done = run("analyze", STUCK, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0
    done.stdout.decode("ascii")


def test_it_is_a_module_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tcptrace_py", "--version"],
        cwd=tmp_path, env=environment(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == run("--version").stdout


def test_too_little_memory_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tcptrace_py.cli.analysis.Tracker", greedy)
    assert main.run(["analyze", str(FINE)]) == 2
    assert capsys.readouterr().err == "tcpfsm: out of memory: --max-connections bounds how many connections are kept\n"
