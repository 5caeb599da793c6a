"""Writes pcapng: frames with their times and lengths as they were captured, and with comments.

dpkt writes the blocks.  What is changed of it: it takes the captured length for that on the wire, knows times as floating
point numbers only, which lose nanoseconds, and describes one interface, with a short snap length.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from dpkt import pcapng

from tcptrace_py.packet import Record

APPLICATION = "tcpfsm extract"
"""What a file says it was written by: such a file holds whole connections, so that what it does not hold was not there."""

NANOSECONDS = 9  # if_tsresol: 10^-9 s
SNAPLEN = 262144
MOST_COMMENT = 60_000
"""Bytes of a comment: an option holds 65,535."""

SHB_USERAPPL, IF_IPV4ADDR, IF_IPV6ADDR, IF_TSRESOL, ISB_ENDTIME = 4, 4, 5, 9, 3
STATISTICS = 5

_LITTLE = sys.byteorder == "little"
_ORDER = "<" if _LITTLE else ">"
_Option: Any = pcapng.PcapngOptionLE if _LITTLE else pcapng.PcapngOption
_Section: Any = pcapng.SectionHeaderBlockLE if _LITTLE else pcapng.SectionHeaderBlock
_Interface: Any = pcapng.InterfaceDescriptionBlockLE if _LITTLE else pcapng.InterfaceDescriptionBlock
_Packet: Any = pcapng.EnhancedPacketBlockLE if _LITTLE else pcapng.EnhancedPacketBlock


class Packet(_Packet):  # type: ignore[misc]  # dpkt has no types
    """An enhanced packet block whose length on the wire is its own."""

    def __bytes__(self) -> bytes:
        wire_length = self.pkt_len
        block: bytes = super().__bytes__()
        return block[:24] + struct.pack(_ORDER + "I", wire_length) + block[28:]


class Writer(pcapng.Writer):  # type: ignore[misc]
    """A pcapng file of one section, with an interface for each interface and link type that frames come from."""

    def __init__(
        self, file: BinaryIO, comment: str, comments: Mapping[int, Sequence[str]], near: Sequence[bytes] = ()
    ) -> None:
        """``comment`` is on the file, ``comments`` on frames, by their numbers in what they are taken from.

        ``near``: addresses of the host that captured, as far as known.
        """
        self.file = file
        self.comment = comment
        self.comments = comments
        self.near = near
        self.interfaces: dict[tuple[int, int], int] = {}
        self.count = 0
        self.block = Packet()

    def frame(self, record: Record) -> None:
        """Write a frame."""
        origin = (int(record.interface), int(record.link))
        interface = self.interfaces.get(origin)
        if interface is None:
            interface = self.describe(origin)
        at, caplen, time = record.at, record.caplen, record.time
        data = record.buf[at : at + caplen]
        self.count += 1
        comments = self.comments.get(record.number)
        if comments:
            block = Packet(
                iface_id=interface,
                ts_high=time >> 32,
                ts_low=time & 0xFFFFFFFF,
                pkt_data=data,
                opts=[*map(remark, comments), _Option()],
            )
            block.pkt_len = record.wirelen & 0xFFFFFFFF
            self.file.write(bytes(block))
            return
        padding = -caplen & 3
        size = 32 + caplen + padding
        head = self.block._pack_hdr(  # noqa: SLF001 - as dpkt's own loop for many packets does
            pcapng.PCAPNG_BT_EPB, size, interface, time >> 32, time & 0xFFFFFFFF, caplen, record.wirelen, size
        )
        self.file.write(b"".join((head[:28], data, bytes(padding), head[28:])))

    def describe(self, origin: tuple[int, int]) -> int:
        """Write what describes a new interface; returns its number."""
        number = self.interfaces[origin] = len(self.interfaces)
        options = [_Option(code=IF_TSRESOL, data=bytes((NANOSECONDS,)))]
        for address in self.near:
            if len(address) == 4:
                options.append(_Option(code=IF_IPV4ADDR, data=address + b"\xff" * 4))
            else:
                options.append(_Option(code=IF_IPV6ADDR, data=address + b"\x80"))
        block = _Interface(linktype=origin[1] & 0xFFFF, snaplen=SNAPLEN, opts=[*options, _Option()])
        if number == 0:
            super().__init__(self.file, shb=self.section(), idb=[block])
        else:
            self.file.write(bytes(block))
        return number

    def section(self) -> Any:
        """The section header."""
        return _Section(
            opts=[remark(self.comment), _Option(code=SHB_USERAPPL, data=APPLICATION.encode("ascii")), _Option()]
        )

    def finish(self, until: int) -> None:
        """Write until when the interfaces were observed (ns)."""
        if not self.interfaces:
            self.file.write(bytes(self.section()))
        for number in self.interfaces.values():
            value = struct.pack(_ORDER + "II", until >> 32, until & 0xFFFFFFFF)
            body = struct.pack(_ORDER + "III", number, until >> 32, until & 0xFFFFFFFF)
            body += bytes(_Option(code=ISB_ENDTIME, data=value)) + bytes(_Option())
            size = struct.pack(_ORDER + "I", len(body) + 12)
            self.file.write(struct.pack(_ORDER + "I", STATISTICS) + size + body + size)


def remark(text: str) -> Any:
    """A comment as an option."""
    data = text.encode("utf-8", "backslashreplace")[:MOST_COMMENT]
    return _Option(code=pcapng.PCAPNG_OPT_COMMENT, text=data.decode("utf-8", "ignore"))
