"""The marks of segments: each a bit of its own, a name and a meaning."""

from __future__ import annotations

from tcptrace_py.machine import marks as mk


def test_every_bit_has_its_row() -> None:
    sets = ("REASONS", "OF_ACKS", "OF_DATA")
    constants = {v for k, v in vars(mk).items() if k.isupper() and isinstance(v, int) and k not in sets}
    assert {mark.bit for mark in mk.MARKS} == constants
    assert len({mark.name for mark in mk.MARKS}) == len(mk.MARKS)
    assert all(mark.bit.bit_count() == 1 and mark.meaning for mark in mk.MARKS)


def test_names_are_in_the_order_of_the_table() -> None:
    assert mk.names(mk.SPURIOUS | mk.RETRANSMISSION | mk.TIMEOUT) == ["retransmission", "timeout", "spurious"]
    assert mk.names(0) == []
