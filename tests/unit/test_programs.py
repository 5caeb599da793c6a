from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcptrace_py import programs
from tcptrace_py.errors import HelperError
from tools.helpers import put_program


def put(folder: Path, name: str) -> Path:
    """A program that can be found."""
    return put_program(folder / name, "#!/bin/sh\necho it ran\n")


def test_a_program_is_found_on_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "tshark")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("tshark") == str(tmp_path / "tshark")
    assert programs.version(str(tmp_path / "tshark")) == "it ran"


@pytest.mark.parametrize("path", ["", ".", "bin", f"{os.pathsep}/nonexistent", "./bin:."])
def test_nothing_is_found_in_or_below_the_current_folder(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    put(tmp_path, "tshark-of-the-folder")
    put(tmp_path / "bin", "tshark-of-the-folder")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    assert programs.find("tshark-of-the-folder") is None


def test_what_is_needed_and_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None)
    with pytest.raises(HelperError, match=r"--labels needs tshark, which is not installed; .* To install it: .*"):
        programs.need("tshark", "--labels")


def found(**paths: str) -> object:
    """Instead of ``find``."""
    return paths.get


def test_whoever_may_open_raw_sockets_may_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", found(tcpdump="/usr/bin/tcpdump"))
    monkeypatch.setattr(programs, "has_net_raw", lambda: True)
    assert programs.right_to_capture() == (True, "allowed: this process may open raw sockets", "")
    monkeypatch.setattr(programs, "find", found())
    right = programs.right_to_capture()
    assert not right.allowed
    assert "neither dumpcap nor tcpdump" in right.why


def test_the_right_to_capture_comes_with_the_command_that_grants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "has_net_raw", lambda: False)
    monkeypatch.setattr(programs, "is_root", lambda: False)
    monkeypatch.setattr(programs, "find", found(dumpcap="/usr/bin/dumpcap", tcpdump="/usr/bin/tcpdump"))
    monkeypatch.setattr(programs, "is_privileged", lambda path: False)
    assert programs.right_to_capture().command == "sudo setcap cap_net_raw,cap_net_admin+eip /usr/bin/dumpcap"
    # it has the right, and only its group may run it
    monkeypatch.setattr(programs, "is_privileged", lambda path: path.endswith("dumpcap"))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert programs.right_to_capture().command.startswith('sudo usermod -aG wireshark "$USER"')
    monkeypatch.setattr("os.access", lambda path, mode: True)
    assert programs.right_to_capture() == (True, "allowed: /usr/bin/dumpcap has the right", "")
    monkeypatch.setattr(programs, "find", found(tcpdump="/usr/bin/tcpdump"))
    assert programs.right_to_capture().command == "sudo setcap cap_net_raw,cap_net_admin+eip /usr/bin/tcpdump"


def test_in_a_container_the_right_comes_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "has_net_raw", lambda: False)
    monkeypatch.setattr(programs, "is_privileged", lambda path: False)
    monkeypatch.setattr(programs, "is_root", lambda: True)
    monkeypatch.setattr(programs, "is_contained", lambda: True)
    monkeypatch.setattr(programs, "find", found(dumpcap="/usr/bin/dumpcap"))
    assert "--cap-add=NET_RAW" in programs.right_to_capture().command
