"""Arithmetic modulo 2^32 (RFC 9293, 3.4), and nothing else.

The engine counts in *offsets*: how far a sequence number lies from its direction's origin, unwrapped, so that
comparisons are plain and transfers beyond 4 GiB need no care.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MODULUS_MASK: Final = 0xFFFFFFFF


def distance(a: i64, b: i64) -> i64:
    """How far ``b`` lies behind ``a`` (b - a), between -2^31 and 2^31 - 1."""
    d: i64 = (b - a) & MODULUS_MASK
    if d >= 0x80000000:
        d -= 0x100000000
    return d


def unwrap(number: i64, origin: i64, near: i64) -> i64:
    """The offset from ``origin`` of sequence number ``number``: that one of its values which is nearest ``near``."""
    return near + distance(origin + near, number)


def wrap(offset: i64, origin: i64) -> i64:
    """The sequence number at ``offset`` from ``origin``."""
    return (origin + offset) & MODULUS_MASK
