"""The counters of one direction, as the engine holds them → the text of the report's ``sent``.

What each field means is in ``model``, and what it is made of in ``figures``, line by line in the same order; this is the
same compiled, without the objects between, and tests hold the two against each other.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import sent as counters
from tcptrace_py.machine.detail import scale_of
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.figures import Detail, Spread
from tcptrace_py.machine.recovery import WHY_SPURIOUS, Again, Recovery
from tcptrace_py.report.cells import Cells
from tcptrace_py.report.digits import seconds, whole

_NO_DETAIL: Final = Detail()
_NO_LOSSES: Final = Recovery()
_SPURIOUS: Final = [why.encode("ascii") for why in WHY_SPURIOUS]
# Runs of fields that of most sides are the same text, made once and kept
_NOTHING_AGAIN: Final = 0
_NO_TROUBLES: Final = 1

_ITEM: Final = b""
_COMMA: Final = 0x2C
_SPACE: Final = 0x20


def write_sent(t: Cells, e: Endpoint, p: Endpoint, end: i64) -> None:
    """What ``e`` sent to ``p`` over a connection whose last frame came at ``end`` (ns)."""
    d = e.detail
    if d is None:
        d = _NO_DETAIL
    r = e.recovery
    if r is None:
        r = _NO_LOSSES
    _packets(t, e, d)
    _again(t, d, r)
    _opening_and_closing(t, e)
    _troubles(t, e, end, d, r)
    _windows(t, e, p, d)
    _offers(t, e)
    _round_trips(t, d)
    _flow(t, e, d)
    _rates(t, e, d)
    _quality(t, d, r)


def _packets(t: Cells, s: Endpoint, d: Detail) -> None:
    t.number(b'"packets":', s.packets)
    t.number(b'"payload_bytes":', s.payload_bytes)
    t.number(b'"unique_bytes":', s.unique_bytes)
    t.number(b'"data_packets":', s.data_packets)
    t.number(b'"ack_packets":', s.ack_packets)
    t.number(b'"pure_acks":', d.pure_acks)
    t.number(b'"syn":', s.syn)
    t.number(b'"fin":', s.fins)
    t.number(b'"rst":', s.rst)
    t.number(b'"push_packets":', d.push)
    t.number(b'"urgent_packets":', d.urgent)
    t.number(b'"urgent_bytes":', d.urgent_bytes)


def _again(t: Cells, d: Detail, r: Recovery) -> None:
    nothing: bool = r is _NO_LOSSES and not (d.most_again or d.waits.count or d.again or d.worst)
    if nothing and t.recall(_NOTHING_AGAIN):
        return
    at: i64 = len(t.w)
    t.number(b'"retransmitted_packets":', r.retransmitted_packets)
    t.number(b'"retransmitted_bytes":', r.retransmitted_bytes)
    t.number(b'"retransmitted_timeout":', r.timeouts)
    t.number(b'"retransmitted_fast":', r.fast)
    t.number(b'"retransmitted_sack":', r.by_sack)
    t.number(b'"retransmitted_tail_probe":', r.tail_probes)
    t.number(b'"retransmitted_spurious":', r.spurious)
    t.number(b'"retransmitted_unknown":', r.unknown)
    t.number(b'"retransmissions_max":', d.most_again)
    t.maybe_seconds(b'"retransmission_wait_min":', d.waits.least)
    t.maybe_seconds(b'"retransmission_wait_avg":', _mean(d.waits))
    t.maybe_seconds(b'"retransmission_wait_max":', d.waits.most)
    t.maybe_seconds(b'"retransmission_wait_stdev":', d.waits.deviation())
    _gaps(t, b'"retransmission_gaps":', d.worst)
    _repetitions(t, b'"retransmissions":', d.again)
    if nothing:
        t.keep(_NOTHING_AGAIN, at)


def _opening_and_closing(t: Cells, s: Endpoint) -> None:
    t.number(b'"syn_retransmits":', max(s.syn - s.syn_acks - 1, 0) + max(s.syn_acks - 1, 0))
    t.number(b'"fin_retransmits":', max(s.fins - 1, 0))


def _troubles(t: Cells, s: Endpoint, end: i64, d: Detail, r: Recovery) -> None:
    missing: i64 = r.missing_bytes + _unseen(s, r)
    closed: i64 = d.zero_time
    if d.zero_since >= 0:
        closed += max(end - d.zero_since, 0)
    probes: i64 = d.keepalives | d.window_probes | d.window_probe_bytes
    lost: i64 = r.out_of_order | r.copied | r.lost_packets | r.lost_bytes | missing
    acks: i64 = d.duplicate_acks | d.triple_duplicate_acks | d.sack_packets | d.dsack_packets | d.max_sack_blocks
    none: bool = (probes | lost | acks | s.zero_windows | closed) == 0
    if none and t.recall(_NO_TROUBLES):
        return
    at: i64 = len(t.w)
    t.number(b'"keepalives":', d.keepalives)
    t.number(b'"window_probes":', d.window_probes)
    t.number(b'"window_probe_bytes":', d.window_probe_bytes)
    t.number(b'"out_of_order_packets":', r.out_of_order)
    t.number(b'"copied_packets":', r.copied)
    t.number(b'"lost_before_capture_packets":', r.lost_packets)
    t.number(b'"lost_before_capture_bytes":', r.lost_bytes)
    t.number(b'"missing_bytes":', missing)
    t.number(b'"duplicate_acks":', d.duplicate_acks)
    t.number(b'"triple_duplicate_acks":', d.triple_duplicate_acks)
    t.number(b'"sack_packets":', d.sack_packets)
    t.number(b'"dsack_packets":', d.dsack_packets)
    t.number(b'"max_sack_blocks":', d.max_sack_blocks)
    t.number(b'"zero_windows":', s.zero_windows)
    t.seconds(b'"zero_window_time":', closed)
    if none:
        t.keep(_NO_TROUBLES, at)


def _windows(t: Cells, s: Endpoint, p: Endpoint, d: Detail) -> None:
    if scale_of(p, s) < 0:
        t.unknown(b'"window_full":')
    else:
        t.number(b'"window_full":', d.window_full)
    t.known(b'"max_window":', d.max_window)
    t.known(b'"min_window":', d.min_window)
    if d.windows:
        t.number(b'"avg_window":', d.window_sum // d.windows)
    else:
        t.unknown(b'"avg_window":')
    scale: i64 = scale_of(s, p)
    if scale < 0:
        t.unknown(b'"window_scaled":')
    else:
        t.truth(b'"window_scaled":', scale > 0)


def _offers(t: Cells, s: Endpoint) -> None:
    options: i64 = s.options
    if options < 0:
        t.unknown(b'"mss":')
        t.unknown(b'"window_scale":')
    else:
        t.known(b'"mss":', s.mss)
        t.known(b'"window_scale":', s.window_scale)
    _offer(t, b'"sack_permitted":', options, counters.SACK_PERMITTED)
    _offer(t, b'"timestamps":', options, counters.TIMESTAMPS)
    _offer(t, b'"fast_open":', options, counters.FAST_OPEN)
    _offer(t, b'"mptcp":', options, counters.MPTCP)
    if options < 0:
        t.unknown(b'"ecn":')
    else:
        t.truth(b'"ecn":', options & counters.ECN != 0)  # flags, not an option


def _offer(t: Cells, name: bytes, options: i64, which: i64) -> None:
    if options >= 0 and options & which:
        t.truth(name, is_so=True)
    elif options < 0 or options & counters.CUT:
        t.unknown(name)  # what was cut may have been there
    else:
        t.truth(name, is_so=False)


def _round_trips(t: Cells, d: Detail) -> None:
    t.number(b'"rtt_samples":', d.rtt.count)
    t.maybe_seconds(b'"rtt_min":', d.rtt.least)
    t.maybe_seconds(b'"rtt_avg":', _mean(d.rtt))
    t.maybe_seconds(b'"rtt_max":', d.rtt.most)
    t.maybe_seconds(b'"rtt_stdev":', d.rtt.deviation())
    t.number(b'"rtt_ambiguous":', d.ambiguous)
    t.number(b'"rtt_after_loss":', d.after_loss)
    t.number(b'"acked_cumulatively":', d.cumulatively)


def _flow(t: Cells, s: Endpoint, d: Detail) -> None:
    if s.data_packets > 0 and s.snd_una >= 1:
        t.number(b'"in_flight_max":', d.in_flight_max)
        t.known(b'"in_flight_min":', d.in_flight_min)
        if d.flight_busy:
            t.large(b'"in_flight_avg":', int(d.flight_sum / float(d.flight_busy)))
        else:
            t.unknown(b'"in_flight_avg":')
    else:
        t.unknown(b'"in_flight_max":')
        t.unknown(b'"in_flight_min":')
        t.unknown(b'"in_flight_avg":')
    if s.options >= 0:
        t.number(b'"initial_window_bytes":', d.initial_bytes)
        t.number(b'"initial_window_packets":', d.initial_packets)
    else:
        t.unknown(b'"initial_window_bytes":')
        t.unknown(b'"initial_window_packets":')
    t.known(b'"segment_min":', d.segment_min)
    if s.data_packets > 0:
        t.number(b'"segment_avg":', s.payload_bytes // s.data_packets)
    else:
        t.unknown(b'"segment_avg":')
    t.known(b'"segment_max":', d.segment_max)


def _rates(t: Cells, s: Endpoint, d: Detail) -> None:
    if s.fin >= 1 and s.options >= 0:
        t.number(b'"stream_bytes":', s.fin - 1)
    else:
        t.unknown(b'"stream_bytes":')
    lasting: i64 = d.last_data - d.first_data
    if s.data_packets > 0:
        t.seconds(b'"data_transfer_time":', max(lasting, 0))
    else:
        t.unknown(b'"data_transfer_time":')
    if lasting > 0:  # of any size: as long as a capture that lies is
        t.large(b'"throughput":', int(s.payload_bytes) * 10**9 // int(lasting))
        t.large(b'"goodput":', int(s.unique_bytes) * 10**9 // int(lasting))
    else:
        t.unknown(b'"throughput":')
        t.unknown(b'"goodput":')
    t.maybe_seconds(b'"idle_max":', d.idle_max)
    w = t.w
    t.begin_list(b'"idle_max_frames":')
    if d.idle_max >= 0:
        whole(w, d.idle_from)
        w.append(_COMMA if t.named else _SPACE)
        whole(w, d.idle_to)
    t.end_list()


def _quality(t: Cells, d: Detail, r: Recovery) -> None:
    t.number(b'"hardware_duplicates":', r.hardware_duplicates)
    t.number(b'"truncated_packets":', d.truncated_packets)
    t.number(b'"truncated_bytes":', d.truncated_bytes)
    t.number(b'"bad_checksums":', d.bad_checksums)


# -- what they are made of -- #


def _mean(times: Spread) -> i64:
    """To the nanosecond below; -1: there are none."""
    if times.count == 0:
        return -1
    return times.sum // times.count


def _unseen(e: Endpoint, r: Recovery) -> i64:
    """Bytes that its own sequence numbers prove, beyond all that passed or was acknowledged.  A single one may be its FIN."""
    beyond: i64 = r.proven - e.snd_nxt
    if beyond > 1 or (beyond == 1 and e.fin >= 0):
        return beyond
    return 0


def _gaps(t: Cells, name: bytes, gaps: list[int]) -> None:
    """Durations, or unknown ones, in a list."""
    w = t.w
    t.begin_list(name)
    for i in range(len(gaps)):
        if i:
            w.append(_COMMA if t.named else _SPACE)
        ns: i64 = gaps[i]
        if ns >= 0:
            seconds(w, ns)
        else:
            w.write(b"null" if t.named else b"None")
    t.end_list()


def _repetitions(t: Cells, name: bytes, repetitions: list[Again]) -> None:
    """What was sent again, one by one."""
    t.begin_list(name)
    for i in range(len(repetitions)):
        again = repetitions[i]
        if t.named:
            _repetition(t, again)
            continue
        w = t.w
        if i:
            w.append(_SPACE)
        w.write(_kind(again))
        w.write(b"@")
        whole(w, again.frame)
        if again.original >= 0:
            w.write(b"<")
            whole(w, again.original)
    t.end_list()


def _repetition(t: Cells, again: Again) -> None:
    trigger = _trigger(again.mark)
    t.open(_ITEM)
    t.number(b'"frame":', again.frame)
    t.moment(b'"time":', again.time)
    t.known(b'"original":', again.original)
    t.number(b'"bytes":', again.bytes)
    t.word(b'"kind":', _kind(again))
    if trigger:
        t.word(b'"trigger":', trigger)
    else:
        t.unknown(b'"trigger":')
    if again.spurious:
        t.word(b'"spurious":', _SPURIOUS[again.spurious])
    else:
        t.unknown(b'"spurious":')
    t.close()


def _kind(again: Again) -> bytes:
    if again.spurious:
        return b"spurious"
    return _trigger(again.mark) or b"unknown"


def _trigger(mark: i64) -> bytes:
    """What made its sender repeat it; empty: that does not show."""
    if mark == mk.TIMEOUT:
        return b"timeout"
    if mark == mk.FAST:
        return b"fast"
    if mark == mk.SACK:
        return b"sack"
    if mark == mk.TAIL_PROBE:
        return b"tail_probe"
    return b""
