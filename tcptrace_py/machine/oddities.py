"""What is noted of the open phase, where counting a segment comes upon it: stalls, shrunken windows, ACKs of nothing.

None of this judges a state.  All of it lies off the way of the usual segment, and keeps within a few notes a connection.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection, Exchange
from tcptrace_py.machine.depart import crossing
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.sent import Sent
from tcptrace_py.machine.sequence import distance
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment

NOTED_RETRANSMISSIONS: Final = 6
"""Of each side the first so many are noted; all are counted."""
_NOTED_STALLS: Final = 8
_SHORT_STALL: Final = 1_000_000_000
"""A stall that is known to have lasted less gives its note to the next one."""
_NOTED_RESETS: Final = 4
CHALLENGED_WITHIN: Final = 500_000_000
"""A challenge ACK is sent at once (RFC 5961, 3.2): what comes later than a long round trip answers something else (ns)."""


def note_stall(c: Exchange, side: i64, seg: Segment) -> None:
    """A window of zero was announced: the first of a stall is noted, and how long after it the last one came."""
    notes = c.notes
    count: i64 = 0
    last: fa.Note | None = None
    for note in notes:
        if note.fact == fa.ZERO_WINDOW and note.side == side:
            last = note
            count += 1
    e = c.space(side)
    if last is not None and e.last_window == 0 and e.last_frame >= last.frame:
        last.value = seg.time - last.time
        last.related = seg.number
    elif last is not None and (last.value < _SHORT_STALL or count >= _NOTED_STALLS):
        if last.value < _SHORT_STALL:
            last.frame = seg.number
            last.time = seg.time
            last.related = -1
            last.value = 0
    else:
        c.note(fa.ZERO_WINDOW, side, seg.number, seg.time, -1, 0)


def note_shrinking(c: Exchange, side: i64, sent: Sent, seg: Segment, window: i64) -> None:
    """The window is smaller than ever: did its right edge move back, by more than rounding to the scale does?"""
    e = c.space(side)
    if e.last_window < 0 or e.last_flags & (SYN | FIN | RST) or c.facts & fa.WINDOW_SHRUNK:
        return
    scale: i64 = 0
    if sent.window_scale > 0 and c.space(1 - side).window_scale >= 0:
        scale = sent.window_scale
    if c.facts & fa.MIDSTREAM or distance(e.last_ack, seg.ack) < 0:
        return  # its scale is not known, or it was overtaken by the one before
    back: i64 = (e.last_window << scale) - window - distance(e.last_ack, seg.ack)
    if back >= 1 << (scale + 1):
        c.note(fa.WINDOW_SHRUNK, side, seg.number, seg.time, e.last_frame, back)


def note_slow_oddities(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64, ack: i64) -> None:
    """What may be odd of a segment that opens, closes, or follows something that did not fit."""
    flags = seg.flags
    if (flags & SYN and flags & (FIN | RST)) or flags & (FIN | RST) == FIN | RST:
        c.note(fa.BAD_FLAGS, side, seg.number, seg.time, -1, flags)
    sent: Sent = e
    if flags & SYN:
        if flags & ACK and e.syn_count == 0:
            e.syn_tsval = seg.tsval
        return
    if seg.tsval >= 0 and e.syn_tsval >= 0 and distance(e.syn_tsval, seg.tsval) < 0:
        if not c.facts & fa.TIMESTAMP_BACKWARDS:
            c.note(fa.TIMESTAMP_BACKWARDS, side, seg.number, seg.time, e.syn_frame, distance(seg.tsval, e.syn_tsval))
    if flags & RST:
        if 0 <= sent.syn_ttl != seg.ttl and sent.rst < _NOTED_RESETS:
            c.note(fa.RST_UNLIKE, side, seg.number, seg.time, e.syn_frame, seg.ttl)
        return
    if c.reset_by == 1 - side and not c.facts & fa.TRAFFIC_AFTER_RST and not crossing(e, c.reset_time, seg.time):
        c.note(fa.TRAFFIC_AFTER_RST, side, seg.number, seg.time, p.rst_frame, seg.time - c.reset_time)
    if seg.length == 0 and not flags & FIN and ack >= 0 and ack == e.acked:
        _bare_ack(c, side, e, p, seg, start)


def _bare_ack(c: Connection, side: i64, e: Endpoint, p: Endpoint, seg: Segment, start: i64) -> None:
    """An ACK that acknowledges nothing new: the answer to a SYN or RST out of place, or to an ACK of nothing."""
    if not 1 << e.state & st.SYNCHRONIZED:
        return
    if c.rival_side == 1 - side and c.rival_frame > e.last_frame:
        c.note(fa.CHALLENGE_ACK, side, seg.number, seg.time, c.rival_frame, 0)
        return
    if c.facts & fa.RST_NOT_EXACT and e.acked == p.snd_nxt:
        reset = _unanswered_reset(c, 1 - side, max(p.data_last, seg.time - CHALLENGED_WITHIN))
        if reset >= 0:
            c.note(fa.CHALLENGE_ACK, side, seg.number, seg.time, reset, 1)
            return
    if start < e.snd_nxt - 1 and c.facts & fa.ACK_OF_UNSEEN:
        for note in reversed(c.notes):
            if note.fact == fa.ACK_OF_UNSEEN and note.side == side:
                # it stands where it stood before that ACK, and so never sent what was acknowledged
                if note.value == e.snd_nxt - start and note.frame == p.last_frame > e.last_frame:
                    c.note(fa.ACK_OF_UNSENT, 1 - side, note.frame, note.time, seg.number, note.value)
                return


def _unanswered_reset(c: Connection, side: i64, since: i64) -> i64:
    """The frame of that side's last RST out of place after ``since`` (ns) that drew no challenge ACK yet; -1: none."""
    found: i64 = -1
    for note in c.notes:
        if note.fact == fa.RST_NOT_EXACT and note.side == side and note.time > since:
            found = note.frame
        elif note.fact == fa.CHALLENGE_ACK and note.related == found:
            found = -1
    return found
