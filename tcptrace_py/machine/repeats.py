"""Why data passes that passed before, or that fills a hole: read off what had passed by then.

Duplicate ACKs, SACK blocks and the time that its timer had run say what made a sender repeat itself; timestamps, IP ids
and the round trip, whether it repeated itself at all.  Two things only show later, and move a repetition from its kind
to the needless ones: a duplicate SACK (RFC 2883) and an echo of an older timestamp than its own (RFC 3522).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.recovery import ACKNOWLEDGED, BY_DSACK, BY_TIMESTAMP, Gap, Recovery
from tcptrace_py.machine.sequence import distance, unwrap
from tcptrace_py.machine.space import Space
from tcptrace_py.packet import Segment
from tcptrace_py.words import read_i64_be

LEAST_TIMEOUT: Final = 190_000_000
"""No timer repeats data sooner: Linux's least retransmission timeout is 200 ms, less what the way here may vary."""
DUPLICATES: Final = 3
"""Duplicate ACKs that make a sender repeat a segment (RFC 5681, 3.2)."""
_UNKNOWN_ROUND: Final = 3_000_000
"""A hole filled within 3 ms was reordering, if nothing is known: no sender repairs a loss that fast."""
_ID_BEHIND: Final = 256
"""So much an IP id may lie behind that of the segment before and still be an older one of the same sequence of ids."""
_COPY_WITHIN: Final = 200_000_000
_STRAY: Final = 1_000_000
_TICKS: Final = 4_000_000


def round_trip(e: Space, p: Space) -> i64:
    """The least round trip between the two, as far as it shows here; -1: it does not."""
    if e.turnaround < 0:
        return p.turnaround
    if p.turnaround < 0:
        return e.turnaround
    return e.turnaround + p.turnaround


def was_in_flight(gap: Gap | None, e: Space, p: Space, seg: Segment, start: i64, r: Recovery, began: i64) -> bool:
    """Whether a segment that fills a hole was sent before the one that jumped over it: reordering, not repair.

    Its timestamp says so, or its IP id where ids count up; else time: nothing repairs a hole within a round trip, nor
    without duplicate ACKs before a timer runs out.  The connection began at ``began``.
    """
    time: i64 = e.last_time
    if gap is not None:
        time = gap.time
        if gap.tsval >= 0 and seg.tsval >= 0 and gap.tsval != seg.tsval:
            return distance(gap.tsval, seg.tsval) < 0
        if seg.ip_id > 0 and gap.ip_id > 0 and 0 < gap.step < _ID_BEHIND:
            behind: i64 = (gap.ip_id - seg.ip_id) & 0xFFFF
            if 0 < behind < _ID_BEHIND:
                return True
            if 0x10000 - behind < 0x8000:
                return False
        if (
            seg.tsval >= 0
            and gap.tsval >= 0
            and seg.time - gap.time >= _TICKS
            and has_fast_clock(e, gap.tsval, gap.time - began)
        ):
            return True  # sent at the same tick of a clock that has ticked since
    elapsed: i64 = seg.time - time
    least: i64 = round_trip(e, p)
    if least < 0:
        return elapsed < _UNKNOWN_ROUND
    if elapsed < least:
        return True
    is_told: bool = e.dup_acks >= DUPLICATES or r.sacked > start
    return not is_told and p.last_time >= 0 and elapsed < LEAST_TIMEOUT


def has_fast_clock(e: Space, tsval: i64, age: i64) -> bool:
    """Whether the clock of its timestamps has ticked at least every second millisecond since its SYN (RFC 7323, 5.4); the
    connection was ``age`` old when it showed ``tsval``.
    """
    if e.syn_tsval < 0:
        return False
    ticks: i64 = distance(e.syn_tsval, tsval)
    return ticks >= 4 and ticks * 2_000_000 >= age


def is_copy(e: Space, p: Space, seg: Segment, start: i64, end: i64, r: Recovery, began: i64) -> bool:
    """Whether data that had passed whole was not sent again but copied, or overtaken: by the capture, or on its way.

    Nothing that is sent has an older timestamp or IP id than what was sent before it.  Without them: nothing is sent
    again at once, when neither a timer nor an ACK can have asked for it.
    """
    if r.was_sent_since(start, end, seg):
        return False
    if seg.tsval >= 0 and e.last_tsval >= 0 and seg.tsval != e.last_tsval:
        return distance(e.last_tsval, seg.tsval) < 0
    since: i64 = seg.time - e.last_time
    if (
        seg.tsval >= 0
        and e.last_tsval >= 0
        and since >= _TICKS
        and has_fast_clock(e, e.last_tsval, e.last_time - began)
    ):
        return True  # sent at the same tick as the last one, long ago
    if seg.ip_id > 0 and e.last_ip_id > 0:
        return (e.last_ip_id - seg.ip_id) & 0xFFFF < _ID_BEHIND and since < _COPY_WITHIN
    if since >= _STRAY or since < 0 or e.dup_acks > 0 or p.last_time < 0:
        return False
    if r.until > e.snd_una or r.sacked > e.snd_una:
        return False
    return 0 <= seg.time - e.clock < _STRAY


def reason(e: Space, p: Space, seg: Segment, start: i64, end: i64, r: Recovery) -> i64:
    """What made ``e`` send [start, end) again: a mark; 0 where it does not show.  Begins a recovery, or goes on in one."""
    now = seg.time
    una: i64 = e.snd_una
    clock: i64 = e.clock
    if clock == 0:
        clock = e.data_last
    oldest: bool = start <= una
    # what an ACK asks for follows it at once: a turnaround after it passed, and some
    patience: i64 = max(LEAST_TIMEOUT, e.turnaround * 3 // 2)
    prompt: bool = p.last_time >= 0 and now - p.last_time < patience
    waited: i64 = now - clock
    if r.until > una and r.because == mk.TIMEOUT and start < r.until:
        if oldest and waited >= LEAST_TIMEOUT:
            e.clock = now
        return mk.TIMEOUT
    if r.until <= una:
        r.until = -1
    mark: i64 = 0
    if oldest and e.dup_acks >= DUPLICATES and prompt and (r.until < 0 or r.because != mk.SACK):
        mark = mk.FAST
    elif r.sacked > una and r.sacked >= end and (prompt or not oldest):
        mark = mk.SACK
    elif r.until > una and oldest and prompt and waited < patience:
        mark = r.because  # an ACK of a part asks for what follows it (RFC 6582, 3.2)
    elif una < 1:
        if now - e.data_last >= LEAST_TIMEOUT:
            mark = mk.TIMEOUT  # no ACK of it has passed here yet, or none ever does
    elif oldest and waited >= LEAST_TIMEOUT:
        mark = mk.TIMEOUT
    elif (end == e.snd_nxt or end == e.fin) and e.dup_acks == 0 and 0 <= round_trip(e, p) <= waited:
        mark = mk.TAIL_PROBE
    if mark and mark != mk.TAIL_PROBE and (r.until < 0 or mark == mk.TIMEOUT):
        r.until = e.snd_nxt
        r.because = mark
    if mark == mk.TIMEOUT:
        e.clock = now
    return mark


def take_sacks(e: Space, seg: Segment, ack: i64, r: Recovery) -> bool:
    """Take in the SACK blocks about ``e``'s data; returns whether the first one is a duplicate SACK (RFC 2883, 4)."""
    first_left: i64 = 0
    first_right: i64 = 0
    is_dsack: bool = False
    i: i64 = 0
    while i < seg.sacks:
        edges: i64 = read_i64_be(seg.buf, seg.sack_at + 8 * i)
        left: i64 = unwrap(edges >> 32 & 0xFFFFFFFF, e.origin, ack)
        right: i64 = unwrap(edges & 0xFFFFFFFF, e.origin, ack)
        if i == 0:
            first_left = left
            first_right = right
            is_dsack = left < right <= ack
        elif i == 1 and left <= first_left < first_right <= right:
            is_dsack = True
        if left < right and right > ack and right > r.sacked and right <= e.snd_nxt:
            r.sacked = right
        i += 1
    if is_dsack:
        _reported_twice(r, first_left, first_right)
    return is_dsack


def _reported_twice(r: Recovery, left: i64, right: i64) -> None:
    """The peer has got these bytes twice: the last repetition of them was needless."""
    i: i64 = len(r.recent) - 1
    while i >= 0:
        again = r.recent[i]
        if again.start < right and left < again.end and not again.late:
            if again.spurious == 0:
                r.turns_out_spurious(again, BY_DSACK)
                return
            if again.spurious == ACKNOWLEDGED:
                again.spurious = BY_DSACK
                return
        i -= 1


def take_echo(e: Space, seg: Segment, ack: i64, r: Recovery) -> None:
    """An ACK of new data of ``e``'s echoes a timestamp: if one older than the repetition's, the first one had arrived."""
    for again in r.recent:
        if again.spurious or again.late or not again.oldest or again.tsval < 0 or not again.start < ack:
            continue
        if again.end <= ack and not again.filled and distance(seg.tsecr, again.tsval) > 0 and again.start >= e.snd_una:
            r.turns_out_spurious(again, BY_TIMESTAMP)
