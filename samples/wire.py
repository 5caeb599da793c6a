"""Two hosts and a wire between them: three nameless network namespaces, and a bridge of our own in the middle one.

The hosts are kernels like any other; the bridge is a few lines of Python, so it can lose, hold up or repeat the nth
segment of a kind, and it writes down what passes at either host's network card.  The namespaces have no names and
nothing outlives the process.  Needs Linux and the right to make namespaces: root, or ``unshare -Ur``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from frames import ACK, CLIENT_MAC, FIN, RST, SERVER_MAC, SYN, Segment, is_icmp_error, parse, renumber

CLIENT, SERVER = "c", "s"
OTHER = {CLIENT: SERVER, SERVER: CLIENT}
NET4, NET6 = "10.1.0.", "2001:db8:1::"
CLIENT_HOSTS, SERVER_HOSTS = range(11, 30), (7, 8)  # last parts of the addresses of either side
CLONE_NEWNET, ETH_P_ALL = 0x40000000, 3
SOL_PACKET, PACKET_IGNORE_OUTGOING, SO_TIMESTAMPNS = 263, 23, 35
SIOCETHTOOL = 0x8946
OFFLOADS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)  # ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO
QUIET = {"accept_dad": "0", "router_solicitations": "0", "addr_gen_mode": "1", "accept_ra": "0"}
libc = ctypes.CDLL(None, use_errno=True)


class Namespaces:
    """The client's, the server's and the middle namespace, held by open files."""

    def __init__(self) -> None:
        self.at_home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.held: dict[str, int] = {}
        for name in (CLIENT, SERVER, "middle"):
            if libc.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "cannot make a network namespace")
            self.held[name] = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            for key, value in QUIET.items():
                with contextlib.suppress(OSError):  # a kernel without IPv6
                    self.sysctl_here(f"ipv6/conf/default/{key}", value)
        self.connect()

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Be in that namespace for a while; a socket stays where it was made."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            libc.setns(self.held[name], CLONE_NEWNET)
            yield
        finally:
            libc.setns(back, CLONE_NEWNET)
            os.close(back)

    @staticmethod
    def sysctl_here(key: str, value: str) -> None:
        with open(f"/proc/sys/net/{key}", "w") as file:
            file.write(value)

    def sysctl(self, side: str, **settings: object) -> None:
        """Change kernel settings under net.ipv4 at one host."""
        with self.inside(side):
            for key, value in settings.items():
                self.sysctl_here(f"ipv4/{key}", str(value))

    def ip(self, name: str, *lines: str) -> None:
        with self.inside(name):
            subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def connect(self) -> None:
        """Join either host to the middle; addresses and neighbours are fixed: nothing but the story is on the wire."""
        mac = {CLIENT: CLIENT_MAC.hex(":"), SERVER: SERVER_MAC.hex(":")}
        hosts = {CLIENT: CLIENT_HOSTS, SERVER: SERVER_HOSTS}
        for side, other in OTHER.items():
            path = f"/proc/{os.getpid()}/fd/{self.held[side]}"
            self.ip("middle", f"link add {side} type veth peer name eth0 netns {path}", f"link set {side} up")
            both = [(net, host, bits) for net, bits in ((NET4, 24), (NET6, 64)) for host in hosts[side]]
            self.ip(
                side,
                f"link set eth0 address {mac[side]}",
                "link set lo up",
                "link set eth0 up",
                *(f"addr add {net}{host}/{bits} dev eth0" + " nodad" * (net == NET6) for net, host, bits in both),
                *(
                    f"neigh replace {net}{host} lladdr {mac[other]} dev eth0 nud permanent"
                    for net in (NET4, NET6)
                    for host in hosts[other]
                ),
            )
            for name, device in ((side, "eth0"), ("middle", side)):
                with self.inside(name):
                    no_offload(device)

    def sockets(self, side: str) -> dict[tuple[str, str], str]:
        """What `ss` lists at one host: (local, peer) → state, addresses as "address:port"."""
        with self.inside(side):
            text = subprocess.run(["ss", "-tanH"], capture_output=True, text=True, check=True).stdout
        names = {"ESTAB": "ESTABLISHED", "SYN-RECV": "SYN_RECEIVED"}
        rows = (line.split() for line in text.splitlines())
        return {(row[3], row[4]): names.get(row[0], row[0].replace("-", "_")) for row in rows}


def no_offload(device: str) -> None:
    """Checksums filled in and segments no larger than the MTU, as they are on a real wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            with contextlib.suppress(OSError):  # fixed in this kernel
                fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", device.encode(), ctypes.addressof(value)))


@dataclass
class Rule:
    """What befalls the nth to (nth + count - 1)th frame of a kind that one side sends."""

    side: str
    kind: str
    action: str = "drop"  # or "hold" (for ``ms``), "repeat" (again after ``ms``)
    nth: int = 1
    count: int = 1
    ms: int = 0
    port: int = 0  # the client's port, 0: any
    server: int = 0  # the server's port, 0: any
    seen: int = 0


@dataclass
class Flow:
    """What the wire remembers of one pair of ports, to tell segments apart."""

    isn: int = -1  # the client's
    spoke: bool = False  # the client has sent data
    answered: bool = False  # the server has sent anything at all
    fin_end: dict[str, int] = field(default_factory=dict)
    shift: tuple[int, int] = (0, 0)  # client's sequence numbers: added from then on, and to those of the next SYN


class Wire:
    """The bridge.  ``seen`` holds, by side, (time, frame, lost later?) as that host's network card saw it."""

    def __init__(self, namespaces: Namespaces, delay: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.delay = delay
        self.rules: list[Rule] = []
        self.flows: dict[tuple[tuple[str, int], tuple[str, int]], Flow] = {}
        self.seen: dict[str, list[tuple[int, bytes, bool]]] = {CLIENT: [], SERVER: []}
        self.recording = True
        self.limit = 0  # stop after so many frames at the client
        self.stopped = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.cards: dict[str, socket.socket] = {}
        for side in OTHER:
            with namespaces.inside("middle"):
                card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            card.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            card.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            card.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            with namespaces.inside("middle"):
                card.bind((side, ETH_P_ALL))
            self.cards[side] = card
            self.loop.add_reader(card, self.drain, side)

    def stop(self) -> None:
        """Nothing is read, recorded or delivered after this."""
        self.stopped.set()
        for card in self.cards.values():
            self.loop.remove_reader(card)

    def drain(self, side: str) -> None:
        while not self.stopped.is_set():
            try:
                frame, extra, _, _ = self.cards[side].recvmsg(65536, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("=qq", extra[0][2])
            self.arrive(side, frame, seconds * 10**9 + nanoseconds)

    def note(self, side: str, time_ns: int, frame: bytes, lost: bool = False) -> None:
        if self.recording and not self.stopped.is_set():
            self.seen[side].append((time_ns, frame, lost))
            if side == CLIENT and len(self.seen[CLIENT]) == self.limit:
                self.stop()

    def arrive(self, side: str, frame: bytes, time_ns: int) -> None:
        """A frame left a host: decide what becomes of it."""
        segment = parse(frame)
        if segment is None:
            if is_icmp_error(frame):
                self.note(side, time_ns, frame)
                self.loop.call_later(self.delay, self.deliver, side, frame)
            return
        client, server = (segment.source, segment.destination)[:: 1 if side == CLIENT else -1]
        flow = self.flows.setdefault((client, server), Flow())
        if side == CLIENT and segment.flags & SYN and segment.seq != flow.isn:
            flow.isn = segment.seq
            flow.spoke, flow.fin_end, flow.shift = False, {}, (flow.shift[1], flow.shift[1])
        kinds = self.kinds(side, segment, flow)
        flow.answered |= side == SERVER
        actions = [rule for rule in self.rules if self.applies(rule, side, kinds, client[1], server[1])]
        if flow.shift[0]:
            frame = renumber(frame, *((flow.shift[0], 0) if side == CLIENT else (0, 0)))
        lost = any(rule.action == "drop" for rule in actions)
        self.note(side, time_ns, frame, lost)
        if lost:
            return
        if flow.shift[0] and side == SERVER:
            frame = renumber(frame, 0, -flow.shift[0])
        held = sum(rule.ms for rule in actions if rule.action == "hold") / 1000
        self.loop.call_later(self.delay + held, self.deliver, side, frame)
        for rule in actions:
            if rule.action == "repeat":
                self.loop.call_later(self.delay + rule.ms / 1000, self.deliver, side, frame)

    def deliver(self, side: str, frame: bytes) -> None:
        """Hand a frame from ``side`` to the other host."""
        if not self.stopped.is_set():
            self.note(OTHER[side], time.time_ns(), frame)
            self.cards[OTHER[side]].send(frame)

    @staticmethod
    def kinds(side: str, segment: Segment, flow: Flow) -> set[str]:
        """What the rules may call this segment."""
        flags, kinds = segment.flags, {"any"}
        if flags & RST:
            return kinds | {"rst"}
        if flags & SYN:
            return kinds | {"synack" if flags & ACK else "syn"}
        if flags & FIN:
            flow.fin_end[side] = segment.end
            kinds.add("fin")
        if segment.length:
            kinds.add("data")
        elif not flags & FIN:
            kinds.add("ack")
            if side == CLIENT and not flow.spoke and segment.seq == (flow.isn + 1) % 2**32:
                kinds.add("third")
        if flow.fin_end.get(OTHER[side]) == segment.ack:
            kinds.add("finack")
        flow.spoke |= side == CLIENT and segment.length > 0
        return kinds

    @staticmethod
    def applies(rule: Rule, side: str, kinds: set[str], port: int, server: int) -> bool:
        if rule.side != side or rule.kind not in kinds or rule.port not in (0, port) or rule.server not in (0, server):
            return False
        rule.seen += 1
        return rule.nth <= rule.seen < rule.nth + rule.count
