"""The counters of one direction, as the engine holds them → the report's ``sent``."""

from __future__ import annotations

from typing import Any, cast

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import sent as counters
from tcptrace_py.machine.detail import scale_of
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.recovery import WHY_SPURIOUS, Again, Recovery
from tcptrace_py.machine.sent import Sent
from tcptrace_py.report import model
from tcptrace_py.report.text import known, maybe_seconds, seconds

_NO_DETAIL = Detail()
_NO_LOSSES = Recovery()
_TRIGGERS: dict[int, model.Trigger] = {
    mk.TIMEOUT: "timeout",
    mk.FAST: "fast",
    mk.SACK: "sack",
    mk.TAIL_PROBE: "tail_probe",
}


def sent(e: Endpoint, p: Endpoint, end: int) -> model.Sent:
    """What ``e`` sent to ``p`` over a connection whose last frame came at ``end`` (ns)."""
    s = e.sent
    d = s.detail or _NO_DETAIL
    r = s.recovery or _NO_LOSSES
    # by position, in the order of the fields: by name it takes three times as long
    return model.Sent(
        *_packets(s, d),
        *_again(s, d, r),
        *_losses(e, s, d, r),
        *_acknowledgements(e, p, end, s, d),
        *_offers(s),
        *_round_trips(d),
        *_flow(e, s, d),
        *_quality(s, d),
    )


def _packets(s: Sent, d: Detail) -> tuple[Any, ...]:
    return (
        s.packets,
        s.payload_bytes,
        s.unique_bytes,
        s.data_packets,
        s.ack_packets,
        d.pure_acks,
        s.syn,
        s.fins,
        s.rst,
        d.push,  # push_packets
        d.urgent,  # urgent_packets
        d.urgent_bytes,
    )


def _again(s: Sent, d: Detail, r: Recovery) -> tuple[Any, ...]:
    waits = d.waits
    return (
        s.retransmitted_packets,
        s.retransmitted_bytes,
        r.timeouts,  # retransmitted_timeout
        r.fast,  # retransmitted_fast
        r.by_sack,  # retransmitted_sack
        r.tail_probes,  # retransmitted_tail_probe
        r.spurious,  # retransmitted_spurious
        r.unknown,  # retransmitted_unknown
        d.most_again,  # retransmissions_max
        maybe_seconds(waits.least),  # retransmission_wait_min
        seconds(waits.sum // waits.count) if waits.count else None,  # retransmission_wait_avg
        maybe_seconds(waits.most),  # retransmission_wait_max
        maybe_seconds(waits.deviation()),  # retransmission_wait_stdev
        [maybe_seconds(ns) for ns in d.worst],  # retransmission_gaps
        [retransmission(again) for again in d.again],  # retransmissions
    )


def _losses(e: Endpoint, s: Sent, d: Detail, r: Recovery) -> tuple[Any, ...]:
    return (
        max(int(s.syn - s.syn_acks) - 1, 0) + max(s.syn_acks - 1, 0),  # syn_retransmits
        max(s.fins - 1, 0),  # fin_retransmits
        d.keepalives,
        d.window_probes,
        d.window_probe_bytes,
        r.out_of_order,  # out_of_order_packets
        r.copied,  # copied_packets
        r.lost_packets,  # lost_before_capture_packets
        r.lost_bytes,  # lost_before_capture_bytes
        s.missing_bytes + unseen(e, r),  # missing_bytes
    )


def _acknowledgements(e: Endpoint, p: Endpoint, end: int, s: Sent, d: Detail) -> tuple[Any, ...]:
    scale = int(scale_of(s, p))
    closed = d.zero_time + (max(end - d.zero_since, 0) if d.zero_since >= 0 else 0)
    return (
        d.duplicate_acks,
        d.triple_duplicate_acks,
        d.sack_packets,
        d.dsack_packets,
        d.max_sack_blocks,
        s.zero_windows,
        seconds(closed),  # zero_window_time
        None if scale_of(p.sent, e) < 0 else d.window_full,  # window_full
        known(d.max_window),
        known(d.min_window),
        d.window_sum // d.windows if d.windows else None,  # avg_window
        None if scale < 0 else scale > 0,  # window_scaled
    )


def _offers(s: Sent) -> tuple[Any, ...]:
    options = s.options
    if options < 0:
        return (None,) * 7
    absent = None if options & counters.CUT else False  # what was cut may have been there
    return (
        known(s.mss),
        known(s.window_scale),
        True if options & counters.SACK_PERMITTED else absent,  # sack_permitted
        True if options & counters.TIMESTAMPS else absent,  # timestamps
        True if options & counters.FAST_OPEN else absent,  # fast_open
        True if options & counters.MPTCP else absent,  # mptcp
        bool(options & counters.ECN),  # ecn: flags, not an option
    )


def _round_trips(d: Detail) -> tuple[Any, ...]:
    rtt = d.rtt
    return (
        rtt.count,  # rtt_samples
        maybe_seconds(rtt.least),  # rtt_min
        seconds(rtt.sum // rtt.count) if rtt.count else None,  # rtt_avg
        maybe_seconds(rtt.most),  # rtt_max
        maybe_seconds(rtt.deviation()),  # rtt_stdev
        d.ambiguous,  # rtt_ambiguous
        d.after_loss,  # rtt_after_loss
        d.cumulatively,  # acked_cumulatively
    )


def _flow(e: Endpoint, s: Sent, d: Detail) -> tuple[Any, ...]:
    syn_seen = s.options >= 0
    has_data = s.data_packets > 0
    is_acked = has_data and e.snd_una >= 1
    lasting = int(d.last_data - d.first_data)
    return (
        d.in_flight_max if is_acked else None,  # in_flight_max
        known(d.in_flight_min) if is_acked else None,  # in_flight_min
        int(d.flight_sum / float(d.flight_busy)) if is_acked and d.flight_busy else None,  # in_flight_avg
        d.initial_bytes if syn_seen else None,  # initial_window_bytes
        d.initial_packets if syn_seen else None,  # initial_window_packets
        known(d.segment_min),
        s.payload_bytes // s.data_packets if has_data else None,  # segment_avg
        known(d.segment_max),
        e.fin - 1 if e.fin >= 1 and syn_seen else None,  # stream_bytes
        seconds(max(lasting, 0)) if has_data else None,  # data_transfer_time
        s.payload_bytes * 10**9 // lasting if lasting > 0 else None,  # throughput
        s.unique_bytes * 10**9 // lasting if lasting > 0 else None,  # goodput
        maybe_seconds(d.idle_max),  # idle_max
        [d.idle_from, d.idle_to] if d.idle_max >= 0 else [],  # idle_max_frames
    )


def _quality(s: Sent, d: Detail) -> tuple[Any, ...]:
    return (
        s.hardware_duplicates,
        d.truncated_packets,
        d.truncated_bytes,
        d.bad_checksums,
    )


def unseen(e: Endpoint, r: Recovery) -> int:
    """Bytes that its own sequence numbers prove, beyond all that passed or was acknowledged.  A single one may be its FIN."""
    beyond = int(r.proven - e.snd_nxt)
    return beyond if beyond > 1 or (beyond == 1 and e.fin >= 0) else 0


def retransmission(again: Again) -> model.Retransmission:
    """One of them."""
    trigger = _TRIGGERS.get(int(again.mark))
    return model.Retransmission(
        frame=again.frame,
        time=seconds(again.time),
        original=known(again.original),
        bytes=again.bytes,
        kind="spurious" if again.spurious else trigger or "unknown",
        trigger=trigger,
        spurious=cast("model.Spurious", WHY_SPURIOUS[again.spurious]) if again.spurious else None,
    )
