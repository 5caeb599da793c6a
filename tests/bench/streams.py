"""Writes captures to measure reassembly with: ``streams.py KIND COUNT FILE``.

KIND is ``transfer`` (COUNT bytes from one server, two segments to an ACK, nothing missing), ``lossy`` (the same, of which
every 50th segment comes 30 segments late, every 80th twice), ``holes`` (COUNT segments of 100 bytes, every other one missing,
acknowledged), ``unacknowledged`` (the same without any ACK), ``backwards`` (COUNT segments of one byte, each before the one before
it) or ``scattered`` (COUNT segments of one byte, in random order, every other place empty).  The bytes of a stream are
``content(offset, length)``, so that anybody can say what they should be.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.generate import ACK, FIN, SYN, Packet, Side, packet, write

SIZE = 1448
PERIOD = 1_048_573  # a prime: no two segments of a stream are alike
BLOCK = random.Random("content").randbytes(PERIOD) * 2


def content(offset: int, length: int) -> bytes:
    """What a stream holds at ``offset``; at most a megabyte at a time."""
    at = offset % PERIOD
    return BLOCK[at : at + length]


class Talk:
    """One connection, of which only the server sends."""

    def __init__(self, rng: random.Random) -> None:
        self.client = Side(0x0A000001, 40000, rng.getrandbits(32))
        self.server = Side(0xC0A80001, 80, rng.getrandbits(32))
        self.time = 0
        self.first = (self.server.seq + 1) & 0xFFFFFFFF

    def step(self, sender: Side, receiver: Side, flags: int, payload: bytes = b"") -> Packet:
        self.time += 1000
        made = packet(sender, receiver, flags, len(payload), self.time)
        return self.time, made[: len(made) - len(payload)] + payload if payload else made

    def open(self) -> Iterator[Packet]:
        yield self.step(self.client, self.server, SYN)
        yield self.step(self.server, self.client, SYN | ACK)
        yield self.step(self.client, self.server, ACK)

    def data(self, offset: int, length: int) -> Packet:
        """The server sends these bytes of its stream."""
        self.server.seq = (self.first + offset) & 0xFFFFFFFF
        return self.step(self.server, self.client, ACK, content(offset, length))

    def acknowledge(self, offset: int) -> Packet:
        """The client has everything before this."""
        self.server.seq = (self.first + offset) & 0xFFFFFFFF
        return self.step(self.client, self.server, ACK)

    def close(self, offset: int) -> Iterator[Packet]:
        self.server.seq = (self.first + offset) & 0xFFFFFFFF
        yield self.step(self.server, self.client, FIN | ACK)
        yield self.step(self.client, self.server, FIN | ACK)
        yield self.step(self.server, self.client, ACK)


def transfer(talk: Talk, count: int, *, lossy: bool) -> Iterator[Packet]:
    """``count`` bytes; ``lossy``: some of them late, some twice."""
    late: dict[int, int] = {}  # segment: offset
    for number, offset in enumerate(range(0, count, SIZE)):
        length = min(SIZE, count - offset)
        if lossy and number % 50 == 7:
            late[number + 30] = offset
        else:
            yield talk.data(offset, length)
            if lossy and number % 80 == 9:
                yield talk.data(offset, length)
        if number in late:
            yield talk.data(late[number], min(SIZE, count - late.pop(number)))
        if number % 2:
            yield talk.acknowledge(min(late.values(), default=offset + length))
    for offset in late.values():
        yield talk.data(offset, min(SIZE, count - offset))


def holes(talk: Talk, count: int, *, acknowledged: bool) -> Iterator[Packet]:
    """``count`` segments, between each two of which one is missing."""
    for n in range(count):
        yield talk.data(200 * n, 100)
        if acknowledged and n % 2:
            yield talk.acknowledge(200 * n + 100)


def single_bytes(talk: Talk, places: list[int]) -> Iterator[Packet]:
    """One byte at each of these offsets."""
    for place in places:
        yield talk.data(place, 1)


def capture(kind: str, count: int, rng: random.Random) -> Iterator[Packet]:
    """The packets of one kind."""
    talk = Talk(rng)
    yield from talk.open()
    length = count
    if kind in ("transfer", "lossy"):
        yield from transfer(talk, count, lossy=kind == "lossy")
    elif kind in ("holes", "unacknowledged"):
        yield from holes(talk, count, acknowledged=kind == "holes")
        length = 200 * count
    elif kind == "backwards":
        yield from single_bytes(talk, list(range(count, 0, -1)))
        length = count + 1
    elif kind == "scattered":
        places = [2 * n + 1 for n in range(count)]
        rng.shuffle(places)
        yield from single_bytes(talk, places)
        length = 2 * count
    else:
        sys.exit(f"no kind {kind!r}: transfer, lossy, holes, unacknowledged, backwards or scattered")
    yield from talk.close(length)


def main() -> None:
    kind, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(path, "wb") as out:
        write(capture(kind, count, random.Random(f"{kind} {count}")), out, 1 << 18)


if __name__ == "__main__":
    main()
