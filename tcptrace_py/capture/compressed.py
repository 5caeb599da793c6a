"""Compressed captures: a table of compressions by magic, and the stream that undoes them.

Decompression goes in small steps, each of which may fail: what the steps before it gave is delivered, then the
defect is named.  Output is bounded whatever the input claims, and nothing that is complete waits for more input.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tcptrace_py.capture.streams import CHUNK, PipeStream, RawBytes
from tcptrace_py.errors import CaptureError


class Decompressor(Protocol):
    """What the standard library's decompressors (bz2, lzma, zstd) have in common; each undoes one member or frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


@dataclass(frozen=True)
class Compression:
    """One row of the table: how to recognise it, and how to undo it."""

    name: str
    magic: bytes
    make: Callable[[], Decompressor]
    """Makes a decompressor of one member; raises ImportError when Python cannot undo this compression."""
    step: int
    """Output bytes to ask for at a time.  When a step meets a defect its output is lost: the less, the more is saved."""
    install: str = ""
    """What to do when ``make`` cannot."""


class Inflater:
    """zlib's decompressor for one gzip member, behind the interface of the others, losing nothing before a defect."""

    def __init__(self) -> None:
        import zlib

        self._zlib = zlib.decompressobj(31)  # 31: with gzip's header and checksum
        self._error = zlib.error
        self._tail = b""
        self._defect: Exception | None = None
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._defect is not None:
            raise self._defect
        data = self._tail + data
        before = self._zlib.copy()
        try:
            piece = self._zlib.decompress(data, max_length)
        except self._error as e:
            self._defect = e  # raised at the next call, when what came before it has been delivered
            self.needs_input = False
            return self._until_defect(before, data, max_length)
        self._tail = self._zlib.unconsumed_tail
        self.eof = self._zlib.eof
        self.needs_input = not self._tail and len(piece) < max_length
        self.unused_data = self._zlib.unused_data
        return piece

    def _until_defect(self, before: Any, data: bytes, limit: int) -> bytes:
        """What the longest harmless beginning of ``data`` gives, found by halving."""
        best, low, high = b"", 0, len(data)
        while high - low > 1:
            middle = (low + high) // 2
            try:
                best, low = before.copy().decompress(data[:middle], limit), middle
            except self._error:
                high = middle
        return best


def _bz2() -> Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> Decompressor:
    import lzma

    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=256 << 20)  # xz -9 needs 65 MiB


def _zstd() -> Decompressor:
    try:
        zstd: Any = importlib.import_module("compression.zstd")  # Python 3.14
    except ImportError:
        zstd = importlib.import_module("backports.zstd")
    # 27: windows of 128 MiB, as much as the zstd program takes unless told otherwise
    decompressor: Decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})
    return decompressor


COMPRESSIONS = (
    Compression("gzip", b"\x1f\x8b", Inflater, 65536),
    Compression("bzip2", b"BZh", _bz2, 1024, "this Python was built without bz2: bunzip2 the file"),
    Compression("xz", b"\xfd7zXZ\0", _xz, 1024, "this Python was built without lzma: unxz the file"),
    Compression("zstd", b"\x28\xb5\x2f\xfd", _zstd, 4096, "run: pip install backports.zstd"),
)

INPUT = 32 * 1024
"""Bytes of compressed input to read at a time: small, as decompressors copy what they have not used yet."""

MAGIC_LENGTH = max(len(row.magic) for row in COMPRESSIONS)


def compression_of(head: bytes) -> Compression | None:
    """The compression whose magic ``head`` starts with, or None."""
    for row in COMPRESSIONS:
        if head.startswith(row.magic):
            return row
    return None


class CompressedStream(PipeStream):
    """The decompressed bytes of a file of one or more members."""

    def __init__(self, raw: RawBytes, compression: Compression, title: str) -> None:
        """Raises CaptureError, naming ``title``, when this Python cannot undo the compression."""
        super().__init__(raw, INPUT)
        self._compression = compression
        self._member: Decompressor | None
        try:
            self._member = compression.make()
        except ImportError as e:
            raise CaptureError(f"{title}: is compressed with {compression.name}; {compression.install}") from e
        self._first = True  # the current member is the first
        self._fed = False  # it has given output
        self._rest = b""  # read, and not yet fed to it
        self._over = False

    def read(self) -> bytes:
        """Decompressed bytes, as soon as there are any, about CHUNK at most; empty at the end or at a defect."""
        pieces: list[bytes] = []
        size = 0
        while size < CHUNK and not self._over:
            data = b""
            if self._member is None or self._member.needs_input:
                data, self._rest = self._rest, b""
                if not data:
                    if size:
                        break  # deliver what there is before waiting for more
                    data = super().read()
                    if not data:
                        self._at_end()
                        break
            piece = self._step(data)
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def _step(self, data: bytes) -> bytes:
        """What the current member makes of some more input; a new member begins where one is complete."""
        if self._member is None:
            data = data.lstrip(b"\0")  # zeros may fill up the block of a tape, or align the next member
            if not data:
                return b""
            self._member = self._compression.make()
            self._first = self._fed = False
        member = self._member
        try:
            piece = member.decompress(data, self._compression.step)
        except Exception as e:  # noqa: BLE001 - each has its own: zlib.error, OSError, EOFError, LZMAError, ZstdError
            what = "does not decompress" if self._fed or self._first else "is followed by other bytes"
            self._stop("corrupt", f"the {self._compression.name} data {what} ({str(e) or type(e).__name__})")
            return b""
        self._fed = self._fed or bool(piece)
        if member.eof:
            self._rest = member.unused_data
            self._member = None
        return piece

    def _at_end(self) -> None:
        if self._member is not None and not self.defect:
            self._stop("truncated", f"the {self._compression.name} data is cut short")

    def _stop(self, kind: str, what: str) -> None:
        self._over = True
        self.defect_kind = kind
        self.defect = f"{what} at byte {self.consumed()} of the compressed file or shortly before"
