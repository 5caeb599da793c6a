"""Live analysis, on real traffic: it says what ``analyze`` says later of the file that it kept, and says it in time."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tools import captures as cap
from tools.capturing import capturing
from tools.helpers import put_program
from tools.program import COMMAND, SAMPLES, environment, run, without_traceback

SCENE = Path(__file__).with_name("tools") / "live_scene.py"
EVENTS = {"opened", "transition", "resolved", "closed", "tick"}
STUCK_AFTER = 1.5
CONFIG = f"[thresholds]\nstuck = {STUCK_AFTER}\nunanswered = 1.0\n"
SOURCE = re.compile(r'"sources":\[\{"name":"[^"]*","format":"pcapng","compression":null,"size":(?:null|\d+)')


class Scene:
    """What happened (see live_scene)."""

    def __init__(self, folder: Path) -> None:
        (folder / "tcpfsm.toml").write_text(CONFIG)
        self.folder = folder
        told = json.loads(capturing(SCENE, str(folder)))
        self.waited: float | None = told["waited"]
        self.texts: list[str] = told["lines"]
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in self.texts]
        self.report: str = told["report"]
        self.statuses: list[int] = told["statuses"]
        self.said: list[str] = told["said"]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines if line["type"] == kind]


SOON = 1.0
"""Seconds after its threshold in which a thing that hangs must be told of."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    for _ in range(2):  # a machine with much else to do may be late, but not every time
        made = Scene(tmp_path_factory.mktemp("scene"))
        if made.waited is not None and made.waited <= STUCK_AFTER + SOON:
            return made
    return Scene(tmp_path_factory.mktemp("scene"))


def analysed(scene: Scene, name: str) -> str:
    """What ``analyze`` says of what was kept."""
    done = run("analyze", "--config", scene.folder / "tcpfsm.toml", "--format", name, scene.folder / f"{name}.pcapng")
    assert (done.returncode, done.stderr) == (0, b"")
    return SOURCE.sub("SOURCE", done.stdout.decode())


def test_it_ends_well(scene: Scene) -> None:
    assert scene.said == ["", ""]
    assert scene.statuses == [130, 143]  # one was interrupted, the other terminated


def test_the_report_is_that_of_the_file_it_kept_byte_for_byte(scene: Scene) -> None:
    assert SOURCE.sub("SOURCE", scene.report) == analysed(scene, "json")
    report = json.loads(scene.report)
    assert report["capture"]["dropped"] == 0
    outcomes = report["summary"]["outcomes"]
    assert outcomes["closed"] >= 2
    assert (outcomes["refused"], outcomes["stuck"]) == (1, 1)
    assert outcomes["unanswered"] >= 1
    assert {"connection-refused", "stuck-fin-wait-2", "stuck-close-wait", "syn-unanswered"} <= set(
        report["summary"]["findings"]
    )


def test_without_its_events_the_stream_is_the_report(scene: Scene) -> None:
    lines = [
        text
        for text, line in zip(scene.texts, scene.lines, strict=True)
        if line["type"] not in EVENTS and not line.get("provisional")
    ]
    # connections that end at nearly the same time may be told in another order
    assert sorted(SOURCE.sub("SOURCE", "".join(lines)).splitlines()) == sorted(analysed(scene, "ndjson").splitlines())


def test_what_hangs_is_told_of_although_nothing_comes(scene: Scene) -> None:
    assert scene.waited is not None
    assert STUCK_AFTER <= scene.waited <= STUCK_AFTER + SOON
    found = [line for line in scene.of("finding") if line.get("provisional")]
    assert {"stuck-fin-wait-2", "stuck-close-wait", "connection-refused"} <= {line["rule"] for line in found}


def test_every_connection_is_told_of_from_its_opening_on(scene: Scene) -> None:
    opened = [line["connection"] for line in scene.of("opened")]
    assert opened == sorted(opened)
    assert opened == [line["id"] for line in sorted(scene.of("connection"), key=lambda line: line["id"])]
    for line in scene.of("connection"):
        for side in ("client", "server"):
            steps = [
                event
                for event in scene.of("transition")
                if (event["connection"], event["endpoint"]) == (line["id"], side)
            ]
            assert all(a["to"] == b["from"] for a, b in itertools.pairwise(steps))
            if steps:
                assert steps[-1]["to"] == line["endpoints"][side]["state"]
    closed = {line["connection"] for line in scene.of("closed")}
    assert closed == {line["id"] for line in scene.of("connection") if line["outcome"] in ("closed", "refused")}


def test_the_clock_goes_on_when_nothing_comes(scene: Scene) -> None:
    ticks = scene.of("tick")
    assert len(ticks) >= 8
    times = [line["time"] for line in ticks if line["time"] is not None]
    assert times == sorted(times)
    assert ticks[-1]["packets"] == scene.of("capture")[0]["packets"]
    assert ticks[-1]["errors"] >= 2


# ---- a capture tool of our own making


class Tool:
    """A folder that is first on the search path, with a dumpcap that does as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()

    def does(self, script: str) -> None:
        """What it does; ``$PID`` is the file where it leaves its process id."""
        put_program(self.folder / "dumpcap", f"#!/bin/sh\necho $$ > {self.folder}/pid\n{script}\n")

    def live(self, *words: str | Path, name: str = "lo") -> subprocess.CompletedProcess[bytes]:
        """Run; nothing may be left behind."""
        done = run("live", name, *words, PATH=f"{self.folder}:{os.environ['PATH']}", TMPDIR=str(self.temporary))
        assert list(self.temporary.iterdir()) == []
        assert not self.is_running()
        return done

    def is_running(self) -> bool:
        """Whether it, or what it started, still runs."""
        pid = self.folder / "pid"
        if not pid.exists():
            return False
        try:
            os.kill(int(pid.read_text()), 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path)


STUCK = SAMPLES / "stuck-close-wait.pcap"


def report_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """The JSON report that was written."""
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_a_tool_that_is_killed_leaves_a_report_of_what_came(tool: Tool) -> None:
    tool.does(f"cat {STUCK}; kill -9 $$")
    done = tool.live("--format", "json", "--write", tool.folder / "kept.pcapng")
    assert done.returncode == 2
    assert without_traceback(done) == "tcpfsm: lo: dumpcap was ended by SIGKILL; the report tells of what came before\n"
    assert report_of(done)["summary"]["connections"] == 13
    kept = run("analyze", "--format", "json", tool.folder / "kept.pcapng")
    assert SOURCE.sub("SOURCE", kept.stdout.decode()) == SOURCE.sub("SOURCE", done.stdout.decode())


def test_a_tool_that_is_killed_within_a_packet(tool: Tool) -> None:
    tool.does(f"head -c 1000 {STUCK}; kill -9 $$")
    done = tool.live("--format", "json")
    assert done.returncode == 2
    warning, error = without_traceback(done).splitlines()
    assert re.fullmatch(
        r"tcpfsm: warning: lo: frame 11 at byte \d+: the capture ended within it, after \d+ bytes; what comes before it was read",
        warning,
    )
    assert error == "tcpfsm: lo: dumpcap was ended by SIGKILL; the report tells of what came before"
    report = report_of(done)
    assert (report["capture"]["packets"], report["capture"]["problems"][0]["kind"]) == (10, "truncated")


def test_a_full_disk_ends_the_capture_and_what_was_seen_is_reported(tool: Tool) -> None:
    tool.does(f"cat {STUCK}; exec sleep 60")
    done = tool.live("--format", "json", "--write", "/dev/full")
    assert done.returncode == 2
    reason = "No space left on device"
    assert without_traceback(done) == (
        f"tcpfsm: /dev/full: cannot be written further ({reason}); what was written until then is whole\n"
    )
    assert report_of(done)["summary"]["connections"] == 13


@pytest.mark.parametrize(
    ("script", "words", "line"),
    [
        (
            "echo 'dumpcap: There is no device named \"lo\".' >&2; exit 1",
            (),
            "tcpfsm: lo: no such interface: tcpfsm interfaces lists them",
        ),
        (
            "echo 'dumpcap: Invalid capture filter \"x y\"' >&2; echo '(syntax error).' >&2; exit 1",
            ("--bpf", "x y"),
            "tcpfsm: --bpf 'x y' is no capture filter (syntax error): man pcap-filter describes the language",
        ),
        ("exit 3", (), "tcpfsm: lo: dumpcap cannot capture on it: it says nothing"),
        ("cat /dev/null", (), "tcpfsm: lo: dumpcap cannot capture on it: it says nothing"),
        (
            "echo nonsense; exit 0",
            (),
            "",
        ),
        ("exit 0", ("--write", "/nonexistent/x.pcapng"), ""),
        ("exit 0", ("--keep-files", "3"), ""),
        ("exit 0", ("--select", "stuck-fin-wait"), ""),
    ],
)
def test_what_cannot_begin_is_one_line(tool: Tool, script: str, words: tuple[str, ...], line: str) -> None:
    tool.does(script)
    done = tool.live(*words)
    assert done.returncode == 2
    assert done.stdout == b""
    said = without_traceback(done)
    assert said.count("\n") == 1
    assert said == f"{line}\n" or not line


def test_without_permission_the_command_that_grants_it_is_told(tool: Tool) -> None:
    for name in ("dumpcap", "tcpdump"):
        put_program(tool.folder / name, "#!/bin/sh\necho 'You do not have permission to capture' >&2; exit 1\n")
    done = tool.live()
    assert done.returncode == 2
    assert re.fullmatch(
        r"tcpfsm: lo: no permission to capture on it: .*(setcap|usermod|--cap-add).*\n", without_traceback(done)
    )


def test_it_ends_after_a_while_and_its_tool_with_it(tool: Tool) -> None:
    tool.does(f"cat {STUCK}; exec sleep 60")
    done = tool.live("--format", "json", "--duration", "0.4")
    assert (done.returncode, done.stderr) == (0, b"")
    assert report_of(done)["summary"]["connections"] == 13


def test_it_ends_after_so_many_packets(tool: Tool) -> None:
    tool.does(f"cat {STUCK}; exec sleep 60")
    kept = tool.folder / "kept.pcapng"
    done = tool.live("--format", "json", "--count", "7", "--write", kept)
    assert (done.returncode, done.stderr) == (0, b"")
    assert report_of(done)["capture"]["packets"] == 7
    again = run("analyze", "--format", "json", kept)
    assert SOURCE.sub("SOURCE", again.stdout.decode()) == SOURCE.sub("SOURCE", done.stdout.decode())


def test_a_closed_standard_output_ends_everything_quietly(tool: Tool) -> None:
    tool.does(f"cat {STUCK}; exec sleep 60")
    process = subprocess.Popen(
        [*COMMAND, "live", "lo", "--format", "ndjson", "--interval", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(PATH=f"{tool.folder}:{os.environ['PATH']}"),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'{"type":')
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
    assert not tool.is_running()


# ---- piped in


def test_a_capture_that_is_piped_in_is_live_too() -> None:
    done = run("live", "-", "--format", "table", stdin=STUCK.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert re.match(
        r"\d\d:\d\d:\d\d\.\d{3} error stuck-close-wait: connection 3 10\.1\.0\.12:40002 > 10\.1\.0\.7:8080: ", lines[0]
    )
    assert any(" status: 137 packets (" in line for line in lines)
    assert "13 connections: 10 look fine, 3 have findings (6 errors)." in lines


def test_an_interrupt_before_anything_came_is_an_interrupt(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    words = ["live", "-", "--write", str(tmp_path / "kept.pcapng")]
    process = subprocess.Popen([*COMMAND, *words], stdin=reading, stderr=subprocess.PIPE, env=environment())
    try:
        while not (tmp_path / "kept.pcapng").exists():  # by then it listens to signals
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_ring_keeps_the_last_files_and_each_of_them_is_whole(tmp_path: Path) -> None:
    words = ("--write", tmp_path / "ring.pcapng", "--rotate-size", "1", "--keep-files", "2")
    done = run("live", "-", "--format", "json", *words, stdin=cap.pcap(cap.frames(80, 50_000)))
    assert done.returncode == 0
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == 2
    assert kept[1] >= "ring_00003.pcapng"
    packets = 0
    for name in kept:
        capture = json.loads(run("analyze", "--format", "json", tmp_path / name).stdout)["capture"]
        assert capture["problems"] == []
        packets += capture["packets"]
    assert 20 < packets < 80
