from __future__ import annotations

import json
from pathlib import Path

import pytest

from tcptrace_py import programs
from tcptrace_py.capture import live
from tcptrace_py.capture.live import Adapter, Plan
from tcptrace_py.errors import CaptureError, ConfigError, HelperError
from tools.capturing import capturing
from tools.helpers import put_program

# ---- what tools say


def test_the_interfaces_that_dumpcap_lists() -> None:
    line = "3. lo\t\tLoopback\t0\t127.0.0.1,::1\tloopback\t"
    assert live._of_dumpcap(line) == Adapter("lo", "loopback", ("127.0.0.1", "::1"), "Loopback")
    assert live._of_dumpcap("2. any\t\t\t0\t\tnetwork\t") == Adapter("any", "network", (), "")
    assert live._of_dumpcap('Running as user "root" and group "root".') is None


def test_the_interfaces_that_tcpdump_lists() -> None:
    assert live._of_tcpdump("1.eth0 [Up, Running, Connected]") == Adapter("eth0", "network", (), "")
    assert live._of_tcpdump("3.lo [Up, Running, Loopback]") == Adapter("lo", "loopback", (), "")
    text = "7.nflog (Linux netfilter log (NFLOG) interface) [none]"
    assert live._of_tcpdump(text) == Adapter("nflog", "network", (), "Linux netfilter log (NFLOG) interface")
    assert live._of_tcpdump("tcpdump: nothing") is None


def test_what_was_dropped_is_read_off_the_summary() -> None:
    said = "File: -\nPackets received/dropped on interface 'Loopback: lo': 12/3 (pcap:1/dumpcap:2/flushed:0/ps_ifdrop:0) (80%)"
    assert live.dropped(said) == 3
    said = (
        "8 packets captured\n9 packets received by filter\n2 packets dropped by kernel\n1 packet dropped by interface\n"
    )
    assert live.dropped(said) == 3
    assert live.dropped("Capturing on 'lo'") is None


@pytest.mark.parametrize(
    ("tool", "said", "error", "line"),
    [
        (
            "dumpcap",
            "Capturing on 'nosuch'\ndumpcap: There is no device named \"nosuch\".\n(No such device exists)\n",
            CaptureError,
            "eth9: no such interface: tcpfsm interfaces lists them",
        ),
        (
            "tcpdump",
            "tcpdump: nosuch: No such device exists\n(No such device exists)\n",
            CaptureError,
            "eth9: no such interface: tcpfsm interfaces lists them",
        ),
        (
            "dumpcap",
            "dumpcap: Invalid capture filter.\n\nThat isn't one (can't parse filter expression: syntax error).\n",
            ConfigError,
            "--bpf 'tcp prot' is no capture filter (syntax error): man pcap-filter describes the language",
        ),
        (
            "tcpdump",
            "tcpdump: can't parse filter expression: syntax error\n",
            ConfigError,
            "--bpf 'tcp prot' is no capture filter (syntax error): man pcap-filter describes the language",
        ),
        (
            "tcpdump",
            "tcpdump: eth9: That device is not up\n",
            CaptureError,
            "eth9: the interface is down: sudo ip link set eth9 up",
        ),
        (
            "tcpdump",
            "something unheard of\n",
            CaptureError,
            "eth9: tcpdump cannot capture on it: something unheard of",
        ),
        ("tcpdump", "", CaptureError, "eth9: tcpdump cannot capture on it: it says nothing"),
    ],
)
def test_what_went_wrong_is_one_line_that_names_it(tool: str, said: str, error: type[Exception], line: str) -> None:
    explained = live.explain(said, Plan("eth9", bpf="tcp prot"), tool)
    assert type(explained) is error
    assert str(explained) == line


# ---- how they are called


def test_the_command_lines() -> None:
    plan = Plan("lo", bpf="tcp port 80", snaplen=128, promiscuous=False)
    assert live.command("dumpcap", "/d", plan) == [
        *("/d", "-q", "-i", "lo", "-s", "128", "-B", "32", "-p", "-f", "tcp port 80", "-w", "-"),
    ]
    assert live.command("tcpdump", "/t", Plan("lo", bpf="-x", snaplen=0, buffer=1)) == [
        *(
            "/t",
            "--immediate-mode",
            "-U",
            "--nano",
            "-n",
            "-i",
            "lo",
            "-s",
            "262144",
            "-B",
            "1024",
            "-w",
            "-",
            "--",
            "-x",
        ),
    ]


def test_what_can_be_no_interface_is_shown_to_no_program(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"")
    for name in ("", "-", "-w/etc/passwd", "a\0b"):
        with pytest.raises(CaptureError, match="is no interface: tcpfsm interfaces lists them"):
            live.start(Plan(name))
    with pytest.raises(CaptureError, match="is a file, not an interface: tcpfsm analyze reads it"):
        live.start(Plan(str(path)))


def test_without_a_tool_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None)
    for call in (live.interfaces, lambda: live.start(Plan("lo"))):
        with pytest.raises(HelperError, match="live capture needs dumpcap or tcpdump, and neither is installed"):
            call()


# ---- children of our own making


def tool(folder: Path, name: str, script: str) -> None:
    """A capture tool that behaves as ``script`` says."""
    put_program(folder / name, f"#!/bin/sh\n{script}\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the only capture tools are."""
    monkeypatch.setattr(programs, "find", lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None)
    return tmp_path


def read_all(child: live.Child) -> bytes:
    """Everything that it writes."""
    return b"".join(iter(child.read, b""))


def test_a_tool_that_may_not_capture_gives_way_to_the_other(folder: Path) -> None:
    tool(folder, "dumpcap", "echo 'dumpcap: You do not have permission to capture on device' >&2; exit 2")
    tool(folder, "tcpdump", "echo capture; exit 0")
    with live.start(Plan("lo")) as child:
        assert (child.name, read_all(child)) == ("tcpdump", b"capture\n")
    assert (child.status, child.trouble) == (0, "")


def test_if_neither_may_capture_the_command_that_mends_it_is_told(folder: Path) -> None:
    tool(folder, "dumpcap", "echo 'dumpcap: You do not have permission' >&2; exit 2")
    with pytest.raises(CaptureError, match=r"^lo: no permission to capture on it: .+"):
        live.start(Plan("lo"))
    tool(folder, "dumpcap", "")
    (folder / "dumpcap").chmod(0o644)
    with pytest.raises(CaptureError, match=r"dumpcap does not start \(Permission denied\): .+"):
        live.start(Plan("lo"))


def test_a_tool_that_ends_on_its_own_is_told_of(folder: Path) -> None:
    tool(folder, "dumpcap", "echo capture; echo 'dumpcap: The disk is full.' >&2; exit 3")
    with live.start(Plan("lo")) as child:
        assert read_all(child) == b"capture\n"
    assert child.trouble == "dumpcap failed: The disk is full."
    tool(folder, "dumpcap", "echo capture; kill -9 $$")
    with live.start(Plan("lo")) as child:
        assert read_all(child) == b"capture\n"
    assert child.trouble == "dumpcap was ended by SIGKILL"


def test_a_tool_that_does_not_want_to_end_is_made_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GRACE", 0.2)
    tool(folder, "dumpcap", "trap '' TERM PIPE; echo capture; while :; do sleep 0.05; done")
    with live.start(Plan("lo")) as child:
        child.stop()
        assert child.read() == b"capture\n"
    assert child.status == -9
    assert child.trouble == ""
    child.close()


# ---- real ones

ECHO = """
import json, select, socket, sys
from tcptrace_py.capture import live
from tcptrace_py import programs
tool = sys.argv[1]
find = programs.find
programs.find = lambda name: find(name) if name == tool else None
names = [adapter.name for adapter in live.interfaces()]
server = socket.create_server(("127.0.0.1", 0))
data = b""
with live.start(live.Plan("lo", bpf=f"tcp port {server.getsockname()[1]}")) as child:
    name = child.name
    client = socket.create_connection(server.getsockname())
    client.close()
    server.accept()[0].close()
    while select.select([child.fd], [], [], 0.3)[0] and (piece := child.read()):
        data += piece
    child.stop()
    while piece := child.read():
        data += piece
print(json.dumps([name, names, data.hex(), child.dropped, child.trouble]))
"""


@pytest.mark.parametrize("name", ["dumpcap", "tcpdump"])
def test_what_passes_on_an_interface_is_captured(name: str, tmp_path: Path) -> None:
    tool_name, names, data, dropped, trouble = json.loads(capturing(ECHO, name, tools=(name,)))
    assert (tool_name, dropped, trouble) == (name, 0, "")
    assert "lo" in names
    assert len(bytes.fromhex(data)) > 6 * 66  # SYN, SYN-ACK, ACK, two FINs and at least one more ACK
