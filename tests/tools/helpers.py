"""The programs of others that some tests need: a test without its program is skipped, and says which."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcptrace_py import programs

NEEDS = {
    "--display-filter": "tshark",
    "--labels": "tshark",
    "tcpfsm crosscheck": "tshark",
    "--bpf": "tcpdump",
    " jq ": "jq",
    "\njq ": "jq",
}
"""What in a command needs which program."""


def need(*names: str) -> None:
    """Skip the test where one of them is missing."""
    for name in names:
        if programs.find(name) is None:
            pytest.skip(f"{name} is not installed")


def put_program(path: Path, text: str) -> Path:
    """Write a program that can be run; skip the test where that cannot be."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    if not os.access(path, os.X_OK):
        pytest.skip("nothing may be run in the temporary folder (noexec): set TMPDIR to another")
    return path


def need_for(command: str) -> None:
    """Skip the test where a program is missing that this command needs."""
    need(*(program for part, program in NEEDS.items() if part in command))
