"""Four-tuples → flows, for both directions at once: an open-addressed table with one entry a connection.

A dictionary needs two keys a connection and follows three pointers a packet; most of a tracker's time is waiting for
those.  Here an address and port make a number, both directions hash alike (the sum of the two ends' hashes), and an
entry is the flow itself.  Beside it stands a tag of seven bits of its hash, so that a search need not look at flows
that it passes: most are cold, in memory and on the wire.  IPv6 does not fit a number: there the numbers are hashes, and the keys are compared too.

The hash is seeded differently in every run, so that nobody can prepare packets that all collide.  No order of the
table may show in a report: ``connections`` sorts.
"""

from __future__ import annotations

from typing import Final, cast

from mypy_extensions import i64

from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.words import read_i64_be

_POSITIVE: Final = 0x3FFFFFFFFFFFFFFF  # fits a small integer of the interpreter
_MULTIPLIER: Final = 0x2545F4914F6CDD1D  # Vigna's, of xorshift*
_SEED: Final[int] = hash("the flow table's seed") & _POSITIVE
"""Python draws the hash of a string anew in every process."""

_LEAST: Final = 1024
_TAG: Final = 127
_ASLEEP: Final = 128  # tags stay below 256: the interpreter has those integers made once and for all
_V4: Final = 12  # bytes of an IPv4 key


class FlowTable:
    """Flows by the key of either direction; ``backwards`` tells after a look-up which one it was."""

    def __init__(self) -> None:
        self.slots: list[Flow | None] = [None] * _LEAST
        self.tags: list[int] = [0] * _LEAST  # 0: free; else 1 … 127 from the hash, and _ASLEEP for one that is parked
        self.mask: i64 = _LEAST - 1
        self.count: i64 = 0
        self.backwards: bool = False
        self.seed: i64 = _SEED

    def find(self, key: bytes) -> Flow | None:
        """The flow that ``key`` leads to, or None."""
        return self.find_at(key, 0, len(key))

    def find_at(self, buf: bytes, start: i64, length: i64) -> Flow | None:
        """The same for a key of ``length`` bytes that stands in ``buf`` at ``start``."""
        source: i64
        target: i64
        if length == _V4:
            addresses: i64 = read_i64_be(buf, start)
            ports: i64 = read_i64_be(buf, start + 4)
            source = (addresses >> 32 & 0xFFFFFFFF) << 16 | (ports >> 16 & 0xFFFF)
            target = (addresses & 0xFFFFFFFF) << 16 | (ports & 0xFFFF)
        else:
            source = self.digest(buf, start, start + 32)
            target = self.digest(buf, start + 16, start + 34)
        h: i64 = self.spread(source) + self.spread(target)
        at: i64 = h >> 8 & self.mask
        tag: i64 = h & _TAG | 1
        while True:
            found: i64 = self.tags[at]
            if found == 0:
                return None
            if found & _TAG != tag:
                at = (at + 1) & self.mask
                continue
            flow = self.slots[at]
            assert flow is not None
            if flow.client_id == source and flow.server_id == target:
                if length == _V4 or flow.key == buf[start : start + length]:
                    self.backwards = False
                    return flow
            elif flow.client_id == target and flow.server_id == source:
                if length == _V4 or flow.key == reverse(buf[start : start + length]):
                    self.backwards = True
                    return flow
            at = (at + 1) & self.mask

    def put(self, flow: Flow) -> None:
        """Enter a flow under its key; one that was there under it gives way."""
        key = flow.key
        old = self.find(key)
        if old is not None:
            self.remove(old)
        if len(key) == _V4:
            addresses: i64 = read_i64_be(key, 0)
            ports: i64 = read_i64_be(key, 4)
            flow.client_id = (addresses >> 32 & 0xFFFFFFFF) << 16 | (ports >> 16 & 0xFFFF)
            flow.server_id = (addresses & 0xFFFFFFFF) << 16 | (ports & 0xFFFF)
        else:
            flow.client_id = self.digest(key, 0, 32)
            flow.server_id = self.digest(key, 16, 34)
        if self.count * 4 >= self.mask:
            self.grow()
        self.count += 1
        self.place(flow)

    def replace(self, old: Flow, new: Flow) -> None:
        """Let ``new`` stand where ``old`` stood; both are of the same four-tuple, seen from the same client."""
        new.client_id = old.client_id
        new.server_id = old.server_id
        at: i64 = self.home(old)
        while self.slots[at] is not old:
            at = (at + 1) & self.mask
        self.slots[at] = new
        tag: i64 = self.tags[at] & _TAG
        if not isinstance(new, Connection):
            tag |= _ASLEEP
        self.tags[at] = tag

    def remove(self, flow: Flow) -> None:
        """Take a flow out, and close the gap: those behind it move up as far as their place allows."""
        mask = self.mask
        gap: i64 = self.home(flow)
        while self.slots[gap] is not flow:
            if self.slots[gap] is None:
                return
            gap = (gap + 1) & mask
        self.count -= 1
        at: i64 = gap
        while True:
            at = (at + 1) & mask
            other = self.slots[at]
            if other is None:
                break
            home: i64 = self.home(other)
            if (at - home) & mask >= (at - gap) & mask:
                self.slots[gap] = other
                self.tags[gap] = self.tags[at]
                gap = at
        self.slots[gap] = None
        self.tags[gap] = 0

    def connections(self) -> list[Connection]:
        """All that are whole, in the order in which they began."""
        found: list[Connection] = []
        at: i64 = 0
        while at <= self.mask:
            if 0 < self.tags[at] < _ASLEEP:
                found.append(cast("Connection", self.slots[at]))
            at += 1
        found.sort(key=_number)
        return found

    def clear(self) -> None:
        """Forget all."""
        self.slots = [None] * _LEAST
        self.tags = [0] * _LEAST
        self.mask = _LEAST - 1
        self.count = 0

    def grow(self) -> None:
        """Four times the slots: at most a quarter of them is taken."""
        old = self.slots
        old_tags = self.tags
        size: i64 = (self.mask + 1) * 4
        self.slots = [None] * size
        self.tags = [0] * size
        self.mask = size - 1
        for i, flow in enumerate(old):
            if flow is not None:
                self.tags[self.place(flow)] = old_tags[i]

    def place(self, flow: Flow) -> i64:
        """Put a flow, that is awake, in the first free slot from its home on; returns which."""
        h: i64 = self.spread(flow.client_id) + self.spread(flow.server_id)
        at: i64 = h >> 8 & self.mask
        while self.tags[at] != 0:
            at = (at + 1) & self.mask
        self.slots[at] = flow
        tag: i64 = h & _TAG | 1
        self.tags[at] = tag
        return at

    def home(self, flow: Flow) -> i64:
        """The slot where the search for a flow begins."""
        return (self.spread(flow.client_id) + self.spread(flow.server_id)) >> 8 & self.mask

    def spread(self, number: i64) -> i64:
        """A hash of one end."""
        h: i64 = ((number ^ self.seed) * _MULTIPLIER) & _POSITIVE
        h ^= h >> 29
        return (h * _MULTIPLIER) & _POSITIVE

    def digest(self, key: bytes, address: i64, port: i64) -> i64:
        """A number for an IPv6 address and port: a hash, so that equal numbers still need a look at the keys."""
        h: i64 = self.spread(read_i64_be(key, address) & _POSITIVE)
        h = self.spread(h ^ read_i64_be(key, address + 8) & _POSITIVE)
        return h ^ key[port] << 8 ^ key[port + 1]


def _number(flow: Connection) -> int:
    return flow.number


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    if len(key) == _V4:
        return key[4:8] + key[0:4] + key[10:12] + key[8:10]
    return key[16:32] + key[0:16] + key[34:36] + key[32:34]
