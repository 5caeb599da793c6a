"""One side's sequence space and the last segment it sent: all that most segments ask for and change.

Its fields stand apart from what is inferred of the side (``Endpoint``, of which it is the beginning): a connection that
goes by the book needs no more (``plain``), and what stands together comes from memory together, which counts when
thousands of connections take turns.  Those that a segment asks for of both sides come first.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import states as st
from tcptrace_py.machine.ranges import Ranges
from tcptrace_py.machine.sent import Sent


@mypyc_attr(acyclic=True)
class Space(Sent):
    """What one side sent, and its edges.  Offsets count from the side's own ISN (``origin``), so the SYN is offset 0 and the first byte 1."""

    def __init__(self) -> None:
        super().__init__()
        self.origin: i64 = -1  # ISN; midstream: such that the first byte seen is offset 1; -1: nothing sent yet
        self.snd_nxt: i64 = 0  # offset after the highest byte, SYN or FIN it sent
        self.snd_una: i64 = 0  # highest acknowledgement of it that passed
        self.holes: Ranges | None = None  # which of its bytes passed, once they did not pass in order
        self.timed: i64 = -1  # offset of its own sequence space whose acknowledgement is awaited, to measure the peer
        self.timed_at: i64 = 0
        self.clock: i64 = 0  # when the timer of its oldest data that awaits acknowledgement last started
        self.dup_acks: i64 = 0  # its peer's duplicate ACKs since the last that acknowledged something new
        self.data_count: i64 = 0  # how often in a row its data that awaits acknowledgement was sent
        self.last_time: i64 = -1  # of the last segment it sent, as all that begins like this
        self.ignored: i64 = 0  # how often its peer repeated itself since it last sent anything
        self.state: i64 = st.CLOSED  # where it most likely is
        # of its own segments only
        self.acked: i64 = -1  # highest offset of the peer's space that it acknowledged; -1: never
        self.acked_frame: i64 = -1
        self.data_last: i64 = 0  # when its data that awaits acknowledgement was last sent
        self.data_gap: i64 = 0  # between the last two times
        self.last_seq: i64 = -1
        self.last_ack: i64 = -1  # as in the header
        self.last_window: i64 = -1
        self.last_flags: i64 = 0
        self.last_length: i64 = 0
        self.last_ip_id: i64 = -1  # of the segment that it sent last, as far as that shows
        self.last_tsval: i64 = -1  # likewise
        self.last_check: i64 = -1
        self.last_frame: i64 = -1
        self.previous_time: i64 = -1  # of the segment before the last
        self.turnaround: i64 = -1  # ns from a segment's passing towards it to its ACK's passing back: the least seen
        self.turnaround_2: i64 = -1  # the second least
        self.syn_tsval: i64 = -1  # the first SYN's timestamp
        self.fin: i64 = -1  # offset of its FIN
        self.asks: bool = False  # its last segment wants an answer
        self.near: bool = False  # the capture was taken at this endpoint (vantage)
        self.far: bool = False  # it was taken at its peer
        self.syn_seen: bool = False  # ``origin`` is its true ISN
        self.active: bool = False  # it sent a SYN without ACK

    @property
    def sent(self) -> Sent:
        """What it sent, counted."""
        return self

    def hears(self) -> None:
        """It acknowledged something new: it is reached, if anybody doubted it."""

    def turned_around(self, sample: i64) -> None:
        """Take in how long something took from passing towards it until its acknowledgement passed back."""
        if self.turnaround < 0 or sample < self.turnaround:
            self.turnaround_2 = self.turnaround
            self.turnaround = sample
        elif self.turnaround_2 < 0 or sample < self.turnaround_2:
            self.turnaround_2 = sample
