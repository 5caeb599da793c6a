from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcptrace_py.capture.keep import Keeper, Ring
from tcptrace_py.errors import ConfigError


def test_one_file_holds_everything(tmp_path: Path) -> None:
    keeper = Keeper(str(tmp_path / "a.pcapng"))
    keeper.write(b"one")
    keeper.write(b"")
    keeper.write(b"two")
    keeper.close()
    assert (tmp_path / "a.pcapng").read_bytes() == b"onetwo"
    assert not keeper.is_full()
    assert list(keeper.paths) == [str(tmp_path / "a.pcapng")]


def test_the_oldest_file_of_a_ring_gives_way(tmp_path: Path) -> None:
    keeper = Keeper(str(tmp_path / "a.pcapng"), Ring(size=4, files=2))
    for n in range(4):
        assert not keeper.is_full()
        keeper.write(b"%d..." % n)
        assert keeper.is_full()
        keeper.begin_next(b"H")
    keeper.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a_00004.pcapng": b"H3...",
        "a_00005.pcapng": b"H",
    }


def test_that_somebody_else_removed_a_file_is_no_trouble(tmp_path: Path) -> None:
    keeper = Keeper(str(tmp_path / "a"), Ring(size=1, files=1))
    keeper.write(b"one")
    (tmp_path / "a_00001.pcapng").unlink()
    keeper.begin_next(b"H")
    keeper.close()
    assert keeper.trouble == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a_00002.pcapng"]


def test_a_file_may_be_full_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    keeper = Keeper(str(tmp_path / "a.pcapng"), Ring(seconds=5))
    assert not keeper.is_full()
    now[0] = 105.0
    assert keeper.is_full()
    keeper.begin_next(b"H")
    assert not keeper.is_full()
    keeper.close()
    assert len(keeper.paths) == 2


def test_what_cannot_be_written_is_known_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nowhere/a: cannot be written \(No such file or directory\): check its folder"
    ):
        Keeper(str(tmp_path / "nowhere" / "a"))
    with pytest.raises(ConfigError, match="cannot be written"):
        Keeper(str(tmp_path))


def test_a_file_that_fills_its_disk_ends_where_it_was_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(str(tmp_path / "a.pcapng"))
    keeper.write(b"whole")
    file = keeper._file

    class Full:
        """Takes two bytes more."""

        left = 2

        def write(self, data: memoryview) -> int:
            if not self.left:
                raise OSError(28, "No space left on device")
            self.left -= 1
            return file.write(data[:1])

        truncate = staticmethod(file.truncate)
        close = staticmethod(file.close)

    keeper._file = Full()  # type: ignore[assignment]
    keeper.write(b"block")
    assert (tmp_path / "a.pcapng").read_bytes() == b"whole"
    assert keeper.trouble.endswith(
        "cannot be written further (No space left on device); what was written until then is whole"
    )
    keeper.write(b"more")
    keeper.close()
    assert (tmp_path / "a.pcapng").read_bytes() == b"whole"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_device_that_is_full(tmp_path: Path) -> None:
    keeper = Keeper("/dev/full")
    keeper.write(b"block")
    assert "No space left on device" in keeper.trouble
    keeper.close()
