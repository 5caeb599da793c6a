"""pcapng (draft-ietf-opsawg-pcapng): blocks, in sections that each have their own byte order and interfaces.

::

    block    type 4, total length 4, body, total length 4
    section  section header block, then interface descriptions, packets, statistics, and blocks of no concern to us

A packet's link type and clock are those of its interface.  Blocks that Wireshark shows as frames but that hold no
packet (journal entries, system calls, custom blocks) count as frames here too, so that frame numbers agree.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.buffer import Window, u16, u32
from tcptrace_py.capture.interface import DEFAULT_RESOLUTION, Interface
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.options import (
    COMMENT,
    EPB_DROPS,
    IF_IPV4ADDR,
    IF_IPV6ADDR,
    IF_TSOFFSET,
    IF_TSRESOL,
    ISB_ENDTIME,
    ISB_IFDROP,
    ISB_OSDROP,
    ISB_USRDELIV,
    MAX_NUMBER,
    SHB_USERAPPL,
    find_option,
    number64,
    option_length,
)
from tcptrace_py.capture.reader import MAX_CAPLEN, Reader, max_caplen
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import Record
from tcptrace_py.words import read_i64_be, read_i64_le

# Block types
INTERFACE: Final = 1
PACKET: Final = 2  # obsolete
SIMPLE: Final = 3
STATISTICS: Final = 5
ENHANCED: Final = 6
JOURNAL: Final = 9
SYSDIG: Final = 0x204
SYSDIG_V2: Final = 0x216
SYSDIG_V2_LARGE: Final = 0x221
CUSTOM: Final = 0xBAD
CUSTOM_PRIVATE: Final = 0x40000BAD
SECTION: Final = 0x0A0D0D0A  # the same in either byte order

BYTE_ORDER: Final = 0x1A2B3C4D
SECTION_HEADER: Final = 28  # a section header block without options
MIN_BLOCK: Final = 12
PACKET_AT: Final = 28  # where the packet starts in an enhanced or obsolete packet block

BUFFERED: Final = MAX_CAPLEN + 256 * 1024
"""How much of a block is kept in memory: the largest packet with ample room for options."""
MAX_BLOCK: Final = 128 * 1024 * 1024 + BUFFERED
"""A block that claims to be longer is taken for a defect."""
MAX_INTERFACES: Final = 65536
"""Interfaces of one section; more are taken for a defect."""
EXTRACTED: Final = b"tcpfsm extract"
"""Who wrote a section of whole connections: nothing else passed until the end that its statistics give, and the addresses of
its interfaces are where it was captured.  Other programs cut frames out and leave these as they were."""

FRAMES_WITHOUT_PACKET: Final = (JOURNAL, SYSDIG, SYSDIG_V2, SYSDIG_V2_LARGE, CUSTOM, CUSTOM_PRIVATE)

# What a block turned out to be
BAD: Final = 0  # a defect, noted
OTHER: Final = 1  # no packet
FOUND: Final = 2  # a packet: the record is filled


@mypyc_attr(acyclic=True)
class PcapngReader(Reader):
    """Reads a pcapng file."""

    def __init__(self, window: Window, source: Source, index: int, notes: Notes) -> None:
        """Reads the first section header.  Raises CaptureError when that is cut short or makes no sense."""
        super().__init__(window, source, index, notes)
        self.big: bool = False
        self.section: list[Interface] = []  # the interfaces of this section
        self.before: i64 = 0  # number of interfaces of the sections before, in this file
        self.drops_before: i64 = -1  # what those dropped
        self.extracted: bool = False  # this section was written by ``tcpfsm extract``
        self.delivered_before: i64 = 0  # packets that they say are in the file; -1: one of them does not say
        self.until_before: i64 = -1  # when they ended, by their own account
        if not window.ensure(SECTION_HEADER):
            raise CaptureError(
                f"{source.title}: is cut short inside its file header ({window.end} of {SECTION_HEADER} bytes): "
                f"{window.stream.defect or 'capture or copy it again'}"
            )
        defect = self.read_byte_order()
        if defect:
            raise CaptureError(f"{source.title}: begins like a pcapng file, but {defect}: capture or copy it again")

    def next(self, record: Record) -> bool:
        window = self.window
        while True:
            if window.end - window.at < MIN_BLOCK and not window.ensure(MIN_BLOCK):
                return self.cut()
            kind: i64 = u32(window.buf, window.at, self.big)
            if kind == SECTION and not self.begin_section():
                return False
            length: i64 = u32(window.buf, window.at + 4, self.big)
            if length < MIN_BLOCK or length > MAX_BLOCK:
                return self.corrupt(f"its block claims a length of {length} bytes")
            size: i64 = (length + 3) & ~3
            need: i64 = size
            if need > BUFFERED:
                need = BUFFERED
            if window.end - window.at < need and not window.ensure(need):
                return self.cut()
            found: i64 = self.block(record, kind, size)
            if found == BAD or not self.leave(length, size):
                return False
            if found == FOUND:
                self.frame += 1
                self.packets += 1
                self.bytes += record.wirelen
                record.number = self.frame
                return True
            if kind >= JOURNAL and kind in FRAMES_WITHOUT_PACKET:
                self.frame += 1

    def block(self, record: Record, kind: i64, size: i64) -> i64:
        """Read the block of ``size`` bytes at the window's place: FOUND, OTHER or BAD."""
        if kind == ENHANCED:
            return self.enhanced(record, size)
        if kind == SIMPLE:
            return self.simple(record, size)
        if kind == PACKET:
            return self.obsolete(record, size)
        if kind == INTERFACE:
            return self.describe(size)
        if kind == STATISTICS:
            self.statistics(size)
        elif kind == SECTION:
            self.describe_section(self.window.at + 24, self.window.at + min(size, BUFFERED) - 4)
        return OTHER

    def leave(self, length: i64, size: i64) -> bool:
        """Move behind the block, whose length must stand at its end once more; False where it does not."""
        window = self.window
        trailer: i64
        start: i64 = window.base + window.at
        if size <= BUFFERED:
            trailer = u32(window.buf, window.at + size - 4, self.big)
            if trailer == length:
                window.at += size
                return True
        else:
            if not self.pass_over(size - 4):
                return False
            if not window.ensure(4):
                self.ended(start)
                return False
            trailer = u32(window.buf, window.at, self.big)
            if trailer == length:
                window.at += 4
                return True
        self.note("corrupt", f"its block has {length} bytes at its start and {trailer} at its end", start)
        return False

    # Packets

    def enhanced(self, record: Record, size: i64) -> i64:
        """Enhanced packet block: interface 4, time 4+4, captured 4, on the wire 4, packet, options."""
        window = self.window
        buf = window.buf
        at: i64 = window.at
        if size < 32:
            return self.bad("its packet block is too short")
        word: i64
        interface: i64
        high: i64
        low: i64
        caplen: i64
        if self.big:
            word = read_i64_be(buf, at + 8)
            interface = (word >> 32) & 0xFFFFFFFF
            high = word & 0xFFFFFFFF
            word = read_i64_be(buf, at + 16)
            low = (word >> 32) & 0xFFFFFFFF
            caplen = word & 0xFFFFFFFF
        else:
            word = read_i64_le(buf, at + 8)
            interface = word & 0xFFFFFFFF
            high = (word >> 32) & 0xFFFFFFFF
            word = read_i64_le(buf, at + 16)
            low = word & 0xFFFFFFFF
            caplen = (word >> 32) & 0xFFFFFFFF
        return self.packet(record, size, interface, high, low, caplen)

    def obsolete(self, record: Record, size: i64) -> i64:
        """The packet block of old: interface 2, drops 2, time 4+4, captured 4, on the wire 4, packet, options."""
        window = self.window
        buf = window.buf
        at: i64 = window.at
        if size < 32:
            return self.bad("its packet block is too short")
        big = self.big
        interface: i64 = u16(buf, at + 8, big)
        drops: i64 = u16(buf, at + 10, big)
        if drops != 0xFFFF and interface < len(self.section):  # 0xFFFF: not known
            self.add_drops(self.section[interface], drops)
        high: i64 = u32(buf, at + 12, big)
        low: i64 = u32(buf, at + 16, big)
        return self.packet(record, size, interface, high, low, u32(buf, at + 20, big))

    def packet(self, record: Record, size: i64, interface: i64, high: i64, low: i64, caplen: i64) -> i64:
        """Fill the record from an enhanced or obsolete packet block: from the wire length on they are alike."""
        window = self.window
        at: i64 = window.at
        if interface >= len(self.section):
            return self.bad(f"its interface {interface} was never described")
        described = self.section[interface]
        padded: i64 = (caplen + 3) & ~3
        if PACKET_AT + padded + 4 > size:
            return self.bad(f"its packet block of {size} bytes claims {caplen} captured bytes")
        if caplen > MAX_CAPLEN and caplen > max_caplen(described.link):
            return self.bad(f"its block claims {caplen} captured bytes, more than {MAX_CAPLEN}")
        buf = window.buf
        self.fill(record, described, PACKET_AT, u32(buf, at + PACKET_AT - 4, self.big), caplen)
        record.interface = self.first_interface + self.before + interface
        record.time = described.time(high, low)
        record.timeless = False
        if PACKET_AT + padded + 8 <= size <= BUFFERED:
            self.packet_options(described, at + PACKET_AT + padded, at + size - 4)
        return FOUND

    def simple(self, record: Record, size: i64) -> i64:
        """Simple packet block: on the wire 4, packet.  It belongs to the first interface and has no time."""
        if size < 16:
            return self.bad("its packet block is too short")
        if not self.section:
            return self.bad("its interface was never described")
        described = self.section[0]
        wirelen: i64 = u32(self.window.buf, self.window.at + 8, self.big)
        caplen: i64 = min(wirelen, size - 16)
        if described.snaplen and caplen > described.snaplen:
            caplen = described.snaplen
        if caplen > max_caplen(described.link):
            return self.bad(f"its block claims {caplen} captured bytes, more than {MAX_CAPLEN}")
        self.fill(record, described, 12, wirelen, caplen)
        record.interface = self.first_interface + self.before
        record.timeless = True  # and its time stays what it was
        return FOUND

    def fill(self, record: Record, described: Interface, header: i64, wirelen: i64, caplen: i64) -> None:
        """What all kinds of packet block have in common."""
        window = self.window
        record.buf = window.buf
        record.at = window.at + header
        record.caplen = caplen
        if caplen > MAX_CAPLEN:
            record.caplen = MAX_CAPLEN
        record.wirelen = wirelen
        record.link = described.link
        record.offset = window.base + window.at

    def packet_options(self, described: Interface, at: i64, end: i64) -> None:
        """Options of a packet: comments, and packets dropped since the one before."""
        buf = self.window.buf
        big = self.big
        self.comment(self.frame + 1, at, end)
        found: i64 = find_option(buf, at, end, big, EPB_DROPS)
        if found >= 0 and option_length(buf, found, big) == 8:
            self.add_drops(described, number64(buf, found, big))

    def comment(self, frame: i64, at: i64, end: i64) -> None:
        """Keep the comments among the options; frame 0: on a section or interface."""
        buf = self.window.buf
        big = self.big
        found: i64 = find_option(buf, at, end, big, COMMENT)
        while found >= 0:
            length: i64 = option_length(buf, found, big)
            self.notes.comment(int(frame) if frame else None, buf[found : found + length])
            found = find_option(buf, found + ((length + 3) & ~3), end, big, COMMENT)

    # Sections, interfaces, statistics

    def describe_section(self, at: i64, end: i64) -> None:
        """The options of a section header."""
        buf = self.window.buf
        found: i64 = find_option(buf, at, end, self.big, SHB_USERAPPL)
        self.extracted = found >= 0 and buf[found : found + option_length(buf, found, self.big)] == EXTRACTED
        self.comment(0, at, end)

    def begin_section(self) -> bool:
        """Close the section before, and take the byte order of the new one; False at a defect."""
        if not self.window.ensure(SECTION_HEADER):
            return self.cut()
        defect = self.read_byte_order()
        if defect:
            return self.corrupt(defect)
        self.drops_before = self.dropped()
        self.delivered_before = self.delivered()
        for described in self.section:
            self.until_before = max(self.until_before, described.until)
        self.before += len(self.section)
        self.section = []
        return True

    def read_byte_order(self) -> str:
        """Take the byte order from the section header at the window's place.  Returns what is wrong with it, or ''."""
        buf = self.window.buf
        at: i64 = self.window.at
        if u32(buf, at + 8, True) == BYTE_ORDER:
            self.big = True
        elif u32(buf, at + 8, False) == BYTE_ORDER:
            self.big = False
        else:
            return "its section header has no byte-order mark"
        if u32(buf, at + 4, self.big) < SECTION_HEADER:
            return "its section header is too short"
        major: i64 = u16(buf, at + 12, self.big)
        if major != 1:
            return f"its section header is of version {major}, not 1"
        return ""

    def describe(self, size: i64) -> i64:
        """Interface description block: link type 2, reserved 2, snap length 4, options."""
        if size < 20:
            return self.bad("its interface description is too short")
        if len(self.section) >= MAX_INTERFACES:
            return self.bad(f"its interface is one of more than {MAX_INTERFACES} in the section")
        buf = self.window.buf
        at: i64 = self.window.at
        big = self.big
        start: i64 = at + 16
        end: i64 = at + min(size, BUFFERED) - 4
        resolution: i64 = DEFAULT_RESOLUTION
        offset = 0
        found: i64 = find_option(buf, start, end, big, IF_TSRESOL)
        if found >= 0 and option_length(buf, found, big) >= 1:
            resolution = buf[found]
        found = find_option(buf, start, end, big, IF_TSOFFSET)
        if found >= 0 and option_length(buf, found, big) == 8:
            offset = int(read_i64_be(buf, found) if big else read_i64_le(buf, found))
        self.section.append(Interface(u16(buf, at + 8, big), u32(buf, at + 12, big), resolution, offset))
        self.comment(0, start, end)
        if self.extracted:
            self.addresses(start, end)
        return OTHER

    def addresses(self, start: i64, end: i64) -> None:
        """Where an extracted section was captured: each address is followed by its mask, or the length of its prefix."""
        buf = self.window.buf
        for code in (IF_IPV4ADDR, IF_IPV6ADDR):
            found: i64 = find_option(buf, start, end, self.big, code)
            while found >= 0:
                length: i64 = option_length(buf, found, self.big)
                if length == 8 or length == 17:
                    self.notes.near_address(buf[found : found + (4 if length == 8 else 16)])
                found = find_option(buf, found + ((length + 3) & ~3), end, self.big, code)

    def statistics(self, size: i64) -> None:
        """Interface statistics block: interface 4, time 4+4, options, which count from the start of the capture."""
        if size < 24:
            return
        buf = self.window.buf
        at: i64 = self.window.at
        big = self.big
        end: i64 = at + min(size, BUFFERED) - 4
        interface: i64 = u32(buf, at + 8, big)
        if interface >= len(self.section):
            return
        drops: i64 = -1
        for code in (ISB_IFDROP, ISB_OSDROP):
            found: i64 = find_option(buf, at + 20, end, big, code)
            if found >= 0 and option_length(buf, found, big) == 8:
                drops = max(drops, 0) + number64(buf, found, big)
        described = self.section[interface]
        if drops >= 0:
            described.statistics_drops = drops
        ended: i64 = find_option(buf, at + 20, end, big, ISB_ENDTIME)
        if ended >= 0 and option_length(buf, ended, big) == 8:
            until: i64 = described.time(u32(buf, ended, big), u32(buf, ended + 4, big))
            if self.extracted:
                self.notes.observed_until = max(self.notes.observed_until, until)
            delivered: i64 = find_option(buf, at + 20, end, big, ISB_USRDELIV)
            if delivered >= 0 and option_length(buf, delivered, big) == 8:
                described.until = until
                described.delivered = number64(buf, delivered, big)
        self.comment(0, at + 20, end)

    def add_drops(self, described: Interface, drops: i64) -> None:
        """Count packets that were dropped on an interface since its packet before."""
        described.packet_drops = min(max(described.packet_drops, 0) + drops, MAX_NUMBER)

    def interfaces(self) -> i64:
        return self.before + len(self.section)

    def dropped(self) -> i64:
        total: i64 = self.drops_before
        for described in self.section:
            drops: i64 = described.dropped()
            if drops >= 0:
                total = min(max(total, 0) + drops, MAX_NUMBER)
        return total

    def delivered(self) -> i64:
        """Packets that the statistics blocks say are in the file; -1: not all of them say."""
        total: i64 = self.delivered_before
        for described in self.section:
            if total < 0 or described.delivered < 0:
                return -1
            total = min(total + described.delivered, MAX_NUMBER)
        return total

    def until(self) -> i64:
        """Believed only where all packets are there that were captured until then: a file that was cut or filtered since
        still says when its capture ended, but was not an observation of all that time.
        """
        if self.packets == 0 or self.delivered() != self.packets:
            return -1
        until: i64 = self.until_before
        for described in self.section:
            until = max(until, described.until)
        return until

    def bad(self, what: str) -> i64:
        """Note a defect of the block at the window's place."""
        self.corrupt(what)
        return BAD
