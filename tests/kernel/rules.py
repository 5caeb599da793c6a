"""What befalls single segments of a connection by order of its script, and how segments are told apart."""

from __future__ import annotations

from dataclasses import dataclass, field

from frames import ACK, FIN, RST, SYN, Segment
from wire import CLIENT, OTHER

EVER = 1 << 30


@dataclass
class Rule:
    """What befalls the ``nth`` to ``nth + count - 1``th segment of a kind that one side sends."""

    side: str
    kind: str
    """any, syn, synack, third (the handshake's ACK), data, ack, fin, finack (a bare ACK of the FIN), rst."""
    action: str
    """lose; hold (deliver ``ms`` later); repeat (deliver again ``ms`` later); swallow (a firewall at
    the receiver drops it); reject (it does, and answers with ICMP); pass."""
    nth: int = 1
    count: int = 1
    ms: int = 0
    part: bool = False
    """After it nothing gets through any more, either way."""
    seen: int = 0

    def applies(self) -> bool:
        """Count one more segment of the kind; whether it is one of those."""
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.count


@dataclass
class Flow:
    """What the bridge remembers of the connection that now has its pair of ports."""

    number: int
    rules: list[Rule]
    parted: set[str] = field(default_factory=set)
    """Sides whose segments are all lost."""
    isn: int = -1
    """The client's."""
    spoke: bool = False
    """The client has sent data."""
    last: dict[str, tuple[bytes, Segment]] = field(default_factory=dict)
    """By side: the last frame it sent, other than a RST."""
    fin_end: dict[str, int] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    """By side: the sequence number after everything it sent."""
    known: dict[str, str | None] = field(default_factory=dict)
    """By side: its state when it was last looked at."""
    looks: int = 0

    def kinds(self, side: str, segment: Segment) -> set[str]:
        """What rules may call this segment; remembers what later ones are told apart by."""
        flags, kinds = segment.flags, {"any"}
        if flags & RST:
            return kinds | {"rst"}
        if flags & SYN:
            if side == CLIENT:
                self.isn = segment.seq
            return kinds | {"synack" if flags & ACK else "syn"}
        if flags & FIN:
            self.fin_end[side] = segment.end
            self.known[side] = None
            kinds.add("fin")
        if segment.length:
            kinds.add("data")
            self.spoke |= side == CLIENT
        elif not flags & FIN:
            kinds.add("ack")
            if side == CLIENT and not self.spoke and segment.seq == (self.isn + 1) % 2**32:
                kinds.add("third")
            if self.fin_end.get(OTHER[side]) == segment.ack:
                kinds.add("finack")
        return kinds

    def remember(self, side: str, frame: bytes, segment: Segment) -> None:
        """What is needed to forge a segment that fits."""
        if segment.flags & RST:
            return
        self.last[side] = frame, segment
        behind = (segment.end - self.next.get(side, segment.end)) % 2**32 >= 2**31
        if segment.flags & SYN or not behind:
            self.next[side] = segment.end
