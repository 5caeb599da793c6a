"""Captures that are really taken, on the loopback interface of a network namespace; and what happens where none can be."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from tcptrace_py import programs
from tcptrace_py.errors import CaptureError, ConfigError
from tcptrace_py.testing import CannotCaptureError, capture
from tcptrace_py.testing.judging import Judged
from tools.capturing import capturing, need_capture
from tools.documents import CHECKOUT, FENCE
from tools.program import environment

REAL = CHECKOUT / "tests" / "tools" / "really_capture.py"
GUIDE = (CHECKOUT / "docs" / "testing.md").read_text(encoding="utf-8")


def run_pytest(folder: Path, prefix: list[str], *arguments: str) -> str:
    """What pytest says of the tests in ``folder``, with the plugin as an installation has it."""
    known = any(point.name == "tcpfsm" for point in importlib.metadata.entry_points(group="pytest11"))
    plugin = [] if known else ["-p", "tcptrace_py.testing.plugin"]
    command = [*prefix, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *plugin, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        env=environment(PYTEST_ADDOPTS="", COLUMNS="200"),
    )
    return done.stdout


@pytest.mark.parametrize("tool", ["dumpcap", "tcpdump"])
def test_what_was_sent_is_captured_to_the_last_segment(tool: str) -> None:
    assert capturing(REAL, tool, tools=(tool,)) == "all is well\n"


def test_the_example_of_the_guide(tmp_path: Path) -> None:
    example, standalone = (match["body"] for match in FENCE.finditer(GUIDE) if match["language"] == "python")
    (tmp_path / "test_example.py").write_text(example)
    said = run_pytest(tmp_path, need_capture())
    assert "1 failed, 1 passed" in said
    assert '>       cap.assert_no("reset")\nE       AssertionError: not expected (reset):\nE         frame ' in said
    assert ": abortive-close: " not in said.partition("not expected (reset):")[2].partition("Connection 1")[0]
    assert "judging.py" not in said, "the failure is the test's, not ours"
    assert "Connection 1 of capture.pcap" in said
    compile(standalone, "guide", "exec")


def test_the_guide_names_all_there_is() -> None:
    public = [name for name in vars(Judged) if not name.startswith("_") and name != "analyze"]
    for name in (*public, "dropped"):
        assert f"`cap.{name}" in GUIDE, name
    for name in inspect.signature(capture).parameters:
        assert f"| `{name}` |" in GUIDE, name


def test_the_fixture_skips_where_nothing_can_be_captured(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tcptrace_py import programs\nprograms.find = lambda name: None\n")
    (tmp_path / "test_it.py").write_text(
        "def test_it(tcp_capture):\n    with tcp_capture(port=80):\n        raise AssertionError\n"
    )
    said = run_pytest(tmp_path, [])
    assert "1 skipped" in said
    assert "tcpfsm cannot capture here: live capture needs dumpcap or tcpdump, and neither is installed" in said


def test_without_a_tool_or_the_right_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None)
    with pytest.raises(CannotCaptureError, match="neither is installed"), capture(80):
        pass
    monkeypatch.setattr(programs, "find", lambda name: "/bin/false" if name == "tcpdump" else None)
    monkeypatch.setattr(programs, "has_net_raw", lambda: False)
    with pytest.raises(CannotCaptureError), capture(80):
        pass


def test_what_is_no_interface_is_no_reason_to_skip() -> None:
    with pytest.raises(CaptureError, match="is no interface") as failure, capture(80, interface="--help"):
        pass
    if programs.right_to_capture().allowed:
        assert not isinstance(failure.value, CannotCaptureError)


def test_the_plugin_imports_nothing_that_takes_time(tmp_path: Path) -> None:
    code = (
        "import pytest, sys\nbefore = set(sys.modules)\nimport tcptrace_py.testing.plugin\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
        "print([name for name in ('msgspec', 'click', 'dpkt', 'tcptrace_py.packet') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "tcptrace_py" in first
    assert second == "[]"


def test_the_arguments_are_checked_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="is not a port"):
        capture(70000)
