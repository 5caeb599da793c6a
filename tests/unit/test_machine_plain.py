"""Connections that go by the book: what is kept of them is all there is, and what is not in the book ends it."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings

from model.judge import Judge, timers_of
from model.programs import programs
from model.wire import Program
from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.plain import CLOSED, Asked, Plain, asks
from tcptrace_py.machine.timing import SECOND
from tcptrace_py.packet import BAD, QUOTED, SEGMENT, SYN, Record, Segment
from tools.conversation import SCENARIOS, load
from tools.properties import REPEATABLE
from tools.segments import CLIENT_IP, MS, SERVER_IP, START, TO_CLIENT, TO_SERVER, key, linux_timers, segment
from tools.stories import EXPECTED, capture
from tools.twins import Twins, attributes


def compared(data: bytes | Path, limit: int = 1500) -> tuple[list[str], Counter[str]]:
    """A capture, up to so many packets, through both trackers: the first differences, and what kinds of flow it met."""
    captures = open_captures([str(data)]) if isinstance(data, Path) else open_captures(["-"], io.BytesIO(data))
    twins, decoder, record, seg = Twins(linux_timers()), Decoder(), Record(), Segment()
    while captures.next(record) and record.number <= limit:
        code = decoder.decode(record, seg)
        wrong = twins.segment(seg) if code == SEGMENT else twins.quoted(seg) if code == QUOTED else []
        if wrong:
            return wrong, twins.kinds
    return twins.end(record.time), twins.kinds


def test_the_samples_show_no_difference() -> None:
    met: Counter[str] = Counter()
    for name in EXPECTED:
        wrong, kinds = compared(capture(name))
        assert wrong == [], name
        met += kinds
    for phase in range(1, 7):
        assert met[f"Plain {phase}"] > 50, "every phase is compared"
    assert met["Asked"] > 100


@pytest.mark.parametrize("path", sorted(SCENARIOS.rglob("*.txt")), ids=lambda path: path.stem)
def test_the_scenarios_show_no_difference(path: Path) -> None:
    assert compared(load(path).capture())[0] == []


@settings(REPEATABLE, max_examples=300)
@given(programs(("usual", "refused", "simultaneous", "midstream")))
def test_whatever_two_hosts_do_shows_no_difference(program: Program) -> None:
    judge, twins = Judge(program), Twins(timers_of(program))
    while judge.world.step():
        assert twins.segment(judge.segment(judge.world.tapped[-1])) == []
    assert twins.end(START + judge.world.clock.now) == []


@pytest.mark.parametrize("bound", [1, 2, 17])
def test_the_same_connections_are_evicted(bound: int) -> None:
    twins = Twins(linux_timers(), bound)
    for n in range(60):
        way = key(CLIENT_IP, 1024 + n % 40, SERVER_IP, 80)
        back = key(SERVER_IP, 80, CLIENT_IP, 1024 + n % 40)
        start = START + n * 10 * MS
        assert twins.segment(segment(3 * n + 1, start, way, "S", 100 + n)) == []
        if n % 3:
            assert twins.segment(segment(3 * n + 2, start + MS, back, "S.", 300, 101 + n)) == []
        if n % 3 == 2:
            assert twins.segment(segment(3 * n + 3, start + 2 * MS, way, ".", 101 + n, 301)) == []
    assert twins.whole.evicted > 20
    assert twins.end(START + SECOND) == []


@pytest.mark.parametrize("timers", [{"time_wait": 0}, {"fin_wait_2": SECOND}, {"syn_give_up": 3 * SECOND}])
def test_with_short_timers_nothing_goes_by_the_book(timers: dict[str, int]) -> None:
    changed = linux_timers()
    for name, value in timers.items():
        setattr(changed, name, value)
    twins = Twins(changed)
    assert twins.segment(segment(1, START, TO_SERVER, "S", 100)) == []
    assert twins.kinds == Counter(Connection=1)


def test_a_syn_is_recalled_with_all_its_options() -> None:
    made = segment(7, START, TO_SERVER, "S", 0xFFFFFFFF, window=65535, ip_id=65535)
    made.mss, made.wscale, made.sack_ok, made.tsval, made.tsecr = 65535, 14, True, 0xFFFFFFFF, 0xFFFFFFFE
    made.mptcp, made.bad_options, made.reassembled, made.checksum = True, True, True, BAD
    made.ttl, made.ecn, made.tunnels, made.urgent, made.checksum_field = 255, 3, 8, 65535, 65534
    made.interface, made.header, made.flags = 65535, 60, SYN | 0xC0
    bare = segment(8, START, TO_SERVER, "S", 0)
    for seg in (made, bare):
        assert asks(seg)
        again = Segment()
        Asked(1, b"", seg).recall(again)
        again.key = seg.key
        for name in attributes(seg):
            if name not in ("buf", "key_buf", "key_at", "key_length", "payload_at"):
                assert getattr(again, name) == getattr(seg, name), name


def test_what_it_takes_for_a_connection_that_goes_by_the_book() -> None:
    twins = Twins(linux_timers())
    talk = [
        (0, TO_SERVER, "S", 100, 0, 0),
        (20, TO_CLIENT, "S.", 300, 101, 0),
        (21, TO_SERVER, ".", 101, 301, 0),
        (22, TO_SERVER, "P.", 101, 301, 10),
        (40, TO_CLIENT, "P.", 301, 111, 500),
        (41, TO_SERVER, "F.", 111, 801, 0),
        (60, TO_CLIENT, "F.", 801, 112, 0),
        (61, TO_SERVER, ".", 112, 802, 0),
    ]
    for n, (ms, way, letters, seq, ack, length) in enumerate(talk, 1):
        assert twins.segment(segment(n, START + ms * MS, way, letters, seq, ack, length)) == []
    flow = twins.plain.flows.find(TO_SERVER)
    assert isinstance(flow, Plain)
    assert flow.phase == CLOSED
    assert twins.segment(segment(9, START + 70 * MS, TO_CLIENT, "F.", 801, 112)) == []
    assert isinstance(twins.plain.flows.find(TO_SERVER), Connection), "a FIN again is not in the book"
    assert twins.end(START + 1000 * SECOND) == []
