"""A TCP endpoint after RFC 9293, small enough to be read beside it: the truth that the inference is held against.

It has one connection, a window that never closes, and no congestion control.  It does what the RFC says (3.10), check
by check, with the RST and SYN rules of RFC 5961 and, on ``close``, the half-duplex close that everybody implements
(3.6.1, MAY-1).  Sequence numbers are offsets from an ISN inside, and modulo 2^32 only on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from tcptrace_py.machine import states as st
from tcptrace_py.packet import ACK, FIN, RST, SYN

MSS = 1000
WINDOW = 65535
MS = 1_000_000
SECOND = 1000 * MS

SENDS_DATA = {st.ESTABLISHED, st.CLOSE_WAIT}
SENDS_QUEUED = SENDS_DATA | {st.FIN_WAIT_1, st.CLOSING, st.LAST_ACK}  # CLOSING and LAST_ACK: what is sent again
SYNCHRONIZED = SENDS_QUEUED | {st.FIN_WAIT_2, st.TIME_WAIT}


@dataclass(frozen=True)
class Packet:
    """A segment, as the model needs it.  ``told`` is how many states of its sender's history it was sent after."""

    flags: int
    seq: int
    ack: int
    length: int
    told: int

    @property
    def space(self) -> int:
        """SEG.LEN: SYN and FIN count."""
        return self.length + (self.flags & SYN != 0) + (self.flags & FIN != 0)


@dataclass(frozen=True)
class Habits:
    """What the RFC leaves to an implementation."""

    rto: int = 300 * MS  # first retransmission timeout of data and FIN; of a SYN it is a second (RFC 6298)
    retries: int = 8
    syn_retries: int = 6
    syn_ack_retries: int = 5
    time_wait: int = 60 * SECOND
    fin_wait_2: int = 60 * SECOND  # of an orphan
    delayed_ack: int = 0


class Clock:
    """Simulated time: what is due, in order."""

    def __init__(self) -> None:
        self.now = 0
        self.made = 0
        self.agenda: list[tuple[int, int, Callable[[], None]]] = []

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Do ``action`` once ``delay`` has passed."""
        self.made += 1
        heappush(self.agenda, (self.now + delay, self.made, action))

    def run_one(self) -> None:
        """Do what is due next."""
        self.now, _, action = heappop(self.agenda)
        action()

    def run(self, until: int) -> None:
        """Let time pass."""
        while self.agenda and self.agenda[0][0] <= until:
            self.run_one()
        self.now = until


class Host:
    """One endpoint."""

    def __init__(self, clock: Clock, emit: Callable[[Packet], None], iss: int, habits: Habits) -> None:
        self.clock = clock
        self.emit = emit
        self.iss = iss
        self.habits = habits
        self.history: list[tuple[int, int]] = [(0, st.CLOSED)]  # when, state
        self.spontaneous = 0  # how long the history was after the last step that nothing on the wire caused
        self.passive = False
        self.orphan = False
        self.timer_runs = False
        self.timer = 0  # number of the timer that counts; older ones are cancelled
        self.forget()

    def forget(self) -> None:
        """No TCB: all variables as at the beginning."""
        self.irs = -1
        self.snd_una = 0
        self.snd_nxt = 0
        self.rcv_nxt = 0
        self.queued = 0  # bytes that the application has sent in all
        self.closing = False  # the application has closed
        self.tries = 0
        self.held: set[tuple[int, int, bool]] = set()  # start, end and FIN of what arrived beyond a hole
        self.ack_due = False

    @property
    def state(self) -> int:
        return self.history[-1][1]

    def enter(self, state: int, *, spontaneous: bool = False) -> None:
        self.history.append((self.clock.now, state))
        if spontaneous:
            self.spontaneous = len(self.history)
        if state in (st.CLOSED, st.LISTEN):
            self.stop_timer()
            self.forget()
        elif state == st.TIME_WAIT:
            self.start_timer(self.habits.time_wait, self.time_wait_over)
        elif state == st.FIN_WAIT_2:
            self.stop_timer()
            if self.orphan:
                self.start_timer(self.habits.fin_wait_2, self.time_wait_over)

    # -- what the application does: 3.10.1 to 3.10.5 -- #

    def listen(self) -> None:
        if self.state == st.CLOSED:
            self.passive = True
            self.enter(st.LISTEN)

    def open(self) -> None:
        if self.state in (st.CLOSED, st.LISTEN):
            self.passive = False
            self.enter(st.SYN_SENT, spontaneous=True)
            self.send(SYN, 0)
            self.snd_nxt = 1
            self.start_timer(SECOND, self.retransmit)

    def write(self, count: int) -> None:
        if self.state in SENDS_DATA | {st.SYN_SENT, st.SYN_RECEIVED} and not self.closing:
            self.queued += count
            self.push()

    def shutdown(self) -> None:
        """No more to send: CLOSE as the RFC has it."""
        if self.closing or self.state == st.CLOSED:
            return
        if self.state in (st.LISTEN, st.SYN_SENT):
            self.enter(st.CLOSED, spontaneous=True)
            return
        self.closing = True
        if self.state == st.SYN_RECEIVED and (self.queued or self.passive):
            return  # until it is ESTABLISHED: 3.10.4; and accept() hands out no connection before
        if self.state == st.CLOSE_WAIT:
            self.enter(st.LAST_ACK, spontaneous=True)
        elif self.state in (st.ESTABLISHED, st.SYN_RECEIVED):
            self.enter(st.FIN_WAIT_1, spontaneous=True)
        self.push()

    def close(self) -> None:
        """Close both ways: data that still comes is answered by a RST."""
        self.orphan = True
        self.shutdown()
        if self.state == st.FIN_WAIT_2:
            self.start_timer(self.habits.fin_wait_2, self.time_wait_over)

    def abort(self) -> None:
        if self.state in SENDS_DATA | {st.SYN_RECEIVED, st.FIN_WAIT_1, st.FIN_WAIT_2}:
            seq = self.snd_nxt
            self.enter(st.CLOSED, spontaneous=True)
            self.emit(Packet(RST, self.on_wire(seq), 0, 0, len(self.history)))
        elif self.state != st.CLOSED:
            self.enter(st.CLOSED, spontaneous=True)

    # -- sending -- #

    def on_wire(self, offset: int) -> int:
        return (self.iss + offset) & 0xFFFFFFFF

    def send(self, flags: int, offset: int, length: int = 0) -> None:
        """Send from ``offset``; with everything received so far acknowledged."""
        ack = 0
        if self.irs >= 0:
            flags |= ACK
            ack = (self.irs + self.rcv_nxt) & 0xFFFFFFFF
            self.ack_due = False
        told = len(self.history)
        if self.closing and not flags & FIN and self.snd_nxt <= self.fin_at:
            told = self.spontaneous - 1  # nobody can see that the FIN is queued behind this
        self.emit(Packet(flags, self.on_wire(offset), ack, length, told))

    def acknowledge(self) -> None:
        self.send(ACK, self.snd_nxt)

    @property
    def fin_at(self) -> int:
        """Where the FIN stands, once the application has closed."""
        return 1 + self.queued

    @property
    def fin_is_acknowledged(self) -> bool:
        return self.closing and self.snd_una > self.fin_at

    def push(self) -> None:
        """Send what is queued: data, and behind it the FIN."""
        if self.state not in SENDS_QUEUED:
            return
        while self.snd_nxt < 1 + self.queued:
            self.snd_nxt += self.send_from(self.snd_nxt)
        if self.closing and self.snd_nxt == self.fin_at:
            self.snd_nxt += self.send_from(self.snd_nxt)
        if self.snd_una < self.snd_nxt and not self.timer_runs:
            self.tries = 0
            self.start_timer(self.habits.rto, self.retransmit)

    def send_from(self, offset: int) -> int:
        """One segment of data, with the FIN if it is the last; returns what it takes of the sequence space."""
        length = min(MSS, 1 + self.queued - offset)
        last = self.closing and offset + length == self.fin_at
        self.send(FIN if last else 0, offset, length)
        return length + last

    # -- timers: 3.8.1, 3.8.3, 3.10.8 -- #

    def start_timer(self, delay: int, action: Callable[[], None]) -> None:
        self.timer += 1
        self.timer_runs = True
        mine = self.timer
        self.clock.after(delay, lambda: action() if mine == self.timer else None)

    def stop_timer(self) -> None:
        self.timer += 1
        self.timer_runs = False
        self.tries = 0

    def time_wait_over(self) -> None:
        self.enter(st.CLOSED)

    def retransmit(self) -> None:
        opening = self.state in (st.SYN_SENT, st.SYN_RECEIVED)
        limit = self.habits.retries
        if opening:
            limit = self.habits.syn_retries if self.state == st.SYN_SENT else self.habits.syn_ack_retries
        if self.tries >= limit:
            self.enter(st.LISTEN if self.state == st.SYN_RECEIVED and self.passive else st.CLOSED)
            return
        self.tries += 1
        if self.snd_una == 0:
            self.send(SYN, 0)
        else:
            self.send_from(self.snd_una)
        self.start_timer((SECOND if opening else self.habits.rto) << self.tries, self.retransmit)

    # -- a segment arrives: 3.10.7 -- #

    def arrives(self, packet: Packet) -> None:
        if self.state == st.CLOSED:
            self.refuse(packet)
        elif self.state == st.LISTEN:
            if packet.flags & ACK:
                self.refuse(packet)
            elif packet.flags & SYN and not packet.flags & RST:
                self.synchronize(packet)
                self.enter(st.SYN_RECEIVED)
                self.send(SYN, 0)
                self.snd_nxt = 1
                self.start_timer(SECOND, self.retransmit)
        elif self.state == st.SYN_SENT:
            self.arrives_in_syn_sent(packet)
        else:
            self.arrives_in_other_states(packet)

    def refuse(self, packet: Packet) -> None:
        """3.5.2, group 1 (and 2): a RST that its receiver will believe."""
        if packet.flags & RST:
            return
        if packet.flags & ACK:
            self.emit(Packet(RST, packet.ack, 0, 0, len(self.history)))
        else:
            self.emit(Packet(RST | ACK, 0, (packet.seq + packet.space) & 0xFFFFFFFF, 0, len(self.history)))

    def synchronize(self, packet: Packet) -> None:
        self.irs = packet.seq
        self.rcv_nxt = 1

    def acknowledged(self, packet: Packet) -> int:
        """SEG.ACK as an offset of our own."""
        return unwrap(packet.ack, self.iss, self.snd_nxt)

    def arrives_in_syn_sent(self, packet: Packet) -> None:
        acceptable = False
        if packet.flags & ACK:
            ack = self.acknowledged(packet)
            if not 0 < ack <= self.snd_nxt:
                self.refuse(packet)
                return
            acceptable = True
        if packet.flags & RST:
            if acceptable:
                self.enter(st.CLOSED)
            return
        if not packet.flags & SYN:
            return
        self.synchronize(packet)
        if acceptable:
            self.snd_una = 1
            self.stop_timer()
            self.enter(st.ESTABLISHED)
            self.acknowledge()
            self.push()
        else:
            self.enter(st.SYN_RECEIVED)
            self.send(SYN, 0)
            self.stop_timer()
            self.start_timer(SECOND, self.retransmit)

    def arrives_in_other_states(self, packet: Packet) -> None:
        start = unwrap(packet.seq, self.irs, self.rcv_nxt)
        if packet.flags & SYN and start + packet.space <= self.rcv_nxt and self.state == st.SYN_RECEIVED:
            # the same SYN again: Linux and the BSDs repeat the SYN-ACK.  Or it is the peer's SYN-ACK of a simultaneous
            # open, whose ACK counts (figure 7)
            if not packet.flags & ACK:
                self.send(SYN, 0)
                return
        elif not self.is_acceptable(start, packet.space):
            if not packet.flags & RST:
                self.acknowledge()
            if packet.flags & FIN and self.state == st.TIME_WAIT:
                self.start_timer(self.habits.time_wait, self.time_wait_over)
            return
        if packet.flags & RST:
            if start == self.rcv_nxt:
                self.enter(st.LISTEN if self.state == st.SYN_RECEIVED and self.passive else st.CLOSED)
            else:
                self.acknowledge()
        elif packet.flags & SYN and self.state != st.SYN_RECEIVED:
            self.acknowledge()
        elif packet.flags & ACK and self.check_ack(packet):
            self.check_text_and_fin(packet, start)

    def is_acceptable(self, start: int, space: int) -> bool:
        """First check: does it touch the window?"""
        first = self.rcv_nxt <= start < self.rcv_nxt + WINDOW
        return first or (space > 0 and self.rcv_nxt <= start + space - 1 < self.rcv_nxt + WINDOW)

    def check_ack(self, packet: Packet) -> bool:
        """Fifth check; whether to go on."""
        ack = self.acknowledged(packet)
        if self.state == st.SYN_RECEIVED:
            if not 0 < ack <= self.snd_nxt:
                self.refuse(packet)
                return False
            self.stop_timer()
            self.enter(st.ESTABLISHED)
        if ack > self.snd_nxt:
            self.acknowledge()
            return False
        if ack > self.snd_una:
            self.snd_una = ack
            self.stop_timer()
            if self.snd_una < self.snd_nxt:
                self.start_timer(self.habits.rto, self.retransmit)
        if self.closing and self.state == st.ESTABLISHED:
            self.enter(st.FIN_WAIT_1, spontaneous=True)  # it was closed before the handshake was over
        self.push()
        if self.fin_is_acknowledged:
            if self.state == st.FIN_WAIT_1:
                self.enter(st.FIN_WAIT_2)
            elif self.state == st.CLOSING:
                self.enter(st.TIME_WAIT)
            elif self.state == st.LAST_ACK:
                self.enter(st.CLOSED)
                return False
        return True

    def check_text_and_fin(self, packet: Packet, start: int) -> None:
        """Seventh and eighth check."""
        if packet.space == 0 or packet.flags & SYN:
            return
        end = start + packet.length
        if self.orphan and packet.length and end > self.rcv_nxt and self.state in (st.FIN_WAIT_1, st.FIN_WAIT_2):
            # what the application does not read: a RST, but only since nobody is left to read
            self.enter(st.CLOSED, spontaneous=True)
            self.refuse(packet)
            return
        self.held.add((start, end, packet.flags & FIN != 0))
        fin = False
        for first, last, ends in sorted(self.held):
            if first <= self.rcv_nxt:
                self.rcv_nxt = max(self.rcv_nxt, last)
                fin = fin or (ends and self.rcv_nxt == last)
                self.held.discard((first, last, ends))
        if fin:
            self.rcv_nxt += 1
            if self.state in (st.SYN_RECEIVED, st.ESTABLISHED):
                self.enter(st.CLOSE_WAIT)
            elif self.state == st.FIN_WAIT_1:
                self.enter(st.CLOSING)
            elif self.state == st.FIN_WAIT_2:
                self.enter(st.TIME_WAIT)
        if self.habits.delayed_ack and not fin and not self.ack_due and not self.held:
            self.ack_due = True
            self.clock.after(self.habits.delayed_ack, self.acknowledge_late)
        else:
            self.acknowledge()

    def acknowledge_late(self) -> None:
        if self.ack_due and self.state in SYNCHRONIZED:
            self.acknowledge()


def unwrap(number: int, origin: int, near: int) -> int:
    """The offset from ``origin`` of a sequence number: that of its values which is nearest to ``near``."""
    return near + ((number - origin - near + 0x80000000) & 0xFFFFFFFF) - 0x80000000
