"""Numbers as decimal digits, as the report's types become text: compiled, and written where they go.

Times are nanoseconds here and seconds there.  JSON has them as ``str`` gives a Decimal with nine places; CSV has all
places (``fixed``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, u8

from tcptrace_py.words import BytesWriter, write_i64_le

BILLION: Final = 10**9

_NOUGHT: Final = 0x30
_MINUS: Final = 0x2D
_POINT: Final = 0x2E
_EIGHT_NOUGHTS: Final = 0x3030303030303030
_EIGHT: Final = 10**8  # numbers below it have eight digits


def whole(w: BytesWriter, n: i64) -> None:
    """A whole number."""
    if n < 0:
        w.append(_MINUS)
        n = -n
    if n < 10:
        w.append(u8(_NOUGHT + n))
    elif n >= _EIGHT:
        whole(w, n // _EIGHT)
        write_i64_le(w, eight(n % _EIGHT))
    else:
        leading: i64 = _leading(n)
        write_i64_le(w, eight(n) >> 8 * leading)
        w.truncate(len(w) - leading)


def eight(n: i64) -> i64:
    """A number below 10^8 as its eight digits, in the bytes of a word, the first one lowest.

    They are worked out side by side: first two groups of four, then four of two, then each.  Divisions by 100 and by 10
    are multiplications, exact for so small numbers.
    """
    high: i64 = n // 10_000
    word: i64 = high | (n - high * 10_000) << 32
    hundreds: i64 = (word * 10486 >> 20) & 0x7F0000007F
    word = hundreds | (word - hundreds * 100) << 16
    tens: i64 = (word * 103 >> 10) & 0x000F000F000F000F
    word = tens | (word - tens * 10) << 8
    return word | _EIGHT_NOUGHTS


def _leading(n: i64) -> i64:
    """How many of the eight digits are leading noughts; of a number of two digits or more."""
    if n < 10_000:
        if n < 100:
            return 6
        if n < 1000:
            return 5
        return 4
    if n < 1_000_000:
        if n < 100_000:
            return 3
        return 2
    if n < 10_000_000:
        return 1
    return 0


def seconds(w: BytesWriter, ns: i64) -> None:
    """Nanoseconds as seconds, the way of a Decimal: with an exponent below a microsecond, and nought with six places."""
    if ns < 0:
        w.append(_MINUS)
        ns = -ns
    if ns >= 1000:
        fixed(w, ns)
    elif ns == 0:
        w.write(b"0.000000")
    elif ns < 10:
        whole(w, ns)
        w.write(b"E-9")
    elif ns < 100:
        whole(w, ns // 10)
        w.append(_POINT)
        whole(w, ns % 10)
        w.write(b"E-8")
    else:
        whole(w, ns // 100)
        w.append(_POINT)
        whole(w, ns // 10 % 10)
        whole(w, ns % 10)
        w.write(b"E-7")


def fixed(w: BytesWriter, ns: i64) -> None:
    """Nanoseconds as seconds with all their places, but for nought."""
    if ns == 0:
        w.write(b"0.000000")
        return
    if ns < 0:
        w.append(_MINUS)
        ns = -ns
    if ns < BILLION:
        w.write(b"0.")
        places(w, ns)
    else:
        whole(w, ns // BILLION)
        w.append(_POINT)
        places(w, ns % BILLION)


def places(w: BytesWriter, ns: i64) -> None:
    """What comes after the point: nine digits, of less than a billion."""
    first: i64 = ns // _EIGHT
    w.append(u8(_NOUGHT + first))
    write_i64_le(w, eight(ns - first * _EIGHT))
