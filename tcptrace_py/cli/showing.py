"""Reading captures for one connection, or a few: the pipeline's loop, with a look at every segment of those that are asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple

import tcptrace_py
from tcptrace_py.capture import Captures, open_captures
from tcptrace_py.cli.analysis import SECOND, comparison_for, timers
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.engine import ENGINE
from tcptrace_py.errors import ConfigError
from tcptrace_py.ladder import watch
from tcptrace_py.ladder.build import ladder
from tcptrace_py.ladder.choice import Choice, tuple_text
from tcptrace_py.ladder.model import Ladder
from tcptrace_py.ladder.trail import Frame, Trail
from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import QUOTED, RST, SEGMENT, Record, Segment
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.report import model
from tcptrace_py.report.sink import EVERY
from tcptrace_py.report.text import printable, storable
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge

MOST_FRAMES = 200_000
"""So many frames are kept while it is not known whose will be wanted (``frame N`` of a pipe)."""
MOST_NAMED = 5
"""Connections that an error names."""


class Told(NamedTuple):
    """A connection that can no longer change."""

    c: Connection
    findings: list[Finding]


class Reader:
    """One pass over captures, for the connection that is chosen, or for those with certain numbers."""

    def __init__(
        self,
        paths: Sequence[str],
        config: Config,
        choice: Choice,
        progress: Callable[[Captures], None] | None = None,
        stdin: BinaryIO | None = None,
        *,
        whole: bool = False,
        numbers: frozenset[int] = frozenset(),
    ) -> None:
        self.choice = choice
        self.whole = whole
        self.progress = progress
        self.trails: dict[int, Trail] = {}
        self.kept = 0
        self.owner = -1  # the connection that the last segment belongs to
        # of the connections, once they are known
        self.numbers = numbers or (frozenset((choice.number,)) if choice.number >= 0 else frozenset())
        self.others: list[Told] = []
        self.told: dict[int, Told] = {}
        self.matches: list[Connection] = []
        self.matched = 0
        self.captures = open_captures(paths, stdin, config.bpf)
        self.decoder = Decoder(config.verify_checksums)
        self.tracker = Tracker(timers(config), Limits(config.max_connections, round(config.thresholds.stuck * SECOND)))
        self.tracker.detailed = True
        self.pipeline = Pipeline(
            self.captures,
            self.decoder,
            self.tracker,
            Judge(config),
            self.take,
            EVERY,
            None,
            None,
            comparison_for(config),
        )

    def run(self, stop_at: int = -1) -> None:
        """Read until the connection can no longer change, or all.  ``stop_at``: no further than that frame."""
        record, segment, tracker, tally = Record(), Segment(), self.tracker, self.pipeline.tally
        try:
            while self.captures.next(record):
                tally.packets += 1
                if tally.packets == 1:
                    tracker.vantage.know(self.captures.near)
                tally.end = max(tally.end, record.time)
                code = self.decoder.decode(record, segment)
                is_the_one = record.number == self.choice.frame
                if code == SEGMENT:
                    self.segment(segment)
                elif code == QUOTED:
                    self.quoted(segment)
                if is_the_one:  # before the pipeline lets go of a connection that ends with it
                    self.settle_frame(code, segment)
                if tracker.finished or tracker.gone:
                    self.pipeline.drain()
                if record.number == stop_at or (self.numbers and len(self.told) == len(self.numbers)):
                    return
                if self.progress is not None and tally.packets & 0x3FFF == 0:
                    self.progress(self.captures)
            self.pipeline.finish()
        finally:
            self.captures.close()

    def segment(self, seg: Segment) -> None:
        """The tracker's turn, and a look before and after at those that are watched."""
        tracker = self.tracker
        c = whole(tracker.flows.find(seg.key))
        watched = c is not None and c.number in self.trails
        before = watch.look(c) if watched else watch.NOTHING
        rival = int(c.rival_frame) if c is not None else -1
        tracker.segment(seg)
        if self.pipeline.comparison is not None and seg.length:
            self.pipeline.compare(self.pipeline.comparison, seg)
        now = whole(tracker.flows.find(seg.key))
        if now is None:
            return
        self.owner = int(now.number)
        if now is not c:
            if c is not None and seg.flags & RST and now.first_frame != seg.number:
                self.owner = int(c.number)
                if watched:  # the RST is the older one's, and shows that a SYN had begun another
                    self.keep(watch.take(self.trails[c.number], c, before, seg))
                self.begin(now, rival)
                return
            self.begin(now, rival)
            before = watch.NOTHING
        trail = self.trails.get(now.number)
        if trail is not None:
            self.keep(watch.take(trail, now, before, seg))

    def begin(self, c: Connection, rival: int) -> None:
        """A connection begins: perhaps with a SYN that passed while the older one on its ports still lived."""
        choice = self.choice
        if self.numbers:
            wanted = c.number in self.numbers
        elif choice.frame >= 0:
            wanted = True
        else:
            wanted = choice.takes(c)
            if wanted:
                self.matched += 1
                if len(self.matches) < MOST_NAMED:
                    self.matches.append(c)
                wanted = self.matched == 1
        if not wanted:
            return
        trail = self.trails[int(c.number)] = Trail(whole=self.whole)
        if c.first_frame == rival and c.client.syn_frame == rival:
            frame = Frame(rival, int(c.start), 0, 2)
            frame.seq = 0
            trail.sent(frame, 0, 1)
            trail.add(frame)

    def quoted(self, seg: Segment) -> None:
        """An ICMP error."""
        self.tracker.quoted(seg)
        c = whole(self.tracker.flows.find(seg.key))
        if c is not None and c.number in self.trails:
            self.keep(watch.quote(self.trails[c.number], c, seg))

    def keep(self, frame: Frame) -> None:
        """Count what is kept while the connection is not known."""
        if not self.numbers and self.choice.frame >= 0:
            self.kept += 1
            if self.kept > MOST_FRAMES:
                raise ConfigError(
                    f"frame {self.choice.frame} lies too far behind the start of a pipe (more than {MOST_FRAMES} frames):"
                    " save the capture to a file first"
                )

    def settle_frame(self, code: int, seg: Segment) -> None:
        """The frame that was named has come: whose is it?"""
        c = whole(self.tracker.flows.find(seg.key)) if code in (SEGMENT, QUOTED) else None
        if c is None:
            reason = ", ".join(self.decoder.skipped()) if code not in (SEGMENT, QUOTED) else "of no connection"
            raise ConfigError(
                f"frame {self.choice.frame} holds no TCP segment of a connection ({reason}):"
                " tcpfsm analyze --format json lists first_frame and last_frame of every connection"
            )
        number = self.owner if code == SEGMENT else int(c.number)
        self.numbers = frozenset((number,))
        self.trails = {n: trail for n, trail in self.trails.items() if n == number}

    def take(self, c: Connection, findings: list[Finding]) -> None:
        """The pipeline is done with a connection."""
        number = int(c.number)
        if number in self.trails and (number in self.numbers or (not self.numbers and self.choice.frame < 0)):
            self.told[number] = Told(c, findings)
            return
        if self.choice.frame >= 0 and not self.numbers:
            self.trails.pop(number, None)
        if len(self.others) < 1000 and (self.choice.keys or len(self.others) < MOST_NAMED):
            self.others.append(Told(c, []))


def whole(flow: Flow | None) -> Connection | None:
    """Nothing is parked here: what a key leads to is a connection."""
    return flow if isinstance(flow, Connection) else None


def read_ladder(
    paths: Sequence[str],
    config: Config,
    choice: Choice,
    progress: Callable[[Captures], None] | None = None,
    stdin: BinaryIO | None = None,
    *,
    whole: bool = False,
) -> tuple[Ladder, list[str]]:
    """The ladder of the connection that ``choice`` names, and what is wrong with the captures.

    Raises CaptureError and ConfigError.
    """
    if choice.frame >= 0 and all(is_file(path) for path in paths):
        choice = Choice(choice.text, number=owner_of(paths, config, choice, progress))
    reader = Reader(paths, config, choice, progress, stdin, whole=whole)
    reader.run()
    if not reader.told:
        raise ConfigError(missing(reader))
    if reader.matched > 1:
        raise ConfigError(ambiguous(choice.text, reader.matched, reader.matches))
    [made], problems = drawn(reader)
    return made, problems


def read_ladders(
    paths: Sequence[str],
    config: Config,
    numbers: frozenset[int],
    progress: Callable[[Captures], None] | None = None,
    *,
    whole: bool = False,
) -> tuple[list[Ladder], list[str]]:
    """The ladders of the connections with these numbers, in their order; otherwise as ``read_ladder``."""
    reader = Reader(paths, config, Choice(""), progress, whole=whole, numbers=numbers)
    reader.run()
    return drawn(reader)


def drawn(reader: Reader) -> tuple[list[Ladder], list[str]]:
    """What a reader has been told, drawn; and what is wrong with the captures."""
    tool = model.Tool("tcpfsm", tcptrace_py.__version__, ENGINE)
    names = [storable(source.name) for source in reader.captures.sources]
    problems = [printable(problem.message) for problem in reader.captures.problems]
    told = sorted(reader.told.items())
    return [ladder(reader.trails[number], c, findings, tool, names) for number, (c, findings) in told], problems


def owner_of(
    paths: Sequence[str],
    config: Config,
    choice: Choice,
    progress: Callable[[Captures], None] | None = None,
    stdin: BinaryIO | None = None,
) -> int:
    """The number of the connection that a frame belongs to.  Raises CaptureError and ConfigError."""
    reader = Reader(paths, config, choice, progress, stdin)
    reader.trails = _Forgetful()
    reader.run(choice.frame)
    if not reader.numbers:
        raise ConfigError(missing(reader))
    [number] = reader.numbers
    return number


class _Forgetful(dict[int, Trail]):
    """Keeps no trail: a pass that only finds out whose a frame is."""

    def __setitem__(self, number: int, trail: Trail) -> None:
        """Let it go."""


def is_file(path: str) -> bool:
    """Whether it can be read a second time."""
    try:
        return path != "-" and stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def missing(reader: Reader) -> str:
    """Why there is nothing to show, and what there is."""
    choice, count = reader.choice, int(reader.tracker.count)
    if not count:
        return f"no connection {choice.text}: there is no TCP connection in this capture"
    if choice.frame >= 0:
        return f"no frame {choice.frame}: the capture has {reader.pipeline.tally.packets} frames"
    if choice.number >= 0:
        there = "only connection 1" if count == 1 else f"1 to {count}; tcpfsm analyze --format csv lists them"
        return f"no connection {choice.number}: the capture has {there}"
    near = [told.c for told in reader.others]
    if choice.keys:
        near.sort(key=lambda c: -likeness(c.key, choice.keys))
    named = "; ".join(f"{c.number}: {tuple_text(c.key)}" for c in near[:3])
    return f"no connection {choice.text} among {count}; there are, by number, {named}"


def likeness(key: bytes, keys: tuple[bytes, ...]) -> int:
    """How many of the addresses and ports of two keys agree."""
    return max(sum(a == b for a, b in zip(parts(key), parts(other), strict=True)) for other in keys)


def parts(key: bytes) -> tuple[bytes, ...]:
    """Addresses and ports."""
    half = (len(key) - 4) // 2
    return key[:half], key[half : 2 * half], key[-4:-2], key[-2:]


def ambiguous(what: str, count: int, matches: list[Connection]) -> str:
    """Several connections are meant, of which some can be named."""
    named = ", ".join(f"{c.number} (from frame {c.first_frame})" for c in matches[:MOST_NAMED])
    more = ", ..." if count > MOST_NAMED else ""
    return f"{count} connections have used {what}: choose one by its number: {named}{more}"
