"""What is inferred of one side of a connection: where it is, where it may be, and the trail that led there.

``state`` is the likeliest of ``possible``.  The trail is a list of Steps; an assumed step is later confirmed by
what the endpoint itself sends, or retracted by it (then it moves to ``retracted``: often the diagnosis).  Two
verbs change all this: ``pass_by``, for what passes the observer towards the endpoint and so may have happened
to it, and ``prove``, for what the endpoint's own segment says of where it was.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.space import Space
from tcptrace_py.machine.table import after, before, image, next_state, through
from tcptrace_py.packet import Segment

ASSUMED: Final = 0
PROVEN: Final = 1
TIMER: Final = 2
EVIDENCE_NAMES: Final = ("assumed", "proven", "timer")

MAX_STEPS: Final = 64
"""Steps kept an endpoint, and as many retractions: the first ones, and the last (the one in force)."""

_UNREACHED: Final = 2
"""Unanswered repetitions, or refuted steps, after which what passes towards an endpoint is presumed not to arrive."""

_SAME_MOMENT: Final = 1_500_000
"""Nanoseconds: less than what any network delays."""
_UNEVEN: Final = 1_000_000
"""A way back may be so much shorter than half the turnaround, or a quarter of it: what is proven is not dated too early."""

# Where an endpoint most plausibly is when its own segment allows several states
_LIKELIEST: Final = (
    st.ESTABLISHED,
    st.CLOSE_WAIT,
    st.FIN_WAIT_1,
    st.FIN_WAIT_2,
    st.TIME_WAIT,
    st.LAST_ACK,
    st.CLOSING,
    st.SYN_RECEIVED,
    st.SYN_SENT,
    st.LISTEN,
    st.CLOSED,
)


@mypyc_attr(acyclic=True)
class Step:
    """One entry of the timeline: the state entered, when, in which frame, and on what evidence.

    ``time`` is the best estimate: of an assumed step, when what passed at ``passed`` reached the endpoint.
    """

    def __init__(self, state: i64, time: i64, frame: i64, evidence: i64, why: str) -> None:
        self.state = state
        self.time = time  # nanoseconds; of a timer: when it ran out
        self.passed = time  # when ``frame`` passed the observer
        self.frame = frame  # -1: no frame (a timer)
        self.evidence = evidence
        self.confirmed_by: i64 = -1  # the endpoint's own frame that proved it afterwards
        self.confirmed_at: i64 = 0  # when that frame passed
        self.why = why
        self.heard: bool = False  # ``frame`` is the peer's, and must have arrived for this to be true

    def is_sure(self) -> bool:
        """The endpoint's own segments prove it, at once or afterwards."""
        return self.evidence == PROVEN or self.confirmed_by >= 0


@mypyc_attr(acyclic=True)
class Stamp:
    """When a SYN with a certain timestamp option passed."""

    def __init__(self, tsval: i64, time: i64) -> None:
        self.tsval = tsval
        self.time = time


@mypyc_attr(acyclic=True)
class Retraction:
    """A step that the endpoint's own segment refuted."""

    def __init__(self, step: Step, refuted_by: i64, why: str) -> None:
        self.step = step
        self.refuted_by = refuted_by
        self.why = why


# Shared by all endpoints until they have one of their own: most never do
_NONE_RETRACTED: Final[list[Retraction]] = []


@mypyc_attr(acyclic=True)
class Endpoint(Space):
    """One side.  Offsets count from its own ISN (``origin``), so the SYN is offset 0 and the first byte 1."""

    def __init__(self, state: i64, time: i64, frame: i64, why: str) -> None:
        super().__init__()
        self.doubt: Step | None = None  # what passed while it seemed not to be reached: taken only if time bears it out
        self.state = state
        self.possible: i64 = 1 << state
        self.step = Step(state, time, frame, ASSUMED, why)  # the last of its steps, the one in force
        self.steps: list[Step] = [self.step]
        self.retracted = _NONE_RETRACTED
        self.refuted: i64 = 0  # how many of its assumed steps it refuted since it last acknowledged something new
        self.hole: i64 = -1  # what it acknowledged when its own ACK showed that later bytes did not arrive
        self.syn_time: i64 = 0  # the first SYN or SYN-ACK
        self.syn_frame: i64 = -1
        self.syn_last: i64 = 0  # the last one's time
        self.syn_last_frame: i64 = -1
        self.syn_count: i64 = 0
        self.syn_gap: i64 = 0  # between the last two SYN-ACKs, if nothing but a timer sent the last
        self.syn_stamps: list[Stamp] | None = None  # of all its SYNs, once there are several
        self.fin_time: i64 = 0  # the first FIN
        self.fin_frame: i64 = -1
        self.fin_last: i64 = 0
        self.fin_last_frame: i64 = -1
        self.fin_count: i64 = 0
        self.fin_bare: bool = False  # one of them did not acknowledge the peer's
        self.fin_gap: i64 = 0  # between the last two FINs: the next one is due after about twice that
        self.rst_time: i64 = -1  # the first RST that may have killed it
        self.rst_frame: i64 = -1
        self.handshake: i64 = -1  # its turnaround in the handshake
        self.timer_from: i64 = 0  # when the timer of its present state last started
        self.expired_at: i64 = -1  # when that timer ran out, if its state need not have ended with it
        self.alive: i64 = st.ANY  # what it could be before a RST, should that prove to be void

    def adopt(self, s: Space) -> None:
        """Go on from a sequence space that was counted apart."""
        self.packets = s.packets
        self.ack_packets = s.ack_packets
        self.window_scale = s.window_scale
        self.min_window = s.min_window
        self.data_packets = s.data_packets
        self.payload_bytes = s.payload_bytes
        self.unique_bytes = s.unique_bytes
        self.syn = s.syn
        self.syn_acks = s.syn_acks
        self.fins = s.fins
        self.rst = s.rst
        self.zero_windows = s.zero_windows
        self.mss = s.mss
        self.options = s.options
        self.syn_ttl = s.syn_ttl
        self.recovery = s.recovery
        self.detail = s.detail
        self.origin = s.origin
        self.snd_nxt = s.snd_nxt
        self.snd_una = s.snd_una
        self.holes = s.holes
        self.timed = s.timed
        self.timed_at = s.timed_at
        self.clock = s.clock
        self.dup_acks = s.dup_acks
        self.data_count = s.data_count
        self.last_time = s.last_time
        self.ignored = s.ignored
        self.state = s.state
        self.acked = s.acked
        self.acked_frame = s.acked_frame
        self.data_last = s.data_last
        self.data_gap = s.data_gap
        self.last_seq = s.last_seq
        self.last_ack = s.last_ack
        self.last_window = s.last_window
        self.last_flags = s.last_flags
        self.last_length = s.last_length
        self.last_ip_id = s.last_ip_id
        self.last_tsval = s.last_tsval
        self.last_check = s.last_check
        self.last_frame = s.last_frame
        self.previous_time = s.previous_time
        self.turnaround = s.turnaround
        self.turnaround_2 = s.turnaround_2
        self.syn_tsval = s.syn_tsval
        self.fin = s.fin
        self.asks = s.asks
        self.near = s.near
        self.far = s.far
        self.syn_seen = s.syn_seen
        self.active = s.active

    def stamp_syn(self, seg: Segment) -> None:
        """Remember a SYN by its timestamp: the SYN-ACK's echo will tell which one arrived."""
        if self.syn_count == 1:
            self.syn_tsval = seg.tsval
            return
        stamps = self.syn_stamps
        if stamps is None:
            stamps = [Stamp(self.syn_tsval, self.syn_time)]
            self.syn_stamps = stamps
        if len(stamps) < MAX_STEPS:
            stamps.append(Stamp(seg.tsval, seg.time))

    def top(self) -> Step:
        """The step in force."""
        return self.step

    def enter(self, state: i64, time: i64, frame: i64, evidence: i64, why: str) -> None:
        """Put a step on the trail; ``possible`` is the caller's."""
        steps = self.steps
        if len(steps) >= MAX_STEPS:
            steps.pop()
        step = Step(state, time, frame, evidence, why)
        steps.append(step)
        self.step = step
        self.state = state
        self.timer_from = time

    def pass_by(self, event: i64, time: i64, frame: i64, why: str) -> None:
        """Something that would cause ``event`` passed towards it: perhaps it arrived and was accepted."""
        if event == ev.RECEIVE_RST:
            self.alive = self.possible
        self.possible = after(self.possible, event) if self.near else self.possible | image(self.possible, event)
        self.move(event, time, frame, why)

    def move(self, event: i64, time: i64, frame: i64, why: str) -> None:
        """The likeliest state follows what passed, unless it seems not to arrive; ``possible`` is the caller's."""
        doubt = self.doubt
        if doubt is not None or self.is_unreached():
            state: i64 = self.state if doubt is None else doubt.state
            to: i64 = next_state(state, event)
            if to >= 0 and to != state:
                self.doubt = Step(to, time, frame, ASSUMED, why)
            elif doubt is not None and next_state(self.state, event) == doubt.state:
                doubt.time = time
                doubt.passed = time
                doubt.frame = frame
            return
        to = next_state(self.state, event)
        if to >= 0 and to != self.state:
            self.enter(to, time, frame, ASSUMED, why)
            self.top().heard = True

    def is_unreached(self) -> bool:
        """Whether what passes towards it had better not be believed to arrive.

        Silence alone does not tell in SYN_SENT, which would repeat its SYN; nor of a far FIN_WAIT_2, which owes
        nothing but the answer: that is as likely lost on its way here as the question.
        """
        if self.near and self.state != st.SYN_RECEIVED:
            return False  # what passes here is delivered, if not always accepted
        if self.refuted >= _UNREACHED:
            return True
        if self.state == st.SYN_SENT or (self.state == st.FIN_WAIT_2 and self.far):
            return False
        return self.ignored >= _UNREACHED

    def undoubt(self) -> None:
        """Time bears out what was doubted: take the step."""
        step = self.doubt
        self.doubt = None
        self.refuted = 0
        if step is not None and step.state != self.state:
            self.enter(step.state, step.time, step.frame, ASSUMED, step.why)
            self.top().heard = True

    def hears(self) -> None:
        """It acknowledged something new: it is reached."""
        self.refuted = 0
        self.doubt = None

    def act(self, event: i64, time: i64, frame: i64, evidence: i64, why: str) -> None:
        """It did ``event`` itself, which only some of the states allow: those are proven, and where it led."""
        if event == ev.SEND_RST:
            self.alive = self.possible
        possible: i64 = image(self.possible, event)
        to: i64 = next_state(self.state, event)
        if possible == 0:
            possible = image(st.ANY & ~st.NO_CONNECTION, event)
        if to < 0 or not possible >> to & 1:
            self.settle(_sources(possible, event), time, frame, ASSUMED, why)
            to = next_state(self.state, event)
        self.possible = possible
        if possible & (possible - 1):
            evidence = ASSUMED  # from more than one state: it proves one of several
        if to >= 0 and to != self.state:
            self.enter(to, time, frame, evidence, why)
        elif to < 0:
            self.settle(possible, time, frame, evidence, why)
        self.confirm(time, frame)

    def prove(self, mask: i64, time: i64, frame: i64, why: str) -> None:
        """Its own segment was sent in one of the states of ``mask``."""
        possible: i64 = self.possible & mask
        if possible == 0:
            possible = self.alive & mask
        if possible == 0:
            possible = mask
        if possible == self.possible and possible == 1 << self.state and self.top().is_sure():
            return
        self.possible = possible
        if not possible >> self.state & 1:
            self.settle(possible, time, frame, ASSUMED if possible & (possible - 1) else PROVEN, why)
        self.confirm(time, frame)

    def settle(self, possible: i64, time: i64, frame: i64, evidence: i64, why: str) -> None:
        """Move ``state`` into ``possible``: back along the trail as far as it is refuted, else forward."""
        origins: i64 = 0
        i: i64 = 0
        while i < st.COUNT:
            if possible >> i & 1:
                origins |= before(i) & ~st.NO_CONNECTION
            i += 1
        while len(self.steps) > 1:
            step = self.top()
            if possible >> step.state & 1 or origins >> step.state & 1:
                break
            self.retract(frame, why)
        self.state = self.top().state
        if not possible >> self.state & 1:
            self.enter(likeliest(possible), time, frame, evidence, why)

    def presume(self, state: i64, time: i64, frame: i64, why: str) -> None:
        """What is seen on the whole speaks for another of the possible states than what each segment did."""
        if not self.possible >> state & 1:
            return
        while len(self.steps) > 1:
            self.retract(frame, why)
        self.refuted = 0
        self.enter(state, time, frame, ASSUMED, why)

    def retract(self, frame: i64, why: str) -> None:
        """Take the step in force back."""
        step = self.steps.pop()
        self.refuted += 1
        self.doubt = None
        if self.retracted is _NONE_RETRACTED:
            self.retracted = []
        if len(self.retracted) < MAX_STEPS:
            self.retracted.append(Retraction(step, frame, why))
        top = self.steps[len(self.steps) - 1]
        self.step = top
        self.state = top.state
        self.timer_from = top.time

    def confirm(self, time: i64, frame: i64) -> None:
        """Assumed steps through which every road to what is possible leads are proven by ``frame``, passing at ``time``."""
        possible: i64 = self.possible & ~st.NO_CONNECTION
        if possible == 0 or self.step.is_sure():
            return
        i: i64 = len(self.steps) - 1
        while i >= 0:
            step = self.steps[i]
            i -= 1
            if step.is_sure():
                return
            if step.frame == frame or 1 << step.state & st.NO_CONNECTION:
                continue
            # a SYN-ACK alone leaves the doubt of a SYN cookie (RFC 4987, 3.6), which nothing later removes
            if step.state != st.SYN_RECEIVED and not possible & ~through(step.state):
                self.confirm_step(step, time, frame)

    def confirm_step(self, step: Step, time: i64, frame: i64) -> None:
        """``frame`` proves that the step had happened by then; when exactly is left to ``date_steps``."""
        step.confirmed_by = frame
        step.confirmed_at = time

    def date_steps(self) -> None:
        """At the end, with the shortest turnaround known: when each step happened.

        What the endpoint sent left it half a turnaround before it passed, where the turnaround is sure: samples agree
        with the handshake, which a kernel answers at once.  What passed towards the endpoint reached it half a
        turnaround later, unless it was delayed beyond the observer.  A confirmed step happened between that moment and
        the departure of the frame that confirms it; where the two coincide, its time is proven with it.
        """
        way: i64 = self.turnaround >> 1 if self.turnaround > 0 else 0
        surely: i64 = way - min(way >> 2, _UNEVEN)
        measured: bool = self.turnaround >= 0 and 0 <= self.turnaround_2 - self.turnaround <= _SAME_MOMENT
        prompt: bool = measured and 0 <= self.handshake - self.turnaround <= _SAME_MOMENT
        for step in self.steps:
            if (
                step.heard
                and step.confirmed_by >= 0
                and step.confirmed_at - step.passed < self.turnaround - _SAME_MOMENT
            ):
                prompt = False  # an answer faster than any that was measured
        for step in self.steps:
            if prompt and not step.heard and step.frame > self.steps[0].frame:
                step.time = step.passed - surely
            if step.evidence != ASSUMED or not step.heard:
                continue
            step.time = step.passed + way
            if step.confirmed_by < 0:
                continue
            latest: i64 = step.confirmed_at - way
            slack: i64 = latest - step.time  # negative: an answer faster than any that was measured
            if measured and -_SAME_MOMENT <= slack <= _SAME_MOMENT:
                step.evidence = PROVEN
            if slack < 0:
                step.time = (step.passed + step.confirmed_at) // 2
            elif step.evidence == PROVEN:
                step.time = step.confirmed_at - surely
        # a step whose time is estimated lies before the next one in any case
        i: i64 = len(self.steps) - 2
        while i >= 0:
            step = self.steps[i]
            if step.time > self.steps[i + 1].time:
                step.time = self.steps[i + 1].time
            i -= 1

    def evidence_at_end(self) -> i64:
        """The evidence for ``state`` at the end of observation: what was proven by its last segment may have changed
        since without a frame (a close on its way here, a timer, power loss), so only a RST of its own still proves it.
        """
        step = self.top()
        if not step.is_sure():
            return step.evidence
        if self.possible == st.IN_CLOSED:
            return PROVEN
        return ASSUMED

    def is_sure(self) -> bool:
        """One state only, and the endpoint's own segments say so."""
        return self.possible == 1 << self.state and self.top().is_sure()


def likeliest(mask: i64) -> i64:
    """The most plausible state of a set."""
    for state in _LIKELIEST:
        if mask >> state & 1:
            return state
    return st.CLOSED


def _sources(mask: i64, event: i64) -> i64:
    """The states from which ``event`` leads into ``mask``."""
    result: i64 = 0
    state: i64 = 0
    while state < st.COUNT:
        to: i64 = next_state(state, event)
        if to >= 0 and mask >> to & 1:
            result |= 1 << state
        state += 1
    return result
