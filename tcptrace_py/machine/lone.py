"""What becomes of a SYN that nothing followed but, perhaps, its SYN-ACK: known without making a connection of it.

A flood has millions of them.  All that is asked of most is where they count, and whether there is a finding; those that
there is more to say of are made whole.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.crowd import AttemptTable, PendingTable
from tcptrace_py.machine.plain import Asked
from tcptrace_py.machine.timing import Timers


@mypyc_attr(acyclic=True)
class Lone:
    """One of them, at the end of its observation."""

    def __init__(self, asked: Asked, until: i64, evicted: bool) -> None:
        self.asked = asked
        self.until = until
        self.evicted = evicted
        self.client: i64 = st.SYN_SENT
        self.server: i64 = st.LISTEN
        self.facts: i64 = 0

    def conclude(self, timers: Timers) -> None:
        """Where that leaves the two sides, and the facts of it: as ``timing`` and ``story`` have it."""
        answer = self.asked.syn_ack
        if answer is None:
            self.facts = fa.SYN_UNANSWERED
            if self.until >= self.asked.start + timers.syn_give_up:
                self.client = st.CLOSED
            else:
                self.facts |= fa.UNFINISHED
            return
        self.client = st.ESTABLISHED
        self.facts = fa.HALF_OPEN
        if self.until >= answer.time + timers.synack_give_up:
            self.server = st.CLOSED
        else:
            self.server = st.SYN_RECEIVED
            self.facts |= fa.UNFINISHED


class LoneJudge:
    """Counts them in their crowds, and says which of them need no finding of their own."""

    def __init__(
        self, half_open: PendingTable, unanswered: PendingTable, attempts: AttemptTable, told_singly: i64
    ) -> None:
        self.half_open = half_open
        self.unanswered = unanswered
        self.attempts = attempts
        self.told_singly = told_singly
        self.flood_age: i64 = 0  # after so many ns without an ACK, or an answer, it counts in a crowd
        self.half_open_after: i64 = -1  # after so many it is worth a finding; -1: never
        self.unanswered_after: i64 = -1
        self.tells_scans: bool = True

    def has_said_all(self, lone: Lone) -> bool:
        """Take one in; whether there is nothing more to say of it."""
        asked = lone.asked
        start = asked.start
        frame = asked.first_frame
        answer = asked.syn_ack
        if answer is not None:
            waited: i64 = lone.until - answer.time
            if waited >= self.flood_age:
                self.half_open.get(asked, start, frame).add(asked, start, frame)
            return not 0 <= self.half_open_after <= waited or self.half_open.folds(
                asked, start, frame, self.told_singly
            )
        waited = lone.until - start
        source = self.attempts.get(asked, frame)
        source.add(asked, start, frame, False, self.attempts.bounds.scan_ports)
        if waited >= self.flood_age:
            self.unanswered.get(asked, start, frame).add(asked, start, frame)
        if not 0 <= self.unanswered_after <= waited:
            return True
        if self.tells_scans and source.is_scan and source.singly >= self.told_singly:
            return True
        return self.unanswered.folds_flood(asked, start, frame, self.told_singly)
