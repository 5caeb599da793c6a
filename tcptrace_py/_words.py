"""The interpreted stand-in for ``librt.strings`` (see ``words``)."""

from __future__ import annotations

from struct import Struct, error
from typing import TypeVar

T = TypeVar("T")

_BE = Struct(">q").unpack_from
_LE = Struct("<q").unpack_from


def read_i64_be(b: bytes, index: int, /) -> int:
    """The eight bytes at ``index``, big-endian, signed."""
    try:
        return _BE(b, index)[0]  # type: ignore[no-any-return]
    except error as e:
        raise IndexError("index out of range") from e


def read_i64_le(b: bytes, index: int, /) -> int:
    """The eight bytes at ``index``, little-endian, signed."""
    try:
        return _LE(b, index)[0]  # type: ignore[no-any-return]
    except error as e:
        raise IndexError("index out of range") from e


class vec(list[T]):  # noqa: N801 - its name in librt
    """A list of fixed type; the engine only reads and replaces its items."""
