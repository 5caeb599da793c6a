"""The frames of one connection, kept in bounded memory: bulk transfer is folded as it comes, and of a very long
connection only the beginning and the end are kept.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tcptrace_py.packet import ACK, FIN, SYN

MOST_ROWS = 600
"""Rows kept from the beginning, and as many from the end."""
WHOLE_ROWS = 50_000
"""The same when nothing is to be folded."""
SHORT = 6
"""A run of ordinary frames up to so long is shown whole; of a longer one the first two and the last two."""
PAUSE = 1_000_000_000
"""Nanoseconds of idle time that are worth a line of their own."""
MOST_LOST = 12
"""Frames without effect that a fold names."""
RECENT = 256
"""Segments remembered a side, for telling which of them comes again."""

# What a frame may be marked with
AGAIN = "retransmission"  # all or some of it was sent before, in ``frame``
UNANSWERED = "unanswered"  # no acknowledgement of it passed before it was sent again, in ``frame``
UNHEEDED = "unheeded"  # what it acknowledges came again all the same, in ``frame``
OUT_OF_ORDER = "out_of_order"
FILLS_GAP = "fills_gap"  # what it carries had been missing in the capture
GAP = "gap_before"  # ``bytes`` before it are not in the capture, or not yet
ACKS_UNSEEN = "acks_unseen"  # it acknowledges ``bytes`` that are not in the capture
KEEPALIVE = "keep_alive"
PROBE = "window_probe"
ZERO_WINDOW = "zero_window"
DUPLICATE_ACK = "duplicate_ack"
TWICE = "captured_twice"
ANSWERS = "answers"  # a RST that disowns ``frame``: its number is the one that was acknowledged there
OTHER_SYN = "other_syn"  # a SYN with another ISN, which perhaps begins another connection

FOLDED_MARKS = frozenset((KEEPALIVE, PROBE, ZERO_WINDOW, DUPLICATE_ACK, TWICE))
"""Frames with no other mark than these may be folded."""


class Mark(NamedTuple):
    """What is remarkable of a frame."""

    kind: str
    frame: int = -1
    """The other frame that it is about; -1: none."""
    bytes: int = -1
    """-1: does not apply."""
    why: str = ""
    """What made its sender repeat it; empty: does not apply, or does not show."""


class Frame:
    """One frame of the connection.  ``seq`` and ``ack`` are relative to the ISNs, None where that makes no sense."""

    __slots__ = ("ack", "flags", "fold", "icmp", "length", "marks", "number", "plain", "seq", "side", "time", "window")

    def __init__(self, number: int, time: int, side: int, flags: int) -> None:
        self.number = number
        self.time = time
        self.side = side  # 0: the client sent it, 1: the server; of an ICMP error: whose segment it quotes
        self.flags = flags
        self.seq: int | None = None
        self.ack: int | None = None
        self.length = 0
        self.window = 0
        self.icmp: tuple[int, int, bool] | None = None  # type, code, ICMPv6
        self.marks: list[Mark] = []
        self.plain = False  # data or an ACK that changed no state: it may be folded
        self.fold: Fold | None = None  # where it went

    def mark(self, kind: str, frame: int = -1, size: int = -1, why: str = "") -> None:
        """Mark it, or the fold that it has gone into."""
        if self.fold is not None:
            self.fold.note(kind, self.number)
        elif all(mark.kind != kind for mark in self.marks):
            self.marks.append(Mark(kind, frame, size, why))


class Fold:
    """Frames that are only counted."""

    __slots__ = ("acks", "bytes", "cut", "data", "end", "first", "frames", "last", "lost", "marks", "start")

    def __init__(self, first: int, start: int, *, cut: bool = False) -> None:
        self.first = first
        self.last = first
        self.start = start
        self.end = start
        self.frames = 0
        self.data = [0, 0]  # frames with payload, from client and server
        self.bytes = [0, 0]
        self.acks = [0, 0]
        self.marks: dict[str, int] = {}
        self.lost: list[int] = []  # the first frames among them that had no effect
        self.cut = cut  # not an ordinary transfer, but more rows than are kept

    def add(self, frame: Frame) -> None:
        """Count a frame in place of showing it."""
        frame.fold = self
        self.frames += 1
        self.last = frame.number
        self.end = frame.time
        if frame.icmp is None:
            if frame.length:
                self.data[frame.side] += 1
                self.bytes[frame.side] += frame.length
            else:
                self.acks[frame.side] += 1
        for mark in frame.marks:
            self.note(mark.kind, frame.number)

    def note(self, kind: str, frame: int) -> None:
        """One of its frames is marked."""
        self.marks[kind] = self.marks.get(kind, 0) + 1
        if kind in (UNANSWERED, UNHEEDED) and len(self.lost) < MOST_LOST:
            self.lost.append(frame)

    def merge(self, other: Fold) -> None:
        """Take another fold in, which comes after it."""
        self.frames += other.frames
        self.last = other.last
        self.end = other.end
        for side in (0, 1):
            self.data[side] += other.data[side]
            self.bytes[side] += other.bytes[side]
            self.acks[side] += other.acks[side]
        self.lost = (self.lost + other.lost)[:MOST_LOST]
        for kind, n in other.marks.items():
            self.marks[kind] = self.marks.get(kind, 0) + n


Row = Frame | Fold


class Sent(NamedTuple):
    """A stretch of one side's sequence space: which frame carried it, and which acknowledged it first."""

    start: int
    end: int
    frame: Frame
    ack: Frame | None


class Trail:
    """Takes the frames of one connection in their order, and keeps rows."""

    def __init__(self, *, whole: bool = False, most: int = 0) -> None:
        """``whole``: fold nothing.  ``most`` rows from either end (0: a fitting default)."""
        self.whole = whole
        self.most = most or (WHOLE_ROWS if whole else MOST_ROWS)
        self.head: list[Row] = []
        self.tail: deque[Row] = deque()
        self.cut: Fold | None = None
        self.run: list[Frame] = []  # ordinary frames, the first of which may yet be folded
        self.fold: Fold | None = None  # the middle of the run, once it is long
        self.is_probing = False  # the run is one of keep-alives or window probes: pauses belong to it
        self.waiting: tuple[deque[Sent], deque[Sent]] = (deque(maxlen=RECENT), deque(maxlen=RECENT))
        self.last_ack: list[Frame | None] = [None, None]
        self.strange: list[tuple[int, int]] = [(-1, -1), (-1, -1)]  # by side: an ACK of what was never sent, its frame
        self.acked: tuple[deque[Sent], deque[Sent]] = (deque(maxlen=RECENT), deque(maxlen=RECENT))

    def add(self, frame: Frame) -> None:
        """The next frame."""
        if self.whole or not frame.plain or any(mark.kind not in FOLDED_MARKS for mark in frame.marks):
            self.end_run()
            self.keep(frame)
            return
        run = self.run
        is_probe = any(mark.kind in (KEEPALIVE, PROBE) for mark in frame.marks)
        if run and frame.time - run[-1].time >= PAUSE and not (is_probe and self.is_probing):
            self.end_run()
        self.is_probing = self.is_probing or is_probe
        run.append(frame)
        if len(run) > SHORT:
            fold = self.fold
            if fold is None:
                fold = self.fold = Fold(run[2].number, run[2].time)
                while len(run) > 4:
                    fold.add(run.pop(2))
            else:
                while len(run) > 4:
                    fold.add(run.pop(2))
        elif self.fold is not None:
            self.fold.add(run.pop(2))

    def end_run(self) -> None:
        """The ordinary frames are over, or pause: what is left of them becomes rows."""
        fold = self.fold
        for n, frame in enumerate(self.run):
            if n == 2 and fold is not None:
                self.keep(fold)
            self.keep(frame)
        self.run.clear()
        self.fold = None
        self.is_probing = False

    def keep(self, row: Row) -> None:
        """One more row; from the middle of too many, the oldest goes."""
        if len(self.head) < self.most:
            self.head.append(row)
            return
        self.tail.append(row)
        if len(self.tail) <= self.most:
            return
        oldest = self.tail.popleft()
        cut = self.cut
        if cut is None:
            if isinstance(oldest, Frame):
                cut = Fold(oldest.number, oldest.time, cut=True)
            else:
                cut = Fold(oldest.first, oldest.start, cut=True)
            self.cut = cut
        if isinstance(oldest, Frame):
            cut.add(oldest)
        else:
            cut.merge(oldest)

    def rows(self) -> list[Row]:
        """All rows, in order."""
        self.end_run()
        return [*self.head, *([self.cut] if self.cut else ()), *self.tail]

    # -- what comes again -- #

    def sent(self, frame: Frame, start: int, end: int) -> int:
        """``frame`` carries that stretch; returns the frame that carried some of it before, or -1."""
        before = -1
        for known in self.waiting[frame.side]:
            if known.start < end and start < known.end and is_alike(frame, known.frame):
                before = known.frame.number
                known.frame.mark(UNANSWERED, frame.number)
        if before < 0:
            for known in self.acked[frame.side]:
                if known.start < end and start < known.end and is_alike(frame, known.frame):
                    before = known.frame.number
                    # of SYN and FIN, which are alone on the way, each ACK in vain; of data, the first that covers it
                    ack = self.last_ack[1 - frame.side] if frame.flags & (SYN | FIN) else known.ack
                    if ack is not None and ack.ack is not None and ack.ack >= end:
                        ack.mark(UNHEEDED, frame.number)
                    break
        self.waiting[frame.side].append(Sent(start, end, frame, None))
        return before

    def acknowledge(self, frame: Frame, ack: int) -> None:
        """``frame`` acknowledges the peer's sequence space up to ``ack``."""
        self.last_ack[frame.side] = frame
        waiting = self.waiting[1 - frame.side]
        if not any(known.end <= ack for known in waiting):
            return
        acked = self.acked[1 - frame.side]
        left = [known for known in waiting if known.end > ack]
        acked.extend(known._replace(ack=frame) for known in waiting if known.end <= ack)
        waiting.clear()
        waiting.extend(left)

    def answer(self, frame: Frame) -> None:
        """``frame`` is a RST: whatever its receiver had sent has had an answer."""
        waiting = self.waiting[1 - frame.side]
        self.acked[1 - frame.side].extend(waiting)
        waiting.clear()

    def forget(self, side: int) -> None:
        """What ``side`` has sent until now lies in another sequence space."""
        self.waiting[side].clear()
        self.acked[side].clear()


def is_alike(one: Frame, other: Frame) -> bool:
    """Whether one may repeat the other: a SYN-ACK is no repetition of a SYN (RFC 9293, figure 7)."""
    return not one.flags & SYN or one.flags & ACK == other.flags & ACK
