"""Four-tuples → flows, for both directions at once: open-addressed tables with one entry a connection.

A dictionary needs two keys a connection and follows three pointers a packet; most of a tracker's time is waiting for
those.  Here an address and port make a number, both directions hash alike (a product of the two ends), and a search looks
at few flows but the one it finds.  IPv6 does not fit a number: there the numbers are hashes, and the keys are compared too.

Connections that live stand in one table, parked ones in another: hardly any segment is of a parked one, so that
what most searches touch is little and stays in the processor's cache, however many connections a capture has seen.

The hash is seeded differently in every run, so that nobody can prepare packets that all collide.  No order of the
table may show in a report: ``connections`` sorts.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.words import read_i64_be, vec

_POSITIVE: Final = 0x3FFFFFFFFFFFFFFF  # fits a small integer of the interpreter
_MULTIPLIER: Final = 0x2545F4914F6CDD1D  # Vigna's, of xorshift*
_SEED: Final[int] = hash("the flow table's seed") & _POSITIVE
"""Python draws the hash of a string anew in every process."""

_LEAST: Final = 1024
_TAG: Final = 31
"""The bits of a hash from here on tell flows apart, and the lowest of them say where the search begins."""
_PLACE: Final = 32
"""The bits of a slot from here on are such a tag ..."""
_PLACES: Final = (1 << _PLACE) - 1
"""... and those below the place of a flow."""
_TOGETHER: Final = 256
_SPARSE: Final = 8
"""Connections for one that lives; where it is fewer, putting each in its place is quicker than sorting."""
V4: Final = 12  # bytes of an IPv4 key
NO_KEY: Final = b""
"""Where the numbers of a flow's two ends are kept instead."""


def spread(number: i64, seed: i64) -> i64:
    """A hash of a number."""
    h: i64 = ((number ^ seed) * _MULTIPLIER) & _POSITIVE
    h ^= h >> 29
    return (h * _MULTIPLIER) & _POSITIVE


def between(source: i64, target: i64, seed: i64) -> i64:
    """A hash of two ends, whichever comes first.

    A product, and no sum: of that, nobody who does not know the seed can make many alike.
    """
    h: i64 = ((source ^ seed) * (target ^ seed)) & _POSITIVE
    return ((h ^ h >> 32) * _MULTIPLIER) & _POSITIVE


@mypyc_attr(acyclic=True)
class Slots:
    """One table, at most half full.  Whoever searches computes the hash.

    A slot is one word: a tag, which says where its search begins, and the place of the flow among ``flows``, which stand
    as they came.  So a search of what is not there, and a larger table, look at no flow.
    """

    def __init__(self, seed: i64) -> None:
        self.seed = seed
        self.words = vec[i64]([0] * _LEAST)  # tag and place; 0: free
        self.mask: i64 = _LEAST - 1
        self.count: i64 = 0
        self.flows = vec[Flow | None]([None] * (_LEAST // 2 + 1))
        self.used: i64 = 1  # places from here on were never taken; the first one is not used
        self.vacant = vec[i64]([0] * _LEAST)  # those that were left, the last one last
        self.vacancies: i64 = 0

    def search(self, h: i64, source: i64, target: i64) -> Flow | None:
        """The flow between two ends that their numbers tell from all others (IPv4)."""
        tag: i64 = h >> _TAG
        at: i64 = tag & self.mask
        while True:
            word: i64 = self.words[at]
            if word >> _PLACE == tag:
                flow = self.flows[word & _PLACES]
                if flow is not None:
                    if flow.client_id == source:
                        if flow.server_id == target:
                            return flow
                    elif flow.client_id == target and flow.server_id == source:
                        return flow
            elif word == 0:
                return None
            at = (at + 1) & self.mask

    def search_long(self, h: i64, source: i64, target: i64, key: bytes) -> Flow | None:
        """The flow that ``key`` leads to, of either direction, whose ends have these numbers (IPv6)."""
        back = reverse(key)
        tag: i64 = h >> _TAG
        at: i64 = tag & self.mask
        while True:
            word: i64 = self.words[at]
            if word >> _PLACE == tag:
                flow = self.flows[word & _PLACES]
                if flow is not None and (flow.client_id == source or flow.client_id == target):
                    if flow.key == key or flow.key == back:
                        return flow
            elif word == 0:
                return None
            at = (at + 1) & self.mask

    def slot_of(self, flow: Flow) -> i64:
        """The slot that leads to a flow; -1: none."""
        words = self.words
        flows = self.flows
        tag: i64 = between(flow.client_id, flow.server_id, self.seed) >> _TAG
        at: i64 = tag & self.mask
        while True:
            word: i64 = words[at]
            if word == 0:
                return -1
            if word >> _PLACE == tag and flows[word & _PLACES] is flow:
                return at
            at = (at + 1) & self.mask

    def add(self, flow: Flow, h: i64) -> None:
        """Enter a flow that is not in the table, and whose hash this is."""
        if self.count * 2 >= self.mask:
            self.grow()
        self.count += 1
        place: i64 = self.used
        if self.vacancies:
            self.vacancies -= 1
            place = self.vacant[self.vacancies]
        else:
            self.used += 1
        self.flows[place] = flow
        words = self.words
        mask = self.mask
        tag: i64 = h >> _TAG
        at: i64 = tag & mask
        while words[at] != 0:
            at = (at + 1) & mask
        words[at] = tag << _PLACE | place

    def grow(self) -> None:
        """Twice the slots and places."""
        words = self.words
        old: i64 = self.mask + 1
        mask: i64 = old * 2 - 1
        larger = vec[i64]([0] * (old * 2))
        i: i64 = 0
        while i < old:
            word: i64 = words[i]
            if word:
                at: i64 = word >> _PLACE & mask
                while larger[at] != 0:
                    at = (at + 1) & mask
                larger[at] = word
            i += 1
        self.words = larger
        self.mask = mask
        flows = self.flows
        more = vec[Flow | None]([None] * (old + 1))
        i = 1
        while i < self.used:
            more[i] = flows[i]
            i += 1
        self.flows = more

    def replace(self, old: Flow, new: Flow) -> bool:
        """Let ``new`` stand where ``old`` stood, if it did; they have the same two ends."""
        at: i64 = self.slot_of(old)
        if at < 0:
            return False
        self.flows[self.words[at] & _PLACES] = new
        return True

    def remove(self, flow: Flow) -> bool:
        """Take a flow out if it is there, and close the gap: those behind it move up as far as their place allows."""
        gap: i64 = self.slot_of(flow)
        if gap < 0:
            return False
        mask = self.mask
        words = self.words
        self.count -= 1
        place: i64 = words[gap] & _PLACES
        self.flows[place] = None
        self.vacate(place)
        at: i64 = gap
        while True:
            at = (at + 1) & mask
            word: i64 = words[at]
            if word == 0:
                break
            if (at - (word >> _PLACE)) & mask >= (at - gap) & mask:
                words[gap] = word
                gap = at
        words[gap] = 0
        return True

    def vacate(self, place: i64) -> None:
        """Remember a place that was left."""
        vacant = self.vacant
        count: i64 = self.vacancies
        if count == len(vacant):
            more = vec[i64]([0] * (2 * count))
            i: i64 = 0
            while i < count:
                more[i] = vacant[i]
                i += 1
            self.vacant = more
        self.vacant[count] = place
        self.vacancies = count + 1


class FlowTable:
    """Flows by the key of either direction; ``backwards`` tells after a look-up which one it was.

    A flow that is parked moves to the table of those with a good many others, as every move waits for the memory of a
    place that nobody has looked at for long; waiting for several at once takes no longer than for one.
    """

    def __init__(self) -> None:
        self.backwards: bool = False
        self.source: i64 = 0  # the two ends that were sought last, as numbers
        self.target: i64 = 0
        self.hash: i64 = 0  # of the two
        self.seed: i64 = _SEED
        self.whole = Slots(_SEED)  # and those that have just been parked
        self.parked = Slots(_SEED)
        self.moving: list[Flow] = []  # these

    @property
    def count(self) -> int:
        """How many flows there are."""
        return self.whole.count + self.parked.count

    def find(self, key: bytes) -> Flow | None:
        """The flow that ``key`` leads to, or None."""
        return self.find_at(key, 0, len(key))

    def find_at(self, buf: bytes, start: i64, length: i64) -> Flow | None:
        """The same for a key of ``length`` bytes that stands in ``buf`` at ``start``."""
        if length != V4:
            return self.find_long(buf[start : start + length])
        addresses: i64 = read_i64_be(buf, start)
        ports: i64 = read_i64_be(buf, start + 4)
        source: i64 = (addresses >> 32 & 0xFFFFFFFF) << 16 | (ports >> 16 & 0xFFFF)
        target: i64 = (addresses & 0xFFFFFFFF) << 16 | (ports & 0xFFFF)
        self.source = source
        self.target = target
        h: i64 = between(source, target, self.seed)
        self.hash = h
        flow = self.whole.search(h, source, target)
        if flow is None:
            flow = self.parked.search(h, source, target)
            if flow is None:
                return None
        self.backwards = flow.client_id != source
        return flow

    def find_long(self, key: bytes) -> Flow | None:
        """The same for a key of IPv6."""
        source: i64 = self.digest(key, 0, 32)
        target: i64 = self.digest(key, 16, 34)
        self.source = source
        self.target = target
        h: i64 = between(source, target, self.seed)
        self.hash = h
        flow = self.whole.search_long(h, source, target, key)
        if flow is None:
            flow = self.parked.search_long(h, source, target, key)
            if flow is None:
                return None
        self.backwards = flow.key != key
        return flow

    def put(self, flow: Flow) -> None:
        """Enter a flow under its key; one that was there under it gives way."""
        old = self.find(flow.key)
        if old is not None:
            self.remove(old)
        self.add(flow)

    def add(self, flow: Flow) -> None:
        """Enter a flow under its key, to which no other leads."""
        key = flow.key
        if len(key) == V4:
            addresses: i64 = read_i64_be(key, 0)
            ports: i64 = read_i64_be(key, 4)
            flow.client_id = (addresses >> 32 & 0xFFFFFFFF) << 16 | (ports >> 16 & 0xFFFF)
            flow.server_id = (addresses & 0xFFFFFFFF) << 16 | (ports & 0xFFFF)
        else:
            flow.client_id = self.digest(key, 0, 32)
            flow.server_id = self.digest(key, 16, 34)
        self.whole.add(flow, self.hash_of(flow))

    def hash_of(self, flow: Flow) -> i64:
        """The hash of its two ends."""
        return between(flow.client_id, flow.server_id, self.seed)

    def add_sought(self, flow: Flow) -> None:
        """Enter a flow under the key that was just sought in vain."""
        flow.client_id = self.source
        flow.server_id = self.target
        self.whole.add(flow, self.hash)

    def replace(self, old: Flow, new: Flow) -> None:
        """Let ``new`` stand where ``old`` stood; both are of the same four-tuple, seen from the same client."""
        new.client_id = old.client_id
        new.server_id = old.server_id
        if not self.whole.replace(old, new):
            self.parked.remove(old)
            self.whole.add(new, self.hash_of(new))

    def park(self, old: Flow, new: Flow) -> None:
        """The same, ``new`` being one that is seldom sought."""
        self.replace(old, new)
        self.moving.append(new)
        if len(self.moving) >= _TOGETHER:
            self.move()

    def move(self) -> None:
        """Those parked since the last time go to their table, unless they have left."""
        for flow in self.moving:
            if self.whole.remove(flow):
                self.parked.add(flow, self.hash_of(flow))
        self.moving = []

    def remove(self, flow: Flow) -> None:
        """Take a flow out, if it is there."""
        if not self.whole.remove(flow):
            self.parked.remove(flow)

    def living(self, last: i64) -> list[Flow | None]:
        """All that are not parked, in the order in which they began, with gaps; ``last``: the highest number of any.

        Most often nearly all that began still live, or hardly any; so each is put in its place, or they are sorted.
        """
        self.move()
        count: i64 = self.whole.count
        if last > _SPARSE * count:
            found: list[Flow | None] = [flow for flow in self.whole.flows if flow is not None]
            found.sort(key=_number)
            return found
        places: list[Flow | None] = [None] * (int(last) + 1)
        for flow in self.whole.flows:
            if flow is not None:
                places[flow.number] = flow
        return places

    def connections(self) -> list[Connection]:
        """All that are whole, in the order in which they began."""
        found = [flow for flow in self.whole.flows if isinstance(flow, Connection)]
        found.sort(key=_number)
        return found

    def digest(self, key: bytes, address: i64, port: i64) -> i64:
        """A number for an IPv6 address and port: a hash, so that equal numbers still need a look at the keys."""
        h: i64 = spread(read_i64_be(key, address) & _POSITIVE, self.seed)
        h = spread(h ^ read_i64_be(key, address + 8) & _POSITIVE, self.seed)
        return h ^ key[port] << 8 ^ key[port + 1]


def _number(flow: Flow | None) -> int:
    return 0 if flow is None else flow.number


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    if len(key) == V4:
        return key[4:8] + key[0:4] + key[10:12] + key[8:10]
    return key[16:32] + key[0:16] + key[34:36] + key[32:34]


def key_of(flow: Flow) -> bytes:
    """The key of a flow in the table, also where its numbers alone hold it (IPv4)."""
    return flow.key or key_between(flow.client_id, flow.server_id)


def key_between(client_id: i64, server_id: i64) -> bytes:
    """The key of the two ends with these numbers (IPv4)."""
    client = int(client_id)
    server = int(server_id)
    return b"".join(
        (
            (client >> 16).to_bytes(4, "big"),
            (server >> 16).to_bytes(4, "big"),
            (client & 0xFFFF).to_bytes(2, "big"),
            (server & 0xFFFF).to_bytes(2, "big"),
        )
    )
