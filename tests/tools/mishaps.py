"""A transfer over a path that loses, holds up and repeats segments, and the capture of it: what each frame was, is known.

A sender that keeps the rules (fast retransmission after three duplicate ACKs, timeouts, probes of a closed window, keep-alives) is
told what the path does to each of its transmissions.  The truth about a frame follows from who made it and what had passed the tap
before, never from its headers; nothing here uses the package under test.
"""

from __future__ import annotations

import heapq
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tools.captures import Frame

MS = 1_000_000
START = 1_700_000_000_000 * MS
NEW, AGAIN, LOST, LATE, COPY, TWICE = "new", "sent again", "first one lost", "out of order", "a copy", "captured twice"
ALIVE, PROBE, ANSWER, ACK, REST = "keep-alive", "window probe", "answer", "ACK", "rest"
FIN, SYN, PSH, ACKS = 1, 2, 8, 16


@dataclass(frozen=True)
class Ways:
    """What the hosts and the capture are like."""

    ids: str = "counts"  # IP ids: counts, zero (RFC 6864), random; with v6 there are none
    stamps: int = 0  # ticks of a timestamp clock a second; 0: no timestamps
    sack: bool = False
    v6: bool = False
    mss: int = 1000
    isn: int = 1000
    tap: float = 0.5  # where along the path of 40 ms there and back
    ports: int = 1  # interfaces that capture: of two, the second sees each frame after a router, 0.2 ms later
    vlan: bool = False  # the frames of that one are tagged


@dataclass
class Sent:
    """One transmission."""

    number: int
    start: int
    length: int
    again: bool
    kind: str = ""


@dataclass
class Path:
    """What becomes of transmissions, by their number: lost before or behind the tap, held up before it by ns, doubled after ns."""

    lost_before: frozenset[int] = frozenset()
    lost_behind: frozenset[int] = frozenset()
    held: dict[int, int] = field(default_factory=dict)
    doubled: dict[int, int] = field(default_factory=dict)


class Transfer:
    """One connection on which the client sends ``flights`` of segments."""

    def __init__(self, ways: Ways, path: Path, seed: int = 1) -> None:
        self.ways, self.path = ways, path
        self.random = random.Random(seed)
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.order = count()
        self.now = START
        self.frames: list[Frame] = []
        self.truth: list[str] = []
        self.ids = [self.random.randrange(1, 60000), self.random.randrange(1, 60000)]
        self.sent: list[Sent] = []
        self.passed: list[tuple[int, int]] = []  # stretches of data that have passed the tap
        self.highest = 0
        self.seen: set[int] = set()
        # the sender; offsets of its data
        self.nxt = self.una = self.top = 0
        self.duplicates = 0
        self.recover = -1
        self.sacked: set[tuple[int, int]] = set()
        self.repaired: set[int] = set()
        self.timer = 0
        self.sizes: dict[int, int] = {}
        self.window = 1 << 20
        self.echo = 0
        # the receiver
        self.got: set[tuple[int, int]] = set()
        self.next = 0
        self.offers = 1 << 20
        self.recent = 0

    # -- time -- #

    def at(self, delay: int, do: Callable[[], None]) -> None:
        """Do something so many nanoseconds from now."""
        heapq.heappush(self.queue, (self.now + delay, next(self.order), do))

    def run(self, until: int = 1 << 62) -> None:
        """Whatever is due."""
        while self.queue and self.queue[0][0] <= until:
            self.now, _, do = heapq.heappop(self.queue)
            do()
        self.now = max(self.now, until) if until < 1 << 62 else self.now

    # -- frames -- #

    def frame(
        self, way: int, flags: int, offset: int, length: int, ack: int, window: int, options: bytes = b""
    ) -> bytes:
        """An IP packet; ``way`` 0 goes to the server.  Offsets count from the SYN."""
        isns = (self.ways.isn, 5000)
        options += b"\x01" * (-len(options) % 4)
        head = struct.pack(
            ">HHIIBBHHH",
            *((40000, 80), (80, 40000))[way],
            (isns[way] + offset) & 0xFFFFFFFF,
            (isns[1 - way] + ack) & 0xFFFFFFFF if flags & ACKS else 0,
            (20 + len(options)) // 4 << 4,
            flags,
            window,
            (offset * 7 + ack * 13 + flags * 3 + length) & 0xFFFF,  # one for each content, as a checksum is
            0,
        )
        tcp = head + options + bytes((offset + n) & 0xFF for n in range(min(length, 8))) + bytes(max(length - 8, 0))
        hosts = (b"\x0a\0\0\1", b"\x0a\0\0\2")
        if self.ways.v6:
            long = [socket.inet_pton(socket.AF_INET6, name) for name in ("2001:db8::1", "2001:db8::2")]
            return (
                struct.pack(">IHBB", 6 << 28, len(tcp) if len(tcp) < 1 << 16 else 0, 6, 64)
                + long[way]
                + long[1 - way]
                + tcp
            )
        self.ids[way] = self.ids[way] % 65535 + 1
        kinds = {"counts": self.ids[way], "zero": 0, "random": self.random.randrange(1, 65536)}
        size = 20 + len(tcp)
        said = size if size < 1 << 16 else 0
        ip = struct.pack(">BBHHHBBH", 0x45, 0, said, kinds[self.ways.ids], 0x4000, 64, 6, 0)
        return ip + hosts[way] + hosts[1 - way] + tcp

    def stamp(self) -> bytes:
        """A timestamp option, where they are used."""
        if not self.ways.stamps:
            return b""
        ticks = 77 + (self.now - START) * self.ways.stamps // (1000 * MS)
        return b"\x01\x01\x08\x0a" + struct.pack(">II", ticks & 0xFFFFFFFF, self.echo)

    def tapped(self, packet: bytes, truth: str) -> None:
        """A packet passes the tap."""
        kind = b"\x86\xdd" if self.ways.v6 else b"\x08\x00"
        self.frames.append((self.now, b"\x02" * 12 + kind + packet))
        self.truth.append(truth)
        if self.ways.ports == 2:
            hops = 7 if self.ways.v6 else 8
            routed = packet[:hops] + bytes((packet[hops] - 1,)) + packet[hops + 1 :]
            tag = b"\x81\x00\x00\x2a" if self.ways.vlan else b""
            self.frames.append((self.now + MS // 5, b"\x06" * 6 + b"\x04" * 6 + tag + kind + routed))
            self.truth.append(TWICE)

    def there(self) -> int:
        """From the client to the tap, ns."""
        return round(20 * MS * self.ways.tap)

    def handshake(self) -> Transfer:
        """Three segments."""
        offers = struct.pack(">BBH", 2, 4, min(self.ways.mss, 65000))
        offers += b"\x01\x03\x03\x00" + (b"\x01\x01\x04\x02" if self.ways.sack else b"")
        steps = ((0, SYN, 0, 0, offers), (1, SYN | ACKS, 0, 1, offers), (0, ACKS, 1, 1, b""))
        for n, (way, flags, offset, ack, options) in enumerate(steps):
            leave = n * 20 * MS

            def pass_it(
                way: int = way, flags: int = flags, offset: int = offset, ack: int = ack, options: bytes = options
            ) -> None:
                self.tapped(self.frame(way, flags, offset, 0, ack, 64000, options + self.stamp()), REST)

            self.at(leave + (self.there() if way == 0 else 20 * MS - self.there()), pass_it)
        self.run(START + 70 * MS)
        return self

    # -- the sender -- #

    def send(self, start: int, length: int, kind: str = "") -> None:
        """The client sends data, or a probe."""
        number = len(self.sent)
        again = start < self.top
        sent = Sent(number, start, length, again, kind)
        self.sent.append(sent)
        offset = 1 + start
        packet = self.frame(0, ACKS | (PSH if kind == "" else 0), offset, length, 1, 64000, self.stamp())
        if kind == "":
            self.top = max(self.top, start + length)
            self.sizes[start] = length
        if number in self.path.lost_before:
            return
        delays = [self.path.held.get(number, 0)]
        if number in self.path.doubled:
            delays.append(delays[0] + self.path.doubled[number])
        for delay in delays:
            self.at(self.there() + delay, lambda: self.passes(sent, packet))
            if number not in self.path.lost_behind:
                self.at(20 * MS + delay, lambda: self.arrives(sent))

    def passes(self, sent: Sent, packet: bytes) -> None:
        """At the tap: what is true of it."""
        self.tapped(packet, self.true_of(sent))
        self.seen.add(sent.number)
        if not sent.kind:
            self.passed.append((sent.start, sent.start + sent.length))
            self.highest = max(self.highest, sent.start + sent.length)

    def true_of(self, sent: Sent) -> str:
        """Who made it, and what had passed."""
        if sent.number in self.seen:
            return COPY
        if sent.kind:
            return sent.kind
        had = any(a < sent.start + sent.length and sent.start < b for a, b in self.passed)
        if sent.again:
            return AGAIN if had else LOST if sent.start < self.highest else NEW
        return LATE if had or sent.start < self.highest else NEW

    def write(self, size: int) -> None:
        """So much data of the application's, at once."""
        while size > 0:
            length = min(size, self.ways.mss)
            self.send(self.nxt, length)
            self.nxt += length
            size -= length
        self.arm(250 * MS)

    def arm(self, delay: int) -> None:
        """Start the retransmission timer."""
        self.timer += 1
        mine = self.timer
        self.at(delay, lambda: self.times_out(mine, delay))

    def times_out(self, mine: int, delay: int) -> None:
        """The timer has run out: the oldest again, and the timer backs off."""
        if mine != self.timer or self.una >= self.nxt or self.window == 0:
            return
        self.recover, self.duplicates = self.nxt, 0
        self.repaired.clear()
        self.sacked.clear()
        self.repair()
        self.arm(2 * delay)

    def repair(self) -> None:
        """Send the oldest again that is missing."""
        for start, length in sorted(self.sizes.items()):
            if start < self.una or (start, start + length) in self.sacked or start in self.repaired:
                continue
            if start >= self.recover:
                return
            self.repaired.add(start)
            self.send(start, length)
            return

    def hears(self, ack: int, window: int, blocks: list[tuple[int, int]], stamp: int) -> None:
        """An ACK reaches the sender."""
        self.echo = stamp
        opens = window > self.window
        self.window = window
        fresh = set(self.spans(blocks)) - self.sacked
        self.sacked |= fresh
        if ack > self.una:
            self.una, self.duplicates = ack, 0
            if ack >= self.recover:
                self.recover = -1
                self.repaired.clear()
            elif self.recover >= 0:
                self.repair()
            self.arm(250 * MS)
        elif self.una < self.nxt and not opens:
            self.duplicates += 1
            if self.duplicates == 3 and self.recover < 0:
                self.recover = self.nxt
                self.repair()

    def spans(self, blocks: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The segments within SACK blocks."""
        return [(s, s + n) for s, n in self.sizes.items() if any(a <= s and s + n <= b for a, b in blocks)]

    # -- the receiver -- #

    def arrives(self, sent: Sent) -> None:
        """A segment reaches the server, which answers each at once."""
        self.recent = 77 + (self.now - 20 * MS - START) * self.ways.stamps // (1000 * MS)
        if not sent.kind and self.offers:
            self.got.add((sent.start, sent.start + sent.length))
            while any(a <= self.next < b for a, b in self.got):
                self.next = max(b for a, b in self.got if a <= self.next < b)
        self.answer(ANSWER if sent.kind else ACK)

    def answer(self, kind: str = ACK) -> None:
        """An ACK of all that is there, with up to three blocks beyond."""
        blocks = self.blocks() if self.ways.sack else []
        ack, window, stamp = self.next, self.offers, self.recent
        options = self.stamp()
        if blocks:
            said = b"".join(
                struct.pack(">II", *((self.ways.isn + 1 + edge) & 0xFFFFFFFF for edge in span)) for span in blocks
            )
            options += struct.pack(">BBBB", 1, 1, 5, 2 + len(said)) + said
        packet = self.frame(1, ACKS, 1, 0, 1 + ack, min(window, 64000), options)
        self.at(20 * MS - self.there(), lambda: self.tapped(packet, kind))
        self.at(20 * MS, lambda: self.hears(ack, window, blocks, stamp))

    def blocks(self) -> list[tuple[int, int]]:
        """What has arrived beyond the first hole, as few stretches."""
        found: list[tuple[int, int]] = []
        for a, b in sorted(self.got):
            if b <= self.next:
                continue
            if found and a <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], b))
            else:
                found.append((a, b))
        return found[-3:]

    # -- the whole -- #

    def capture(self) -> tuple[list[Frame], list[str]]:
        """Run to the end: the frames in the order in which they were captured, and the truth about each."""
        self.run()
        rows = sorted(zip(self.frames, self.truth, strict=True), key=lambda row: row[0][0])
        return [frame for frame, _ in rows], [truth for _, truth in rows]
