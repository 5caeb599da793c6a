from __future__ import annotations

import json

import pytest

from tcptrace_py import programs
from tools.program import run


def test_the_interfaces_are_listed() -> None:
    if programs.find("dumpcap") is None and programs.find("tcpdump") is None:
        pytest.skip("neither dumpcap nor tcpdump is installed")
    done = run("interfaces")
    assert (done.returncode, done.stderr) == (0, b"")
    assert any(line.split()[0] in ("lo", "lo0") for line in done.stdout.decode().splitlines())
    told = json.loads(run("interfaces", "--format", "json").stdout)
    assert {"name", "kind", "addresses", "description"} == set(told["interfaces"][0])
    assert told["allowed"] is (told["mend"] is None)


def test_without_a_capture_tool_there_is_one_line() -> None:
    if programs.find("dumpcap") or programs.find("tcpdump"):
        pytest.skip("a capture tool is installed: it would be found")
    done = run("interfaces")
    assert done.returncode == 2
    assert b"neither is installed" in done.stderr
