"""The bridge to Wireshark: what it finds, and that nothing around it is trusted."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcptrace_py import programs
from tcptrace_py.capture.listed import Listed
from tcptrace_py.capture.tap import Tap
from tcptrace_py.errors import ConfigError, HelperError
from tcptrace_py.wireshark import Following, Match, Wireshark, application
from tools.helpers import need
from tools.program import SAMPLES, report, run, without_traceback

HTTP = SAMPLES / "http.pcap"
FAILED = "http.response.code >= 400"


@pytest.fixture(autouse=True)
def _tshark(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name and "stack" not in request.node.name and "listed" not in request.node.name:
        need("tshark")


# ---- frames that match


def test_connections_with_a_frame_that_matches_are_reported() -> None:
    whole = report(HTTP)
    some = report("--display-filter", FAILED, HTTP)
    assert [c["id"] for c in some["connections"]] == [1, 3]
    assert some["connections"] == [c for c in whole["connections"] if c["id"] in (1, 3)]
    assert some["summary"]["others"] == 3
    assert some["summary"]["display_filter"] == FAILED
    assert "display_filter" not in whole["summary"]
    done = run("analyze", "--display-filter", FAILED, HTTP)
    assert done.stdout.decode().startswith("2 of 5 connections match --display-filter: all look fine.\n")


def test_both_filters_must_want_a_connection() -> None:
    done = run("analyze", "--display-filter", FAILED, "--where", "client.port == 40003", HTTP)
    assert b"1 of 5 connections matches --where and --display-filter: it looks fine." in done.stdout
    assert b"40003" in done.stdout


def test_they_are_extracted_with_all_their_frames(tmp_path: Path) -> None:
    carved = tmp_path / "carved.pcapng"
    done = run("extract", "--display-filter", FAILED, "--pcap", carved, HTTP)
    assert (done.returncode, done.stderr) == (0, b"")
    whole = {c["client"]["port"]: c["packets"] for c in report(HTTP)["connections"]}
    some = {c["client"]["port"]: c["packets"] for c in report(carved)["connections"]}
    assert some == {port: whole[port] for port in (40001, 40003)}
    done = run("extract", "--display-filter", FAILED, "--where", "client.port == 40003", "--pcap", carved, HTTP)
    assert {c["client"]["port"] for c in report(carved)["connections"]} == {40003}


def test_it_is_no_choice_for_one_that_is_named_nor_for_what_is_read_once() -> None:
    done = run("extract", "--display-filter", FAILED, "--follow", "1", HTTP)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"tcpfsm: --follow names the one connection")
    done = run("extract", "--display-filter", FAILED, "--pcap", "-", "-", stdin=HTTP.read_bytes())
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"tcpfsm: --display-filter: standard input can be read only once")


def test_frames_are_numbered_in_each_file_and_connections_over_all() -> None:
    two = report("--display-filter", "frame.number == 23", SAMPLES / "stuck-close-wait.pcap", HTTP)
    assert [(c["id"], c["client"]["port"]) for c in two["connections"]] == [(3, 40002), (16, 40003)]


def test_compressed_captures_are_understood(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    paths = []
    for name, pack in (("http", gzip.compress), ("stuck-close-wait", bz2.compress), ("refused", lzma.compress)):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(pack((SAMPLES / f"{name}.pcap").read_bytes()))
    words = ("analyze", "--format", "json", "--display-filter", "frame.number == 1")
    done = run(*words, *paths, TMPDIR=str(temporary))
    assert done.stderr == b""
    assert [c["first_frame"] for c in json.loads(done.stdout)["connections"]] == [1, 72, 209]
    assert list(temporary.iterdir()) == []


def test_a_damaged_capture_is_reported_by_us(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(HTTP.read_bytes()[:3000])
    done = run("analyze", "--format", "json", "--display-filter", "http", path)
    assert done.returncode == 0
    assert without_traceback(done).count("warning") == 1
    assert len(json.loads(done.stdout)["connections"]) == 1


def test_a_frame_of_a_reused_port_is_that_connections() -> None:
    path = SAMPLES / "time-wait-reuse.pcap"
    older, newer = report(path)["connections"][-2:]
    assert older["client"]["port"] == newer["client"]["port"]
    for c in (older, newer):
        some = report("--display-filter", f"frame.number == {c['last_frame']}", path)
        assert [one["id"] for one in some["connections"]] == [c["id"]]


# ---- applications


def test_applications_are_named() -> None:
    assert {c["application"] for c in report("--labels", HTTP)["connections"]} == {"http"}
    assert "application" not in report(HTTP)["connections"][0]
    unknown = report("--labels", SAMPLES / "refused.pcap")["connections"]
    assert all(c["application"] is None for c in unknown)
    assert b"server 10.1.0.7:8080 (http)" in run("analyze", "--labels", HTTP).stdout


def test_applications_stand_in_a_column_too() -> None:
    lines = run("analyze", "--labels", "--format", "csv", HTTP).stdout.decode().splitlines()
    assert lines[0].endswith(",application")
    assert all(line.endswith(",http") for line in lines[1:])


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("eth:ethertype:ip:tcp", ""),
        ("eth:ethertype:ip:udp:dns", ""),
        ("eth:ethertype:ip:tcp:http:data-text-lines", "http"),
        ("eth:ethertype:ip:tcp:tls", "tls"),
        ("eth:ethertype:ip:tcp:tls:x509sat:x509sat", "tls"),
        ("eth:ethertype:ip:tcp:tls:http2", "tls/http2"),
        ("eth:ethertype:ip:tcp:nbss:smb2", "nbss/smb2"),
        ("eth:ethertype:ip:tcp:data", ""),
        ("eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp:ssh", "ssh"),
    ],
)
def test_the_application_in_a_stack(stack: str, name: str) -> None:
    assert application(stack.split(":")) == name


def test_listed_frames_are_found_in_their_order() -> None:
    listed = Listed([[3, 7], [], [1]], [["", "http"], [], ["tls"]], [[True, False], [], [True]])
    asked = [(0, n) for n in range(1, 10)] + [(1, 1), (2, 1), (2, 2)]
    for source, frame in asked:
        if listed.holds(source, frame):
            listed.belongs(100 * source + frame)
    assert listed.numbers == {3, 201}
    assert listed.names == {7: "http", 201: "tls"}


# ---- what it must not do


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A folder in which everything that could run leaves a mark."""
    mark = tmp_path / "it-ran"
    evil = tmp_path / "tshark"
    evil.write_text(f'#!/bin/sh\ntouch {mark}\nexec {programs.find("tshark")} "$@"\n')
    evil.chmod(0o755)
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {evil}\n[dumpcap]\ndumpcap_path = {evil}\n")
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "init.lua").write_text(f'os.execute("touch {mark}")\n')
    (settings / "preferences").write_text("tcp.analyze_sequence_numbers: FALSE\nhttp.tcp.port: 1\n")
    (settings / "disabled_protos").write_text("http\n")
    yield tmp_path
    assert not mark.exists()


def test_a_config_ini_in_the_current_folder_changes_and_runs_nothing(trap: Path) -> None:
    path, config = f".:{trap.name}:{os.environ['PATH']}", str(trap / "settings")
    words = ("analyze", "--format", "json", "--labels", "--display-filter", FAILED, HTTP)
    here, elsewhere = run(*words, cwd=trap, PATH=path, WIRESHARK_CONFIG_DIR=config), run(*words)
    assert here.stderr == b""
    assert here.stdout == elsewhere.stdout
    assert len(json.loads(here.stdout)["connections"]) == 2
    done = run("crosscheck", SAMPLES / "zero-window.pcap", cwd=trap, PATH=path, WIRESHARK_CONFIG_DIR=config)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"small-probe" in done.stdout


def test_nothing_is_left_in_any_folder(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    done = run("analyze", "--labels", HTTP, HOME=str(home), XDG_CACHE_HOME=str(home / "cache"), TMPDIR=str(temporary))
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(home.iterdir()) == list(temporary.iterdir()) == []


# ---- what goes wrong


def test_a_filter_that_makes_no_sense_is_one_line() -> None:
    done = run("analyze", "--display-filter", "http.respons.code > 3", HTTP)
    assert (done.returncode, done.stdout) == (2, b"")
    said = without_traceback(done)
    assert said.startswith("tcpfsm: --display-filter 'http.respons.code > 3' is none (")
    assert said.endswith("): man wireshark-filter describes the language\n")
    assert said.count("\n") == 1


def test_what_can_be_read_only_once_is_told(tmp_path: Path) -> None:
    done = run("analyze", "--labels", "-", stdin=HTTP.read_bytes())
    assert (done.returncode, done.stdout) == (2, b"")
    assert without_traceback(done) == (
        "tcpfsm: --labels: standard input can be read only once: save the capture to a file first\n"
    )


def test_without_tshark_there_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None)
    with pytest.raises(
        HelperError,
        match=r"--labels needs tshark, which is not installed; everything else works without\. To install it: .+",
    ):
        Wireshark("--labels")


def test_what_is_no_capture_for_tshark_is_told() -> None:
    with pytest.raises(HelperError, match=r"x: The file .* isn't a capture file"):
        Wireshark("x").matching(__file__, "tcp")
    with pytest.raises(ConfigError, match="Unexpected end of filter"):
        Wireshark("x").check_filter("tcp &&")


# ---- live


def test_a_live_capture_is_followed() -> None:
    data = HTTP.read_bytes()
    tap = Tap("lo")
    following = Following(Wireshark("x"), FAILED)
    following.feed(tap.feed(data[:6000]))
    found: list[Match] = []
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:  # before the end has come
        found = following.poll()
        time.sleep(0.05)
    assert found[0] == (15, "10.1.0.7", "10.1.0.11", 8080, 40001)
    following.feed(tap.feed(data[6000:]))
    following.close()
    found += following.poll()
    assert [match.frame for match in found] == [15, 32]
    assert following.trouble == ""


def test_live_traffic_is_chosen_by_what_it_carries() -> None:
    done = run("live", "-", "--format", "json", "--display-filter", FAILED, stdin=HTTP.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert [c["id"] for c in json.loads(done.stdout)["connections"]] == [1, 3]
    done = run("live", "-", "--format", "ndjson", "--where", "client.port == 40003", stdin=HTTP.read_bytes())
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["connection"] for line in lines if line["type"] in ("opened", "closed", "transition")} == {3}
