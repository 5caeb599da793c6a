"""Reads captures as the analysis does, and puts beside each segment what Wireshark says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tcptrace_py.capture import Captures
from tcptrace_py.crosscheck.case import KINDS, REUSE, Case, Kinds, ours_of, theirs_of
from tcptrace_py.crosscheck.reasons import Reason, agreed, reason_for
from tcptrace_py.decode import Decoder
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import ACK, SEGMENT, SYN, Record, Segment

MOST_FRAMES = 20
"""Frames that are named of each disagreement."""
_PROGRESS_MASK = 0x3FFF


class Disagreement:
    """Frames that the two call by different names, for one reason."""

    def __init__(self, ours: Kinds, theirs: Kinds, reason: Reason) -> None:
        self.ours = ours
        self.theirs = theirs
        self.reason = reason
        self.count = 0
        self.frames: list[tuple[int, int]] = []
        """The first of them: which capture, and which frame of it."""


class Comparison:
    """What came out."""

    def __init__(self) -> None:
        self.frames = 0
        """Frames with a TCP segment."""
        self.flagged = 0
        """Of them, those of which at least one of both says something."""
        self.agreements: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._disagreements: dict[tuple[Kinds, Kinds, str], Disagreement] = {}

    def add(self, source: int, case: Case) -> None:
        """One more frame, of the capture with this index."""
        self.flagged += 1
        for kind in agreed(case):
            self.agreements[kind] += 1
        if case.ours == case.theirs:
            return
        reason = reason_for(case)
        ours, theirs = case.ours - case.theirs, case.theirs - case.ours
        entry = self._disagreements.setdefault((ours, theirs, reason.name), Disagreement(ours, theirs, reason))
        entry.count += 1
        if len(entry.frames) < MOST_FRAMES:
            entry.frames.append((source, case.frame))

    @property
    def disagreements(self) -> list[Disagreement]:
        """The most frequent first."""
        return sorted(self._disagreements.values(), key=lambda d: (-d.count, d.frames))


class Reader:
    """One pass over a capture.  Wireshark reads each file for itself, so each is compared for itself."""

    def __init__(
        self,
        captures: Captures,
        tracker: Tracker,
        flagged: Iterable[tuple[int, Kinds]],
        source: int,
        result: Comparison,
    ) -> None:
        """``flagged``: the frames of which Wireshark says something, and what.  ``source``: the index of this capture."""
        self.captures = captures
        self.tracker = tracker
        self.source = source
        self.result = result
        self._flagged = {frame: theirs_of(flags) for frame, flags in flagged}
        # SYNs, of which it is known only later whether they began a connection: by frame
        self._waiting: dict[int, Case] = {}
        self._reused: set[int] = set()

    def run(self, progress: Callable[[Captures], None] | None = None) -> None:
        """Read everything.  Raises CaptureError."""
        record, segment = Record(), Segment()
        captures, tracker = self.captures, self.tracker
        decoder = Decoder()
        while captures.next(record):
            if decoder.decode(record, segment) == SEGMENT:
                self._segment(segment)
            if progress is not None and record.number & _PROGRESS_MASK == 0:
                progress(captures)
        tracker.end(tracker.now)
        self._leave()
        for frame, case in self._waiting.items():
            self._add(case._replace(ours=case.ours | {REUSE}) if frame in self._reused else case)

    def _add(self, case: Case) -> None:
        self.result.add(self.source, case)

    def _segment(self, seg: Segment) -> None:
        """The next segment, and what both say of it."""
        tracker = self.tracker
        before = tracker.connection(seg.key) if seg.flags & SYN else None
        was_active = before is not None and before.side(_side(before, seg)).active
        tracker.segment(seg)
        self.result.frames += 1
        theirs = self._flagged.get(int(seg.number), frozenset())
        ours = ours_of(int(seg.marks))
        if theirs or ours or seg.flags & SYN:
            c = tracker.connection(seg.key)
            assert c is not None  # it has just taken this segment
            frame = int(seg.number)
            case = Case(
                frame=frame,
                ours=ours,
                theirs=theirs,
                flags=int(seg.flags),
                length=int(seg.length),
                marks=int(seg.marks),
                incarnation=int(c.incarnation),
                begins=c.first_frame == frame,
                is_rival=c.rival_frame == frame or bool(c.facts & fa.SYN_ON_OPEN),
                answers_syn=was_active and seg.flags & (SYN | ACK) == SYN | ACK,
                is_other_half=not seg.flags & ACK and _side(c, seg) == SERVER and c.rival_frame != frame,
                is_fresh=c.side(_side(c, seg)).sent.data_packets == 0,
                has_late_syn=bool(c.facts & fa.OLD_SYN),
            )
            if not seg.flags & SYN:
                self._add(case)
            elif theirs or ours:
                self._waiting[frame] = case
        if tracker.finished:
            self._leave()

    def _leave(self) -> None:
        """Connections can no longer change: which of them used ports again?"""
        for c in self.tracker.finished:
            if c.incarnation > 1:
                self._reused.add(int(c.first_frame))
                if c.first_frame not in self._waiting:
                    self._add(_of_first_frame(c))
        self.tracker.finished = []


def _side(c: Connection, seg: Segment) -> int:
    """Whose segment it is."""
    return CLIENT if seg.key == c.key else SERVER


def _of_first_frame(c: Connection) -> Case:
    """A connection on used ports, of whose first frame nobody else says anything."""
    return Case(
        frame=int(c.first_frame),
        ours=frozenset((REUSE,)),
        theirs=frozenset(),
        flags=int(ACK if c.midstream else SYN),
        length=0,
        marks=0,
        incarnation=int(c.incarnation),
        begins=True,
        is_rival=False,
        answers_syn=False,
        is_other_half=False,
        is_fresh=False,
        has_late_syn=False,
    )
