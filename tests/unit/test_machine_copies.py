"""Frames captured twice with others in between."""

from __future__ import annotations

from tcptrace_py.machine.copies import Copies
from tcptrace_py.packet import ACK, Segment


def segment(seq: int, time: int, *, length: int = 100, ip_id: int = 0, check: int = 7, number: int = 1) -> Segment:
    seg = Segment()
    seg.number, seg.time, seg.seq, seg.ack, seg.flags = number, time, seq, 1, ACK
    seg.length, seg.ip_id, seg.checksum_field = length, ip_id, check
    return seg


def test_a_burst_and_its_copies() -> None:
    copies = Copies(0)
    assert [copies.holds(0, segment(seq, 10 * seq)) for seq in range(20)] == [False] * 20
    assert [copies.holds(0, segment(seq, 500 + 10 * seq)) for seq in range(20)] == [True] * 20


def test_a_copy_is_a_copy_of_one_frame() -> None:
    copies = Copies(0)
    assert not copies.holds(0, segment(1, 0))
    assert copies.holds(0, segment(1, 10))
    assert not copies.holds(0, segment(1, 20))


def test_what_differs_is_no_copy() -> None:
    copies = Copies(0)
    assert not copies.holds(0, segment(1, 0, ip_id=5))
    assert not copies.holds(1, segment(1, 1, ip_id=5))
    assert not copies.holds(0, segment(1, 2, ip_id=6))
    assert not copies.holds(0, segment(1, 3, ip_id=5, check=8))
    assert not copies.holds(0, segment(1, 4, ip_id=5, length=99))
    assert not copies.holds(0, segment(1, 1_000_000, ip_id=5))
    assert copies.holds(0, segment(1, 999_999, ip_id=6))


def test_bare_acks_without_an_id_may_be_duplicate_acks() -> None:
    copies = Copies(0)
    assert not copies.holds(0, segment(1, 0, length=0))
    assert not copies.holds(0, segment(1, 1, length=0))


def test_only_so_many_are_kept() -> None:
    copies = Copies(0)
    assert not any(copies.holds(0, segment(seq, seq)) for seq in range(1000))
    assert copies.holds(0, segment(999, 1000))
    assert not copies.holds(0, segment(0, 1001))
    assert len(copies.kept) == 128
