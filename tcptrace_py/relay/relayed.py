"""Records that another process has read, and what it knows of where they are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.observation import Observation
from tcptrace_py.packet import Record
from tcptrace_py.relay.pack import ADDRESSES, CAPLEN, CONTEXT_SIZE, ETHERNET, MOST_WORDS, WHOLE, WORDS
from tcptrace_py.words import PADDING, read_i64_le

if TYPE_CHECKING:
    from tcptrace_py.relay.child import Child


@mypyc_attr(acyclic=True)
class Relayed(Observation):
    """Gives the records that a child has read, in their order.

    Their bytes are those that the decoder needs: behind the headers of most packets stands something else than what was
    captured.  Where they stood in the file is not told.
    """

    def __init__(self, child: Child) -> None:
        super().__init__(child.sources)
        self._child = child
        self._buf: bytes = b""
        self._at: i64 = 0
        self._end: i64 = 0
        self._number: i64 = 0  # of the last record
        self._omitted: i64 = 0  # bytes at the start of a packet that are not passed on, unless it is whole

    def next(self, record: Record) -> bool:
        at: i64 = self._at
        if at >= self._end:
            if not self._refill():
                return False
            at = 0
        buf = self._buf
        self._number += 1
        if read_i64_le(buf, at) < 0:
            self._context(record, buf, at)
            at += CONTEXT_SIZE
        lengths: i64 = read_i64_le(buf, at + 8)
        caplen: i64 = lengths & CAPLEN
        if record.buf is not buf:
            record.buf = buf
        record.time = read_i64_le(buf, at)
        record.caplen = caplen
        record.wirelen = lengths >> 32 & 0xFFFFFFFF
        record.number = self._number
        at += 16
        if lengths & WHOLE:
            record.at = at
            at += caplen + 7 & ~7
        else:
            record.at = at - self._omitted
            at += (lengths >> WORDS & MOST_WORDS) << 3
        self._at = at
        return True

    def _context(self, record: Record, buf: bytes, at: i64) -> None:
        """What is different from this record on; the others leave it as it is."""
        self._number = read_i64_le(buf, at + 8)
        record.link = read_i64_le(buf, at + 16)
        record.interface = read_i64_le(buf, at + 24)
        record.source = read_i64_le(buf, at + 32)
        self.frames_before = read_i64_le(buf, at + 40)
        record.timeless = read_i64_le(buf, at + 48) != 0
        self._omitted = 0
        if record.link == ETHERNET:
            self._omitted = ADDRESSES

    def _refill(self) -> bool:
        """Take the next chunk, or at the end what the child knows of all of it."""
        self._buf = self._child.chunk()
        self._at = 0
        self._end = len(self._buf) - len(PADDING)
        if self._end > 0:
            return True
        self._end = 0
        account = self._child.account
        self._notes = account.notes
        self._sources = account.sources
        self._links = account.link_types
        return False

    @property
    def near(self) -> list[bytes]:
        """As far as they were known before the first record."""
        return self._child.near

    @property
    def left_out(self) -> int:
        return self._child.account.left_out

    @property
    def bytes_read(self) -> int:
        return self._child.bytes_read

    @property
    def dropped(self) -> int | None:
        return self._child.account.dropped

    def close(self) -> None:
        self._child.close()
