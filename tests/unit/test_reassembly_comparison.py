"""Payload that comes again, compared with what passed first."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tcptrace_py.config import Config
from tcptrace_py.packet import BAD, RST, SYN, Segment
from tcptrace_py.reassembly.comparison import MOST_STREAMS, Comparison
from tools.captures import pcap
from tools.program import here
from tools.segments import TO_SERVER, segment
from tools.sinking import analysed
from tools.talk import Talk


def made(seq: int, data: bytes, frame: int = 1, flags: int = 0, checksum: int = 0) -> Segment:
    seg = segment(frame, frame, TO_SERVER, ".", seq, 1, len(data))
    seg.flags |= flags
    seg.checksum = checksum
    seg.buf, seg.payload_at = b"-" + data + bytes(64), 1
    return seg


def test_a_repetition_is_none_until_it_differs() -> None:
    comparison = Comparison()
    assert not comparison.segment(1, 0, made(100, b"abcdef", 1))
    assert not comparison.segment(1, 0, made(100, b"abcdef", 2))
    assert not comparison.segment(1, 0, made(103, b"defghi", 3))
    assert comparison.segment(1, 0, made(102, b"cdXX", 4))
    assert (comparison.conflict.start, comparison.conflict.first_frame) == (4, 1)
    assert not comparison.segment(1, 1, made(100, b"other!", 5))  # the other direction
    assert not comparison.segment(2, 0, made(100, b"other!", 6))  # another connection


def test_what_is_no_data_of_the_stream_is_not_compared() -> None:
    comparison = Comparison()
    assert not comparison.segment(1, 0, made(99, b"abc", flags=SYN))
    assert not comparison.segment(1, 0, made(100, b"xyz", flags=RST))
    assert not comparison.segment(1, 0, made(100, b"xyz", checksum=BAD))
    assert not comparison.segment(1, 0, made(102, b"z"))  # a keep-alive
    assert comparison.segment(1, 0, made(100, b"xyz"))


def test_memory_is_bounded() -> None:
    comparison = Comparison(memory=100_000)
    for n in range(500):
        comparison.segment(n, 0, made(100, bytes(1000)))
        assert comparison.budget.held <= 102_000
    assert 1 <= len(comparison.streams) < 100
    assert sum(s.kept + s.waiting for s in comparison.streams.values()) == comparison.budget.held
    for n in range(300):
        comparison.segment(9999, 0, made(100 + 2000 * n, bytes(1000)))  # nothing but holes
        assert comparison.budget.held <= 102_000
    comparison = Comparison()
    for n in range(MOST_STREAMS + 10):
        comparison.segment(n, 0, made(100, b"x"))
    assert len(comparison.streams) <= MOST_STREAMS


def test_an_analysis_compares_only_when_it_is_asked_to() -> None:
    talk = Talk().handshake().send("client", "PA", 101, 301, b"first").send("client", "PA", 101, 301, b"other")
    for compare, findings in ((False, []), (True, ["overlap-conflict"])):
        text, _ = analysed(talk.frames, "ndjson", Config(compare_payload=compare))
        found = [line for line in io.BytesIO(text) if b'"rule":"overlap-conflict"' in line]
        assert len(found) == len(findings)


def test_it_is_asked_for_on_the_command_line_or_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    talk = Talk().handshake().send("client", "PA", 101, 301, b"first").send("client", "PA", 101, 301, b"other")
    Path("c.pcap").write_bytes(pcap(talk.frames))
    assert here("check", "c.pcap") == 0
    assert here("check", "c.pcap", "--compare-payload") == 1
    Path("tcpfsm.toml").write_text("compare-payload = true\n")
    assert here("check", "c.pcap") == 1
    capsys.readouterr()
    assert here("show", "c.pcap", "1", "--compare-payload") == 0
    assert "overlap-conflict" in capsys.readouterr().out
    assert here("extract", "c.pcap", "--rule", "overlap-conflict", "--pcap", "d.pcapng", "--quiet") == 0
    assert b"sent other bytes in frame 5 than in frame 4" in Path("d.pcapng").read_bytes()
    assert here("extract", "c.pcap", "--streams", "s") == 0
    assert "1 segment brought other bytes than had passed before: the first copy is kept\n" in capsys.readouterr().out
    assert '"first_frame":4,"frame":5,"first":"6669727374","other":"6f74686572"' in Path("s/streams.ndjson").read_text(
        encoding="utf-8"
    )
