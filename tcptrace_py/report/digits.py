"""Numbers as decimal digits, as the report's types become text: compiled, and written where they go.

Times are nanoseconds here and seconds there.  JSON has them as ``str`` gives a Decimal with nine places; CSV has all
places (``fixed``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, u8

from tcptrace_py.words import BytesWriter

_NOUGHT: Final = 0x30
_MINUS: Final = 0x2D
_POINT: Final = 0x2E
BILLION: Final = 10**9

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
    """What comes after the point: nine digits, of less than a billion."""
    micro: i64 = ns // 1000
    w.write(_THREE[micro // 1000])
    w.write(_THREE[micro % 1000])
    w.write(_THREE[ns % 1000])
