"""Frames that no endpoint sent: segments that fit a connection, and ICMP errors."""

from __future__ import annotations

import struct

from frames import TCP_AT, ones_complement, tcp_checksum

ADDRESSES = {4: slice(26, 34), 6: slice(22, 54)}


def version(frame: bytes) -> int:
    """Of IP: 4 or 6."""
    return 6 if frame[12:14] == b"\x86\xdd" else 4


def segment_like(frame: bytes, seq: int, ack: int, flags: int) -> bytes:
    """A bare segment with the addresses and ports of ``frame``."""
    six = version(frame)
    ports = frame[TCP_AT[six] : TCP_AT[six] + 4]
    tcp = ports + struct.pack("!IIHHHH", seq % 2**32, ack % 2**32, 5 << 12 | flags, 512, 0, 0)
    tcp = tcp[:16] + tcp_checksum(frame[ADDRESSES[six]], tcp) + tcp[18:]
    return frame[:14] + ip_header(frame, len(tcp), 6, frame[ADDRESSES[six]]) + tcp


def ip_header(frame: bytes, length: int, protocol: int, addresses: bytes) -> bytes:
    """A header like that of ``frame``, for something else."""
    if version(frame) == 6:
        return frame[14:18] + struct.pack("!HBB", length, protocol, 64) + addresses
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, protocol, 0) + addresses
    return head[:10] + struct.pack("!H", ones_complement(head)) + head[12:]


def unreachable(frame: bytes) -> bytes:
    """The ICMP error "port unreachable" from the receiver of ``frame`` to its sender (RFC 792; RFC 4443, 3.1)."""
    six = version(frame) == 6
    addresses = frame[ADDRESSES[6 if six else 4]]
    half = len(addresses) // 2
    back = addresses[half:] + addresses[:half]
    icmp = struct.pack("!BBHI", *((1, 4) if six else (3, 3)), 0, 0) + frame[14:]
    pseudo = back + struct.pack("!II", len(icmp), 58) if six else b""
    icmp = icmp[:2] + struct.pack("!H", ones_complement(pseudo + icmp)) + icmp[4:]
    return frame[6:12] + frame[:6] + frame[12:14] + ip_header(frame, len(icmp), 58 if six else 1, back) + icmp
