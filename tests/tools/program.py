"""tcpfsm run as a program, in a process of its own; or, where that is all the same, in this one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import tcptrace_py
from tcptrace_py.cli import main

COMMAND = [sys.executable, str(Path(__file__).with_name("start.py"))]
SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def environment(**changes: str) -> dict[str, str]:
    """For a process that must find the tcpfsm under test, and no colours."""
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "PYTHONWARNINGS")}
    return {**clean, "PYTHONPATH": str(Path(tcptrace_py.__file__).resolve().parents[1]), **changes}


def run(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run ``tcpfsm arguments`` to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, check=False, timeout=60, cwd=cwd, env=environment(**env)
    )


def here(*arguments: str | Path) -> int:
    """The exit status of ``tcpfsm arguments``, run in this process: ten times as fast."""
    return main.run(list(map(str, arguments)))


def call(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """The same within this process, which is faster."""
    from tcptrace_py.cli import main

    words = list(map(str, arguments))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        status = main.run(words)
    written = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        written.append(stream.buffer.getvalue())
    return subprocess.CompletedProcess(words, status, *written)


def report(*arguments: str | Path) -> dict[str, Any]:
    """The JSON report of ``tcpfsm analyze arguments``."""
    done = run("analyze", "--format", "json", *arguments)
    assert done.stderr == b""
    assert done.returncode == 0
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def without_traceback(done: subprocess.CompletedProcess[bytes]) -> str:
    """What it said on stderr: one line at most a message, and no traceback."""
    text = done.stderr.decode()
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    return text
