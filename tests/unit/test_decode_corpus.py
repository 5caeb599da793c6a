"""Captures of others, where there are any: none may fail, and dpkt must agree on what both can decode.

Skipped unless the environment variable TCPFSM_CORPUS names a folder of captures, which is searched recursively.
"""

from __future__ import annotations

import os
from pathlib import Path

import dpkt
import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import FIRST_REASON, SEGMENT, Record, Segment

CORPUS = os.environ.get("TCPFSM_CORPUS", "")


def dpkt_view(data: bytes) -> tuple[object, ...] | None:
    """Ports, numbers, flags and payload length of a plain TCP segment in IPv4 in Ethernet, as dpkt sees it."""
    try:
        ip = dpkt.ethernet.Ethernet(data).data
        if not isinstance(ip, dpkt.ip.IP) or ip.hl != 5 or ip.offset or ip.mf or not ip.len or ip.len > len(data) - 14:
            return None
        segment = ip.data
        if not isinstance(segment, dpkt.tcp.TCP) or segment.off < 5:
            return None
    except Exception:  # noqa: BLE001 - dpkt raises anything
        return None
    ports = segment.sport.to_bytes(2, "big") + segment.dport.to_bytes(2, "big")
    key = ip.src + ip.dst + ports
    length = ip.len - 20 - segment.off * 4
    return key, segment.seq, segment.ack, segment.flags & 0xFF, segment.win, segment.urp, segment.sum, length


@pytest.mark.slow
@pytest.mark.skipif(not Path(CORPUS).is_dir() or not CORPUS, reason="TCPFSM_CORPUS does not name a folder of captures")
def test_a_corpus_of_captures() -> None:
    compared = 0
    for path in sorted(path for path in Path(CORPUS).rglob("*") if path.is_file()):
        try:
            captures = open_captures([str(path)])
        except CaptureError:
            continue
        decoder, record, segment = Decoder(verify_checksums=True), Record(), Segment()
        count = 0
        while captures.next(record):
            count += 1
            outcome = decoder.decode(record, segment)
            assert outcome >= 0
            data = record.buf[record.at : record.at + record.caplen]
            theirs = dpkt_view(data) if record.link == 1 and data[12:14] == b"\x08\0" else None
            if theirs is None:
                continue
            if outcome >= FIRST_REASON:  # dpkt also takes header lengths that do not fit
                assert theirs[-1] < 0, (path.name, record.number)  # type: ignore[operator]
                continue
            assert outcome == SEGMENT
            ours = (
                segment.key,
                segment.seq,
                segment.ack,
                segment.flags,
                segment.window,
                segment.urgent,
                segment.checksum_field,
                segment.length,
            )
            assert ours == theirs, (path.name, record.number)
            compared += 1
        assert sum(decoder.skipped().values()) + decoder.segments + decoder.quoted == count
    assert compared > 0
