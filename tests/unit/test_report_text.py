from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.text import maybe_seconds, printable, seconds, storable


@given(some.integers(0, (1 << 63) - 1))
def test_no_nanosecond_is_lost(ns: int) -> None:
    written = to_json(seconds(ns)).decode()
    assert Decimal(written) * 1_000_000_000 == ns
    assert not written.startswith('"')


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0.000000"),
        (1_000, "0.000001000"),
        (1_700_000_000_123_456_789, "1700000000.123456789"),
        (2_000_000_000, "2.000000000"),
    ],
)
def test_times_are_plain_numbers(ns: int, text: str) -> None:
    assert to_json(seconds(ns)).decode() == text


def test_unknown_is_none_and_never_zero() -> None:
    assert maybe_seconds(-1) is None
    assert maybe_seconds(0) == 0


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain.pcap", "plain.pcap"),
        ("with space", "with space"),
        ("Grüße.pcap", "Grüße.pcap"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines\ttab", r"two\nlines\ttab"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b31m", r"\x9b31m"),
        ("bad\udcff", r"bad\udcff"),
    ],
)
def test_nothing_in_a_string_moves_the_terminal(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_a_name_that_is_no_utf8_can_be_stored() -> None:
    assert storable("a\udcff.pcap") == "a\\udcff.pcap"
    assert to_json(storable("a\udcff.pcap"))
