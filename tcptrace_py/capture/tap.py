"""What lies between a capture that comes in and whoever wants it: it finds where one block ends and the next begins.

A live capture comes in pieces of any size, and is wanted whole by two: the analysis, and perhaps a file.  Both get the
same pcapng blocks, never a part of one, so that the file is whole wherever it ends, and an analysis of it later sees what
the live one saw.  A capture in classic pcap, as tcpdump writes it, is made pcapng on the way.

At the end stands a statistics block that says until when the capture lasted, how many packets it holds, and how many
were dropped: with it, an endpoint that waited in silence until then is known to have waited.

Never compiled: a piece at a time, and what it costs is paid in ``struct``.
"""

from __future__ import annotations

import struct
from typing import Final

from tcptrace_py.capture.options import IF_TSOFFSET, IF_TSRESOL, ISB_ENDTIME, ISB_IFDROP, ISB_USRDELIV
from tcptrace_py.capture.pcap import LINK_MASK, MICRO, NANO
from tcptrace_py.capture.pcapng import (
    BYTE_ORDER,
    ENHANCED,
    INTERFACE,
    MAX_BLOCK,
    MAX_INTERFACES,
    MIN_BLOCK,
    PACKET,
    SECTION,
    SECTION_HEADER,
    SIMPLE,
    STATISTICS,
)
from tcptrace_py.capture.reader import max_caplen

IF_NAME: Final = 2
_MAX_HEADER: Final = 1 << 20
_RECORD = {"<": struct.Struct("<4I"), ">": struct.Struct(">4I")}
_BLOCK = {"<": struct.Struct("<3I"), ">": struct.Struct(">3I")}
_PADS: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


class Tap:
    """Takes pieces, gives blocks."""

    def __init__(self, name: str, most_packets: int = 0) -> None:
        """``name`` of the interface, where the capture does not tell; after ``most_packets`` (0: no bound) it gives no more."""
        self.packets = 0
        self.is_full = False
        self.header = b""
        """The section's header and the descriptions of its interfaces, as far as they have come: what a file begins with."""
        self.defect = ""
        """Why it gives no more, though the capture goes on; empty if nothing is wrong."""
        self._name = name
        self._most = most_packets
        self._order = "<"
        self._step = self._begin
        self._pieces: list[bytes] = []  # not yet given: the beginning of a block
        self._have = 0
        self._need = 4  # bytes that it takes to go on
        self._is_raw = False  # it cannot be told where its packets begin: all of it is passed on as it comes
        self._link = 1
        self._resolution = 6
        self._interfaces: list[_Interface] = []  # of the section
        self._tells_drops = False

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes; returns the blocks that they complete."""
        if self.is_full or self.defect:
            return b""
        if self._is_raw:
            return piece
        self._pieces.append(piece)
        self._have += len(piece)
        if self._have < self._need:
            return b""
        data = piece if len(self._pieces) == 1 else b"".join(self._pieces)
        given, used = self._step(data)
        rest = data[used:]
        self._pieces = [rest] if rest else []
        self._have = len(rest)
        return given

    @property
    def pending(self) -> int:
        """Bytes that have come and are no whole block yet."""
        return self._have

    def rest(self) -> bytes:
        """All that has come of a capture that ended within its file header."""
        return b"" if self.header or self._is_raw else b"".join(self._pieces)

    def begin_file(self) -> None:
        """From here on, what comes is kept in another file."""
        for interface in self._interfaces:
            interface.in_file = 0

    # -- what it is -- #

    def _begin(self, data: bytes) -> tuple[bytes, int]:
        """The first bytes tell the format."""
        magic = int.from_bytes(data[:4], "big")
        if magic == SECTION:
            self._step = self._blocks
            self._need = SECTION_HEADER
        elif magic in (MICRO, NANO) or int.from_bytes(data[:4], "little") in (MICRO, NANO):
            self._step = self._file_header
            self._need = 24
        else:
            self._is_raw = True
            return data, len(data)
        return self._step(data) if len(data) >= self._need else (b"", 0)

    # -- pcapng -- #

    def _blocks(self, data: bytes) -> tuple[bytes, int]:
        """All blocks that are whole."""
        at = 0
        block = _BLOCK[self._order]
        end = len(data)
        while end - at >= MIN_BLOCK:
            kind, length, word = block.unpack_from(data, at)
            if kind == SECTION:
                if word != BYTE_ORDER:
                    self._order = ">" if self._order == "<" else "<"
                    block = _BLOCK[self._order]
                    _, length, word = block.unpack_from(data, at)
                if word != BYTE_ORDER:
                    return self._give_up(data)
            if not MIN_BLOCK <= length <= MAX_BLOCK:
                return self._give_up(data)
            size = (length + 3) & ~3
            if end - at < size:
                self._need = size
                return data[:at], at
            if kind == ENHANCED:
                self._count(word)
            elif kind == SIMPLE:
                self._count(0)
            elif kind == PACKET:
                self._count(word & 0xFFFF if self._order == "<" else word >> 16)
            elif kind in (SECTION, INTERFACE, STATISTICS):
                self._note(kind, data[at : at + size])
            at += size
            if self.is_full:
                return data[:at], len(data)
        self._need = MIN_BLOCK
        return data[:at], at

    def _count(self, interface: int) -> None:
        """One packet."""
        self.packets += 1
        self.is_full = self.packets == self._most
        if interface < len(self._interfaces):
            self._interfaces[interface].packets += 1
            self._interfaces[interface].in_file += 1

    def _note(self, kind: int, block: bytes) -> None:
        """A block that tells about those that follow."""
        if kind == SECTION:
            self.header = block
            self._interfaces = []
        elif kind == INTERFACE and len(self._interfaces) < MAX_INTERFACES:
            if len(self.header) + len(block) <= _MAX_HEADER:
                self.header += block
            options = find_options(block[16:-4], self._order)
            resolution = options.get(IF_TSRESOL, b"\6")[:1] or b"\6"
            offset = options.get(IF_TSOFFSET, b"").ljust(8, b"\0")[:8]
            self._interfaces.append(_Interface(resolution[0], int(struct.unpack(f"{self._order}q", offset)[0])))
        elif kind == STATISTICS and len(block) >= 24:
            self._tells_drops = self._tells_drops or ISB_IFDROP in find_options(block[20:-4], self._order)

    def _give_up(self, data: bytes) -> tuple[bytes, int]:
        """A block that makes no sense: the reader will say so."""
        self._is_raw = True
        return data, len(data)

    # -- classic pcap -- #

    def _file_header(self, data: bytes) -> tuple[bytes, int]:
        """Make a section and an interface of it."""
        magic = int.from_bytes(data[:4], "little")
        self._order = "<" if magic in (MICRO, NANO) else ">"
        magic, major, minor = struct.unpack_from(f"{self._order}IHH", data)
        snaplen, link = struct.unpack_from(f"{self._order}2I", data, 16)
        if (major, minor) != (2, 4):  # from before 1998
            self._is_raw = True
            return data, len(data)
        self._link = link & LINK_MASK
        self._resolution = 9 if magic == NANO else 6
        name = self._name.encode("utf-8", "backslashreplace")[:255]
        options = option(IF_NAME, name) + option(IF_TSRESOL, bytes((self._resolution,))) + option(0, b"")
        section = block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1))
        self.header = section + block(INTERFACE, struct.pack("<HHI", self._link & 0xFFFF, 0, snaplen) + options)
        self._interfaces = [_Interface(self._resolution, 0)]
        self._step = self._records
        self._need = 16
        given, used = self._records(data[24:])
        return self.header + given, used + 24

    def _records(self, data: bytes) -> tuple[bytes, int]:
        """All packets that are whole, as enhanced packet blocks."""
        record = _RECORD[self._order]
        unit = 10**self._resolution
        longest = int(max_caplen(self._link))
        blocks: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= 16:
            seconds, fraction, caplen, wirelen = record.unpack_from(data, at)
            if caplen > longest:
                self.defect = f"its packet {self.packets + 1} claims {caplen} captured bytes, more than {longest}"
                break
            if end - at - 16 < caplen:
                self._need = 16 + caplen
                return b"".join(blocks), at
            time = seconds * unit + fraction
            pad = _PADS[caplen & 3]
            length = 32 + caplen + len(pad)
            blocks += (
                struct.pack("<7I", ENHANCED, length, 0, time >> 32, time & 0xFFFFFFFF, caplen, wirelen),
                data[at + 16 : at + 16 + caplen],
                pad,
                struct.pack("<I", length),
            )
            at += 16 + caplen
            self._count(0)
            if self.is_full:
                return b"".join(blocks), len(data)
        self._need = 16
        return b"".join(blocks), at

    # -- the end -- #

    def ending(self, until: int, drops: int | None, *, of_file: bool = False) -> bytes:
        """Blocks that say how it ended: at ``until`` (ns; -1: not known), with ``drops`` packets lost (None: not known).

        What the capture has said of drops itself is not said again.  ``of_file``: of the file in which it is kept.
        """
        if self._is_raw:
            return b""
        order = ">" if self._order == ">" and self._step == self._blocks else "<"
        blocks = []
        for n, interface in enumerate(self._interfaces):
            ticks = interface.ticks(until)
            stamp = struct.pack(f"{order}2I", ticks >> 32, ticks & 0xFFFFFFFF)
            options = option(ISB_ENDTIME, stamp, order) if until >= 0 else b""
            if n == 0 and drops is not None and not self._tells_drops:
                options += option(ISB_IFDROP, struct.pack(f"{order}Q", drops), order)
            packets = interface.in_file if of_file else interface.packets
            options += option(ISB_USRDELIV, struct.pack(f"{order}Q", packets), order) + option(0, b"", order)
            blocks.append(block(STATISTICS, struct.pack(f"{order}I", n) + stamp + options, order))
        return b"".join(blocks)


class _Interface:
    """An interface of the section: its clock, and how many packets have come."""

    def __init__(self, resolution: int, offset: int) -> None:
        """``resolution`` as in if_tsresol, ``offset`` in seconds."""
        self.resolution = resolution
        self.offset = offset
        self.packets = 0
        self.in_file = 0

    def ticks(self, time: int) -> int:
        """Nanoseconds since the epoch in its units, as 64 bits."""
        time = max(time - self.offset * 10**9, 0)
        if self.resolution & 0x80:
            ticks = (time << (self.resolution & 0x7F)) // 10**9
        elif self.resolution <= 9:
            ticks = time // 10 ** (9 - self.resolution)
        else:
            ticks = time * 10 ** (self.resolution - 9)
        return min(ticks, (1 << 64) - 1)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One pcapng block; ``body`` is padded already."""
    length = struct.pack(f"{order}I", len(body) + MIN_BLOCK)
    return struct.pack(f"{order}I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """One option."""
    return struct.pack(f"{order}2H", code, len(value)) + value + _PADS[len(value) & 3]


def find_options(data: bytes, order: str) -> dict[int, bytes]:
    """The options of a block, by code; of several with one code the first."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}2H", data, at)
        if code == 0:
            break
        found.setdefault(code, data[at + 4 : at + 4 + length])
        at += 4 + (length + 3 & ~3)
    return found
