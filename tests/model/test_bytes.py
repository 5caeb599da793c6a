"""Some model runs as captures: what is inferred from the bytes is what is inferred from the segments."""

from __future__ import annotations

import dpkt
import pytest

from model.host import SECOND
from model.judge import Judge, timers_of
from model.wire import AFTER, BEFORE, BOTH, CLIENT, SERVER, USUAL, Action, Fault, Program
from tcptrace_py.decode import Decoder
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import SEGMENT, Record, Segment
from tcptrace_py.words import PADDING
from tools.segments import START

PROGRAMS = {
    "whole": Program(
        (*USUAL, Action(100, CLIENT, "write", 2500), Action(200, CLIENT, "close"), Action(300, SERVER, "close"))
    ),
    "lossy": Program(
        (*USUAL, Action(100, CLIENT, "write", 2500), Action(200, SERVER, "close"), Action(3000, CLIENT, "shutdown")),
        (Fault(CLIENT, 3, BEFORE, "lose"), Fault(SERVER, 1, AFTER, "lose"), Fault(SERVER, 3, BEFORE, "delay", 60)),
        isns=(0xFFFFFFFF, 0xFFFFFC00),
    ),
    "aborted": Program((*USUAL, Action(100, SERVER, "write", 1), Action(200, SERVER, "abort"))),
    "refused": Program((Action(1, CLIENT, "open"),)),
    "crossing": Program(BOTH),
}


def frame(judge: Judge, index: int) -> bytes:
    """A tapped segment as an Ethernet frame."""
    tapped = judge.world.tapped[index]
    p = tapped.packet
    hosts = (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    ports = (40000, 80)
    tcp = dpkt.tcp.TCP(
        sport=ports[tapped.side],
        dport=ports[1 - tapped.side],
        seq=p.seq,
        ack=p.ack,
        flags=p.flags,
        win=65535,
        data=bytes(p.length),
    )
    ip = dpkt.ip.IP(id=index + 1, src=hosts[tapped.side], dst=hosts[1 - tapped.side], p=6, data=tcp)
    ip.len = len(ip)
    return bytes(dpkt.ethernet.Ethernet(src=b"\2" * 6, dst=b"\4" * 6, data=ip))


def decoded(judge: Judge) -> Connection:
    """The connection, tracked from bytes."""
    tracker = Tracker(timers_of(judge.world.program), Limits(0, 60 * SECOND))
    decoder = Decoder()
    record = Record()
    segment = Segment()
    for index, tapped in enumerate(judge.world.tapped):
        data = frame(judge, index)
        record.buf = data + PADDING
        record.caplen = len(data)
        record.wirelen = len(data)
        record.time = START + tapped.time
        record.number = index + 1
        record.link = 1
        assert decoder.decode(record, segment) == SEGMENT
        tracker.segment(segment)
    tracker.end(START + judge.world.clock.now)
    (connection,) = tracker.finished
    assert isinstance(connection, Connection)
    return connection


def account(e: Endpoint) -> list[tuple[int, ...]]:
    """All that is inferred of an endpoint."""
    steps = [(s.state, s.time, s.frame, s.evidence, s.confirmed_by) for s in e.steps]
    retracted = [(r.step.state, r.step.time, r.step.frame, r.refuted_by) for r in e.retracted]
    return [(e.possible, e.state), *steps, *retracted]


@pytest.mark.parametrize("name", PROGRAMS)
def test_bytes_say_what_the_segments_say(name: str) -> None:
    judge = Judge(PROGRAMS[name])
    judge.run()
    assert len(judge.world.tapped) > 1
    direct = judge.connection
    assert direct is not None
    connection = decoded(judge)
    assert connection.key == direct.key
    assert account(connection.client) == account(direct.client)
    assert account(connection.server) == account(direct.server)
