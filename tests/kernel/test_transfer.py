"""Two real kernels transfer known data over a bad wire: what is extracted at every tap is what they sent.

A small one; ``transfer.py`` does larger ones.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def test_what_two_kernels_transferred(python: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    program = Path(__file__).with_name("transfer.py")
    done = python(str(program), "--bytes", "400000", "--connections", "3", "--out", str(tmp_path / "out"))
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["client", "server", "middle", "thinned"]
