from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tcptrace_py.cli.output import open_output
from tcptrace_py.errors import ConfigError
from tools.program import SAMPLES, run, without_traceback


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    with open_output(str(target)) as out:
        out.write(b"half")
        out.flush()
        assert not target.exists()
    assert target.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_bytes(b"old")
    output = open_output(str(target))
    output.__enter__().write(b"half")
    output.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_are_as_for_any_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        with open_output(str(tmp_path / "new")):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "old").write_bytes(b"")
    (tmp_path / "old").chmod(0o604)
    with open_output(str(tmp_path / "old")):
        pass
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o604


def test_a_link_goes_on_pointing(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with open_output(str(tmp_path / "link")) as out:
        out.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    with open_output(os.devnull) as out:
        out.write(b"x")
    assert not Path(os.devnull).is_file()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"), open_output(str(tmp_path / "no" / "report")):
        pass
    with pytest.raises(ConfigError, match="cannot be written"), open_output(str(tmp_path)):
        pass


def test_from_the_command_line(tmp_path: Path) -> None:
    done = run("analyze", "-f", "csv", "-o", "report.csv", SAMPLES / "four-way-close.pcap", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "report.csv").read_bytes().startswith(b"id,")
    done = run("analyze", "-o", "report.csv", "missing.pcap", cwd=tmp_path)
    assert done.returncode == 2
    assert "missing.pcap" in without_traceback(done)
    assert (tmp_path / "report.csv").read_bytes().startswith(b"id,")
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]
