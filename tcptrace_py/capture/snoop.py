r"""snoop, the capture file of Solaris (RFC 1761).  Everything is big-endian.

::

    file header    "snoop\0\0\0" 8, version 4, datalink type 4
    record header  length on the wire 4, captured length 4, record length with header and padding 4,
                   packets dropped since the capture began 4, seconds 4, microseconds 4
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.buffer import Window, u32
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.reader import MAX_CAPLEN, Reader
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import Record
from tcptrace_py.words import read_i64_be

FILE_HEADER: Final = 16
RECORD_HEADER: Final = 24
MAX_PADDING: Final = 4096  # behind a packet; more is taken for a defect

# Datalink types (IANA's snoop registry) as LINKTYPE_ values
LINKS: Final = {
    0: 1,  # IEEE 802.3
    2: 6,  # IEEE 802.5 token ring
    4: 1,  # Ethernet
    8: 10,  # FDDI
    18: 123,  # Classical IP over ATM, as SunATM
    26: 242,  # IP over InfiniBand
}
UNKNOWN_LINK: Final = -1


@mypyc_attr(acyclic=True)
class SnoopReader(Reader):
    """Reads a snoop file."""

    def __init__(self, window: Window, source: Source, index: int, notes: Notes) -> None:
        """Reads the file header.  Raises CaptureError when that is cut short or of an unknown version."""
        super().__init__(window, source, index, notes)
        if not window.ensure(FILE_HEADER):
            raise CaptureError(
                f"{source.title}: is cut short inside its file header ({window.end} of {FILE_HEADER} bytes): "
                f"{window.stream.defect or 'capture or copy it again'}"
            )
        version: i64 = u32(window.buf, window.at + 8, True)
        if version != 2:
            raise CaptureError(f"{source.title}: is snoop version {version}, not 2 (RFC 1761): capture it again")
        self.link: i64 = LINKS.get(int(u32(window.buf, window.at + 12, True)), UNKNOWN_LINK)
        self.drops: i64 = 0
        window.at += FILE_HEADER

    def next(self, record: Record) -> bool:
        window = self.window
        if window.end - window.at < RECORD_HEADER and not window.ensure(RECORD_HEADER):
            return self.cut()
        word: i64 = read_i64_be(window.buf, window.at)
        wirelen: i64 = (word >> 32) & 0xFFFFFFFF
        caplen: i64 = word & 0xFFFFFFFF
        word = read_i64_be(window.buf, window.at + 8)
        size: i64 = (word >> 32) & 0xFFFFFFFF
        drops: i64 = word & 0xFFFFFFFF
        if caplen > MAX_CAPLEN:
            return self.corrupt(f"its header claims {caplen} captured bytes, more than {MAX_CAPLEN}")
        if size < RECORD_HEADER + caplen or size > RECORD_HEADER + caplen + MAX_PADDING:
            return self.corrupt(f"its header claims {caplen} captured bytes in a record of {size}")
        if window.end - window.at < size and not window.ensure(size):
            return self.cut()
        buf = window.buf
        at: i64 = window.at
        if drops > self.drops:
            self.drops = drops
        word = read_i64_be(buf, at + 16)
        record.buf = buf
        record.at = at + RECORD_HEADER
        record.caplen = caplen
        record.wirelen = wirelen
        record.time = ((word >> 32) & 0xFFFFFFFF) * 1000000000 + (word & 0xFFFFFFFF) * 1000
        record.link = self.link
        record.interface = self.first_interface
        record.offset = window.base + at
        record.timeless = False
        window.at = at + size
        self.frame += 1
        self.packets += 1
        self.bytes += wirelen
        record.number = self.frame
        return True

    def dropped(self) -> i64:
        return self.drops
