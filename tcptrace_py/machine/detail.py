"""The figures of one direction that only a report asks for; the table does without them, and pays nothing.

``note`` sees every segment after ``account`` has had it, and adds to the figures of its sender, and of the receiver
what the acknowledgement tells of it.  Times are nanoseconds, unknown is -1.
"""

from __future__ import annotations

from mypy_extensions import i64

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.flight import Flown
from tcptrace_py.machine.repeats import DUPLICATES
from tcptrace_py.machine.sent import CUT, Sent
from tcptrace_py.machine.space import Space
from tcptrace_py.packet import ACK, BAD, FIN, PSH, RST, SYN, URG, Segment


def note(e: Space, p: Space, sent: Sent, seg: Segment, start: i64, ack: i64) -> None:
    """``e`` sent ``seg``; ``start`` and ``ack`` are offsets, the latter -1 without ACK."""
    flags = seg.flags
    length = seg.length
    detail = sent.detail
    if detail is None:
        if flags & (SYN | RST) and not flags & (PSH | URG | FIN) and not length and seg.checksum != BAD:
            return  # counted already; a flood of them shall cost no more
        detail = Detail()
        sent.detail = detail
    if flags & (PSH | URG):
        if flags & PSH:
            detail.push += 1
        if flags & URG:
            detail.urgent += 1
            if length:
                detail.urgent_bytes += min(seg.urgent, length)
    if seg.checksum == BAD:
        detail.bad_checksums += 1
    _idle(detail, e, seg)
    if seg.sacks:
        detail.sack_packets += 1
        if seg.sacks > detail.max_sack_blocks:
            detail.max_sack_blocks = seg.sacks
        if seg.marks & mk.DSACK:
            detail.dsack_packets += 1
    if flags & (SYN | RST):
        pass
    elif flags & ACK:
        _window(detail, sent, p, seg)
        if length == 0 and not flags & FIN:
            detail.pure_acks += 1
            if seg.marks & mk.DUPLICATE_ACK:
                detail.duplicate_acks += 1
                if p.dup_acks == DUPLICATES and not seg.marks & mk.DSACK:
                    detail.triple_duplicate_acks += 1
    if seg.marks & (mk.KEEP_ALIVE | mk.WINDOW_PROBE):
        if seg.marks & mk.KEEP_ALIVE:
            detail.keepalives += 1
        else:
            detail.window_probes += 1
            detail.window_probe_bytes += length
    if length and not flags & RST:
        _data(detail, e, p, sent, seg, start)
    if ack >= 0 and not flags & RST:
        theirs = p.detail
        if theirs is not None:
            _acknowledged(theirs, p, seg, ack)


def _idle(detail: Detail, e: Space, seg: Segment) -> None:
    """The longest silence between two segments of its own."""
    if e.last_time >= 0:
        idle: i64 = seg.time - e.last_time
        if idle > detail.idle_max:
            detail.idle_max = idle
            detail.idle_from = e.last_frame
            detail.idle_to = seg.number


def scale_of(sent: Sent, p: Space) -> i64:
    """By how much its windows are shifted; -1: not known, a SYN was not seen, or cut (RFC 7323, 2.2)."""
    if sent.options < 0 or p.options < 0:
        return -1
    if (sent.window_scale < 0 and sent.options & CUT) or (p.window_scale < 0 and p.options & CUT):
        return -1
    if sent.window_scale < 0 or p.window_scale < 0:
        return 0
    return sent.window_scale


def _window(detail: Detail, sent: Sent, p: Space, seg: Segment) -> None:
    window: i64 = seg.window
    scale: i64 = scale_of(sent, p)
    if scale > 0:
        window <<= scale
    if window > detail.max_window:
        detail.max_window = window
    if window < detail.min_window or detail.min_window < 0:
        detail.min_window = window
    detail.windows += 1
    detail.window_sum += window
    if window == 0:
        if detail.zero_since < 0:
            detail.zero_since = seg.time
    elif detail.zero_since >= 0:
        detail.zero_time += max(seg.time - detail.zero_since, 0)
        detail.zero_since = -1


def _data(detail: Detail, e: Space, p: Space, sent: Sent, seg: Segment, start: i64) -> None:
    """Payload."""
    length = seg.length
    end: i64 = start + length
    if seg.captured < length:
        detail.truncated_packets += 1
        detail.truncated_bytes += length - seg.captured
    if length > detail.segment_max:
        detail.segment_max = length
    if length < detail.segment_min or detail.segment_min < 0:
        detail.segment_min = length
    if detail.first_data < 0:
        detail.first_data = seg.time
    detail.last_data = seg.time
    if seg.marks & (mk.KEEP_ALIVE | mk.COPIED):
        return
    if seg.marks & mk.RETRANSMISSION:
        _repetition(detail, sent, detail.flight.repeats(start, end, seg))
    elif seg.marks & mk.LOST_BEFORE:
        recovery = sent.losses()
        detail.flight.sends(start, end, seg)
        detail.log(recovery.recent[len(recovery.recent) - 1])
    else:
        detail.flight.sends(start, end, seg)
    if end > detail.sent_to:
        detail.sent_to = end
    if e.snd_una <= 1 and e.syn_seen and not seg.marks & mk.RETRANSMISSION:
        detail.initial_packets += 1
        detail.initial_bytes += length
    _in_flight(detail, e, seg)
    if p.acked >= 0 and p.last_window > 0:
        _fills_window(detail, e, p, seg, end)


def _fills_window(detail: Detail, e: Space, p: Space, seg: Segment, end: i64) -> None:
    """Whether the segment takes all that the peer's window allows."""
    scale: i64 = scale_of(p, e)
    if scale < 0:
        return
    if p.last_flags & SYN:
        scale = 0
    if end >= p.acked + (p.last_window << scale):
        detail.window_full += 1
        seg.marks |= mk.WINDOW_FULL


def _repetition(detail: Detail, sent: Sent, first: Flown | None) -> None:
    """Data that was sent again: what of, and how long after."""
    recovery = sent.losses()
    record = recovery.recent[len(recovery.recent) - 1]
    if first is not None and first.again is not None:
        again = first.again
        record.original = first.frame
        waited: i64 = again.waits[len(again.waits) - 1]
        if waited >= 0:  # else the capture's times run backwards
            detail.waited(waited)
        if again.count > detail.most_again:
            detail.most_again = again.count
            detail.worst = again.waits
    detail.log(record)


def _in_flight(detail: Detail, e: Space, seg: Segment) -> None:
    """What is on its way now, and how much that was on the average until now."""
    elapsed: i64 = seg.time - detail.flight_time
    if detail.in_flight > 0 and elapsed > 0:
        detail.flight_sum += float(detail.in_flight) * float(elapsed)
        detail.flight_busy += elapsed
    detail.flight_time = seg.time
    outstanding: i64 = detail.sent_to - max(e.snd_una, 1)
    detail.in_flight = max(outstanding, 0)
    if outstanding > detail.in_flight_max:
        detail.in_flight_max = outstanding
    if outstanding > 0 and (outstanding < detail.in_flight_min or detail.in_flight_min < 0):
        detail.in_flight_min = outstanding


def _acknowledged(detail: Detail, e: Space, seg: Segment, ack: i64) -> None:
    """``e``'s data up to ``ack`` has arrived: how long did that take?"""
    flight = detail.flight
    detail.sample = -1
    if flight.is_all_acknowledged():
        return
    flown = flight.unpack()
    at: i64 = flight.head
    if flown[at].end > ack:
        return
    held: Flown | None = None
    last: Flown = flown[at]
    while at < len(flown):
        one = flown[at]
        if one.end > ack:
            break
        last = one
        if last.again is not None and held is None:
            held = last
        at += 1
    count: i64 = at - flight.head
    flight.head = at
    if last.end != ack and (last.end != e.fin or ack != e.fin + 1):
        detail.cumulatively += count
    else:
        detail.cumulatively += count - 1
        _round_trip(detail, seg, last, held)
    flight.trim()
    _in_flight(detail, e, seg)


def _round_trip(detail: Detail, seg: Segment, last: Flown, held: Flown | None) -> None:
    """An ACK whose number is the end of ``last``; ``held`` is what it waited for, if that had been sent again."""
    again = None if held is None else held.again
    if held is None or again is None:
        _sample(detail, seg.time - last.time, last.frame)
    elif seg.tsecr >= 0 and held.tsval != again.last_tsval and seg.tsecr == again.last_tsval:
        _sample(detail, seg.time - again.last_time, again.last_frame)  # the echo tells which transmission it answers
    elif seg.tsecr >= 0 and held is last and held.tsval != again.last_tsval and seg.tsecr == held.tsval:
        _sample(detail, seg.time - held.time, held.frame)
    elif held is last:
        detail.ambiguous += 1
    else:
        detail.after_loss += 1


def _sample(detail: Detail, sample: i64, frame: i64) -> None:
    if sample < 0:
        return  # the capture's clock ran backwards
    detail.sample = sample
    detail.sample_of = frame
    detail.rtt.add(sample)
