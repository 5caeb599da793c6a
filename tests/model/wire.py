"""Two hosts, a wire that misbehaves as it is told, and an observer somewhere along it.

Every segment crosses two legs: from its sender to the tap, and from there to its receiver.  What goes wrong is told by
a list of faults, each of the n-th segment sent on a way, so that a failing example shrinks to the faults that matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from model.host import MS, SECOND, Clock, Habits, Host, Packet

CLIENT, SERVER = 0, 1
BEFORE, AFTER = 0, 1  # the tap


class Fault(NamedTuple):
    """What happens to the ``nth`` segment that ``side`` sends, on its way to the tap or from there on."""

    side: int
    nth: int
    leg: int
    kind: str  # lose, delay, double
    ms: int = 0  # how much later it, or its copy, arrives


class Action(NamedTuple):
    """What an application does, and when."""

    ms: int
    side: int
    verb: str  # listen, open, write, shutdown, close, abort
    size: int = 0


USUAL = (Action(0, SERVER, "listen"), Action(1, CLIENT, "open"))
BOTH = (Action(1, CLIENT, "open"), Action(1, SERVER, "open"))


@dataclass(frozen=True)
class Program:
    """One run, wholly described."""

    actions: tuple[Action, ...]
    faults: tuple[Fault, ...] = ()
    to_tap: int = 10  # ms from the client to the tap; 0: the capture is taken at the client
    from_tap: int = 10  # ms from the tap to the server
    isns: tuple[int, int] = (100, 300)
    habits: Habits = field(default_factory=Habits)
    seconds: int = 30  # of observation
    deaf: int = 0  # ms before it begins: what passes until then is not captured


class Tapped(NamedTuple):
    """A segment that passed the tap."""

    time: int
    side: int  # its sender's
    packet: Packet


class World:
    """A program, running."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.clock = Clock()
        self.sent = [0, 0]
        self.told = [0, 0]  # by side: how much of its history the segments tell that passed the tap
        self.tapped: list[Tapped] = []
        self.faults = {(f.side, f.nth, f.leg): f for f in program.faults}
        self.hosts = (
            Host(self.clock, lambda packet: self.departs(CLIENT, packet), program.isns[0], program.habits),
            Host(self.clock, lambda packet: self.departs(SERVER, packet), program.isns[1], program.habits),
        )
        for action in program.actions:
            self.clock.after(action.ms * MS, partial(self.act, self.hosts[action.side], action))

    def act(self, host: Host, action: Action) -> None:
        verbs: dict[str, Callable[[], None]] = {
            "listen": host.listen,
            "open": host.open,
            "write": lambda: host.write(action.size),
            "shutdown": host.shutdown,
            "close": host.close,
            "abort": host.abort,
        }
        verbs[action.verb]()

    def departs(self, side: int, packet: Packet) -> None:
        nth = self.sent[side]
        self.sent[side] += 1
        delay = self.program.to_tap if side == CLIENT else self.program.from_tap
        self.leg(side, nth, BEFORE, delay, lambda: self.passes(side, nth, packet))

    def passes(self, side: int, nth: int, packet: Packet) -> None:
        if self.clock.now >= self.program.deaf * MS:
            self.tapped.append(Tapped(self.clock.now, side, packet))
            self.told[side] = max(self.told[side], packet.told)
        delay = self.program.from_tap if side == CLIENT else self.program.to_tap
        if delay:
            self.leg(side, nth, AFTER, delay, lambda: self.hosts[1 - side].arrives(packet))
        else:
            self.hosts[1 - side].arrives(packet)  # what is captured at a host has been delivered to it

    def leg(self, side: int, nth: int, leg: int, ms: int, arrive: Callable[[], None]) -> None:
        fault = self.faults.get((side, nth, leg)) if ms else None  # a capture taken at a host misses nothing of it
        if fault is None or fault.kind == "double":
            self.clock.after(ms * MS, arrive)
        if fault is not None and fault.kind != "lose":
            self.clock.after((ms + fault.ms) * MS, arrive)

    def is_secret(self, side: int) -> bool:
        """Whether a host has done something of its own accord that no segment past the tap tells yet."""
        return self.hosts[side].spontaneous > self.told[side]

    def step(self) -> bool:
        """Run until the next segment has passed the tap, or the observation ends; which of them."""
        seen = len(self.tapped)
        end = self.program.seconds * SECOND
        while len(self.tapped) == seen:
            agenda = self.clock.agenda
            if not agenda or agenda[0][0] > end:
                self.clock.run(end)
                return False
            self.clock.run_one()
        return True
