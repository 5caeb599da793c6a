"""The programs of others that some tests need: a test without its program is skipped, and says which."""

from __future__ import annotations

import pytest

from tcptrace_py import programs

NEEDS = {
    "--display-filter": "tshark",
    "--labels": "tshark",
    "tcpfsm crosscheck": "tshark",
    "--bpf": "tcpdump",
    " jq ": "jq",
}
"""What in a command needs which program."""


def need(*names: str) -> None:
    """Skip the test where one of them is missing."""
    for name in names:
        if programs.find(name) is None:
            pytest.skip(f"{name} is not installed")


def need_for(command: str) -> None:
    """Skip the test where a program is missing that this command needs."""
    need(*(program for part, program in NEEDS.items() if part in command))
