"""The inference, held against the truth of a model run, after every segment and at the end of observation."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from model.host import MS, SECOND
from model.wire import CLIENT, Program, Tapped, World
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, MAX_STEPS, PROVEN, TIMER, Endpoint
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.table import BEFORE
from tcptrace_py.machine.timing import Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import Segment
from tools.segments import START, TO_CLIENT, TO_SERVER, segment

CLOSELY = 2 * MS  # how far a proven time may be off

LETTERS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x10, "."))


@dataclass
class Verdict:
    """What one run showed."""

    claims: int = 0  # how often a set of possible states was held against the truth
    size: int = 0  # of those sets, in all
    secret: int = 0  # how often it was not, since no segment could have told
    outside: list[str] = field(default_factory=list)  # the truth was not possible
    false: list[str] = field(default_factory=list)  # a proven step that the endpoint did not take
    broken: list[str] = field(default_factory=list)  # invariants


def timers_of(program: Program) -> Timers:
    """What the tracker is told of the hosts' timers: the truth."""
    h = program.habits
    return Timers(
        h.time_wait,
        h.fin_wait_2,
        SECOND * (2 ** (h.syn_retries + 1) - 1),
        SECOND * (2 ** (h.syn_ack_retries + 1) - 1),
        h.rto * (2 ** (h.retries + 1) - 1),
        SECOND // 10,
    )


def letters(flags: int) -> str:
    return "".join(letter for bit, letter in LETTERS if flags & bit)


def tell(frame: int, tapped: Tapped) -> str:
    """A tapped segment in a line."""
    p = tapped.packet
    way = ">" if tapped.side == CLIENT else "<"
    ack = f" ack {p.ack}" if p.flags & 0x10 else ""
    return f"{frame:3d} {tapped.time / 1e9:8.3f} {way} {letters(p.flags):3s} {p.seq}({p.length}){ack}"


class Judge:
    """A tracker that observes a World."""

    def __init__(self, program: Program) -> None:
        self.world = World(program)
        self.tracker = Tracker(timers_of(program), Limits(0, 60 * SECOND))
        self.verdict = Verdict()
        self.connection: Connection | None = None

    def run(self) -> Verdict:
        """The whole program."""
        world = self.world
        while world.step():
            self.feed(world.tapped[-1])
            connection = self.tracker.connection(TO_SERVER)
            assert connection is not None
            if self.connection is not None and connection is not self.connection:
                self.verdict.broken.append(f"frame {len(world.tapped)} began a second connection")
                return self.verdict
            self.connection = connection
            self.compare(connection)
        self.tracker.end(START + world.clock.now)
        if self.connection is not None:
            self.compare(self.connection)
        return self.verdict

    def feed(self, tapped: Tapped) -> None:
        self.tracker.segment(self.segment(tapped))

    def segment(self, tapped: Tapped) -> Segment:
        """The last packet, as it was captured."""
        p = tapped.packet
        way = TO_SERVER if tapped.side == CLIENT else TO_CLIENT
        frame = len(self.world.tapped)
        return segment(frame, START + tapped.time, way, letters(p.flags), p.seq, p.ack, p.length, ip_id=frame)

    def compare(self, connection: Connection) -> None:
        """Both endpoints as they are inferred now, and as they are."""
        swapped = connection.key != TO_SERVER
        for side, host in enumerate(self.world.hosts):
            endpoint = connection.side(1 - side if swapped else side)
            who = f"frame {len(self.world.tapped)} at {self.world.clock.now / 1e9:.3f}: {'AB'[side]}"
            self.check_claims(endpoint, host.history, who)
            self.check_shape(endpoint, who)
            if self.world.is_secret(side):
                self.verdict.secret += 1
                continue
            self.verdict.claims += 1
            self.verdict.size += int(endpoint.possible).bit_count()
            if not endpoint.possible & like(host.state):
                possible = " ".join(st.mask_names(endpoint.possible))
                self.verdict.outside.append(f"{who} is in {st.NAMES[host.state]}, possible: {possible}")

    def check_claims(self, endpoint: Endpoint, history: list[tuple[int, int]], who: str) -> None:
        """No step that is proven, at once or afterwards, was not taken by then; and its proven time is its time."""
        for step in endpoint.steps:
            if not step.is_sure():
                continue
            at = int(step.time) - START
            by = self.world.tapped[step.confirmed_by - 1].time if step.confirmed_by >= 0 else at
            times = [time for time, state in history if like(state) >> step.state & 1]
            name = f"{st.NAMES[step.state]}, proven by frame {step.frame}/{step.confirmed_by}"
            if not any(time <= by for time in times):
                self.verdict.false.append(f"{who} was never in {name}")
            elif step.evidence == PROVEN and step.confirmed_by >= 0 and not any(abs(t - at) <= CLOSELY for t in times):
                self.verdict.false.append(f"{who} was not at that time in {name}")

    def check_shape(self, endpoint: Endpoint, who: str) -> None:
        """What holds of every endpoint, whatever is true."""
        broken = self.verdict.broken
        steps = endpoint.steps
        frames = len(self.world.tapped)
        if not endpoint.possible >> endpoint.state & 1:
            broken.append(f"{who}: state {st.NAMES[endpoint.state]} is not possible")
        if endpoint.possible == 0 or endpoint.possible & ~st.ANY:
            broken.append(f"{who}: possible is {endpoint.possible:#x}")
        if steps[-1].state != endpoint.state:
            broken.append(f"{who}: state {st.NAMES[endpoint.state]} is not the last step's")
        if len(steps) > MAX_STEPS or len(endpoint.retracted) > MAX_STEPS:
            broken.append(f"{who}: {len(steps)} steps")
        for step in steps:
            if not (1 <= step.frame <= frames or (step.frame == -1 and step.evidence == TIMER)):
                broken.append(f"{who}: step {st.NAMES[step.state]} names frame {step.frame}")
            if not (step.confirmed_by == -1 or step.frame < step.confirmed_by <= frames):
                broken.append(f"{who}: step {st.NAMES[step.state]} is confirmed by frame {step.confirmed_by}")
            if not START <= step.time <= START + self.world.clock.now:
                broken.append(f"{who}: step {st.NAMES[step.state]} at {step.time - START}")
        for earlier, later in pairwise(steps):
            if earlier.time > later.time:  # or the times in the states would not sum up
                broken.append(f"{who}: {st.NAMES[later.state]} before {st.NAMES[earlier.state]}")
            if not BEFORE[later.state] >> earlier.state & 1:
                broken.append(f"{who}: {st.NAMES[earlier.state]} leads to {st.NAMES[later.state]}")

    def story(self) -> str:
        """Frames, truth and inference, for whoever must understand a failure."""
        world = self.world
        lines = [str(world.program)]
        lines += [tell(n, tapped) for n, tapped in enumerate(world.tapped, 1)]
        for side, host in enumerate(world.hosts):
            truth = ", ".join(f"{time / 1e9:.3f} {st.NAMES[state]}" for time, state in host.history)
            lines.append(f"{'AB'[side]} truth:    {truth}")
            if self.connection is not None:
                e = self.connection.side(side if self.connection.key == TO_SERVER else 1 - side)
                told = ", ".join(
                    f"{int(s.time - START) / 1e9:.3f} {st.NAMES[s.state]} {EVIDENCE_NAMES[s.evidence]}"
                    f" (frame {s.frame}{'/' + str(s.confirmed_by) if s.confirmed_by >= 0 else ''}: {s.why})"
                    for s in e.steps
                )
                lines.append(f"{'AB'[side]} inferred: {told}; possible {' '.join(st.mask_names(e.possible))}")
        return "\n".join(lines)


def like(state: int) -> int:
    """A state as a mask; a listener that holds no connection is as good as CLOSED."""
    return st.NO_CONNECTION if state in (st.CLOSED, st.LISTEN) else 1 << state
