"""The interpreted stand-in for ``librt.strings`` (see ``words``)."""

from __future__ import annotations

from struct import Struct, error
from typing import TypeVar

T = TypeVar("T")

_BE = Struct(">q").unpack_from
_LE = Struct("<q").unpack_from
_PACK_LE = Struct("<q").pack


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


class BytesWriter:
    """A buffer that grows."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.write = self._buffer.extend
        self.append = self._buffer.append

    def truncate(self, size: int, /) -> None:
        """Keep the first ``size`` bytes."""
        del self._buffer[size:]

    def getvalue(self) -> bytes:
        """All that was written."""
        return bytes(self._buffer)

    def __len__(self) -> int:
        return len(self._buffer)

    def __getitem__(self, index: int, /) -> int:
        return self._buffer[index]

    def __setitem__(self, index: int, value: int, /) -> None:
        self._buffer[index] = value


class vec(list[T]):  # noqa: N801 - its name in librt
    """A list of fixed type; the engine only reads and replaces its items."""


def write_i64_le(b: BytesWriter, n: int, /) -> None:
    """Add eight bytes, little-endian, signed."""
    b.write(_PACK_LE(n))
