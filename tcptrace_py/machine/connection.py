"""Two endpoints, which of them is the client, and when the connection began and ended.

The connection holds what is common to both sides: the notes of oddities, the frames, and the judgement of the
story as a whole (how it opened, how it closed, who closed first), which is read off the two endpoints at the end.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import Endpoint

CLIENT: Final = 0
SERVER: Final = 1

# Letters of ``history``, each written when it first happens: capitals the client's, small ones the server's
_LETTERS: Final = "SHADFRTZshadfrtz"
HISTORY_SYN: Final = 0
HISTORY_SYN_ACK: Final = 1
HISTORY_ACK: Final = 2
HISTORY_DATA: Final = 3
HISTORY_FIN: Final = 4
HISTORY_RST: Final = 5
HISTORY_AGAIN: Final = 6  # data, SYN or FIN sent again
HISTORY_ZERO_WINDOW: Final = 7


@mypyc_attr(acyclic=True)
class Connection:
    """One incarnation of a four-tuple."""

    def __init__(self, number: i64, key: bytes, client: Endpoint, server: Endpoint, time: i64, frame: i64) -> None:
        self.number = number
        self.key = key  # client's address, server's address, client's port, server's port, as in a packet
        self.client = client
        self.server = server
        self.start = time
        self.end = time
        self.first_frame = frame
        self.last_frame = frame
        self.packets: i64 = 0
        self.facts: i64 = 0
        self.notes: list[fa.Note] = []
        self.notes_lost: i64 = 0
        self.history: str = ""
        self.written: i64 = 0  # which letters of it
        self.midstream: bool = False
        self.evicted: bool = False  # dropped from memory while it could still change (--max-connections)
        self.incarnation: i64 = 1  # which use of this four-tuple
        self.successor: i64 = -1  # the frame that begins the next use of it, as far as seen
        self.settled: bool = False  # both sides surely ESTABLISHED and nothing pending: the short path serves
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
        self.rival_challenged: bool = False

    def note(self, fact: i64, side: i64, frame: i64, time: i64, related: i64, value: i64) -> None:
        """Record a fact; notes are bounded, bits are not."""
        self.facts |= fact
        if len(self.notes) < fa.MAX_NOTES:
            state: i64 = self.client.state if side == CLIENT else self.server.state
            self.notes.append(fa.Note(fact, side, frame, time, related, value, state))
        else:
            self.notes_lost += 1

    def side(self, which: i64) -> Endpoint:
        """The client's endpoint or the server's."""
        if which == CLIENT:
            return self.client
        return self.server

    def write_history(self, event: i64, side: i64) -> None:
        """Write the letter of an event of a side when it happens for the first time."""
        at: i64 = event + 8 * side
        if not self.written >> at & 1:
            self.written |= 1 << at
            self.history += _LETTERS[at]

    def is_over(self) -> bool:
        """Nothing more is expected of either side: a new SYN begins a new connection."""
        over: i64 = st.NO_CONNECTION | st.IN_TIME_WAIT
        return 1 << self.client.state & over != 0 and 1 << self.server.state & over != 0
