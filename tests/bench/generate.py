"""Writes captures to measure with: ``generate.py KIND COUNT FILE``.

KIND is ``web`` (COUNT short connections, interleaved: handshake, one or two requests, four-way close), ``bulk``
(COUNT packets of 200 long transfers) or ``flood`` (COUNT SYNs of as many sources).  The same arguments write the
same bytes.  Checksums are left 0: nothing here verifies them.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import BinaryIO

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
SERVER_PORT = 80
IP = struct.Struct(">BBHHHBBHII")
TCP = struct.Struct(">HHIIBBHHH")
RECORD = struct.Struct("<IIII")
TIMESTAMPS = struct.Struct(">BBBBII")
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a00000001 00000000 01 030307".replace(" ", ""))

Packet = tuple[int, bytes]


def packet(c: Side, s: Side, flags: int, length: int, time: int) -> bytes:
    """One frame from ``c`` to ``s``."""
    options = SYN_OPTIONS if flags & SYN else TIMESTAMPS.pack(1, 1, 8, 10, time // 1_000_000 & 0xFFFFFFFF, 1)
    c.ip_id = (c.ip_id + 1) & 0xFFFF
    header = 20 + len(options)
    ip = IP.pack(0x45, 0, 20 + header + length, c.ip_id, 0x4000, 64, 6, 0, c.address, s.address)
    ack = s.seq if flags & ACK else 0
    tcp = TCP.pack(c.port, s.port, c.seq, ack, header << 2, flags, 502, 0, 0)
    c.seq = (c.seq + length + (flags & SYN > 0) + (flags & FIN)) & 0xFFFFFFFF
    return ETHERNET + ip + tcp + options + bytes(length)


class Side:
    """One end of a connection: its address, and what it sends next."""

    def __init__(self, address: int, port: int, seq: int) -> None:
        self.address = address
        self.port = port
        self.seq = seq
        self.ip_id = seq & 0xFFFF


def web(rng: random.Random, number: int, start: int) -> Iterator[Packet]:
    """One short connection, packet by packet, with its times."""
    c = Side(0x0A000000 + rng.randrange(1 << 16), 1024 + number % 60000, rng.getrandbits(32))
    s = Side(0xC0A80000 + rng.randrange(64), SERVER_PORT, rng.getrandbits(32))
    time = start
    steps = [(c, s, SYN, 0), (s, c, SYN | ACK, 0), (c, s, ACK, 0)]
    for _ in range(rng.choice((1, 1, 1, 2))):
        steps.append((c, s, PSH | ACK, rng.randrange(100, 600)))
        full = rng.choice((1, 2, 2, 3))
        for i in range(full):
            steps.append((s, c, ACK, 1448))
            if i % 2:
                steps.append((c, s, ACK, 0))
        steps += [(s, c, PSH | ACK, rng.randrange(50, 1448)), (c, s, ACK, 0)]
    steps += [(c, s, FIN | ACK, 0), (s, c, ACK, 0), (s, c, FIN | ACK, 0), (c, s, ACK, 0)]
    for sender, receiver, flags, length in steps:
        yield time, packet(sender, receiver, flags, length, time)
        time += rng.randrange(200_000, 20_000_000)


def interleaved(kinds: Iterator[Iterator[Packet]], gap: int) -> Iterator[Packet]:
    """Packets of many connections in order of time, a new one beginning every ``gap`` nanoseconds."""
    heap: list[tuple[int, int, bytes, Iterator[Packet]]] = []
    for number, kind in enumerate(kinds):
        first = next(kind)
        heappush(heap, (first[0], number, first[1], kind))
        while heap and heap[0][0] <= first[0] - 2 * gap:
            yield from _step(heap)
    while heap:
        yield from _step(heap)


def _step(heap: list[tuple[int, int, bytes, Iterator[Packet]]]) -> Iterator[Packet]:
    time, number, frame, kind = heappop(heap)
    yield time, frame
    following = next(kind, None)
    if following:
        heappush(heap, (following[0], number, following[1], kind))


def bulk(rng: random.Random, count: int) -> Iterator[Packet]:
    """``count`` packets of 200 long downloads: two full segments, one ACK."""
    pairs = []
    time = 0
    for i in range(200):
        c = Side(0x0A000000 + i, 40000 + i, rng.getrandbits(32))
        s = Side(0xC0A80001, SERVER_PORT, rng.getrandbits(32))
        pairs.append((c, s))
        for sender, receiver, flags in ((c, s, SYN), (s, c, SYN | ACK), (c, s, ACK)):
            time += 1000
            yield time, packet(sender, receiver, flags, 0, time)
    for i in range((count - 600) // 3):
        c, s = pairs[i % 200]
        for sender, receiver, length in ((s, c, 1448), (s, c, 1448), (c, s, 0)):
            time += 1000
            yield time, packet(sender, receiver, ACK, length, time)


def flood(rng: random.Random, count: int) -> Iterator[Packet]:
    """``count`` SYNs of different sources to one server, 100,000 a second."""
    for i in range(count):
        source = 0x0B000000 + (i * 2654435761 & 0xFFFFFF)
        c = Side(source, 1024 + (i >> 24) + rng.randrange(60000), rng.getrandbits(32))
        yield i * 10_000, packet(c, Side(0xC0A80001, SERVER_PORT, 0), SYN, 0, i * 10_000)


def write(packets: Iterator[Packet], out: BinaryIO) -> None:
    """A classic pcap file; with microseconds, because some of the tools to compare with know no others."""
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for time, frame in packets:
        seconds, nanoseconds = divmod(1_700_000_000_000_000_000 + time, 1_000_000_000)
        out.write(RECORD.pack(seconds, nanoseconds // 1000, len(frame), len(frame)) + frame)


def main() -> None:
    kind, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    rng = random.Random(f"{kind} {count}")
    if kind == "web":
        gap = 250_000
        packets = interleaved((web(rng, i, i * gap) for i in range(count)), gap)
    elif kind == "bulk":
        packets = bulk(rng, count)
    elif kind == "flood":
        packets = flood(rng, count)
    else:
        sys.exit(f"no kind {kind!r}: web, bulk or flood")
    with open(path, "wb") as out:
        write(packets, out)


if __name__ == "__main__":
    main()
