"""What the rules say of the recorded connections: nothing of those to which nothing happened, the cause of the others."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from kernel.judging import CUTS, RUNS
from kernel.runs import TAPS, Run, cut, load, packets, pcap
from kernel.score import Pair, Record, Score, match
from tcptrace_py.config import Config, Thresholds, parse_timers, timers_for
from tools.sinking import write

QUIET = frozenset(
    {
        "close_by_client",
        "close_by_server",
        "three_segment_close",
        "half_close_client",
        "half_close_server",
        "fin_on_data",
        "no_data_close",
        "data_on_third_ack",
        "idle_established",
        "idle_no_data",
        "keepalive",
        "bulk_upload",
        "bulk_download",
    }
)
"""Scenarios in which nothing is wrong."""

CAUSES: dict[str, tuple[str, ...]] = {
    # opening
    "syn_lost_1": ("syn-retransmit",),
    "syn_lost_2": ("syn-retransmit",),
    "syn_blackhole": ("syn-unanswered",),
    "firewall_drop": ("syn-unanswered",),
    "refused": ("connection-refused",),
    "icmp_rejected": ("icmp-rejected",),
    "connect_cancel": ("connect-aborted",),
    "synack_lost_1": ("synack-retransmit",),
    "synack_lost_2": ("synack-retransmit",),
    "synack_lost_all": ("handshake-incomplete",),
    "hsack_lost_idle": ("synack-retransmit",),
    "hsack_lost_all": ("synack-retransmit",),
    "defer_accept_idle": ("synack-retransmit",),
    "acceptq_full_ack": ("accept-queue-overflow",),
    "acceptq_full_syn": ("syn-unanswered",),
    "syncookie_acceptq_full": ("dead-peer",),
    "listener_closed_in_handshake": ("reset-after-handshake",),
    "simultaneous_open": ("simultaneous-open",),
    "tfo_data": ("fast-open",),
    "tfo_synack_lost": ("fast-open",),
    "data_on_third_ack": ("data-in-handshake",),
    "old_duplicate_syn": ("stale-syn", "time-wait-assassination", "synack-changed"),
    "duplicated_handshake_and_fin": ("stale-syn", "time-wait-assassination"),
    "client_reboot_new": ("half-open-peer",),
    "reuse_server_time_wait_2": ("time-wait-reuse",),
    "reuse_client_time_wait_2": ("time-wait-reuse",),
    # open
    "rst_by_client": ("abortive-close",),
    "rst_by_server": ("abortive-close",),
    "rst_in_close_wait": ("abortive-close",),
    "unread_close_client": ("abortive-close",),
    "unread_close_server": ("abortive-close",),
    "sock_destroy_server": ("abortive-close",),
    "rst_lost_client": ("abortive-close",),
    "rst_lost_server": ("abortive-close",),
    "reuse_after_rst": ("abortive-close",),
    "rst_lost_then_probe": ("traffic-after-reset",),
    "server_vanishes_rst_lost": ("traffic-after-reset",),
    "server_vanishes_rst_on_data": ("reset",),
    "forged_rst_exact": ("reset-injection", "reset"),
    "forged_rst_in_window": ("reset-not-accepted",),
    "forged_syn": ("challenge-ack", "stale-syn"),
    "keepalive_dead_peer": ("keepalive-failure",),
    "user_timeout": ("dead-peer", "retransmission"),
    "data_lost_fin_delivered": ("retransmission",),
    "data_lost_forever_fin_delivered": ("retransmission", "dead-peer"),
    "zero_window_recovers": ("zero-window-stall",),
    "zero_window_stuck": ("zero-window-stall",),
    "zero_window_close": ("zero-window-stall",),
    # closing
    "half_close_client": ("half-close",),
    "half_close_server": ("half-close",),
    "fin_on_data": ("half-close",),
    "simultaneous_close": ("simultaneous-close",),
    "rst_after_fin": ("reset-after-fin",),
    "data_to_orphan": ("data-after-peer-fin",),
    "data_after_close": ("data-after-peer-fin",),
    "late_close_after_orphan": ("reset-after-fin", "stuck-close-wait"),
    "fin_lost_client": ("fin-retransmit",),
    "fin_lost_server": ("fin-retransmit",),
    "finack_lost": ("fin-retransmit",),
    "last_ack_lost_1": ("final-ack-lost",),
    "last_ack_lost_all": ("final-ack-lost",),
    "partition_after_client_fin": ("fin-retransmit",),
    "partition_at_client_fin": ("fin-retransmit",),
    "server_vanishes_after_fin_ack": ("missing-final-ack", "stuck-last-ack"),
    "client_never_closes": ("stuck-close-wait",),
    "server_never_closes": ("stuck-close-wait",),
    "server_never_closes_orphan": ("stuck-close-wait",),
}
"""What befell them, as the rules call it: any one of these."""

KINDS = ("clean", "lossy", "defaults", "upstream")
"""Runs that show causes whole: 10 % of loss (heavy) decides itself what befalls, and midstream captures lack the openings."""
STUCK = 2.0
"""Seconds that an endpoint may wait for its peer: recordings last a minute, which is the default."""
DUE = 10 * 10**9
"""Nanoseconds before the end of the capture: what began later may not have come to anything yet."""
DELAY = 20_000
"""Nanoseconds after which a second port of the switch sees a frame."""
BEGINS = (0.2, 0.45, 0.7)
"""Where captures begin late, as shares of their length."""


class Seen(NamedTuple):
    """A connection of the truth, and what was found of it."""

    record: Record
    found: list[dict[str, Any]]


def findings(run: Run, capture: bytes, tap: str, stuck: float) -> Iterator[Seen]:
    """Of every connection that is in the capture."""
    thresholds = Thresholds(stuck=stuck)
    config = Config(timers=timers_for("linux", parse_timers(run.timers)), thresholds=thresholds)
    report = json.loads(write(capture, "json", config))
    by_connection: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for finding in report["findings"]:
        by_connection[finding["connection"]].append(finding)
    for pair in match(run, tap, report["connections"], Score(tap)):
        yield Seen(pair.record, found_of(pair, by_connection))


def found_of(pair: Pair, by_connection: dict[int | None, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What was found of the connection, if the report has it."""
    return by_connection[pair.found["id"]] if pair.found else []


# ---- nothing where nothing is


def doubled(capture: bytes) -> bytes:
    """As from a mirror of two ports of a switch: every frame twice, the second one behind a router or not."""
    return pcap(sorted(copies(capture), key=lambda packet: packet[0]))


def copies(capture: bytes) -> Iterator[tuple[int, bytes, int]]:
    for number, (time, data, original) in enumerate(packets(capture)):
        yield time, data, original
        yield time + DELAY, one_hop_on(data) if number % 2 else data, original


def one_hop_on(frame: bytes) -> bytes:
    """With a TTL or hop limit one less; checksums of IP are nothing that anybody looks at."""
    at = 22 if frame[12:14] == b"\x08\x00" else 21
    return frame[:at] + bytes([frame[at] - 1]) + frame[at + 1 :]


def late(capture: bytes, begin: int) -> bytes:
    """What was captured from that time on."""
    return pcap(packet for packet in packets(capture) if packet[0] >= begin)


def variants(run: Run, tap: str) -> Iterator[tuple[str, Run, bytes]]:
    """A capture in every shape that must not make anybody cry: name, what is true then, bytes."""
    whole = run.captures[tap]
    yield "whole", run, whole
    yield "every frame twice", run, doubled(whole)
    for share in BEGINS:
        yield f"begun at {share:.0%}", run, late(whole, run.begin + round(share * (run.end - run.begin)))
    for share in CUTS:
        shorter = cut(run, run.begin + round(share * (run.end - run.begin)))
        yield f"ended at {share:.0%}", shorter, shorter.captures[tap]


def false_alarms(run: Run, tap: str) -> Iterator[str]:
    """Warnings and errors about connections to which nothing happened."""
    for name, truth, capture in variants(run, tap):
        for seen in findings(truth, capture, tap, Thresholds().stuck):
            if seen.record["scenario"] in QUIET:
                for finding in seen.found:
                    if finding["severity"] != "info":
                        yield f"{name}, {tap}: {seen.record['scenario']} #{seen.record['id']}: {finding['message']}"


# ---- the cause where there is one


class Hits(NamedTuple):
    """How often the cause of a scenario was named, of how many."""

    named: int
    of: int


@cache
def causes_named() -> dict[str, Hits]:
    """By scenario, in the recorded runs at the middle tap."""
    return count(load(RUNS / kind) for kind in KINDS)


def count(runs: Iterable[Run], tap: str = "middle") -> dict[str, Hits]:
    """By scenario, in some runs."""
    of: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for run in runs:
        for seen in findings(run, run.captures[tap], tap, STUCK):
            scenario = seen.record["scenario"]
            if scenario in CAUSES and seen.record["t_start"] < run.end - DUE:
                of[scenario] += 1
                named[scenario] += any(finding["rule"] in CAUSES[scenario] for finding in seen.found)
    return {scenario: Hits(named[scenario], of[scenario]) for scenario in CAUSES if of[scenario]}


def quiet_connections(run: Run) -> int:
    """How many of a run are such that no alarm may be raised, over all taps and variants."""
    return sum(record["scenario"] in QUIET for record in run.truth) * len(TAPS) * (2 + len(BEGINS) + len(CUTS))
