"""What a connection looks like from a tap: its frames, without what is chance in them.

Two connections of the same shape showed the same kinds of segments, which came first in the same order, and the last kind after
the same pause, to a tenth of a second.  How much they carried, how often a segment came again and how long it all took does not
count.
"""

from __future__ import annotations

import socket
import struct
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

from kernel.runs import SIDES, Run, packets

FIN, SYN, RST, ACK = 1, 2, 4, 16
SECOND = 1e9
TENTH = 100_000_000
TIMESTAMPS = 8
Host = tuple[bytes, int]


class Head(NamedTuple):
    """Of a TCP segment."""

    time: int
    """Nanoseconds since the epoch."""
    forth: bool
    """From the client to the server."""
    flags: int
    seq: int
    ack: int
    length: int
    window: int
    options: bytes

    @property
    def end(self) -> int:
        """The sequence number behind it."""
        return (self.seq + self.length + bool(self.flags & SYN) + bool(self.flags & FIN)) % 2**32


class Shape(NamedTuple):
    """The look of a connection."""

    kinds: tuple[str, ...]
    """Of its segments, in the order in which they came first; with ``+`` those that came again, where that may tell; and once more, with
    ``~``, those that came after the first of the last kind."""
    pause: int
    """Tenths of a second, rounded down, from the other side's segment before to the first of the last kind."""
    since: float
    """When nothing new came any more, in seconds: the first segment of the last kind, or the last where that is data."""

    def __str__(self) -> str:
        return " ".join(self.kinds) + f" after {self.pause / 10} s" * bool(self.pause)


class Seen:
    """The segments of a run's capture at a tap, by connection."""

    def __init__(self, run: Run, tap: str) -> None:
        self.found = conversations(run, tap)

    def heads(self, record: dict[str, Any], until: int) -> list[Head]:
        """A connection of the truth, up to that time (nanoseconds since the epoch)."""
        client, server = ((address(record[side]["addr"]), record[side]["port"]) for side in SIDES)
        found = self.found.get((client, server), [])
        times = [head.time for head in found]
        return found[bisect_left(times, record["t_start"]) : bisect_right(times, until)]


def address(text: str) -> bytes:
    """As it is in a header."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def conversations(run: Run, tap: str) -> dict[tuple[Host, Host], list[Head]]:
    """The segments of a capture by client and server: in these runs the server has the smaller port."""
    found: dict[tuple[Host, Host], list[Head]] = defaultdict(list)
    for time, frame, _ in packets(run.captures[tap]):
        if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
            at, a, b, end = 34, frame[26:30], frame[30:34], 14 + int.from_bytes(frame[16:18], "big")
        elif frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
            at, a, b, end = 54, frame[22:38], frame[38:54], 54 + int.from_bytes(frame[18:20], "big")
        else:
            continue
        source, target, seq, ack, bits, window = struct.unpack_from("!HHIIHH", frame, at)
        forth = source > target
        ends = ((a, source), (b, target)) if forth else ((b, target), (a, source))
        size = (bits >> 12) * 4
        options = frame[at + 20 : at + size]
        found[ends].append(Head(time, forth, bits & 0xFF, seq, ack, end - at - size, window, options))
    return found


def after(a: int, b: int) -> int:
    """How far a sequence number is behind another."""
    return (a - b + 2**31) % 2**32 - 2**31


TALK = {"d", "k"}
"""Data, and ACKs of nothing else, while both sides are open."""


def shape(heads: Sequence[Head]) -> Shape:
    """Of the segments of one connection, in their order, of which there is at least one."""
    names = Namer(heads)
    counts: Counter[str] = Counter()
    first: dict[str, Head] = {}
    old: set[str] = set()  # kinds that still come when all have come
    for head in heads:
        name = names.name(head)
        old = old | {name} if name in first else set()
        counts[name] += 1
        first.setdefault(name, head)
    last = next(reversed(first))
    newest = heads[-1] if last in TALK else first[last]
    heard = [head.time for head in heads if head.time < newest.time and head.forth != newest.forth]
    pause = (newest.time - heard[-1]) // TENTH if heard else 0
    kinds = [name + "+" * (counts[name] > 1 and again_tells(name, first)) for name in first]
    still = [f"~{name}" for name in first if name in old - {last} and name not in TALK]
    return Shape((*kinds, *still), pause, newest.time / SECOND)


def again_tells(name: str, all_names: Container[str]) -> bool:
    """Not of a RST, nor of a handshake that is over, and talking is coming again."""
    return name not in TALK and name[0] != "R" and not (name[0] in "Ss" and "d" in all_names)


class Namer:
    """Gives each segment of a connection, in order, the name of its kind.

    ``>`` is from the client, ``<`` from the server.  S SYN, s SYN-ACK, d data, u data that is not acknowledged by the end of the
    capture, k ACK, F FIN, a ACK of the FIN, n another ACK after the FIN, p probe, z closed window, R RST and where its sequence number
    is against what the receiver acknowledged last.  After a name: who has sent a FIN before.
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        self.acked: dict[bool, int] = {}
        """By sender: the last acknowledgement of the capture."""
        self.sent: dict[bool, int] = {}
        self.fins: dict[bool, int] = {}
        self.given: dict[bool, int] = {}
        """By sender: the last acknowledgement so far."""
        for head in heads:
            if head.flags & (ACK | RST) == ACK:
                peer = not head.forth
                if peer not in self.acked or after(head.ack, self.acked[peer]) > 0:
                    self.acked[peer] = head.ack

    def name(self, head: Head) -> str:
        found = self.of_flags(head) or self.of_plain(head)
        forth = head.forth
        if forth not in self.sent or after(head.end, self.sent[forth]) > 0:
            self.sent[forth] = head.end
        if head.flags & FIN:
            self.fins[forth] = head.end
        if head.flags & (ACK | RST) == ACK:
            self.given[forth] = head.ack
        return found

    def of_flags(self, head: Head) -> str:
        """Empty for a segment that has none but ACK."""
        way = "<>"[head.forth]
        if head.flags & RST:
            ahead = after(head.seq, self.given.get(not head.forth, head.seq))
            return f"R{way}{'=' if not ahead else '+' if ahead > 0 else '-'}"
        if head.flags & SYN:
            return f"{'s' if head.flags & ACK else 'S'}{way}{'d' * bool(head.length)}"
        return f"F{way}" if head.flags & FIN else ""

    def of_plain(self, head: Head) -> str:
        forth, way, stage = head.forth, "<>"[head.forth], "".join(sorted("<>"[side] for side in self.fins))
        if head.length:
            lost = forth not in self.acked or after(head.end, self.acked[forth]) > 0
            return f"u{way}{stage}" if lost else f"d{stage}"
        fin = self.fins.get(not forth)
        if fin is not None and after(head.ack, fin) >= 0:
            return f"a{way}"
        if after(head.seq, self.sent.get(forth, head.seq)) == -1:
            return f"p{way}{stage}"
        if not head.window:
            return f"z{way}{stage}"
        return f"k{stage}" if fin is None else f"n{way}"


class Sign(NamedTuple):
    """Of one segment, all but the absolute numbers."""

    forth: bool
    flags: int
    ahead: int
    """Of its sequence number against the end of what the sender had sent."""
    missing: int
    """From what it acknowledges to the end of what the other side had sent."""
    has_data: bool
    has_window: bool
    options: tuple[int, ...]
    """Their kinds."""
    echoes_newest: bool
    """Its timestamp echo is of the other side's segment before."""


def tail(heads: Sequence[Head]) -> list[tuple[int, Sign]]:
    """The segments since nothing new came, or since the last data, with their times (nanoseconds since the epoch)."""
    look = shape(heads)
    data = [head.time for head in heads if head.length]
    since = data[-1] if look.kinds[-1] in TALK and data else round(look.since * SECOND) - 1000
    sent: dict[bool, int] = {}
    stamp: dict[bool, bytes] = {}
    found = []
    for head in heads:
        forth, options = head.forth, dict(options_of(head.options))
        value = options.get(TIMESTAMPS, b"")
        ahead = after(head.seq, sent.get(forth, head.seq))
        missing = after(sent.get(not forth, head.ack), head.ack) if head.flags & ACK else 0
        newest = not stamp.get(not forth) or value[4:] == stamp[not forth]
        if head.time >= since:
            signs = (forth, head.flags, ahead, missing, bool(head.length), bool(head.window), tuple(options), newest)
            found.append((head.time, Sign(*signs)))
        if not head.flags & RST and (forth not in sent or after(head.end, sent[forth]) > 0):
            sent[forth] = head.end
        if value:
            stamp[forth] = value[:4]
    return found


def options_of(given: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each option, without padding."""
    at = 0
    while at < len(given) and given[at]:
        if given[at] == 1:
            at += 1
            continue
        size = max(given[at + 1], 2)
        yield given[at], given[at + 2 : at + size]
        at += size
