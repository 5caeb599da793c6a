"""Segments made by hand, and a Talk: a tracker that is fed one segment after another, in milliseconds and letters.

Flags are written as tcpdump writes them: ``S`` SYN, ``F`` FIN, ``R`` RST, ``P`` PSH, ``.`` ACK, ``U`` URG,
``E`` ECE, ``W`` CWR.
"""

from __future__ import annotations

from typing import Final

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import TIMER, Endpoint, Step
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.timing import SECOND, Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Segment

MS: Final = 1_000_000
START: Final = 1_700_000_000 * SECOND
"""The time of millisecond 0."""

FLAGS: Final = {"S": SYN, "F": FIN, "R": RST, "P": PSH, ".": ACK, "U": URG, "E": ECE, "W": CWR}

CLIENT_IP: Final = bytes((10, 0, 0, 1))
SERVER_IP: Final = bytes((10, 0, 0, 2))


def key(source: bytes, source_port: int, target: bytes, target_port: int) -> bytes:
    """Addresses and ports as they stand in ``Segment.key``."""
    return source + target + source_port.to_bytes(2, "big") + target_port.to_bytes(2, "big")


TO_SERVER: Final = key(CLIENT_IP, 40000, SERVER_IP, 80)
TO_CLIENT: Final = key(SERVER_IP, 80, CLIENT_IP, 40000)


def flags(letters: str) -> int:
    """``"S."`` → SYN and ACK."""
    mask = 0
    for letter in letters:
        mask |= FLAGS[letter]
    return mask


def segment(
    number: int,
    time: int,
    way: bytes,
    letters: str,
    seq: int,
    ack: int = 0,
    length: int = 0,
    *,
    window: int = 65535,
    ip_id: int = -1,
) -> Segment:
    """One segment; ``time`` in nanoseconds, all options unknown.  Set further fields on the result."""
    made = Segment()
    made.number = number
    made.time = time
    made.key = way
    made.flags = flags(letters)
    made.seq = seq & 0xFFFFFFFF
    made.ack = ack & 0xFFFFFFFF
    made.length = length
    made.captured = length
    made.window = window
    made.ip_id = ip_id
    made.header = 20
    made.wirelen = 54 + length
    made.buf = bytes(128)
    return made


def linux_timers() -> Timers:
    """The timers of Linux, as the default profile has them."""
    return Timers(
        60 * SECOND, 60 * SECOND, 134_500 * MS, 64_600 * MS, 112 * SECOND, 2 * SECOND
    )  # fmt: skip


class Talk:
    """A conversation between a client and a server, as a tracker sees it."""

    def __init__(
        self,
        *,
        timers: Timers | None = None,
        max_connections: int = 0,
        stuck_after: int = 60 * SECOND,
        to_server: bytes = TO_SERVER,
        to_client: bytes = TO_CLIENT,
    ) -> None:
        self.tracker = Tracker(timers or linux_timers(), Limits(max_connections, stuck_after))
        self.tracker.detailed = True
        self.to_server = to_server
        self.to_client = to_client
        self.number = 0
        self.ip_id = 0
        self.ms: float = 0.0  # what the clock shows: ``at`` sets it, and every segment moves it on by one

    def at(self, ms: float) -> Talk:
        """The next segment passes at this millisecond."""
        self.ms = ms
        return self

    def feed(self, made: Segment) -> None:
        """Give the tracker a segment, and let a millisecond pass."""
        self.tracker.segment(made)
        self.ms += 1

    def make(self, way: bytes, letters: str, seq: int, ack: int = 0, length: int = 0, window: int = 65535) -> Segment:
        """The next segment, not yet fed."""
        self.number += 1
        self.ip_id = self.ip_id % 65535 + 1
        time = START + int(self.ms * MS)
        return segment(self.number, time, way, letters, seq, ack, length, window=window, ip_id=self.ip_id)

    def client(self, letters: str, seq: int, ack: int = 0, length: int = 0, *, window: int = 65535) -> Talk:
        """The client sends."""
        self.feed(self.make(self.to_server, letters, seq, ack, length, window))
        return self

    def server(self, letters: str, seq: int, ack: int = 0, length: int = 0, *, window: int = 65535) -> Talk:
        """The server sends."""
        self.feed(self.make(self.to_client, letters, seq, ack, length, window))
        return self

    def handshake(self, *, to_client: int = 1, to_server: int = 20) -> Talk:
        """Three segments: the client's ISN is 100, the server's 300.  Milliseconds from the capture to a side and back:
        by default it was taken at the client, and the server is far.
        """
        start = self.ms
        self.client("S", 100)
        self.at(start + to_server).server("S.", 300, 101)
        return self.at(start + to_server + to_client).client(".", 101, 301).at(start + 100)

    def established(self, *, to_client: int = 1, to_server: int = 20) -> Talk:
        """A handshake, and a request and an answer of ten bytes each: both ends have proven that they are ESTABLISHED."""
        self.handshake(to_client=to_client, to_server=to_server)
        start = self.ms
        self.client("P.", 101, 301, 10)
        self.at(start + to_server).server("P.", 301, 111, 10)
        return self.at(start + to_server + to_client).client(".", 111, 311).at(start + 200)

    def end(self, ms: float | None = None) -> list[Connection]:
        """The capture ends; all connections, in their order."""
        self.tracker.end(START + int((self.ms if ms is None else ms) * MS))
        return sorted(self.tracker.finished, key=number)

    @property
    def now(self) -> Connection:
        """The latest connection of the four-tuple, as it stands now."""
        found = self.tracker.connection(self.to_server)
        assert found is not None
        return found


def number(c: Connection) -> int:
    """A connection's number: the key to sort by."""
    return int(c.number)


def names(mask: int) -> set[str]:
    """A set of states by name."""
    return set(st.mask_names(mask))


def trail(e: Endpoint) -> str:
    """The surviving history in words; ``?``: only assumed, ``*``: a timer."""
    return " ".join(st.NAMES[step.state] + mark(step) for step in e.steps)


def mark(step: Step) -> str:
    """How sure a step is."""
    if step.is_sure():
        return ""
    return "*" if step.evidence == TIMER else "?"


def taken_back(e: Endpoint) -> list[str]:
    """The states that were retracted, in the order in which they were."""
    return [st.NAMES[r.step.state] for r in e.retracted]


def state(e: Endpoint) -> str:
    """Where the endpoint most likely is."""
    return st.NAMES[e.state]
