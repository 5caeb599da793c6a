"""The bytes of one file, pipe or compressed file, piece by piece.

Never compiled, and on purpose: an interrupt (Ctrl-C) is only noticed where interpreted code runs, so the compiled
readers get their bytes through the one call ``fill``, once in 256 KiB, where that costs nothing.
"""

from __future__ import annotations

import os
import select
from typing import BinaryIO, Protocol

from tcptrace_py.words import PADDING

CHUNK = 256 * 1024
"""Bytes to read at a time: larger pieces fall out of the processor's cache and are slower."""

PIPE_SIZE = 1 << 20
"""What to ask the kernel to hold for us between two reads of a pipe (Linux only)."""


class Stream(Protocol):
    """What a ``buffer.Window`` slides over."""

    defect: str
    """Why the bytes end before the file's author meant them to; empty if nothing is known to be wrong."""
    defect_kind: str
    """The ``Problem.kind`` of that defect."""

    def fill(self, base: int, tail: bytes, need: int) -> bytes:
        """The bytes from offset ``base`` on, then ``len(PADDING)`` more bytes that the caller must not consume.

        ``tail`` holds those of them that the caller has already.  At least ``need`` bytes (padding not counted) unless
        the stream ends before; as many as can be had without waiting or growing out of bounds.
        """
        ...

    def consumed(self) -> int:
        """Bytes taken from the file as it is stored."""
        ...

    def close(self) -> None: ...


class FileStream:
    """A regular file, uncompressed.

    Each piece is read at its own offset, so what is left of the last one is simply read again, and so is the padding:
    nothing is copied until the end of the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.defect = ""
        self.defect_kind = "read_error"
        self._file = file
        self._fd = file.fileno()
        self._consumed = 0

    def fill(self, base: int, tail: bytes, need: int) -> bytes:
        want = max(CHUNK, need) + len(PADDING)
        buf = b""
        try:
            buf = os.pread(self._fd, want, base)
            while len(buf) < want:  # the end of the file, or a file system that returns less than it could
                more = os.pread(self._fd, want - len(buf), base + len(buf))
                if not more:
                    break
                buf += more
        except OSError as e:
            self.defect = f"cannot be read further ({e.strerror or e})"
            return max(buf, tail, key=len) + PADDING
        self._consumed = max(self._consumed, base + len(buf))
        return buf if len(buf) == want else buf + PADDING

    def consumed(self) -> int:
        return self._consumed

    def close(self) -> None:
        self._file.close()


class PipeStream:
    """Bytes that come one after the other and may have to be waited for: a pipe, or a file being decompressed."""

    def __init__(self, raw: RawBytes, piece_size: int = CHUNK) -> None:
        self.defect = ""
        self.defect_kind = "read_error"
        self._raw = raw
        self._pieces: list[bytes] = []  # read and not yet handed out: kept here, an interrupt loses none
        self._ended = False
        self._piece_size = piece_size

    def fill(self, base: int, tail: bytes, need: int) -> bytes:
        have = len(tail) + sum(map(len, self._pieces))
        while have < need and not self._ended:
            piece = self.read()
            if piece:
                self._pieces.append(piece)
                have += len(piece)
            else:
                self._ended = True
        buf = b"".join((tail, *self._pieces, PADDING))
        self._pieces.clear()
        return buf

    def read(self) -> bytes:
        """The next bytes, as soon as there are any; empty at the end."""
        try:
            return self._raw.read(self._piece_size)
        except OSError as e:
            self.defect = f"cannot be read further ({e.strerror or e})"
            return b""

    def consumed(self) -> int:
        return self._raw.consumed

    def close(self) -> None:
        self._raw.close()


class RawBytes:
    """A file object as bytes on demand: whatever is there now, waiting only if there is nothing.

    ``head`` are bytes that were read from it before, to see what it is.
    """

    def __init__(self, file: BinaryIO, owned: bool) -> None:
        self.consumed = 0
        self._file = file
        self._owned = owned  # ours to close; standard input is not
        self._head = b""
        read = getattr(file, "read1", file.read)  # a buffered file must not wait until its buffer is full
        fd = descriptor(file)
        if fd is not None:
            widen_pipe(fd)
            if not blocking(fd) and getattr(file, "raw", None) is not None:
                read = file.raw.read  # type: ignore[attr-defined]  # a buffer takes "nothing yet" for the end
        self._fd = fd
        self._read = read

    def peek(self, count: int) -> bytes:
        """The next bytes, ``count`` of them unless there are no more, without taking them."""
        while len(self._head) < count:
            piece = self._next(CHUNK)
            if not piece:
                break
            self._head += piece
        return self._head

    def read(self, count: int) -> bytes:
        """The next bytes, at most ``count`` or what ``peek`` has seen; empty at the end."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._next(count)

    def _next(self, count: int) -> bytes:
        while True:
            try:
                piece: bytes | None = self._read(count)
            except BlockingIOError:
                piece = None
            if piece is not None:
                self.consumed += len(piece)
                return piece
            if self._fd is None:
                return b""
            select.select([self._fd], [], [])  # not blocking and nothing there yet

    def close(self) -> None:
        if self._owned:
            self._file.close()


def descriptor(file: BinaryIO) -> int | None:
    """The file descriptor below a file object, if there is one."""
    try:
        return file.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def blocking(fd: int) -> bool:
    """Whether a read of ``fd`` waits for bytes."""
    try:
        return os.get_blocking(fd)
    except (AttributeError, OSError):  # not known to this platform
        return True


def widen_pipe(fd: int) -> None:
    """Let a pipe hold more, where the system can: fewer and larger reads, and a writer that waits less."""
    try:
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except (ImportError, AttributeError, OSError):
        pass  # not Linux, not a pipe, or above what an ordinary user may ask for: it works as it is
