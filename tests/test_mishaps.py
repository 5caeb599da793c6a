"""Retransmission, reordering, copies and probes are told apart on captures whose truth is known: every segment of every one."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.cli.analysis import timers
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import SEGMENT, Record, Segment
from tools import mishaps as m
from tools.captures import pcap
from tools.mishaps import MS, Transfer, Ways
from tools.mishaps import Path as Way

SAID = (
    (mk.DUPLICATE, m.TWICE),
    (mk.COPIED, m.COPY),
    (mk.RETRANSMISSION, m.AGAIN),
    (mk.LOST_BEFORE, m.LOST),
    (mk.OUT_OF_ORDER, m.LATE),
    (mk.KEEP_ALIVE, m.ALIVE),
    (mk.WINDOW_PROBE, m.PROBE),
    (mk.PROBE_ANSWER, m.ANSWER),
)


def said(seg: Segment) -> str:
    """What we call a segment."""
    usual = m.NEW if seg.length else m.ACK
    return next((name for bit, name in SAID if seg.marks & bit), usual)


def compared(transfer: Transfer, folder: Path) -> Counter[tuple[str, str]]:
    """How often what was true of a frame was called what."""
    frames, truth = transfer.capture()
    path = folder / "made.pcap"
    path.write_bytes(pcap(frames, nano=True))
    captures, decoder, record, segment = open_captures([str(path)], None), Decoder(False), Record(), Segment()
    tracker = Tracker(timers(Config()), Limits(0, 60 * 10**9))
    found: Counter[tuple[str, str]] = Counter()
    try:
        while captures.next(record):
            assert decoder.decode(record, segment) == SEGMENT
            tracker.segment(segment)
            true = truth[int(record.number) - 1]
            if true != m.REST:
                found[true, said(segment)] += 1
    finally:
        captures.close()
    return found


def wrong(found: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {pair: n for pair, n in found.items() if pair[0] != pair[1]}


# ---- what happens


def one_is_lost(ways: Ways) -> Transfer:
    """Behind the tap, and another one before it; later the last of a flight, which nothing follows."""
    path = Way(lost_before=frozenset({13}), lost_behind=frozenset({3, 27, 28}))
    transfer = Transfer(ways, path).handshake()
    for at in (0, 900, 1800):
        transfer.at(at * MS, lambda: transfer.write(8 * ways.mss))
    return transfer


def some_are_late(ways: Ways) -> Transfer:
    """Held up by less than a round trip, one at a time or two."""
    path = Way(held={2: 3 * MS, 11: 12 * MS, 12: 11 * MS, 21: 1 * MS, 26: 5 * MS})
    transfer = Transfer(ways, path).handshake()
    for at in (0, 300, 600, 900):
        transfer.at(at * MS, lambda: transfer.write(8 * ways.mss))
    return transfer


def the_network_copies(ways: Ways) -> Transfer:
    """Frames that come again after some milliseconds."""
    transfer = Transfer(ways, Way(doubled={1: 4 * MS, 9: 6 * MS, 15: 9 * MS})).handshake()
    for at in (0, 300, 600):
        transfer.at(at * MS, lambda: transfer.write(8 * ways.mss))
    return transfer


def nobody_speaks(ways: Ways, length: int) -> Transfer:
    """Keep-alives after seconds of silence, between data."""
    transfer = Transfer(ways, Way()).handshake()
    transfer.write(3 * ways.mss)
    for at in (7000, 9000, 19000):
        transfer.at(at * MS, lambda: transfer.send(transfer.nxt - 1, length, m.ALIVE))
    transfer.at(9500 * MS, lambda: transfer.write(2 * ways.mss))
    return transfer


def the_window_closes(ways: Ways, length: int) -> Transfer:
    """Probes below SND.NXT, empty as Linux's or of the last byte again, until it opens and data goes on."""
    transfer = Transfer(ways, Way()).handshake()

    def closes() -> None:
        transfer.offers = 0
        transfer.answer()

    def opens() -> None:
        transfer.offers = 60000
        transfer.answer()

    transfer.write(4 * ways.mss)
    transfer.at(200 * MS, closes)
    for at in (500, 900, 1700):
        transfer.at(at * MS, lambda: transfer.send(transfer.nxt - 1, length, m.PROBE))
    transfer.at(2000 * MS, opens)
    transfer.at(2100 * MS, lambda: transfer.write(4 * ways.mss))
    return transfer


Story = Callable[[Ways], Transfer]
STORIES: dict[str, Story] = {
    "lost": one_is_lost,
    "late": some_are_late,
    "copied": the_network_copies,
    "alive-0": lambda ways: nobody_speaks(ways, 0),
    "alive-1": lambda ways: nobody_speaks(ways, 1),
    "window-0": lambda ways: the_window_closes(ways, 0),
    "window-1": lambda ways: the_window_closes(ways, 1),
}
HOSTS = [
    Ways(ids=ids, stamps=stamps, sack=sack, v6=v6)
    for ids, v6 in (("counts", False), ("zero", False), ("random", False), ("zero", True))
    for stamps in (0, 1000, 100)
    for sack in (False, True)
]
MSS = (1, 1000, 20000)
HOLDS = {
    "lost": (m.AGAIN, m.LOST),
    "late": (m.LATE,),
    "copied": (m.COPY,),
    "alive-0": (m.ALIVE, m.ANSWER),
    "alive-1": (m.ALIVE, m.ANSWER),
    "window-0": (m.PROBE, m.ANSWER),
    "window-1": (m.PROBE, m.ANSWER),
}
"""What there is in each, at least."""
ISNS = (1000, 0xFFFFFFFF - 5000)


TAPS = (0.0, 0.5, 1.0)  # at the sender, halfway, at the receiver


def all_ways(tap: float, **changes: Any) -> list[Ways]:
    """Each kind of host with each size of segments, half of them with sequence numbers that wrap."""
    sized = itertools.product(HOSTS, enumerate(MSS))
    return [replace(host, mss=mss, isn=ISNS[n % 2], tap=tap, **changes) for host, (n, mss) in sized]


def shows_copies(ways: Ways) -> bool:
    """Whether anything about a frame tells which transmission it is: of others, nobody knows."""
    return ways.ids == "counts" or ways.stamps == 1000


@pytest.mark.parametrize("tap", TAPS)
@pytest.mark.parametrize("story", STORIES)
def test_every_segment_is_called_what_it_was(story: str, tap: float, tmp_path: Path) -> None:
    wanted = [ways for ways in all_ways(tap) if story != "copied" or shows_copies(ways)]
    found = {ways: compared(STORIES[story](ways), tmp_path) for ways in wanted}
    assert {ways: wrong(one) for ways, one in found.items() if wrong(one)} == {}
    seen = Counter(true for one in found.values() for true, _ in one.elements())
    assert all(seen[true] >= len(wanted) for true in HOLDS[story])


@pytest.mark.parametrize("vlan", [False, True])
@pytest.mark.parametrize("story", ["lost", "late", "alive-1", "window-0"])
def test_what_two_interfaces_saw_passed_once(story: str, vlan: bool, tmp_path: Path) -> None:
    found = {ways: compared(STORIES[story](ways), tmp_path) for ways in all_ways(0.5, ports=2, vlan=vlan)}
    assert {ways: wrong(one) for ways, one in found.items() if wrong(one)} == {}
    for one in found.values():
        twice = sum(n for (true, _), n in one.items() if true == m.TWICE)
        assert 2 * twice == one.total() + 3, "the handshake, too"


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("stamps", [0, 1000])
def test_segments_longer_than_ip_can_say_are_told_apart_alike(stamps: int, v6: bool, tmp_path: Path) -> None:
    for story in ("lost", "late"):
        ways = Ways(stamps=stamps, v6=v6, sack=True, mss=70_000)
        assert wrong(compared(STORIES[story](ways), tmp_path)) == {}, story
