"""What a segment was to its connection: the engine is asked before and after, and the difference makes the marks."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.ladder import trail as tr
from tcptrace_py.ladder.trail import Frame, Trail
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.sequence import unwrap
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment

NEAR = 1 << 30
"""Sequence numbers further than so many bytes from where they are expected are shown as they are."""


PLAIN_MARKS = (
    (mk.KEEP_ALIVE, tr.KEEPALIVE),
    (mk.WINDOW_PROBE, tr.PROBE),
    (mk.OUT_OF_ORDER, tr.OUT_OF_ORDER),
    (mk.DUPLICATE_ACK, tr.DUPLICATE_ACK),
    (mk.COPIED, tr.TWICE),
)
"""Marks of the engine that a ladder shows as they are."""


class Counts(NamedTuple):
    """What is compared of one endpoint."""

    steps: int
    step: int
    retracted: int
    origin: int
    syns: int
    snd_nxt: int
    missing: int
    zero_windows: int


FRESH = Counts(1, -1, 0, -1, 0, 0, 0, 0)


def counts(e: Endpoint) -> Counts:
    """An endpoint as it is now."""
    s = e.sent
    return Counts(
        len(e.steps),
        e.steps[-1].state,
        len(e.retracted),
        e.origin,
        e.syn_count,
        e.snd_nxt,
        s.missing_bytes,
        s.zero_windows,
    )


class Before(NamedTuple):
    """A connection before the segment; ``c`` None: there was none."""

    c: Connection | None
    client: Counts
    server: Counts
    rival: int


NOTHING = Before(None, FRESH, FRESH, -1)


def look(c: Connection | None) -> Before:
    """A connection as it is now."""
    return NOTHING if c is None else Before(c, counts(c.client), counts(c.server), c.rival_frame)


def take(trail: Trail, c: Connection, before: Before, seg: Segment) -> Frame:
    """Put the segment that the engine has just placed in ``c`` on its trail."""
    if before.c is not c:
        before = NOTHING
    side = int(CLIENT if seg.key == c.key else SERVER)
    e, p = c.side(side), c.side(1 - side)
    was, peer_was = (before.client, before.server) if side == CLIENT else (before.server, before.client)
    now, peer_now = counts(e), counts(p)
    frame = Frame(int(seg.number), int(seg.time), side, int(seg.flags))
    frame.length = int(seg.length)
    frame.window = int(seg.window)
    if e.origin >= 0:
        frame.seq = relative(int(unwrap(seg.seq, e.origin, was.snd_nxt)))
    if seg.flags & ACK and p.origin >= 0:
        ack = int(unwrap(seg.ack, p.origin, p.snd_nxt))
        frame.ack = relative(ack) if ack <= p.snd_nxt else None  # of what was never sent: about another connection
        if frame.ack is None:
            trail.strange[side] = int(seg.ack), frame.number
    if seg.flags & (RST | ACK) == RST and seg.seq == trail.strange[1 - side][0]:
        frame.seq = None  # RFC 9293, 3.10.7.3, first check: <SEQ=SEG.ACK><CTL=RST>
        frame.mark(tr.ANSWERS, trail.strange[1 - side][1])
    is_plain = not seg.flags & (SYN | FIN | RST)
    frame.plain = is_plain and was[:3] == now[:3] and peer_was[:3] == peer_now[:3]
    if seg.marks & mk.DUPLICATE:
        frame.mark(tr.TWICE)
    elif c.rival_frame == seg.number or (seg.flags & (SYN | ACK) == SYN and side == c.rival_side):
        frame.mark(tr.OTHER_SYN)
    elif not seg.flags & RST:
        if seg.flags & SYN and now.origin != was.origin >= 0:  # another ISN: nothing is repeated
            trail.forget(side)
            if was.syns:
                frame.mark(tr.OTHER_SYN)
        _marks(frame, was, int(seg.marks))
        _stretch(trail, frame, was, int(seg.marks), peer_now.missing - peer_was.missing)
    else:
        trail.answer(frame)
    trail.add(frame)
    return frame


def _marks(frame: Frame, was: Counts, marks: int) -> None:
    """What the engine marked."""
    for bit, kind in PLAIN_MARKS:
        if marks & bit:
            frame.mark(kind)
    if marks & mk.ZERO_WINDOW:
        frame.plain = frame.plain and was.zero_windows > 0  # the first is shown
        frame.mark(tr.ZERO_WINDOW)


def _stretch(trail: Trail, frame: Frame, was: Counts, marks: int, unseen: int) -> None:
    """Which sequence space it takes, whether that was taken before, and what it acknowledges."""
    seq = frame.seq
    if seq is not None and not marks & (mk.KEEP_ALIVE | mk.WINDOW_PROBE):
        end = seq + frame.length + (1 if frame.flags & SYN else 0) + (1 if frame.flags & FIN else 0)
        if end > seq:
            before = trail.sent(frame, seq, end)
            if marks & mk.RETRANSMISSION or (before >= 0 and not marks & (mk.OUT_OF_ORDER | mk.COPIED)):
                frame.mark(tr.AGAIN, before, why=why(marks))
            elif frame.flags & SYN:
                pass  # nothing comes before it
            elif was.snd_nxt > seq and not marks & (mk.OUT_OF_ORDER | mk.COPIED):
                frame.mark(tr.FILLS_GAP, why=why(marks))
            elif was.snd_nxt and seq > was.snd_nxt:
                frame.mark(tr.GAP, size=seq - was.snd_nxt)
    if unseen > 0:
        frame.mark(tr.ACKS_UNSEEN, size=unseen)
    if frame.ack is not None:
        trail.acknowledge(frame, frame.ack)


def why(marks: int) -> str:
    """What made its sender repeat it, by the name of the mark; empty: that does not show."""
    return next(iter(mk.names(marks & mk.SPURIOUS) or mk.names(marks & mk.REASONS)), "")


def quote(trail: Trail, c: Connection, seg: Segment) -> Frame:
    """An ICMP error that quotes a segment of ``c``."""
    frame = Frame(int(seg.number), int(seg.time), int(CLIENT if seg.key == c.key else SERVER), int(seg.flags))
    frame.icmp = (int(seg.icmp_type), int(seg.icmp_code), bool(seg.icmp_v6))
    trail.add(frame)
    return frame


def relative(offset: int) -> int | None:
    """An offset, if it is near enough to make sense."""
    return offset if -NEAR < offset < NEAR << 24 else None
