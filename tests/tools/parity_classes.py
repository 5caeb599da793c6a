"""Why one of our figures differs from another tool's: classes, each with the evidence that it needs.

A class explains a disagreement only if both figures come out of the packets that tshark shows, to the last byte: ours when they are
looked at as the class says that we do, the other's when they are looked at as that tool does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.parity_tools import COUNTS, FIELDS, Side, Talked, agree
from tools.parity_wire import ACK, FIN, SYN, Features, Packet, by_ip, counted, once, without_texts

CLASSES = {
    "captured twice": "we leave frames out that the capture holds twice (`hardware_duplicates`); both count them",
    "SYN not seen or cut": "what a SYN offers is unknown to us (`null`) where none was seen, or its options were cut; both read it off later segments, or say no",
    "not offered": "timestamps on later segments than the SYN: used, never offered",
    "text of a RST": "both count what a RST carries as data of the stream (RFC 9293, 3.5.3: it is a message for people)",
    "at a closed window": "tcptrace takes all that is sent to a closed window for probes, and leaves it out of the unique bytes",
    "SYN as data": "tcptrace counts a SYN or FIN whose number differs from the first one's as a unique byte",
    "signed MSS": "tcptrace prints an MSS of 32,768 or more as a negative number, modulo 2^32",
    "ports used again": "the same frames, divided among the uses of the ports in another way",
    "IP length 0": "segments longer than an IP header can say (offload): their length is the frame's; tcptrace and older Wireshark drop them",
    "frame shorter than its IP packet": "the record keeps no longer length than it stores; Wireshark believes the record, we and tcptrace IP",
    "behind other headers": "tcptrace looks for IP right behind the link header: no tunnels, no MPLS",
    "link type": "tcptrace does not know the link type",
    "ICMP error": "our times of a connection include an ICMP error about it",
    "time out of range": "the record's time is none that the tool can hold",
    "time runs backwards": "the end is the latest time to us, that of the last frame to both",
    "malformed": "headers that are cut or contradict themselves, which each tool reads as far as it likes",
}
"""Every class, with its reason."""
ROUGH = ("time out of range", "malformed")
"""Those that do not say to the last byte what the other figure must be."""

OURS = (
    ("frame shorter than its IP packet", by_ip),
    ("text of a RST", without_texts),
)
"""What we make of the packets, in this order; at last copies are left out."""


@dataclass
class Both:
    """One direction by us and by another tool."""

    mine: Side
    other: Side
    packets: list[Packet]
    """Of this use of the ports by our account, as tshark shows them."""
    frames: set[int]
    """Our first and last."""
    back: list[Packet]
    """Those of the other direction."""
    features: Features
    tool: str
    hours_may_differ: bool = False

    def explain(self, name: str) -> str:
        """The class of the disagreement about this figure; empty: none fits."""
        a, b = self.mine.values[name], self.other.values[name]
        if name in ("timestamps", "mss"):
            return self._offered(name, a, b)
        if name.endswith("_time"):
            return self._time(name, a, b)
        return self._counted(name, a, b)

    def _offered(self, name: str, a: Any, b: Any) -> str:
        """What a SYN offers."""
        if name == "mss" and a is not None and b == a | 0xFFFF0000:
            return "signed MSS"
        syns = [p for p in self.packets if p.flags & SYN]
        if a is None:
            return "SYN not seen or cut" if not self.other.values["syn"] or any(p.is_cut for p in syns) else ""
        if name == "timestamps" and b and not a and syns and not any(p.has_stamp for p in syns):
            return "not offered"
        return ""

    def _time(self, name: str, a: int, b: int) -> str:
        """When the first or the last packet passed."""
        at = 0 if name == "first_time" else -1
        both = sorted((*self.packets, *self.back))
        if self.features.odd_times or not all(_is_sane(time) for time in (a, b)):
            return "time out of range"
        if not agree(name, both[at].time, b, self.tool, hours_may_differ=self.hours_may_differ):
            return ""
        if a in self.features.errors:
            return "ICMP error"
        if at and a == max(p.time for p in both):
            return "time runs backwards"
        return "captured twice" if self._is_last_but_copies(a) else ""

    def _is_last_but_copies(self, time: int) -> bool:
        """Whether only copies of frames came after this."""
        late = [p for p in (*self.packets, *self.back) if p.time > time]
        early = {(p.flags, p.seq, p.ack, p.length, p.identity) for p in (*self.packets, *self.back) if p.time <= time}
        return bool(late) and all((p.flags, p.seq, p.ack, p.length, p.identity) in early for p in late)

    def _counted(self, name: str, a: int, b: int) -> str:
        """A count: both must come out of the packets."""
        if not self.packets and not self.back and self.frames <= self.features.zero_length:
            return "IP length 0"
        why = ""
        theirs = b
        if self.tool == "tcptrace":
            theirs = int(counted(by_ip(self.packets))[name])
            views = (self._without_long(), self._with_long_empty())
            if b != theirs and b in [int(counted(by_ip(view))[name]) for view in views]:
                why, theirs = "IP length 0", b
            if name == "unique_bytes" and b != theirs:
                numbers = [
                    {p.seq + p.length * (bit == FIN) for p in self.packets if p.flags & bit} for bit in (SYN, FIN)
                ]
                if b - theirs == sum(max(len(different) - 1, 0) for different in numbers):
                    why, theirs = "SYN as data", b
                elif b == int(counted(by_ip(self._at_open_windows()))[name]):
                    why, theirs = "at a closed window", b
        seen = self.packets
        was = counted(seen)[name]
        for reason, view in OURS:
            seen = view(seen)
            now = counted(seen)[name]
            why = why or (reason if now != was else "")
            was = now
        left = once(seen, self.mine.hints["copies"])
        if left is None:
            return ""
        why = why or ("captured twice" if counted(left)[name] != was else "")
        if counted(left)[name] == a and b == theirs:
            return why
        return "malformed" if any(p.is_cut for p in self.packets) else ""

    def _at_open_windows(self) -> list[Packet]:
        """Without what was sent while the last window that the other side had shown was closed."""
        found, closed = [], False
        mine = {p.number for p in self.packets}
        for p in sorted((*self.packets, *self.back)):
            if p.number in mine:
                if not (closed and p.length):
                    found.append(p)
            elif p.flags & ACK:
                closed = not p.window
        return found

    def _without_long(self) -> list[Packet]:
        """Without segments that are longer than IP can say: over IPv4, tcptrace leaves them out."""
        return [p for p in self.packets if p.number not in self.features.zero_length]

    def _with_long_empty(self) -> list[Packet]:
        """With such segments as if they carried nothing: over IPv6."""
        return [p._replace(length=0) if p.number in self.features.zero_length else p for p in self.packets]


def _is_sane(nanoseconds: int) -> bool:
    """A time that every tool can hold and print: seconds of 32 bits, after the first of them."""
    return 0 < nanoseconds < (1 << 31) * 10**9


def missing(mine: list[Talked], features: Features, tool: str) -> str:
    """Why the other tool does not have these connections of ours at all."""
    frames = {frame for one in mine for frame in one.frames}
    known = (
        ("link type", features.unknown_link and tool == "tcptrace"),
        ("behind other headers", frames <= features.behind and tool == "tcptrace"),
        ("IP length 0", frames <= features.zero_length),
        ("malformed", frames <= features.malformed),
    )
    return next((why for why, holds in known if holds), "")


def total(talked: list[Talked], *, with_copies: bool) -> dict[Any, dict[str, int]]:
    """The counts of all uses of a pair of ends together, by the sender."""
    sums: dict[Any, dict[str, int]] = {}
    for one in talked:
        for end, side in one.sides.items():
            into = sums.setdefault(end, dict.fromkeys(COUNTS, 0))
            for name in COUNTS:
                into[name] += side.values.get(name) or 0
            if with_copies:
                into["packets"] += side.hints["copies"]
    return sums


def divided_otherwise(one: list[Talked], two: list[Talked], tool: str) -> set[str]:
    """The figures that both have alike of all uses of a pair of ends together, where they divide its frames among them in different
    ways; none: they do not have the same frames.
    """
    if not one or not two or [sizes(talked) for talked in one] == [sizes(talked) for talked in two]:
        return set()
    mine, other = total(one, with_copies=True), total(two, with_copies=False)
    if mine.keys() != other.keys() or any(mine[end]["packets"] != other[end]["packets"] for end in mine):
        return set()
    alike = {name for name in COUNTS if all(mine[end][name] == other[end][name] for end in mine)}
    ends = ((pick, name) for pick, name in ((min, "first_time"), (max, "last_time")))
    for pick, name in ends:
        times = [
            pick(side.values[name] for talked in all_uses for side in talked.sides.values()) for all_uses in (one, two)
        ]
        if agree(name, times[0], times[1], tool):
            alike.add(name)
    return alike | {name for name in FIELDS if name == "unique_bytes"}  # what one use sends again is new in another


def sizes(talked: Talked) -> int:
    """All its packets."""
    return sum(side.values["packets"] + side.hints.get("copies", 0) for side in talked.sides.values())
