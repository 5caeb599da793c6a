"""Records as entries of a chunk, for a process that decodes them without having read the file.

::

    record    time 8, lengths 8, then what is passed of the packet, padded to whole words
    lengths   captured 19 bits, WHOLE 1 bit, how many words follow 12 bits, on the wire 32 bits
    context   before a record: CONTEXT, its number, link type, interface, file, frames of the files before, timeless: 8 each

A context is only written where a number is not the one after the last, or something else of it changes.  Of a packet no
more passes than the decoder needs: mostly its headers, without the hardware addresses that Ethernet's begin with; a WHOLE
one has all its captured bytes.  All words are little-endian.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.observation import Observation
from tcptrace_py.decode.headers import headers
from tcptrace_py.packet import Record
from tcptrace_py.words import BytesWriter, read_i64_le, write_i64_le

CHUNK: Final = 60 * 1024
"""A chunk this long is passed on: it stays in the processor's cache, and is handed through in one piece."""

CONTEXT: Final = -1  # where a time would be, which is never negative
CONTEXT_SIZE: Final = 56
CAPLEN: Final = 0x7FFFF
WHOLE: Final = 1 << 19
WORDS: Final = 20
MOST_WORDS: Final = 0xFFF
ETHERNET: Final = 1
ADDRESSES: Final = 12


@mypyc_attr(acyclic=True)
class Packer:
    """Fills chunks with what an observation gives."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.near: list[bytes] = []
        """The addresses that the captures were taken at, as far as they had told before the first record."""
        self.complete: i64 = 0  # bytes of the chunk, to the end of its last complete entry
        self.record = Record()
        # of the last record
        self.any: bool = False
        self.number: i64 = 0
        self.link: i64 = -1
        self.interface: i64 = 0
        self.source: i64 = 0
        self.timeless: bool = False

    def fill(self, out: BytesWriter) -> bool:
        """Add entries until the chunk is full, or there are no more records: then False.  Raises what reading raises."""
        observation = self.observation
        record = self.record
        self.complete = len(out)
        while observation.next(record):
            self.number += 1
            if (
                record.number != self.number
                or record.link != self.link
                or record.interface != self.interface
                or record.source != self.source
                or record.timeless != self.timeless
                or not self.any
            ):
                self.context(out)
            buf = record.buf
            at: i64 = record.at
            caplen: i64 = record.caplen
            size: i64 = headers(record)
            lengths: i64 = WHOLE
            if size < caplen:
                if record.link == ETHERNET:
                    at += ADDRESSES
                    size -= ADDRESSES
                lengths = (size + 7 >> 3) << WORDS
            wirelen: i64 = record.wirelen
            if wirelen > 0x7FFFFFFF:  # keep the word within 64 bits, signed
                wirelen -= 0x100000000
            write_i64_le(out, record.time)
            write_i64_le(out, caplen | lengths | wirelen << 32)
            while size > 0:
                write_i64_le(out, read_i64_le(buf, at))
                at += 8
                size -= 8
            self.complete = len(out)
            if self.complete >= CHUNK:
                return True
        return False

    def context(self, out: BytesWriter) -> None:
        """Say what is different from this record on."""
        record = self.record
        if not self.any:
            self.any = True
            self.near = list(self.observation.near)
        self.number = record.number
        self.link = record.link
        self.interface = record.interface
        self.source = record.source
        self.timeless = record.timeless
        write_i64_le(out, CONTEXT)
        write_i64_le(out, self.number)
        write_i64_le(out, self.link)
        write_i64_le(out, self.interface)
        write_i64_le(out, self.source)
        write_i64_le(out, self.observation.frames_before)
        write_i64_le(out, 1 if self.timeless else 0)
