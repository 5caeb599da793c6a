"""Writes captures to measure with: ``generate.py KIND COUNT FILE [SNAPLEN]``.  The same arguments write the same bytes.

=========  ====================================================================================================
web        COUNT short connections, interleaved: handshake, one or two requests, four-way close
pages      the same with three times as much in an answer
six        the same as web over IPv6, in pcapng
bulk       COUNT packets of 200 long downloads
lossy      the same with 10 % of the data lost before or behind the capture point, SACK, and reordering
flood      COUNT SYNs of as many sources to one server
half-open  COUNT SYNs, each with its SYN-ACK
open       COUNT connections, with two requests and answers each, that are all open at the end
=========  ====================================================================================================

SNAPLEN cuts the packets, as tcpdump does.  Checksums are left 0: nothing here verifies them.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import BinaryIO

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MACS = bytes.fromhex("020000000002020000000001")
SERVER_PORT = 80
IP4 = struct.Struct(">BBHHHBBHII")
IP6 = struct.Struct(">IHBB16s16s")
NET6 = bytes.fromhex("20010db8") + bytes(8)
TCP = struct.Struct(">HHIIBBHHH")
RECORD = struct.Struct("<IIII")
BLOCK = struct.Struct("<IIIIIII")
TIMESTAMPS = struct.Struct(">BBBBII")
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a00000001 00000000 01 030307".replace(" ", ""))
EPOCH = 1_700_000_000_000_000_000
MSS = 1448

Packet = tuple[int, bytes]


class Side:
    """One end of a connection: its address, and what it sends next."""

    def __init__(self, address: int, port: int, seq: int, *, six: bool = False) -> None:
        self.address = address
        self.port = port
        self.seq = seq & 0xFFFFFFFF
        self.six = six
        self.ip_id = seq & 0xFFFF


def packet(c: Side, s: Side, flags: int, length: int, time: int, sack: tuple[int, int] | None = None) -> bytes:
    """One frame from ``c`` to ``s``."""
    options = SYN_OPTIONS if flags & SYN else TIMESTAMPS.pack(1, 1, 8, 10, time // 1_000_000 + 2 & 0xFFFFFFFF, 1)
    if sack:
        options += struct.pack(">BBBBII", 1, 1, 5, 10, *sack)
    c.ip_id = (c.ip_id + 1) & 0xFFFF
    size = 20 + len(options)
    if c.six:
        addresses = (NET6 + c.address.to_bytes(4, "big"), NET6 + s.address.to_bytes(4, "big"))
        ip = b"\x86\xdd" + IP6.pack(6 << 28, size + length, 6, 64, *addresses)
    else:
        ip = b"\x08\x00" + IP4.pack(0x45, 0, 20 + size + length, c.ip_id, 0x4000, 64, 6, 0, c.address, s.address)
    ack = s.seq if flags & ACK else 0
    tcp = TCP.pack(c.port, s.port, c.seq, ack, size << 2, flags, 502, 0, 0)
    c.seq = (c.seq + length + (flags & SYN > 0) + (flags & FIN)) & 0xFFFFFFFF
    return MACS + ip + tcp + options + bytes(length)


# -- short connections -- #


def short(rng: random.Random, number: int, start: int, fulls: tuple[int, ...], *, six: bool) -> Iterator[Packet]:
    """One connection, packet by packet, with its times; ``fulls``: full segments of an answer, to choose from."""
    c = Side(0x0A000000 + rng.randrange(1 << 16), 1024 + number % 60000, rng.getrandbits(32), six=six)
    s = Side(0xC0A80000 + rng.randrange(64), SERVER_PORT, rng.getrandbits(32), six=six)
    time = start
    steps = [(c, s, SYN, 0), (s, c, SYN | ACK, 0), (c, s, ACK, 0)]
    for _ in range(rng.choice((1, 1, 1, 2))):
        steps.append((c, s, PSH | ACK, rng.randrange(100, 600)))
        for i in range(rng.choice(fulls)):
            steps.append((s, c, ACK, MSS))
            if i % 2:
                steps.append((c, s, ACK, 0))
        steps += [(s, c, PSH | ACK, rng.randrange(50, MSS)), (c, s, ACK, 0)]
    steps += [(c, s, FIN | ACK, 0), (s, c, ACK, 0), (s, c, FIN | ACK, 0), (c, s, ACK, 0)]
    for sender, receiver, flags, length in steps:
        yield time, packet(sender, receiver, flags, length, time)
        time += rng.randrange(200_000, 20_000_000)


def many(
    rng: random.Random, count: int, fulls: tuple[int, ...] = (1, 2, 2, 3), *, six: bool = False
) -> Iterator[Packet]:
    """So many connections, in order of time, a new one beginning every quarter of a millisecond."""
    gap = 250_000
    heap: list[tuple[int, int, bytes, Iterator[Packet]]] = []
    for number in range(count):
        kind = short(rng, number, number * gap, fulls, six=six)
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


def pages(rng: random.Random, count: int) -> Iterator[Packet]:
    """Larger answers."""
    return many(rng, count, (4, 5, 6, 7))


def six(rng: random.Random, count: int) -> Iterator[Packet]:
    """Over IPv6."""
    return many(rng, count, six=True)


# -- long ones -- #


def opened(rng: random.Random, count: int) -> tuple[list[tuple[Side, Side]], list[Packet]]:
    """So many connections that have just been opened, and their handshakes."""
    pairs: list[tuple[Side, Side]] = []
    packets: list[Packet] = []
    for i in range(count):
        c = Side(0x0A000000 + i, 40000 + i, rng.getrandbits(32))
        s = Side(0xC0A80001, SERVER_PORT, rng.getrandbits(32))
        pairs.append((c, s))
        for sender, receiver, flags in ((c, s, SYN), (s, c, SYN | ACK), (c, s, ACK)):
            time = len(packets) * 1000
            packets.append((time, packet(sender, receiver, flags, 0, time)))
    return pairs, packets


def bulk(rng: random.Random, count: int) -> Iterator[Packet]:
    """Two full segments, one ACK."""
    pairs, packets = opened(rng, 200)
    yield from packets
    time = len(packets) * 1000
    for i in range((count - len(packets)) // 3):
        c, s = pairs[i % len(pairs)]
        for sender, receiver, length in ((s, c, MSS), (s, c, MSS), (c, s, 0)):
            time += 1000
            yield time, packet(sender, receiver, ACK, length, time)


def lossy(rng: random.Random, count: int) -> Iterator[Packet]:
    """Four segments a round: one in ten comes after the next one, one in ten is lost, and sent again after three SACKs."""
    pairs, packets = opened(rng, 200)
    yield from packets
    time = len(packets) * 1000
    given = len(packets)
    while given < count:
        c, s = pairs[rng.randrange(len(pairs))]
        first = s.seq
        frames = [packet(s, c, ACK, MSS, time) for _ in range(4)]
        last = s.seq
        fate = rng.random()
        if fate < 0.4:  # one of four is late
            at = rng.randrange(3)
            frames[at], frames[at + 1] = frames[at + 1], frames[at]
        for frame in frames[1:] if fate >= 0.8 else frames:  # lost before the capture point
            time += 20_000
            yield time, frame
        if fate >= 0.6:  # the first of four does not arrive
            s.seq = first
            for k in range(1, 4):
                time += 20_000
                sack = ((first + MSS) & 0xFFFFFFFF, (first + MSS * (k + 1)) & 0xFFFFFFFF)
                yield time, packet(c, s, ACK, 0, time, sack)
            time += 5_000_000
            yield time, packet(s, c, ACK, MSS, time)
            s.seq = last
            given += 4 if fate < 0.8 else 3
        time += 20_000
        yield time, packet(c, s, ACK, 0, time)
        given += 5


# -- very many at once -- #


def flood(rng: random.Random, count: int, *, answered: bool = False) -> Iterator[Packet]:
    """100,000 a second."""
    for i in range(count):
        time = i * 10_000
        c = Side(0x0B000000 + (i * 2654435761 & 0xFFFFFF), 1024 + (i >> 24) + rng.randrange(60000), rng.getrandbits(32))
        s = Side(0xC0A80001, SERVER_PORT, rng.getrandbits(32))
        yield time, packet(c, s, SYN, 0, time)
        if answered:
            yield time + 5000, packet(s, c, SYN | ACK, 0, time + 5000)


def half_open(rng: random.Random, count: int) -> Iterator[Packet]:
    """Each of them answered."""
    return flood(rng, count, answered=True)


def open_ones(rng: random.Random, count: int) -> Iterator[Packet]:
    """Each opened, and asked and answered once; and then all of them once more."""
    pairs = []
    time = 0
    opening = [(0, SYN, 0), (1, SYN | ACK, 0), (0, ACK, 0)]
    exchange = [(0, PSH | ACK, 120), (1, PSH | ACK, 900), (0, ACK, 0)]
    for i in range(2 * count):
        if i < count:
            c = Side(0x0A000000 + i, 1024 + i % 60000, rng.getrandbits(32))
            pairs.append((c, Side(0xC0A80001 + i % 16, SERVER_PORT, rng.getrandbits(32))))
        pair = pairs[i % count]
        for sender, flags, length in (*opening, *exchange) if i < count else exchange:
            time += 1000
            yield time, packet(pair[sender], pair[1 - sender], flags, length, time)


KINDS: dict[str, Callable[[random.Random, int], Iterator[Packet]]] = {
    "web": many,
    "pages": pages,
    "six": six,
    "bulk": bulk,
    "lossy": lossy,
    "flood": flood,
    "half-open": half_open,
    "open": open_ones,
}


def write(packets: Iterator[Packet], out: BinaryIO, snaplen: int) -> int:
    """A classic pcap file; with microseconds, because some of the tools to compare with know no others.  How many packets."""
    count = 0
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    for time, frame in packets:
        seconds, nanoseconds = divmod(EPOCH + time, 1_000_000_000)
        kept = frame[:snaplen]
        out.write(RECORD.pack(seconds, nanoseconds // 1000, len(kept), len(frame)) + kept)
        count += 1
    return count


def write_ng(packets: Iterator[Packet], out: BinaryIO, snaplen: int) -> int:
    """A pcapng file: a section, an interface, and a block a packet.  How many packets."""
    count = 0
    out.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
    out.write(struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20))
    for time, frame in packets:
        kept = frame[:snaplen]
        size = 32 + (len(kept) + 3 & ~3)
        stamp = (EPOCH + time) // 1000
        head = BLOCK.pack(6, size, 0, stamp >> 32, stamp & 0xFFFFFFFF, len(kept), len(frame))
        out.write(head + kept + bytes(-len(kept) % 4) + size.to_bytes(4, "little"))
        count += 1
    return count


def generate(kind: str, count: int, path: str, snaplen: int = 1 << 18) -> int:
    """Write one capture; returns how many packets it has."""
    rng = random.Random(f"{kind} {count}")
    with open(path, "wb") as out:
        return (write_ng if kind == "six" else write)(KINDS[kind](rng, count), out, snaplen)


def main() -> None:
    if len(sys.argv) < 4 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: generate.py {'|'.join(KINDS)} COUNT FILE [SNAPLEN]")
    generate(sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:5]))


if __name__ == "__main__":
    main()
