"""The options of pcapng blocks: code 2, length 2, value padded to four bytes; the list ends with code 0, or its block."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.capture.buffer import u16
from tcptrace_py.words import read_i64_be, read_i64_le

COMMENT: Final = 1  # in any block
SHB_USERAPPL: Final = 4
IF_IPV4ADDR: Final = 4
IF_IPV6ADDR: Final = 5
EPB_DROPS: Final = 4
IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14
ISB_ENDTIME: Final = 3
ISB_IFDROP: Final = 5
ISB_OSDROP: Final = 7
ISB_USRDELIV: Final = 8

MAX_NUMBER: Final = (1 << 48) - 1
"""Counters are kept within this, so that sums of many cannot overflow."""


def find_option(buf: bytes, at: i64, end: i64, big: bool, code: i64) -> i64:
    """Where the value of the first option with ``code`` starts, in the options at ``buf[at:end]``; -1: there is none."""
    here: i64 = at
    while here + 4 <= end:
        this: i64 = u16(buf, here, big)
        value: i64 = here + 4
        following: i64 = value + ((u16(buf, here + 2, big) + 3) & ~3)
        if this == 0 or following > end:
            return -1
        if this == code:
            return value
        here = following
    return -1


def option_length(buf: bytes, value: i64, big: bool) -> i64:
    """The length of the option whose value starts at ``value``."""
    return u16(buf, value - 2, big)


def number64(buf: bytes, at: i64, big: bool) -> i64:
    """An unsigned 64-bit counter, or MAX_NUMBER if it is larger than that."""
    number: i64
    if big:
        number = read_i64_be(buf, at)
    else:
        number = read_i64_le(buf, at)
    if number < 0 or number > MAX_NUMBER:
        return MAX_NUMBER
    return number
