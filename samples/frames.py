"""Ethernet frames with TCP in them: the few fields that the wire decides by, and segments with right checksums."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP_AT = {4: 34, 6: 54}  # IPv4 without options, IPv6 without extension headers: all that these samples contain
CLIENT_MAC, SERVER_MAC = bytes.fromhex("02000a010001"), bytes.fromhex("02000a010007")


@dataclass
class Segment:
    """The head of one TCP segment."""

    source: tuple[str, int]
    destination: tuple[str, int]
    seq: int
    ack: int
    flags: int
    length: int

    @property
    def end(self) -> int:
        """The sequence number after this segment: SYN and FIN take one each (RFC 9293, 3.4)."""
        return (self.seq + self.length + bool(self.flags & SYN) + bool(self.flags & FIN)) % 2**32

    def __str__(self) -> str:
        names = (SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, ".")
        letters = "".join(letter for bit, letter in names if self.flags & bit)
        return f"{letters} {self.seq}:{self.end}({self.length}) ack {self.ack}"


def parse(frame: bytes) -> Segment | None:
    """The TCP segment in a frame, or None for anything else."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 6:
        family, at, addresses, end = socket.AF_INET, 34, frame[26:34], 14 + int.from_bytes(frame[16:18], "big")
    elif kind == b"\x86\xdd" and frame[20] == 6:
        family, at, addresses, end = socket.AF_INET6, 54, frame[22:54], 54 + int.from_bytes(frame[18:20], "big")
    else:
        return None
    sport, dport, seq, ack, bits = struct.unpack_from("!HHIIH", frame, at)
    half = len(addresses) // 2
    source, destination = (socket.inet_ntop(family, part) for part in (addresses[:half], addresses[half:]))
    return Segment((source, sport), (destination, dport), seq, ack, bits & 0xFF, end - at - (bits >> 12) * 4)


def is_icmp_error(frame: bytes) -> bool:
    """ICMP that quotes another packet; echo and neighbour discovery are not."""
    if frame[12:14] == b"\x08\x00":
        return frame[23] == 1 and frame[34] in (3, 4, 5, 11, 12)
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] < 128


def ones_complement(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_checksum(addresses: bytes, tcp: bytes) -> bytes:
    """The checksum of ``tcp`` (its own checksum field zero) under the pseudo-header of ``addresses``."""
    pseudo = struct.pack("!BBH", 0, 6, len(tcp)) if len(addresses) == 8 else struct.pack("!II", len(tcp), 6)
    return struct.pack("!H", ones_complement(addresses + pseudo + tcp))


def build(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    *,
    window: int = 64240,
    options: bytes = b"",
    from_server: bool = False,
    ident: int = 0,
    ttl: int = 64,
) -> bytes:
    """One Ethernet frame with one IPv4 TCP segment; ``options`` is a multiple of four bytes."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    bits = (5 + len(options) // 4) << 12 | flags
    tcp = struct.pack("!HHIIHHHH", source[1], destination[1], seq % 2**32, ack % 2**32, bits, window, 0, 0)
    tcp += options + payload
    tcp = tcp[:16] + tcp_checksum(addresses, tcp) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), ident, 0x4000, ttl, 6, 0) + addresses
    ip = ip[:10] + struct.pack("!H", ones_complement(ip)) + ip[12:]
    macs = CLIENT_MAC + SERVER_MAC if from_server else SERVER_MAC + CLIENT_MAC
    return macs + b"\x08\x00" + ip + tcp


def renumber(frame: bytes, seq: int, ack: int) -> bytes:
    """The frame with ``seq`` and ``ack`` added to its sequence and (if it has one) acknowledgment number."""
    at, first = (34, 26) if frame[12:14] == b"\x08\x00" else (54, 22)
    length = len(frame) if at == 54 else 14 + int.from_bytes(frame[16:18], "big")
    tcp = bytearray(frame[at:length])
    old_seq, old_ack = struct.unpack_from("!II", tcp, 4)
    struct.pack_into("!II", tcp, 4, (old_seq + seq) % 2**32, (old_ack + ack) % 2**32 if tcp[13] & ACK else old_ack)
    tcp[16:18] = b"\0\0"
    tcp[16:18] = tcp_checksum(frame[first:at], bytes(tcp))
    return frame[:at] + bytes(tcp)


def write_pcap(path: Path, records: list[tuple[int, bytes]]) -> None:
    """A classic nanosecond pcap, little-endian, of ``(nanoseconds since the epoch, Ethernet frame)``."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for time, frame in records:
            file.write(struct.pack("<IIII", *divmod(time, 10**9), len(frame), len(frame)) + frame)
