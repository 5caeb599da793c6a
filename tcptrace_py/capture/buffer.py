"""The window through which a reader sees its file: a piece of it that slides forward and is never wholly in memory.

``buf[at:end]`` is what has been read and not yet used.  A reader asks ``ensure(n)`` before it looks at the next n
bytes, reads them with ``read_i64_*`` (or ``u16`` and ``u32``), and moves ``at`` behind them.  Behind ``end`` there are
always ``len(words.PADDING)`` readable bytes: of the file, or zeros where there are no more.

``buf`` is never written to, only replaced: a record that points into it stays valid until the next one is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.words import read_i64_be, read_i64_le

if TYPE_CHECKING:
    from tcptrace_py.capture.streams import Stream

PAD: Final = 64  # len(words.PADDING), as a constant
STRIDE: Final = 256 * 1024  # how far ``skip`` goes at a time


@mypyc_attr(acyclic=True)
class Window:
    """A sliding piece of one stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.buf: bytes = b"\0" * 64
        self.at: i64 = 0  # where in ``buf`` the next unused byte is
        self.end: i64 = 0  # where the bytes read so far end
        self.base: i64 = 0  # where ``buf`` starts in the (uncompressed) file
        self.ended: bool = False  # the stream has no more

    def ensure(self, need: i64) -> bool:
        """Whether ``need`` bytes stand at ``at``.  Reads on, and waits, until they do or the stream ends."""
        if self.end - self.at >= need:
            return True
        if self.ended:
            return False
        base: i64 = self.base + self.at
        buf: bytes = self.stream.fill(base, self.buf[self.at : self.end], need)
        self.buf = buf
        self.base = base
        self.at = 0
        self.end = len(buf) - PAD
        if self.end < need:
            self.ended = True
            return False
        return True

    def skip(self, count: i64) -> bool:
        """Move ``count`` bytes forward, in constant memory; False if the stream ends before that."""
        left: i64 = count
        while left > STRIDE:
            if not self.ensure(STRIDE):
                return False
            self.at += STRIDE
            left -= STRIDE
        if not self.ensure(left):
            return False
        self.at += left
        return True

    def offset(self) -> i64:
        """Where ``at`` is in the (uncompressed) file."""
        return self.base + self.at

    def close(self) -> None:
        """Close the stream."""
        self.stream.close()


def u16(buf: bytes, at: i64, big: bool) -> i64:
    """The unsigned 16-bit number at ``at``, big-endian or little-endian.  Eight bytes must be readable there."""
    if big:
        return (read_i64_be(buf, at) >> 48) & 0xFFFF
    return read_i64_le(buf, at) & 0xFFFF


def u32(buf: bytes, at: i64, big: bool) -> i64:
    """The unsigned 32-bit number at ``at``, big-endian or little-endian.  Eight bytes must be readable there."""
    if big:
        return (read_i64_be(buf, at) >> 32) & 0xFFFFFFFF
    return read_i64_le(buf, at) & 0xFFFFFFFF
