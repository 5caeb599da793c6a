from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import tcptrace_py
from tcptrace_py.engine import ENGINE
from tools.helpers import put_program
from tools.program import run


def test_it_says_what_is_here_and_is_never_a_failure() -> None:
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines() if not line.startswith(" "))
    assert lines["tcpfsm"].startswith(tcptrace_py.__version__)
    assert lines["engine"].startswith(ENGINE)
    assert lines["python"].startswith(sys.version.split()[0])
    assert {"click", "dpkt", "msgspec", "pyshark", "tabulate", "tshark", "dumpcap", "tcpdump"} <= set(lines)


def test_what_is_missing_comes_with_the_command_that_mends_it(tmp_path: Path) -> None:
    put_program(tmp_path / "apt-get", "#!/bin/sh\n")
    done = run("doctor", PATH=str(tmp_path))
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    if shutil.which("tshark", path="/usr/sbin:/sbin:/usr/local/sbin"):
        pytest.skip("tshark is where administrators' programs are")
    at = next(i for i, line in enumerate(lines) if line.startswith("tshark"))
    assert "not found" in lines[at]
    assert lines[at + 1].strip().removeprefix("sudo ") == "apt-get install tshark"


def test_a_helper_that_does_not_run_is_no_failure(tmp_path: Path) -> None:
    put_program(tmp_path / "tshark", "#!/nonexistent\n")
    done = run("doctor", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert b"does not run" in done.stdout
