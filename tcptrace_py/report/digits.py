"""Numbers as decimal digits, as the report's types become text: compiled, and written where they go.

Times are nanoseconds here and seconds there.  JSON has them as ``str`` gives a Decimal with nine places; CSV has all
places (``fixed``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, u8

from tcptrace_py.words import BytesWriter, write_i64_le

_NOUGHT: Final = 0x30
_MINUS: Final = 0x2D
_POINT: Final = 0x2E
BILLION: Final = 10**9

_EIGHT_NOUGHTS: Final = 0x3030303030303030
_THREE: Final = [b"%03d" % n for n in range(1000)]
_UP_TO_THREE: Final = [b"%d" % n for n in range(1000)]


def whole(w: BytesWriter, n: i64) -> None:
    """A whole number."""
    if n < 0:
        w.append(_MINUS)
        n = -n
    if n < 10:
        w.append(u8(_NOUGHT + n))
    elif n < 1000:
        w.write(_UP_TO_THREE[n])
    else:
        whole(w, n // 1000)
        w.write(_THREE[n % 1000])


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
    """What comes after the point: nine digits, of less than a billion.

    The last eight are worked out side by side, in the bytes of one word: first two groups of four digits, then four of
    two, then each.  Divisions by 100 and by 10 are multiplications, exact for so small numbers.
    """
    first: i64 = ns // 100_000_000
    w.append(u8(_NOUGHT + first))
    rest: i64 = ns - first * 100_000_000
    high: i64 = rest // 10_000
    word: i64 = high | (rest - high * 10_000) << 32
    hundreds: i64 = (word * 10486 >> 20) & 0x7F0000007F
    word = hundreds | (word - hundreds * 100) << 16
    tens: i64 = (word * 103 >> 10) & 0x000F000F000F000F
    word = tens | (word - tens * 10) << 8
    write_i64_le(w, word | _EIGHT_NOUGHTS)
