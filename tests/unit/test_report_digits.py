"""Numbers as digits: what Decimals and the encoder would write."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from tcptrace_py import _words, words
from tcptrace_py._words import BytesWriter as StandIn
from tcptrace_py.report import digits
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.text import seconds
from tcptrace_py.words import BytesWriter
from tools.properties import REPEATABLE

LARGEST = (1 << 62) - 1


def numbers() -> some.SearchStrategy[int]:
    return some.one_of(
        some.integers(-LARGEST, LARGEST), some.integers(-3000, 3000), some.integers(0, 62).map(lambda n: 1 << n)
    )


@REPEATABLE
@given(numbers())
@example(0)
@example(-LARGEST)
def test_a_number(n: int) -> None:
    w = BytesWriter()
    digits.whole(w, n)
    assert w.getvalue() == b"%d" % n


@REPEATABLE
@given(numbers())
def test_a_time(ns: int) -> None:
    w, v = BytesWriter(), BytesWriter()
    digits.seconds(w, ns)
    assert w.getvalue() == to_json(seconds(ns))
    digits.fixed(v, ns)
    assert v.getvalue() == f"{seconds(ns):f}".encode()


def test_every_time_below_two_microseconds() -> None:
    for ns in range(-2000, 2000):
        w = BytesWriter()
        digits.seconds(w, ns)
        assert w.getvalue() == to_json(seconds(ns))


def test_every_place() -> None:
    for ns in (*range(0, 10**9, 999_983), *(10**n + d for n in range(9) for d in (-1, 0, 1) if 10**n + d < 10**9)):
        w = BytesWriter()
        digits.places(w, ns)
        assert w.getvalue() == b"%09d" % ns


@pytest.mark.parametrize("n", [0, 1, -1, (1 << 63) - 1, -(1 << 63), 0x0123456789ABCDEF])
def test_a_word_is_written_as_by_its_stand_in(n: int) -> None:
    w, v = BytesWriter(), StandIn()
    words.write_i64_le(w, n)
    _words.write_i64_le(v, n)
    assert w.getvalue() == v.getvalue() == n.to_bytes(8, "little", signed=True)


@pytest.mark.parametrize("kind", [words.BytesWriter, StandIn])
def test_what_stands_in_for_the_writer_does_as_it_does(kind: type[BytesWriter]) -> None:
    w = kind()
    w.write(b"abc")
    w.append(0x64)
    w[len(w) - 1] = w[0]
    assert (w.getvalue(), len(w)) == (b"abca", 4)
    w.truncate(2)
    w.write(bytearray(b"!"))
    assert w.getvalue() == b"ab!"
    w.truncate(0)
    assert w.getvalue() == b""
    with pytest.raises(IndexError):
        w[0] = 1
    with pytest.raises(IndexError):
        w[0]
