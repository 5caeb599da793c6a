"""Two endpoints, which of them is the client, and when the connection began and ended.

The connection holds what is common to both sides: the notes of oddities, the frames, and the judgement of the
story as a whole (how it opened, how it closed, who closed first), which is read off the two endpoints at the end.
What it takes to find and to count is apart from what is inferred (Flow, Exchange): most connections need no more while
they last (``plain``).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.copies import Copies
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.sent import Sent
from tcptrace_py.machine.space import Space

CLIENT: Final = 0
SERVER: Final = 1

# Letters of ``history``, each written when it first happens: capitals the client's, small ones the server's
LETTERS: Final = "SHADFRTZshadfrtz"
HISTORY_SYN: Final = 0
HISTORY_SYN_ACK: Final = 1
HISTORY_ACK: Final = 2
HISTORY_DATA: Final = 3
HISTORY_FIN: Final = 4
HISTORY_RST: Final = 5
HISTORY_AGAIN: Final = 6  # data, SYN or FIN sent again
HISTORY_ZERO_WINDOW: Final = 7


# Shared by all connections until they have some of their own: most never do
_NO_NOTES: Final[list[fa.Note]] = []


@mypyc_attr(acyclic=True)
class Flow:
    """What a four-tuple leads to: a connection, whole or as little of it as will do."""

    def __init__(self, number: i64, key: bytes, time: i64, frame: i64) -> None:
        # first what nearly every segment asks for, side by side in memory
        self.client_id: i64 = 0  # the two ends as numbers, for the flow table
        self.server_id: i64 = 0
        self.end = time
        self.last_frame = frame
        self.number = number
        # client's address, server's address, client's port, server's port, as in a packet; empty where the numbers
        # above are kept instead (flowtable.key_of)
        self.key = key
        self.incarnation: i64 = 1  # which use of this four-tuple
        self.gone: bool = False  # no four-tuple leads to it any more


@mypyc_attr(acyclic=True)
class Exchange(Flow):
    """What counting needs of a connection: two sequence spaces, and what was noted.  ``one`` is the client's."""

    def __init__(self, number: i64, key: bytes, one: Space, two: Space, time: i64, frame: i64) -> None:
        super().__init__(number, key, time, frame)
        self.settled: bool = False  # both sides surely ESTABLISHED and nothing pending: the short path serves
        self.detailed: bool = False  # all figures of it are wanted
        self.one = one
        self.two = two
        self.packets: i64 = 0
        self.facts: i64 = 0
        self.written: i64 = 0  # which of the history's letters are written, as a set
        self.letters: i64 = 0  # they themselves, four bits each, the first one lowest
        self.start = time
        self.first_frame = frame
        self.notes = _NO_NOTES
        self.notes_lost: i64 = 0
        self.copies: Copies | None = None  # once a frame of it was captured twice

    def note(self, fact: i64, side: i64, frame: i64, time: i64, related: i64, value: i64) -> None:
        """Record a fact; notes are bounded, bits are not."""
        self.facts |= fact
        if self.notes is _NO_NOTES:
            self.notes = []
        if len(self.notes) < fa.MAX_NOTES:
            state: i64 = self.one.state if side == CLIENT else self.two.state
            self.notes.append(fa.Note(fact, side, frame, time, related, value, state))
        else:
            self.notes_lost += 1

    def space(self, which: i64) -> Space:
        """The client's sequence space or the server's."""
        if which == CLIENT:
            return self.one
        return self.two

    def write_history(self, event: i64, side: i64) -> None:
        """Write the letter of an event of a side when it happens for the first time."""
        at: i64 = event + 8 * side
        if not self.written >> at & 1:
            self.letters |= at << 4 * count_bits(self.written)
            self.written |= 1 << at

    @property
    def history(self) -> str:
        """The letters in their order."""
        count: i64 = count_bits(self.written)
        return "".join([LETTERS[self.letters >> 4 * i & 15] for i in range(count)])


@mypyc_attr(acyclic=True)
class Connection(Exchange):
    """One incarnation of a four-tuple, with all that is inferred of it."""

    def __init__(self, number: i64, key: bytes, client: Endpoint, server: Endpoint, time: i64, frame: i64) -> None:
        super().__init__(number, key, client, server, time, frame)
        self.client = client
        self.server = server
        self.takes_from = frame  # from here on the segments of its four-tuple are its own; later than a SYN that waited
        self.midstream: bool = False
        self.evicted: bool = False  # dropped from memory while it could still change (--max-connections)
        self.successor: i64 = -1  # the frame that begins the next use of it, as far as seen
        self.handshake_to_server: i64 = -1  # SYN to SYN-ACK, ns
        self.handshake_to_client: i64 = -1  # SYN-ACK to its ACK
        self.reset_by: i64 = -1  # the side whose RST counted
        self.reset_time: i64 = -1
        self.first_closer: i64 = -1  # the side whose FIN or RST ended it first
        self.three_segment: bool = False  # the second FIN carried the first ACK of the first
        # how it stands, judged at the end (story)
        self.opening: i64 = 0
        self.closing: i64 = 0
        self.outcome: i64 = 0
        self.observed_until: i64 = time  # the end of observation for it
        # a SYN on this still living connection that may yet turn out to be a new one
        self.rival_side: i64 = -1
        self.rival_isn: i64 = -1
        self.rival_time: i64 = 0
        self.rival_frame: i64 = -1
        self.rival_sent: Sent | None = None  # that SYN, each time it was sent
        self.rival_challenged: bool = False

    def side(self, which: i64) -> Endpoint:
        """The client's endpoint or the server's."""
        if which == CLIENT:
            return self.client
        return self.server

    def replace_sides(self, client: Endpoint, server: Endpoint) -> None:
        """Begin both sides anew."""
        self.one = client
        self.two = server
        self.client = client
        self.server = server

    def is_over(self) -> bool:
        """Nothing more is expected of either side: a new SYN begins a new connection."""
        over: i64 = st.NO_CONNECTION | st.IN_TIME_WAIT
        return 1 << self.client.state & over != 0 and 1 << self.server.state & over != 0


def count_bits(mask: i64) -> i64:
    """How many bits of a mask of at most 16 are set."""
    mask = (mask & 0x5555) + (mask >> 1 & 0x5555)
    mask = (mask & 0x3333) + (mask >> 2 & 0x3333)
    mask = (mask & 0x0F0F) + (mask >> 4 & 0x0F0F)
    return (mask + (mask >> 8)) & 0x1F
