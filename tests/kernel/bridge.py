"""The wire between the two hosts: a process that carries every frame, and does to it what it is told.

It writes down what passes at the client's card, half way, and at the server's; and after every frame that may move its
receiver it asks the receiver's kernel for the state.  A veth hands a frame to its receiver within ``send()``, so that state
is the one directly after this frame.
"""

from __future__ import annotations

import gc
import heapq
import random
import select
import socket
import struct
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from frames import ACK, FIN, RST, SYN, Segment, parse
from kernel.evidence import MIDDLE, Evidence, Fate, Sample, Seen
from kernel.forge import segment_like, unreachable
from kernel.rules import Flow, Rule
from kernel.sockdiag import Address, SockDiag
from wire import CLIENT, ETH_P_ALL, OTHER, PACKET_IGNORE_OUTGOING, SERVER, SO_TIMESTAMPNS, SOL_PACKET, Namespaces

SO_RCVBUFFORCE, PACKET_STATISTICS = 33, 6
MS = 1_000_000
LOOKS = 40  # at a connection, before plain segments to an endpoint that is surely ESTABLISHED go without


@dataclass(frozen=True)
class Weather:
    """What befalls any frame, by chance."""

    seed: int
    loss: float = 0.0
    reorder: float = 0.0
    """Delivered 5 to 40 ms late."""
    dup: float = 0.0
    loss_upstream: float = 0.0
    """The share of losses that happen before the tap half way."""
    delay: int = 4 * MS
    """One way, in nanoseconds."""


Delivery = tuple[int, str, bytes, Segment | None, Flow | None]


class Bridge:
    """The process's state."""

    def __init__(self, net: Namespaces, weather: Weather, orders: Connection, control: Connection) -> None:
        self.weather, self.orders, self.control = weather, orders, control
        self.chance = random.Random(weather.seed)
        self.evidence = Evidence()
        self.flows: dict[tuple[Address, Address], Flow] = {}
        self.announced: dict[tuple[Address, Address], Flow] = {}  # on ports of an earlier one: from its SYN on
        self.due: list[tuple[int, int, Delivery]] = []
        self.order = 0
        self.kernels, self.cards = {}, {}
        for side in OTHER:
            with net.inside(side):
                self.kernels[side] = SockDiag()
            with net.inside("middle"):
                self.cards[side] = card(side)

    def run(self) -> None:
        """Carry frames until told to stop; then send the evidence."""
        gc.disable()
        everything: list[Any] = [*self.cards.values(), self.orders, self.control]
        while True:
            now = self.deliver_what_is_due()
            wait = min(0.2, max(0.0, (self.due[0][0] - now) / 1e9)) if self.due else 0.2
            ready, _, _ = select.select(everything, [], [], wait)
            if self.control in ready:
                break
            if self.orders in ready:
                self.obey()
            for side, sock in self.cards.items():
                if sock in ready:
                    self.drain(side, 64)
        self.finish()

    def finish(self) -> None:
        """The end of observation: nothing is delivered any more; what was sent before is still recorded."""
        found = self.evidence
        found.end = time.time_ns()
        for side, kernel in self.kernels.items():
            before = time.time_ns()
            socks = kernel.dump()
            after = time.time_ns()
            found.samples += [Sample(before, after, side, s.local, s.peer, s, "final") for s in socks]
        for side in OTHER:
            self.drain(side, 1 << 30)
            found.dropped += struct.unpack("=II", self.cards[side].getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        for _, _, (fate, *_) in self.due:
            if found.fates[fate].what == "forwarded":
                found.fates[fate].what = "on its way"
        self.control.send(found)

    # ---- orders

    def obey(self) -> None:
        """Everything that the applications have asked for so far."""
        while self.orders.poll():
            name, arguments = self.orders.recv()
            self.orders.send(getattr(self, f"order_{name}")(*arguments))

    def order_register(self, number: int, client: Address, server: Address, rules: list[Rule]) -> None:
        flow = Flow(number, rules)
        if self.flows.setdefault((client, server), flow) is not flow:
            self.announced[client, server] = flow

    def order_part(self, client: Address, server: Address) -> None:
        self.flows[client, server].parted = {CLIENT, SERVER}

    def order_forge(self, client: Address, server: Address, to: str, flags: int, ahead: int) -> bool:
        """A segment to one side, ``ahead`` of what it expects; False: it has not said yet what it expects."""
        flow = self.flows[client, server]
        sender = OTHER[to]
        if sender not in flow.last or to not in flow.last:
            return False
        expected = flow.last[to][1].ack
        frame = segment_like(flow.last[sender][0], expected + ahead, flow.next[to] if flags & ACK else 0, flags)
        fate = self.note(flow, sender, time.time_ns(), "forged")
        self.see(MIDDLE, time.time_ns(), frame, fate)
        self.deliver(fate, sender, frame, parse(frame), flow)
        return True

    # ---- frames

    def note(self, flow: Flow | None, side: str, when: int, what: str) -> int:
        self.evidence.counts[what] += 1
        self.evidence.fates.append(Fate(flow.number if flow else None, side, when, what))
        return len(self.evidence.fates) - 1

    def see(self, tap: str, when: int, frame: bytes, fate: int) -> None:
        self.order += 1
        self.evidence.taps[tap].append(Seen(when, self.order, frame, fate))

    def drain(self, side: str, most: int) -> None:
        """Take frames that a host has sent."""
        for _ in range(most):
            try:
                frame, extra, _, _ = self.cards[side].recvmsg(65536, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("=qq", extra[0][2])
            when = seconds * 10**9 + nanoseconds
            if not self.evidence.end or when <= self.evidence.end:
                self.arrive(side, frame, when)

    def arrive(self, side: str, frame: bytes, when: int) -> None:
        """A frame left a host: decide what becomes of it."""
        segment = parse(frame)
        flow = None
        if segment:
            flow = self.flow_of(side, segment)
        what, ms = self.judge(flow, side, frame, segment) if flow and segment else ("forwarded", 0.0)
        upstream = False
        if what == "forwarded" and segment:
            what, ms, upstream = self.luck()
        fate = self.note(flow, side, when, what)
        self.see(side, when, frame, fate)
        if not upstream:
            self.see(MIDDLE, when + self.weather.delay // 2, frame, fate)
        due = when + self.weather.delay
        late = due + int(ms * MS)
        if what in ("swallow", "reject"):
            self.see(OTHER[side], due, frame, fate)
            if what == "reject":
                self.answer(flow, side, unreachable(frame), due)
        elif what != "lose":
            self.push(late if what == "hold" else due, fate, side, frame, segment, flow)
            if what == "repeat":
                self.push(late, fate, side, frame, segment, flow)

    def flow_of(self, side: str, segment: Segment) -> Flow | None:
        """Whose segment this is."""
        client, server = (segment.source, segment.destination)[:: 1 if side == CLIENT else -1]
        if segment.flags & SYN or (client, server) not in self.flows:
            self.obey()  # a new connection may just have been announced
        flow = self.flows.get((client, server))
        if side == CLIENT and segment.flags & SYN and flow and segment.seq != flow.isn:
            flow = self.flows[client, server] = self.announced.pop((client, server), flow)
        return flow

    def judge(self, flow: Flow, side: str, frame: bytes, segment: Segment) -> tuple[str, float]:
        """What the connection's script says of this segment."""
        kinds = flow.kinds(side, segment)
        flow.remember(side, frame, segment)
        what, ms = "lose" if side in flow.parted else "forwarded", 0
        for rule in flow.rules:
            if rule.side == side and rule.kind in kinds and rule.applies():
                if what != "lose" and rule.action != "pass":
                    what, ms = rule.action, rule.ms
                if rule.part:
                    flow.parted = {CLIENT, SERVER}
        return what, ms

    def luck(self) -> tuple[str, float, bool]:
        """What chance does: what, by how many milliseconds, and whether before the middle."""
        weather, x = self.weather, self.chance.random()
        if x < weather.loss:
            return "lose", 0, self.chance.random() < weather.loss_upstream
        if x < weather.loss + weather.reorder:
            return "hold", self.chance.uniform(5, 40), False
        if x < weather.loss + weather.reorder + weather.dup:
            return "repeat", self.chance.uniform(0.5, 20), False
        return "forwarded", 0, False

    def answer(self, flow: Flow | None, side: str, frame: bytes, when: int) -> None:
        """The firewall of the receiver answers ``side``."""
        delay = self.weather.delay
        fate = self.note(flow, OTHER[side], when, "answered")
        self.see(OTHER[side], when, frame, fate)
        self.see(MIDDLE, when + delay // 2, frame, fate)
        self.push(when + delay, fate, OTHER[side], frame, None, flow)

    def push(self, due: int, fate: int, side: str, frame: bytes, segment: Segment | None, flow: Flow | None) -> None:
        self.order += 1
        heapq.heappush(self.due, (due, self.order, (fate, side, frame, segment, flow)))

    def deliver_what_is_due(self) -> int:
        """Returns the time."""
        now = time.time_ns()
        while self.due and self.due[0][0] <= now:
            due, _, delivery = heapq.heappop(self.due)
            self.evidence.most_late = max(self.evidence.most_late, now - due)
            self.deliver(*delivery)
            now = time.time_ns()
        return now

    def deliver(self, fate: int, side: str, frame: bytes, segment: Segment | None, flow: Flow | None) -> None:
        """Hand a frame from ``side`` to the other host, and look at what it did there."""
        to = OTHER[side]
        before = time.time_ns()
        while True:
            try:
                self.cards[to].send(frame)
                break
            except BlockingIOError:
                select.select([], [self.cards[to]], [], 0.01)
        self.see(to, before, frame, fate)
        if segment is None or flow is None:
            return
        plain = not segment.flags & (SYN | FIN | RST) and flow.known.get(to) in ("ESTABLISHED", "CLOSE_WAIT")
        if plain and flow.looks >= LOOKS:
            return  # the tracepoint tells
        flow.looks += 1
        sock = self.kernels[to].exact(segment.destination, segment.source)
        flow.known[to] = sock.state if sock else None
        sample = Sample(before, time.time_ns(), to, segment.destination, segment.source, sock, "probe")
        self.evidence.samples.append(sample)


def card(device: str) -> socket.socket:
    """A raw socket on the middle's end of a cable, with the kernel's time on every frame."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.bind((device, ETH_P_ALL))
    return made


def carry(net: Namespaces, weather: Weather, orders: Any, control: Any) -> None:
    """What the process does."""
    bridge = Bridge(net, weather, orders, control)
    control.send("ready")
    bridge.run()
