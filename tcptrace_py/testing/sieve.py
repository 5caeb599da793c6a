"""A capture as it comes from the tool: kept, but for the probes that show that it comes.  The last one stays: it tells until when
was captured, and so how long an endpoint has been waiting that says nothing more.

The tools run on this machine, and write in its byte order: pcap (tcpdump) or pcapng (dumpcap).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from tcptrace_py.errors import CaptureError

_PCAP = (0xA1B2C3D4, 0xA1B23C4D)
_PCAPNG = 0x0A0D0D0A
_PACKET_BLOCKS = (3, 6)
_MOST = 1 << 26
"""Bytes of one record or block: more is no capture."""


class Sieve:
    """Takes the bytes of a capture in pieces, and writes to ``out`` all of it but the packets that hold ``token``, except the last."""

    def __init__(self, out: BinaryIO, token: bytes) -> None:
        self._out = out
        self._token = token
        self._rest = b""
        self._magic = 0
        self._last = b""
        self.packets = 0
        """Packets kept."""
        self.probe = -1
        """The number behind the token in the latest packet that had it."""

    def feed(self, piece: bytes) -> None:
        """The next bytes.  Raises CaptureError when they are no capture."""
        data = self._rest + piece
        at = 0
        if not self._magic and len(data) >= 24:
            (self._magic,) = struct.unpack_from("=I", data)
            if self._magic in _PCAP:
                at = 24
                self._out.write(data[:at])
            elif self._magic != _PCAPNG:
                raise CaptureError("what the capture tool writes is neither pcap nor pcapng")
        if self._magic:
            while (length := self._unit(data, at)) and at + length <= len(data):
                self._take(data[at : at + length])
                at += length
        self._rest = data[at:]
        self._out.flush()

    def finish(self) -> None:
        """Nothing more comes."""
        self._out.write(self._last)
        self._last = b""

    def _unit(self, data: bytes, at: int) -> int:
        """The length of the record or block that begins there; 0: not known yet."""
        if self._magic == _PCAPNG:
            if len(data) < at + 8:
                return 0
            length = int(struct.unpack_from("=I", data, at + 4)[0])
        else:
            if len(data) < at + 16:
                return 0
            length = 16 + int(struct.unpack_from("=I", data, at + 8)[0])
        if not 12 <= length <= _MOST:
            raise CaptureError("what the capture tool writes is damaged")
        return length

    def _take(self, unit: bytes) -> None:
        """Keep it, unless it is a probe."""
        is_packet = self._magic != _PCAPNG or struct.unpack_from("=I", unit)[0] in _PACKET_BLOCKS
        if is_packet:
            found = unit.find(self._token)
            if found >= 0:
                (self.probe,) = struct.unpack_from("!I", unit, found + len(self._token))
                self._last = unit
                return
            self.packets += 1
        self._out.write(unit)
