"""What cannot be read at all: one line that names the file and says what to do."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.errors import CaptureError
from tools.captures import frames, pcap, pcapng
from tools.reading import read_bytes, read_paths

FRAMES = frames(3)


def error_of(paths: list[str]) -> str:
    with pytest.raises(CaptureError) as error:
        open_captures(paths)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{paths[-1]}: ")
    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xd4\xc3", "cut short inside its file header (2 bytes)"),
        (b"\xd4\xc3\xb2\xa1", "cut short inside its file header (4 of 24 bytes)"),
        (pcap([])[:23], "cut short inside its file header (23 of 24 bytes)"),
        (pcapng([])[:27], "cut short inside its file header (27 of 28 bytes)"),
        (b"snoop\0\0\0", "cut short inside its file header (8 of 16 bytes)"),
        (b"snoo", "cut short inside its file header"),
        (b"\n\r\r\n" + bytes(40), "begins like a pcapng file, but its section header has no byte-order mark"),
        (b"\xd4\xc3\xb2\xa1\1\0\0\0" + bytes(16), "is pcap version 1.0"),
        (b"PK\x03\x04" + bytes(40), "is a zip archive: unpack it first"),
        (b"\x1f\x9d" + bytes(40), "compress (.Z)"),
        (b"GET / HTTP/1.1", "is not a capture that can be read (pcap, pcapng, snoop), it starts with 47 45 54 20"),
        (b"x", "is not a capture that can be read"),
        (bytes(1000), "it starts with 00 00 00 00"),
    ],
)
def test_not_a_capture(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    assert says in error_of([str(path)])
    if content:
        with pytest.raises(CaptureError, match=re.escape(says)):
            read_bytes(content)


def test_missing(tmp_path: Path) -> None:
    assert "no such file: check the path" in error_of([str(tmp_path / "x.pcap")])
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert "no such file" in error_of([str(path / "x.pcap")])


def test_a_path_that_is_none() -> None:
    assert "cannot be opened" in error_of(["x\0y"])


def test_a_directory(tmp_path: Path) -> None:
    assert "is a directory" in error_of([str(tmp_path)])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(FRAMES))
    path.chmod(0)
    assert "no permission to read it" in error_of([str(path)])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs devices")
def test_a_device_that_is_empty() -> None:
    assert "is empty" in error_of(["/dev/null"])


def test_no_paths() -> None:
    with pytest.raises(CaptureError, match="no capture named"):
        open_captures([])


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CaptureError, match="standard input: cannot be opened"):
        open_captures(["-"])
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(CaptureError, match="standard input: cannot be opened"):
        open_captures(["-"], closed)


def test_standard_input_can_be_read_once() -> None:
    with pytest.raises(CaptureError, match="more than once"):
        open_captures(["-", "-"])


@pytest.mark.parametrize("later", ["missing", "not a capture", "directory"])
def test_a_later_file_is_checked_before_the_work_starts(later: str, tmp_path: Path) -> None:
    good = tmp_path / "good.pcap"
    good.write_bytes(pcap(FRAMES))
    bad = tmp_path / "bad.pcap"
    if later == "not a capture":
        bad.write_bytes(b"nonsense")
    elif later == "directory":
        bad.mkdir()
    error_of([str(good), str(good), str(bad)])


def test_checking_leaves_no_traces(tmp_path: Path) -> None:
    """The files checked beforehand are read once, and their notes taken once."""
    path = tmp_path / "x.pcapng"
    path.write_bytes(pcapng(FRAMES, comments={2: "here"}))
    reading = read_paths([str(path)] * 3)
    assert reading.captures.comments == [(2, "here"), (5, "here"), (8, "here")]
    assert reading.frames == FRAMES * 3


def test_files_are_closed(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(FRAMES))
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"\x1f\x8b nonsense")
    before = len(os.listdir("/proc/self/fd"))
    read_paths([str(path)] * 5)
    captures = open_captures([str(path)] * 5)
    captures.close()
    captures.close()
    for paths in ([str(bad)], [str(path), str(bad)]):
        with pytest.raises(CaptureError):
            open_captures(paths)
    assert len(os.listdir("/proc/self/fd")) == before
