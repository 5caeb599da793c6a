"""Nothing is written outside of the folder, through a link, or over what others have."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tcptrace_py.errors import ConfigError
from tcptrace_py.extraction.folder import Folder, write_all

links = pytest.mark.skipif(sys.platform == "win32", reason="Windows makes links for administrators only")


def test_files_grow_piece_by_piece(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "new" / "deep"))
    folder.append("a", [b"one ", b"two "])
    folder.append("b", [b"x"] * 2000)
    folder.append("a", [b"three"])
    folder.append("a", [b"!"], gap=3)
    folder.close()
    made = tmp_path / "new" / "deep"
    assert (made / "a").read_bytes() == b"one two three\0\0\0!"
    assert (made / "b").read_bytes() == b"x" * 2000


def test_a_name_that_is_taken_is_an_error_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    folder = Folder(str(tmp_path))
    with pytest.raises(ConfigError, match="exists: choose another folder, or replace it with --force"):
        folder.clear(["b", "a"], force=False)
    with pytest.raises(ConfigError, match="cannot be written"):
        folder.append("a", [b"yours"])
    assert (tmp_path / "a").read_bytes() == b"mine"
    folder.clear(["b", "a"], force=True)
    folder.append("a", [b"yours"])
    assert (tmp_path / "a").read_bytes() == b"yours"


@links
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"safe")
    (tmp_path / "in").mkdir()
    link = tmp_path / "in" / "a"
    link.symlink_to(outside)
    folder = Folder(str(tmp_path / "in"))
    with pytest.raises(ConfigError, match="exists"):
        folder.clear(["a"], force=False)
    with pytest.raises(ConfigError, match="cannot be written"):
        folder.append("a", [b"no"])
    folder.clear(["a"], force=True)
    folder.append("a", [b"yes"])
    assert outside.read_bytes() == b"safe"
    assert not link.is_symlink()


@links
def test_a_file_that_was_replaced_meanwhile_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.append("a", [b"ours"])
    folder.append("b", [b"ours"])
    (tmp_path / "a").rename(tmp_path / "moved")
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(ConfigError, match="somebody has replaced it meanwhile"):
        folder.append("a", [b"more"])
    assert (tmp_path / "a").read_bytes() == b"theirs"
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ConfigError, match="cannot be written"):
        folder.append("b", [b"more"])
    assert (tmp_path / "a").read_bytes() == b"theirs"


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be made or entered"):
        Folder(str(tmp_path / "file"))
    (tmp_path / "d" / "a").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be replaced"):
        Folder(str(tmp_path / "d")).clear(["a"], force=True)


def test_all_is_written_however_little_is_taken_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = os.write
    monkeypatch.setattr(os, "writev", lambda fd, buffers: real(fd, b"".join(buffers)[:3]), raising=False)
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:2]))
    fd = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
    write_all(fd, [b"abc", b"defg", b"h"])
    os.close(fd)
    assert (tmp_path / "a").read_bytes() == b"abcdefgh"
