"""Capture filters on recorded packets: as tcpdump itself takes them."""

from __future__ import annotations

import io
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py import programs
from tcptrace_py.capture import open_captures
from tcptrace_py.capture.bpf import Program, compute
from tcptrace_py.errors import HelperError
from tcptrace_py.packet import Record
from tcptrace_py.words import PADDING
from tools import captures as cap
from tools.helpers import need
from tools.program import SAMPLES, report, run, without_traceback

EXPRESSIONS = (
    "tcp",
    "udp",
    "port 8080",
    "src port 8080 and greater 100",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[13] = 2 or tcp[13] = 18",
    "not (host 10.1.0.12 or net 10.1.0.8/29)",
    "ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) > 0",
    "len > 80 and ip[8] * 2 >= 128 and ip[8] % 3 != 1 and ip[8] / 2 < 200 and ip[8] ^ 3 != 1",
    "ip6 or arp",
    "tcp portrange 40002-40004",
    "icmp",
)


def frames(path: str, expression: str) -> list[int]:
    """The numbers of the frames that pass."""
    captures = open_captures([path], bpf=expression)
    record = Record()
    found = []
    while captures.next(record):
        found.append(int(record.number))
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("name", ["http", "stuck-close-wait", "icmp-rejected"])
def test_it_takes_what_tcpdump_takes(name: str, expression: str) -> None:
    need("tcpdump")
    path = str(SAMPLES / f"{name}.pcap")
    program = programs.find("tcpdump")
    assert program is not None
    done = subprocess.run([program, "-r", path, "-w", "-", expression], capture_output=True, check=True)
    assert len(frames(path, expression)) == (len(cap_packets(done.stdout)))


def cap_packets(data: bytes) -> list[int]:
    """Times of the packets of a pcap file, by our own reader."""
    captures = open_captures(["-"], io.BytesIO(data))
    record = Record()
    found = []
    while captures.next(record):
        found.append(int(record.time))
    return found


def test_frames_keep_their_numbers_and_what_is_left_out_is_counted() -> None:
    need("tcpdump")
    whole = report(SAMPLES / "stuck-close-wait.pcap")
    some = report("--bpf", "port 40002", SAMPLES / "stuck-close-wait.pcap")
    (c,) = some["connections"]
    same = next(one for one in whole["connections"] if one["client"]["port"] == 40002)
    assert (c["first_frame"], c["last_frame"], c["history"]) == (
        same["first_frame"],
        same["last_frame"],
        same["history"],
    )
    assert some["capture"]["packets"] == whole["capture"]["packets"] == 137
    assert some["capture"]["skipped"]["filtered"] == 137 - c["packets"]


def test_several_files_of_several_kinds_are_filtered_alike() -> None:
    need("tcpdump")
    one, two = SAMPLES / "http.pcap", SAMPLES / "stuck-close-wait.pcap"
    whole = report(one, two)
    some = report("--bpf", "tcp[tcpflags] & tcp-syn != 0", one, two)
    assert [c["first_frame"] for c in some["connections"]] == [c["first_frame"] for c in whole["connections"]]


def test_a_link_type_of_its_own_has_a_program_of_its_own() -> None:
    need("tcpdump")
    ip = (
        bytes.fromhex("4500002800010000400600000a0000010a000002")
        + bytes.fromhex("9c4000500000000100000000500220000000")
        + bytes(2)
    )
    for link, head in ((1, bytes(12) + b"\x08\0"), (101, b""), (113, bytes(14) + b"\x08\0"), (0, b"\2\0\0\0")):
        data = cap.pcap([(cap.SECOND, head + ip)], link)
        for expression, count in (("tcp dst port 80", 1), ("tcp dst port 81", 0)):
            captures = open_captures(["-"], io.BytesIO(data), expression)
            assert captures.next(Record()) is bool(count), (link, expression)


def test_a_filter_that_makes_no_sense_is_one_line() -> None:
    need("tcpdump")
    done = run("analyze", "--bpf", "tcp prot 80", SAMPLES / "http.pcap")
    assert (done.returncode, done.stdout) == (2, b"")
    assert without_traceback(done) == (
        "tcpfsm: --bpf 'tcp prot 80' is no capture filter (syntax error): man pcap-filter describes the language\n"
    )


def test_without_tcpdump_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None)
    with pytest.raises(HelperError, match="--bpf on captures needs tcpdump, which is not installed"):
        open_captures([str(SAMPLES / "http.pcap")], bpf="tcp")


# ---- the machine


def record_of(data: bytes, wirelen: int = 0) -> Record:
    record = Record()
    record.buf, record.at, record.caplen, record.wirelen = data + PADDING, 0, len(data), wirelen or len(data)
    return record


def run_on(program: list[tuple[int, int, int, int]], data: bytes) -> bool:
    return Program(program).takes(record_of(data))


def test_bytes_beyond_the_capture_end_it() -> None:
    for size, code in ((4, 0x20), (2, 0x28), (1, 0x30)):
        accept = [(code, 0, 0, 8 - size), (0x06, 0, 0, 1)]
        assert run_on(accept, bytes(8))
        assert not run_on(accept, bytes(7))
    assert not run_on([(0xB1, 0, 0, 3), (0x06, 0, 0, 1)], b"abc")  # ldxb 4*([3]&0xf)
    assert not run_on([(0x00, 0, 0, 1), (0x34, 0, 0, 0), (0x06, 0, 0, 1)], b"abc")  # division by zero


def test_memory_and_registers() -> None:
    program = [
        (0x00, 0, 0, 7),  # ld #7
        (0x02, 0, 0, 3),  # st M[3]
        (0x01, 0, 0, 5),  # ldx #5
        (0x87, 0, 0, 0),  # txa
        (0x61, 0, 0, 3),  # ldx M[3]
        (0x0C, 0, 0, 0),  # add x
        (0x15, 0, 1, 12),  # jeq #12
        (0x16, 0, 0, 0),  # ret a
        (0x06, 0, 0, 0),
    ]
    assert run_on(program, b"")


@pytest.mark.parametrize(
    "program",
    [
        [],
        [(0x00, 0, 0, 1)],
        [(0x15, 5, 0, 1), (0x06, 0, 0, 1)],
        [(0x05, 0, 0, 9), (0x06, 0, 0, 1)],
        [(0x02, 0, 0, 16), (0x06, 0, 0, 1)],
        [(0x60, 0, 0, 99), (0x06, 0, 0, 1)],
    ],
)
def test_a_program_that_could_run_wild_is_none(program: list[tuple[int, int, int, int]]) -> None:
    with pytest.raises(ValueError, match=r"filter|memory"):
        Program(program)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_arithmetic_is_on_32_bits(a: int, b: int) -> None:
    mask = 2**32 - 1
    expected = {
        0x04: a + b & mask,
        0x14: a - b & mask,
        0x24: a * b & mask,
        0x34: a // b if b else -1,
        0x44: a | b,
        0x54: a & b,
        0x64: a << b & mask if b < 32 else 0,
        0x74: a >> b if b < 32 else 0,
        0x84: -a & mask,
        0x94: a % b if b else -1,
        0xA4: a ^ b,
    }
    for code, result in expected.items():
        assert compute(code, a, b) == result, hex(code)
