"""What a segment adds to its sender's counters and to what is known of both sequence spaces.

This is the part that every segment pays for; it judges no state.  ``start`` and ``ack`` are offsets (sequence):
the first payload byte's in the sender's space, and the acknowledgement's in the peer's, -1 without ACK.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Exchange
from tcptrace_py.machine.detail import note
from tcptrace_py.machine.oddities import NOTED_RETRANSMISSIONS, note_shrinking, note_stall
from tcptrace_py.machine.ranges import Ranges
from tcptrace_py.machine.recovery import ACKNOWLEDGED, Again, Gap, Recovery
from tcptrace_py.machine.repeats import is_copy, reason, take_echo, take_sacks, was_in_flight
from tcptrace_py.machine.sent import Sent
from tcptrace_py.machine.sequence import distance
from tcptrace_py.machine.space import Space
from tcptrace_py.packet import ACK, FIN, RST, SYN, Segment

_ANSWER_WITHIN: Final = 150_000_000
"""A second segment at least so much later, nothing having come back: the first went unanswered.  Longer than an ACK
is delayed (40 ms on Linux), shorter than any retransmission timeout (200 ms)."""

CAPTURED_TWICE_WITHIN: Final = 1_000_000
"""A copy that comes later is not the capture's, but the network's."""

_KEEP_ALIVE_AFTER: Final = 1_000_000_000
"""Nobody asks sooner whether the peer is still there: the least that tcp_keepalive_time and _intvl can be set to."""


def account(c: Exchange, side: i64, e: Space, p: Space, seg: Segment, start: i64, ack: i64) -> None:
    """Count ``seg``, sent by ``e`` (``side`` of ``c``) to ``p``, and move the edges of both sequence spaces."""
    sent: Sent = e
    flags = seg.flags
    length = seg.length
    if flags & (SYN | FIN | RST):
        _count_flags(sent, seg)
    if ack >= 0:
        if seg.sacks:
            _take_sacks(p, seg, ack)
        if flags & (SYN | RST) == 0:
            if length == 0 and not flags & FIN:
                if ack == e.acked:
                    _same_ack(e, p, seg, ack)
                if start != e.snd_nxt:
                    _off_edge(sent, e, p, seg, start)
            _look_at_window(c, side, sent, p, seg)
        if flags & RST == 0:
            acknowledge(c, side, e, p, seg, ack)
    elif flags & (ACK | SYN | RST) == 0:
        c.note(fa.BAD_FLAGS, side, seg.number, seg.time, -1, flags)  # all but the first segment bear ACK
    if length and not flags & RST:
        _count_data(c, side, e, p, sent, seg, start)
        if seg.marks & mk.DUPLICATE:
            return
    if flags & (FIN | RST | SYN) == FIN:
        account_fin(e, start + length)
    sent.packets += 1
    if flags & ACK:
        sent.ack_packets += 1
    if c.detailed:
        note(e, p, sent, seg, start, ack)


def _take_sacks(e: Space, seg: Segment, ack: i64) -> None:
    """SACK blocks about ``e``'s data."""
    if e.origin >= 0 and take_sacks(e, seg, ack, e.losses()):
        seg.marks |= mk.DSACK


def _same_ack(e: Space, p: Space, seg: Segment, ack: i64) -> None:
    """An ACK of nothing new: the answer to a probe, a duplicate ACK (RFC 5681, 2), or news of the window."""
    if p.last_time > e.last_time and _has_probed(p, e.last_window):
        seg.marks |= mk.PROBE_ANSWER
    elif p.snd_nxt <= ack or seg.window != e.last_window:
        if seg.window != e.last_window:
            seg.marks |= mk.WINDOW_UPDATE
            if seg.sacks and p.snd_nxt > ack:
                p.dup_acks += 1  # RFC 6675, 2: news of what has arrived makes it one for the sender
    else:
        seg.marks |= mk.DUPLICATE_ACK
        if not seg.marks & mk.DSACK:
            p.dup_acks += 1


def _has_probed(p: Space, window: i64) -> bool:
    """Whether the last segment of ``p`` was a keep-alive or window probe, at a peer who had announced ``window``."""
    if p.last_length > 1 or p.last_flags & (SYN | FIN | RST) or distance(p.origin + p.snd_nxt, p.last_seq) != -1:
        return False
    return p.snd_una >= p.snd_nxt or (p.last_length == 1 and window == 0)  # else it is data like any other


def _off_edge(sent: Sent, e: Space, p: Space, seg: Segment, start: i64) -> None:
    """A segment without payload, not at SND.NXT: it shows data that has not passed; or it is a keep-alive or window
    probe as Linux sends them; or it was overtaken.
    """
    if start > e.snd_nxt:
        window: i64 = p.last_window
        if p.window_scale > 0:
            window <<= p.window_scale
        if p.acked >= 0 and start <= p.acked + window:  # else it is somebody else's
            recovery = sent.losses()
            if start > recovery.proven:
                recovery.proven = start
        return
    if start != e.snd_nxt - 1 or (e.fin >= 0 and seg.time - e.last_time < _KEEP_ALIVE_AFTER):
        return
    if e.snd_una > start:  # else its sender takes back the byte of a window probe that was refused, and this is an ACK
        seg.marks |= mk.WINDOW_PROBE if p.last_window == 0 else mk.KEEP_ALIVE


def _count_flags(sent: Sent, seg: Segment) -> None:
    flags = seg.flags
    if flags & SYN:
        if flags & ACK:
            if sent.syn_acks:
                seg.marks |= mk.SYN_AGAIN
            sent.syn_acks += 1
        elif sent.syn > sent.syn_acks:
            seg.marks |= mk.SYN_AGAIN
        sent.syn += 1
    if flags & FIN:
        if sent.fins:
            seg.marks |= mk.FIN_AGAIN
        sent.fins += 1
    if flags & RST:
        sent.rst += 1


def _look_at_window(c: Exchange, side: i64, sent: Sent, p: Space, seg: Segment) -> None:
    """The window as the peer understands it, scaled when both sides offered to (RFC 7323, 2.2): is it closed, does it shrink?"""
    window = seg.window
    if sent.window_scale > 0 and p.window_scale >= 0:
        window <<= sent.window_scale
    if sent.min_window < 0 or window < sent.min_window:
        sent.min_window = window
        if not seg.flags & FIN:
            note_shrinking(c, side, sent, seg, window)
    if window == 0:
        sent.zero_windows += 1
        seg.marks |= mk.ZERO_WINDOW
        if not seg.flags & FIN:
            note_stall(c, side, seg)


def acknowledge(c: Exchange, side: i64, e: Space, p: Space, seg: Segment, ack: i64) -> None:
    """``e`` acknowledges ``p``'s sequence space up to ``ack``: round trip, unseen bytes, both edges."""
    if ack > p.snd_nxt and p.state == st.SYN_SENT and p.syn_seen:
        return  # 3.10.7.3, first check: not acceptable, and about an older connection
    if ack > p.snd_una:
        if seg.tsecr >= 0:
            _take_echo(p, seg, ack)
        p.snd_una = ack
        p.clock = seg.time
        p.dup_acks = 0
        if p.data_count > 1:
            p.data_count = 1
            p.data_gap = 0
        if p.timed >= 0 and ack >= p.timed:
            sample: i64 = seg.time - p.timed_at
            p.timed = -1
            if sample >= 0:
                e.turned_around(sample)
        holes = p.holes
        if holes is not None and holes.contiguous < ack:
            lost: i64 = holes.give_up(ack)
            if lost:
                _unseen(c, side, p, seg, lost)
            if holes.is_whole():
                p.holes = None
        # bytes acknowledged beyond all that was seen: the capture misses them (a FIN among them is not known)
        if ack > p.snd_nxt:
            _unseen(c, side, p, seg, ack - p.snd_nxt)
            p.snd_nxt = ack
            c.settled = False  # its next segment shows whether it had sent them at all
    if ack > e.acked:
        e.hears()
        e.acked = ack
        e.acked_frame = seg.number


def _take_echo(p: Space, seg: Segment, ack: i64) -> None:
    recovery = p.recovery
    if recovery is not None and recovery.recent:
        take_echo(p, seg, ack, recovery)


def _unseen(c: Exchange, side: i64, p: Space, seg: Segment, count: i64) -> None:
    p.losses().missing_bytes += count
    seg.marks |= mk.ACK_OF_UNSEEN
    c.note(fa.ACK_OF_UNSEEN, 1 - side, seg.number, seg.time, -1, count)


def _count_data(c: Exchange, side: i64, e: Space, p: Space, sent: Sent, seg: Segment, start: i64) -> None:
    """Payload: new and in order (the usual case), or beyond a hole, or seen before."""
    length = seg.length
    end: i64 = start + length
    if start == e.snd_nxt and e.holes is None:
        sent.data_packets += 1
        sent.payload_bytes += length
        sent.unique_bytes += length
        if e.snd_una == start:
            e.clock = seg.time
            if length == 1 and p.last_window == 0:
                seg.marks |= mk.WINDOW_PROBE
        e.snd_nxt = end
        e.data_last = seg.time
        e.data_count = 1
        if e.timed < 0:
            e.timed = end
            e.timed_at = seg.time
        return
    if length == 1 and start == e.snd_nxt - 1 and _is_probe(e, p, seg, start):
        sent.data_packets += 1
        sent.payload_bytes += 1
        return
    _count_odd_data(c, side, e, p, sent, seg, start)


def _is_probe(e: Space, p: Space, seg: Segment, start: i64) -> bool:
    """One byte below SND.NXT again: a window probe against a closed window; else a keep-alive, if it was acknowledged long ago."""
    if p.last_window == 0:
        seg.marks |= mk.WINDOW_PROBE
        return True
    if e.snd_una > start and seg.time - max(e.clock, e.data_last) >= _KEEP_ALIVE_AFTER:
        seg.marks |= mk.KEEP_ALIVE
        return True
    return False


def _count_odd_data(c: Exchange, side: i64, e: Space, p: Space, sent: Sent, seg: Segment, start: i64) -> None:
    """Payload out of its order: beyond a hole, into one, or seen before."""
    length = seg.length
    end: i64 = start + length
    before: i64 = e.snd_nxt
    recovery = sent.losses()
    holes = e.holes
    if holes is None:
        holes = Ranges(before)
    floor: i64 = holes.contiguous
    new: i64 = holes.add(start, end)
    if start < 1 and not e.syn_seen:
        new += recovery.below(start, min(end, 1))  # midstream: what lies before the first segment had not passed
    if new == 0 and is_copy(e, p, seg, start, end, recovery, c.start):
        if recovery.was_overtaken(start, end):
            seg.marks |= mk.OUT_OF_ORDER  # the first one, behind its repetition
            recovery.out_of_order += 1
        elif _is_of_capture(c, e, seg, start):
            seg.marks |= mk.DUPLICATE
            return
        else:
            seg.marks |= mk.COPIED
            recovery.copied += 1
    sent.data_packets += 1
    sent.payload_bytes += length
    sent.unique_bytes += new
    if end > before:
        e.snd_nxt = end
    e.holes = None if holes.is_whole() else holes
    if seg.marks & (mk.OUT_OF_ORDER | mk.COPIED):
        return
    if new < length:
        _repeat(c, side, e, p, sent, seg, start, length - new)
    elif start > before:
        recovery.opens(before, start, seg, e.last_ip_id)
        seg.marks |= mk.GAP_BEFORE
    elif start < before:
        _fill(e, p, seg, start, recovery, recovery.gap_at(start, floor), c.start)
        e.timed = -1
    e.data_gap = max(e.data_gap, seg.time - e.data_last) if new == 0 else 0
    e.data_last = seg.time
    e.data_count = e.data_count + 1 if new == 0 else 1


def _is_of_capture(c: Exchange, e: Space, seg: Segment, start: i64) -> bool:
    """Whether a copy that does not come right behind its original was made by the capture, as far as it shows: within so little time.

    Once there has been such a copy, all frames are kept to compare with.
    """
    if seg.time - e.last_time >= CAPTURED_TWICE_WITHIN or seg.time < e.last_time:
        return False
    if c.copies is not None:
        return not c.copies.knows(seg.time)
    if seg.tsval >= 0 and seg.tsval == e.last_tsval:
        return True
    return e.timed >= 0 and start >= e.timed - seg.length and seg.time - e.timed_at < CAPTURED_TWICE_WITHIN


def _repeat(c: Exchange, side: i64, e: Space, p: Space, sent: Sent, seg: Segment, start: i64, again: i64) -> None:
    """Data that had passed, ``again`` bytes of it: it was sent again."""
    end: i64 = start + seg.length
    recovery = sent.losses()
    acknowledged: bool = end <= e.snd_una
    record = Again(seg, start, end, start <= e.snd_una)
    record.bytes = again
    record.waited = seg.time - (e.clock or e.data_last)
    record.alone = record.oldest and end >= e.snd_nxt
    record.mark = reason(e, p, seg, start, end, recovery)
    if record.mark == mk.TIMEOUT:
        recovery.was_probe(start, record.waited)
    seg.marks |= mk.RETRANSMISSION | record.mark
    if acknowledged:
        record.spurious = ACKNOWLEDGED
        seg.marks |= mk.SPURIOUS
    recovery.count(seg.marks)
    recovery.remember(record)
    if recovery.retransmitted_packets < NOTED_RETRANSMISSIONS:
        waited: i64 = seg.time - e.data_last
        c.note(fa.RETRANSMISSION, side, seg.number, seg.time, p.acked_frame if acknowledged else -1, waited)
    recovery.retransmitted_packets += 1
    recovery.retransmitted_bytes += again
    e.timed = -1  # Karn: what was sent twice measures nothing
    c.facts |= fa.RETRANSMISSION


def _fill(e: Space, p: Space, seg: Segment, start: i64, recovery: Recovery, gap: Gap | None, began: i64) -> None:
    """Data that had not passed, below what has: out of its order, or sent again because the first was lost before this point."""
    record = Again(seg, start, start + seg.length, start <= e.snd_una)
    if was_in_flight(gap, e, p, seg, start, recovery, began):
        recovery.out_of_order += 1
        seg.marks |= mk.OUT_OF_ORDER
        record.late = True
    else:
        record.filled = True
        if gap is not None:
            record.since_tsval = gap.tsval
            record.since_id = gap.ip_id
        record.mark = reason(e, p, seg, start, record.end, recovery)
        seg.marks |= mk.LOST_BEFORE | record.mark
        recovery.lost_packets += 1
        recovery.lost_bytes += seg.length
    recovery.remember(record)


def account_fin(e: Space, end: i64) -> None:
    """Its FIN takes the sequence number ``end``: one more that may pass beyond a hole."""
    holes = e.holes
    if holes is None and end > e.snd_nxt:
        holes = Ranges(e.snd_nxt)
        e.holes = holes
    if holes is not None:
        holes.add(end, end + 1)
        if holes.is_whole():
            e.holes = None
    if end + 1 > e.snd_nxt:
        e.snd_nxt = end + 1


def contiguous(e: Space) -> i64:
    """Up to which offset everything ``e`` sent has passed the observer, or was acknowledged."""
    holes = e.holes
    if holes is None:
        return e.snd_nxt
    return holes.contiguous


def remember(e: Space, p: Space, seg: Segment) -> None:
    """Keep what the next segment of this side is compared with, and whether the peer answers at all."""
    if e.asks and e.last_time > p.last_time and seg.time - e.last_time > _ANSWER_WITHIN:
        p.ignored += 1
    e.ignored = 0
    # a segment below SND.NXT without payload is a keep-alive or window probe
    e.asks = seg.length > 0 or seg.flags & (SYN | FIN) != 0 or distance(e.origin + e.snd_nxt, seg.seq) < 0
    e.previous_time = e.last_time
    e.last_time = seg.time
    e.last_frame = seg.number
    if not seg.marks & mk.OUT_OF_ORDER:
        e.last_ip_id = seg.ip_id
        e.last_tsval = seg.tsval
    e.last_check = seg.checksum_field
    e.last_seq = seg.seq
    e.last_flags = seg.flags
    e.last_length = seg.length
    if seg.flags & ACK:
        e.last_ack = seg.ack
        e.last_window = seg.window


def is_captured_twice(e: Space, seg: Segment, within: i64) -> bool:
    """The same frame as this side's last one: seen at two ports, not sent twice (TTL may differ).

    A retransmission has an IP id of its own.  Where there is none (IPv6, or id 0), a pure ACK repeated within a
    millisecond is as likely a duplicate ACK, and is taken for one.
    """
    if seg.seq != e.last_seq or seg.checksum_field != e.last_check or seg.flags != e.last_flags:
        return False
    if seg.length != e.last_length or seg.ip_id != e.last_ip_id or (seg.flags & ACK and seg.ack != e.last_ack):
        return False
    if seg.time - e.last_time >= within or seg.time < e.last_time:
        return False
    return seg.ip_id > 0 or seg.length > 0 or seg.flags & (SYN | FIN) != 0
