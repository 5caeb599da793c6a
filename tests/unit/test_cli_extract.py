"""tcpfsm extract, as it is typed."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tcptrace_py.cli import extracting
from tools.captures import pcap
from tools.program import SAMPLES, here, run
from tools.talk import Talk

HTTP = str(SAMPLES / "http.pcap")
REUSE = str(SAMPLES / "time-wait-reuse.pcap")


class Done(NamedTuple):
    returncode: int
    stdout: bytes
    stderr: bytes


Do = Callable[..., Done]


@pytest.fixture
def do(capsysbinary: pytest.CaptureFixture[bytes]) -> Do:
    """Run ``tcpfsm arguments`` in this process."""

    def run_here(*arguments: str) -> Done:
        status = here(*arguments)
        said = capsysbinary.readouterr()
        return Done(status, said.out, said.err)

    return run_here


def rows(folder: Path, kind: str) -> list[dict[str, object]]:
    lines = (folder / "streams.ndjson").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["type"] == kind]


def test_streams_of_all_connections(do: Do, tmp_path: Path) -> None:
    done = do("extract", HTTP, "--streams", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"10 streams of 5 connections, 6,430 bytes, in ")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 11
    assert names[0] == "000001-client-10.1.0.11_40001-10.1.0.7_8080.bin"
    assert (tmp_path / "out" / names[0]).read_bytes().startswith(b"GET / HTTP/1.1\r\n")
    listed = rows(tmp_path / "out", "stream")
    assert sorted(str(row["file"]) for row in listed) == names[:10]
    assert all(row["complete"] for row in listed)
    assert {row["bytes"] for row in listed} == {path.stat().st_size for path in (tmp_path / "out").glob("*.bin")}


def test_a_connection_named_in_any_way(do: Do, tmp_path: Path) -> None:
    found = json.loads(do("analyze", HTTP, "--format", "json").stdout)["connections"][1]
    ways = ["2", "10.1.0.7:8080-10.1.0.12:40002", f"frame {found['last_frame']}", found["community_id"]]
    for n, way in enumerate(ways):
        folder = tmp_path / str(n)
        done = do("extract", HTTP, "-c", way, "--streams", str(folder), "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert {row["connection"] for row in rows(folder, "stream")} == {2}


def test_by_rule_and_state(do: Do, tmp_path: Path) -> None:
    stuck = str(SAMPLES / "stuck-close-wait.pcap")
    for n, options in enumerate(
        (
            ["--rule", "stuck-close-wait"],
            ["--state", "FIN_WAIT_2/CLOSE_WAIT"],
            ["--where", "server.state == CLOSE_WAIT"],
            ["--where", "server.state == CLOSE_WAIT and client.sent.pure_acks >= 1"],  # a figure that few reports need
        )
    ):
        done = do("extract", stuck, *options, "--streams", str(tmp_path / str(n)))
        assert done.stdout.startswith(b"6 streams of 3 connections"), done
    done = do("extract", stuck, "--rule", "opening", "--pcap", str(tmp_path / "none.pcapng"))
    assert done.stdout.startswith(b"No connection was chosen, of 13.\n0 frames of 0 connections")
    assert do("analyze", str(tmp_path / "none.pcapng")).stdout.startswith(b"No TCP connection in this capture.")


def test_follow_prints_turns(do: Do) -> None:
    done = do("extract", HTTP, "--follow", "1")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert text.startswith("Connection 1: client 10.1.0.11:40001 → server 10.1.0.7:8080\n▶ client, frame ")
    assert "\nGET /" in text
    raw = do("extract", HTTP, "--follow", "1", "--format", "raw").stdout
    assert raw.startswith(b"GET /")
    assert len(raw) == 372 + 3042


def test_follow_goes_to_a_file_too(do: Do, tmp_path: Path) -> None:
    target = tmp_path / "said.txt"
    done = do("extract", HTTP, "--follow", "1", "--format", "hex", "-o", str(target))
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"00000000  47 45 54 20" in target.read_bytes()


def test_a_capture_on_standard_output_and_from_standard_input() -> None:
    carved = run("extract", "-", "-c", "3", "--pcap", "-", stdin=Path(HTTP).read_bytes())
    assert carved.returncode == 0, carved.stderr
    assert b"of 1 connection in standard output" in carved.stderr
    found = json.loads(run("analyze", "-", "--format", "json", stdin=carved.stdout).stdout)
    assert [c["client"]["port"] for c in found["connections"]] == [40003]


def test_the_neighbours_on_the_same_ports_come_along(do: Do, tmp_path: Path) -> None:
    both, one = tmp_path / "both", tmp_path / "one"
    done = do("extract", REUSE, "-c", "2", "--pcap", str(both))
    assert b"1 connection, and of 1 before or after on the same ports," in done.stdout
    done = do("extract", REUSE, "-c", "2", "--pcap", str(one), "--alone")
    assert b"before or after" not in done.stdout
    counts = [
        [c["findings"] for c in json.loads(do("analyze", str(path), "--format", "json").stdout)["connections"]]
        for path in (both, one)
    ]
    assert counts == [[[], ["time-wait-reuse"]], [[]]]


def test_holes_can_be_filled(do: Do, tmp_path: Path) -> None:
    talk = Talk().handshake()
    talk.send("client", "PA", 101, 301, b"begin").send("client", "PA", 116, 301, b"end").send("server", "A", 301, 119)
    capture = tmp_path / "holes.pcap"
    capture.write_bytes(pcap(talk.frames))
    for fill, text in ((None, b"beginend"), ("0", b"begin" + bytes(10) + b"end"), ("0x2e", b"begin..........end")):
        folder = tmp_path / f"fill-{fill}"
        done = do("extract", str(capture), "--streams", str(folder), *(["--fill", fill] if fill else []))
        assert b"10 bytes missing in 1 hole (10 acknowledged: the capture misses them)\n" in done.stdout
        assert next(folder.glob("*client*")).read_bytes() == text
        (hole,) = rows(folder, "hole")
        assert (hole["offset"], hole["length"], hole["position"], hole["acknowledged"]) == (5, 10, 5, True)
    assert do("extract", str(capture), "--streams", str(tmp_path / "strict"), "--strict").returncode == 3


def test_files_that_are_there_are_not_overwritten_unless_forced(do: Do, tmp_path: Path) -> None:
    assert do("extract", HTTP, "--streams", str(tmp_path)).returncode == 0
    done = do("extract", HTTP, "--streams", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"exists: choose another folder, or replace it with --force\n" in done.stderr
    assert do("extract", HTTP, "--streams", str(tmp_path), "--force").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "extract what? --streams DIR, --pcap FILE or --follow CONNECTION"),
        (["--follow", "1", "--streams", "x"], "--follow names the one connection"),
        (["--follow", "99"], "no connection 99 among 5"),
        (["--follow", "x"], "'x' names no connection"),
        (["-c", "frame 9999", "--streams", "x"], "no frame 9999"),
        (["--streams", "x", "--fill", "256"], "--fill: '256' is not a byte"),
        (["--pcap", "x", "--fill", "0"], "--fill is for --streams"),
        (["--streams", "x", "-o", "y"], "--output is for --follow"),
        (["--streams", "x", "--state", "OPEN"], "no state 'OPEN'"),
        (["--streams", "x", "--rule", "nothing"], "no rule or family 'nothing'"),
        (["--pcap", HTTP], "is a capture that is to be read"),
    ],
)
def test_what_makes_no_sense(
    do: Do, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = do("extract", HTTP, *words)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_cannot_be_read_twice(do: Do, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = do("extract", str(tmp_path / "pipe"), "--streams", str(tmp_path / "x"))
    assert done.returncode == 2
    assert b"is a pipe or device, and captures are read twice: use - for standard input" in done.stderr


def test_standard_input_is_kept_within_bounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extracting, "MOST_SPOOLED", 1000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(HTTP).read_bytes())))
    assert here("extract", "-", "--follow", "1") == 2
    assert "save it to a file first" in capsys.readouterr().err


def test_names_of_hostile_captures_stay_in_the_folder(do: Do, tmp_path: Path) -> None:
    talk = Talk(("::1", 40000), ("fe80::ffff:ffff", 80)).handshake().send("client", "PA", 101, 301, b"x")
    (tmp_path / "c.pcap").write_bytes(pcap(talk.frames))
    assert do("extract", str(tmp_path / "c.pcap"), "--streams", str(tmp_path / "d")).returncode == 0
    names = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert names == ["000001-client---1_40000-fe80--ffff-ffff_80.bin", "streams.ndjson"]
