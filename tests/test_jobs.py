"""``--jobs 2``: not one byte of any report is different, and however one of the two processes ends, so does the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tcptrace_py.cli.exits import INTERRUPTED, TERMINATED, USAGE
from tcptrace_py.relay import pay
from tools.captures import frames, pcap
from tools.program import SAMPLES, call, environment, run, without_traceback

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork: there is one job", allow_module_level=True)

from tcptrace_py.relay.child import Child

CHECKOUT = Path(__file__).resolve().parents[1]
CORPUS = Path(os.environ.get("TCPFSM_CORPUS") or CHECKOUT.parent / "shared" / "corpus")
FORMATS = ("table", "json", "ndjson", "csv")
ALL = sorted(SAMPLES.glob("*.pcap"))
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many children there have been: a comparison of two runs that were both alone shows nothing."""
    begun = Child.__init__
    pids: list[int] = []

    def note(self: Child, *arguments: object) -> None:
        begun(self, *arguments)  # type: ignore[arg-type]
        pids.append(self.pid)

    monkeypatch.setattr(Child, "__init__", note)
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # a test before may have left one that only sleeps
    return pids


def same(*arguments: str | Path) -> bytes:
    """What both ways print, which must be the same."""
    alone = call(*arguments, "--jobs", "1")
    both = call(*arguments, "--jobs", "2")
    assert (both.returncode, both.stdout, both.stderr) == (alone.returncode, alone.stdout, alone.stderr)
    return alone.stdout


def test_every_sample(children: list[int]) -> None:
    for number, sample in enumerate(ALL):
        for name in {"json", FORMATS[number % len(FORMATS)]}:  # each in JSON, which holds all, and in one more
            assert same("analyze", "--format", name, sample)
    assert len(children) > len(ALL) * 1.7


def test_all_samples_as_one_observation(children: list[int]) -> None:
    for name in (*FORMATS, "markdown"):
        assert len(same("analyze", "--format", name, *ALL)) > 1000
    assert same("analyze", "--long", *ALL)
    assert same("check", "--format", "json", *ALL)
    assert same("check", "--format", "sarif", *ALL)
    assert len(children) == 8


def test_with_filters(children: list[int]) -> None:
    for options in (
        ["--where", "finding and duration > 1s"],
        ["--max-connections", "5"],
        ["--select", "closing", "--fail-on", "warning"],
    ):
        assert same("analyze", "--format", "json", *options, *ALL[:12])
    assert len(children) == 3


@pytest.mark.parametrize(
    "options", [["--bpf", "tcp port 80"], ["--display-filter", "tcp.flags.reset == 1"], ["--labels"]]
)
def test_with_what_others_say(options: list[str], children: list[int]) -> None:
    if not same("analyze", "--format", "json", *options, SAMPLES / "client-reboots.pcap", SAMPLES / "http.pcap"):
        pytest.skip("the program that --bpf, --display-filter or --labels needs is missing")
    assert len(children) == 1


def test_what_looks_at_payload_is_done_alone(children: list[int]) -> None:
    assert same("analyze", "--format", "json", "--verify-checksums", SAMPLES / "demo.pcap")
    assert same("analyze", "--format", "json", "--compare-payload", SAMPLES / "demo.pcap")
    assert run("analyze", "--jobs", "2", "-", stdin=(SAMPLES / "demo.pcap").read_bytes()).returncode == 0
    assert children == []


def test_damaged_captures(tmp_path: Path, children: list[int]) -> None:
    whole = (SAMPLES / "thirty-packets.pcap").read_bytes()
    path = tmp_path / "cut.pcap"
    for size in range(30, len(whole), 211):
        path.write_bytes(whole[:size])
        assert same("analyze", "--format", "json", "--strict", path)
    path.write_bytes(whole[:900] + b"\xff" * 300 + whole[1200:])
    assert b"corrupt" in same("analyze", "--format", "json", "--strict", path, SAMPLES / "demo.pcap")
    assert len(children) > 10


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of captures: set TCPFSM_CORPUS to its folder")
def test_captures_that_others_collected(children: list[int]) -> None:
    found = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.stat().st_size < 200_000)
    chosen = [path for path in found if path.suffix in (".pcap", ".pcapng", ".gz", ".cap", ".dmp")][::15]
    for path in chosen:
        same("analyze", "--format", "json", path)
    assert len(children) > len(chosen) / 2 > 10


def test_errors_are_the_same(tmp_path: Path) -> None:
    wrong: list[list[str | Path]] = [
        ["analyze", tmp_path / "none.pcap"],
        ["analyze", CHECKOUT / "pyproject.toml"],
        ["analyze", SAMPLES / "demo.pcap", tmp_path / "none.pcap"],
        ["analyze", SAMPLES],
    ]
    for arguments in wrong:
        assert same(*arguments) == b""
        assert call(*arguments, "--jobs", "2").returncode == USAGE
    done = call("analyze", SAMPLES / "demo.pcap", "--jobs", "0")
    assert (done.returncode, done.stdout) == (USAGE, b"")


def test_a_filter_that_makes_no_sense_for_what_is_read_last(tmp_path: Path, children: list[int]) -> None:
    """The program that knows is asked when the first packet of a link type has come."""
    path = tmp_path / "raw.pcap"
    path.write_bytes(pcap(frames(3), link=101))
    arguments = ("analyze", "--format", "ndjson", "--bpf", "ether host 02:00:00:00:00:01", SAMPLES / "demo.pcap", path)
    same(*arguments)
    done = call(*arguments, "--jobs", "2")
    if b"needs tcpdump" in done.stderr or not children:
        pytest.skip("there is no tcpdump")
    assert done.returncode == USAGE
    assert b"is no capture filter for link type 101" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_configuration_may_say_it(tmp_path: Path, children: list[int]) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text("jobs = 2\n")
    assert call("analyze", "--config", path, SAMPLES / "demo.pcap").returncode == 0
    assert len(children) == 1
    assert call("analyze", "--config", path, "--jobs", "1", SAMPLES / "demo.pcap").returncode == 0
    assert call("analyze", SAMPLES / "demo.pcap").returncode == 0  # too small to pay
    assert len(children) == 1


def test_a_large_capture_is_read_by_another_process(monkeypatch: pytest.MonkeyPatch, children: list[int]) -> None:
    monkeypatch.setattr(pay, "LARGE", 1000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    assert call("analyze", SAMPLES / "demo.pcap").returncode == 0
    assert call("show", SAMPLES / "stuck-close-wait.pcap", "--where", "finding").returncode == 0
    assert call("demo").returncode == 0
    assert len(children) == 1


def test_without_librt(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The interpreted engine, on a system that has no wheel of it."""
    code = (
        "import sys; sys.modules['librt'] = None; from tcptrace_py.cli.main import main; from tcptrace_py import words;"
        "assert words.BytesWriter.__module__ == 'tcptrace_py._words'; main(sys.argv[1:])"
    )
    said = [
        python("-c", code, "analyze", "--format", "json", "--jobs", jobs, str(ALL[0]), str(ALL[1]), TCPFSM_PURE="1")
        for jobs in "12"
    ]
    assert [(done.returncode, done.stderr) for done in said] == [(0, "")] * 2
    assert said[0].stdout == said[1].stdout != ""


# ---- ends


def large(tmp_path: Path) -> Path:
    """A capture with more to read than a pipe holds, and more to report."""
    path = tmp_path / "large.pcap"
    syn = bytes.fromhex("020000000001020000000002080045000028000140004006000001020304050607080050")
    rest = bytes.fromhex("00000001000000005002ffff00000000")
    path.write_bytes(
        pcap((time_of, syn + n.to_bytes(2, "big") + rest) for n, (time_of, _) in enumerate(frames(40_000)))
    )
    return path


def test_a_killed_reader_is_an_error_and_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = Child.chunk

    def kill(self: Child) -> bytes:
        body = passed(self)
        os.kill(self.pid, signal.SIGKILL)
        monkeypatch.setattr(Child, "chunk", passed)
        return body

    monkeypatch.setattr(Child, "chunk", kill)
    done = call("analyze", "--jobs", "2", large(tmp_path))
    assert (done.returncode, done.stdout) == (USAGE, b"")
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("tcpfsm: the process that reads the captures was killed (SIGKILL) before their end")


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Ended, whether or not somebody has fetched what is left of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


WAITING = """
import signal, sys, time
from tcptrace_py.cli.main import main
from tcptrace_py.relay.child import Child

passed = Child.chunk

def chunk(child):
    body = passed(child)
    print(child.pid, flush=True)
    time.sleep(60)
    return body

Child.chunk = chunk
signal.signal(signal.SIGINT, signal.default_int_handler)  # where it was ignored at the start
main(sys.argv[1:])
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, to see processes")
@pytest.mark.parametrize(
    ("number", "to_all", "status"),
    [
        (signal.SIGINT, True, INTERRUPTED),
        (signal.SIGINT, False, INTERRUPTED),
        (signal.SIGTERM, False, TERMINATED),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
)
def test_neither_outlives_the_other(tmp_path: Path, number: signal.Signals, to_all: bool, status: int) -> None:
    """In the middle of it: the child waits to be listened to, and the parent dawdles."""
    command = [sys.executable, "-c", WAITING, "analyze", "--jobs", "2", str(large(tmp_path))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            assert not is_gone(child)
            if to_all:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            said = process.communicate(timeout=PATIENCE)[1]
            assert process.returncode == status
            wait_for(lambda: is_gone(child))
        finally:
            process.kill()
    text = without_traceback(subprocess.CompletedProcess(command, status, b"", said))
    assert text == ("tcpfsm: interrupted\n" if number == signal.SIGINT else "")
