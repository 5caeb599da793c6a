"""The classic capture file of libpcap (draft-ietf-opsawg-pcap), in all its dialects.

::

    file header    magic 4, version 2+2, time zone 4, accuracy 4, snap length 4, link type 4
    record header  seconds 4, fraction 4, captured length 4, length on the wire 4; then the captured bytes

The magic tells the byte order, and whether fractions are micro- or nanoseconds, or whether each record header has
eight more bytes (A. Kuznetzov's patch: interface 4, protocol 2, packet type 1, padding 1).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.buffer import Window, u16, u32
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.reader import MAX_CAPLEN, Reader, max_caplen
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import Record
from tcptrace_py.words import read_i64_be, read_i64_le

MICRO: Final = 0xA1B2C3D4
NANO: Final = 0xA1B23C4D
MODIFIED: Final = 0xA1B2CD34

FILE_HEADER: Final = 24
RECORD_HEADER: Final = 16
MODIFIED_HEADER: Final = 24

LINK_MASK: Final = 0x03FFFFFF  # the bits above tell the length of the frame check sequence

# The order of the two lengths in a record header
AS_NOW: Final = 0
SWAPPED: Final = 1  # before version 2.3 the length on the wire came first
EITHER: Final = 2  # version 2.3 was written both ways: the smaller one is the captured length


@mypyc_attr(acyclic=True)
class PcapReader(Reader):
    """Reads a classic pcap file."""

    def __init__(self, window: Window, source: Source, index: int, notes: Notes) -> None:
        """Reads the file header.  Raises CaptureError when that is cut short or of an unknown version."""
        super().__init__(window, source, index, notes)
        if not window.ensure(FILE_HEADER):
            raise CaptureError(
                f"{source.title}: is cut short inside its file header ({window.end} of {FILE_HEADER} bytes): "
                f"{window.stream.defect or 'capture or copy it again'}"
            )
        buf = window.buf
        at: i64 = window.at
        magic: i64 = u32(buf, at, True)
        self.big: bool = magic in (MICRO, NANO, MODIFIED)
        if not self.big:
            magic = u32(buf, at, False)
        self.unit: i64 = 1 if magic == NANO else 1000
        self.header: i64 = MODIFIED_HEADER if magic == MODIFIED else RECORD_HEADER
        major: i64 = u16(buf, at + 4, self.big)
        minor: i64 = u16(buf, at + 6, self.big)
        if major < 2:
            raise CaptureError(
                f"{source.title}: is pcap version {major}.{minor}, which nothing reads: capture it again"
            )
        self.order: i64 = AS_NOW
        if major == 2 and minor < 3:
            self.order = SWAPPED
        elif major == 2 and minor == 3:
            self.order = EITHER
        self.link: i64 = u32(buf, at + 20, self.big) & LINK_MASK
        self.limit: i64 = max_caplen(self.link)
        window.at = at + FILE_HEADER

    def next(self, record: Record) -> bool:
        window = self.window
        header: i64 = self.header
        if window.end - window.at < header and not window.ensure(header):
            return self.cut()
        buf = window.buf
        at: i64 = window.at
        word: i64
        time: i64
        caplen: i64
        wirelen: i64
        if self.big:
            word = read_i64_be(buf, at)
            time = ((word >> 32) & 0xFFFFFFFF) * 1000000000 + (word & 0xFFFFFFFF) * self.unit
            word = read_i64_be(buf, at + 8)
            caplen = (word >> 32) & 0xFFFFFFFF
            wirelen = word & 0xFFFFFFFF
        else:
            word = read_i64_le(buf, at)
            time = (word & 0xFFFFFFFF) * 1000000000 + ((word >> 32) & 0xFFFFFFFF) * self.unit
            word = read_i64_le(buf, at + 8)
            caplen = word & 0xFFFFFFFF
            wirelen = (word >> 32) & 0xFFFFFFFF
        if self.order != AS_NOW and (self.order == SWAPPED or caplen > wirelen):
            word = caplen
            caplen = wirelen
            wirelen = word
        if caplen > self.limit:
            return self.corrupt(f"its header claims {caplen} captured bytes, more than {self.limit}")
        kept: i64 = caplen
        if kept > MAX_CAPLEN:
            kept = MAX_CAPLEN
        size: i64 = header + kept
        if window.end - at < size:
            if not window.ensure(size):
                return self.cut()
            buf = window.buf
            at = window.at
        if record.buf is not buf:
            record.buf = buf
        record.at = at + header
        record.caplen = kept
        record.wirelen = wirelen
        record.time = time
        record.link = self.link
        record.interface = self.first_interface
        record.offset = window.base + at
        record.timeless = False
        if caplen > kept:
            if not self.pass_over(header + caplen):
                return False
        else:
            window.at = at + size
        self.frame += 1
        self.packets += 1
        self.bytes += wirelen
        record.number = self.frame
        return True
