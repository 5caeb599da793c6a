from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tcptrace_py.cli.progress import total_size
from tools.captures import pcap
from tools.program import COMMAND, environment
from tools.talk import Talk

pty = pytest.importorskip("pty", reason="no terminals to open here")

# a run in which every tick is long after the beginning
IMPATIENT = (
    "import sys; from tcptrace_py.cli import progress; progress.PATIENCE = 0.0; "
    "from tcptrace_py.cli.main import main; main()"
)


def on_terminal(arguments: list[str], *, impatient: bool = True) -> tuple[bytes, bytes, int]:
    """Run with stderr a terminal: stdout, what the terminal saw, and the status."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", IMPATIENT] if impatient else COMMAND
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=slave, cwd=os.sep, env=environment(TERM="xterm")
    )
    os.close(slave)
    out, _ = process.communicate(timeout=60)
    seen = b""
    try:
        while chunk := os.read(master, 4096):
            seen += chunk
    except OSError:  # Linux: the other end is closed
        pass
    os.close(master)
    return out, seen, process.returncode


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More packets than pass between two ticks."""
    talk = Talk().handshake()
    path = tmp_path_factory.mktemp("large") / "large.pcap"
    for n in range(40_000):
        talk.send("client", "PA", 101 + n, 301, b"x")
    path.write_bytes(pcap(talk.frames))
    return path


def test_a_bar_on_a_terminal_and_only_there(large: Path) -> None:
    out, seen, status = on_terminal(["analyze", "--format", "csv", str(large)])
    assert status == 0
    assert b"Reading" in seen
    assert b"100%" in seen
    assert out.startswith(b"id,")
    assert b"Reading" not in out
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, "analyze", str(large)],
        cwd=os.sep,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


@pytest.mark.parametrize("option", ["--no-progress", "--quiet"])
def test_no_bar_when_not_wanted(option: str, large: Path) -> None:
    _, seen, status = on_terminal(["analyze", "--format", "csv", option, str(large)])
    assert (seen, status) == (b"", 0)


def test_no_bar_for_what_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "small.pcap"
    path.write_bytes(pcap(Talk().handshake().frames))
    shown = [on_terminal(["analyze", "--format", "csv", str(path)], impatient=False)[1] for _ in range(3)]
    assert b"" in shown, "a busy machine may take its time, but not every time"


def test_the_size_is_known_of_files_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4567")
    assert total_size([str(tmp_path / "a"), str(tmp_path / "b")]) == 7
    assert total_size([str(tmp_path / "a"), "-"]) is None
    os.mkfifo(tmp_path / "pipe")
    assert total_size([str(tmp_path / "pipe")]) is None
