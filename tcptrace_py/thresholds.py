"""When the rules speak: every threshold with its default, its unit, what it decides, and where the figure comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

SECONDS = "s"
COUNT = "count"
SHARE = "share"
A_SECOND = "a second"


def _threshold(default: float, unit: str, meaning: str, source: str, most: float = 1e9) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning, "source": source, "most": most})


@dataclass(frozen=True)
class Thresholds:
    """When the rules speak, in seconds, counts and shares."""

    stuck: float = _threshold(
        60.0,
        SECONDS,
        "an endpoint that waits for its peer longer than this, while the capture goes on, is stuck",
        "Linux's own patience with an orphan, tcp_fin_timeout",
    )
    unanswered: float = _threshold(
        3.0,
        SECONDS,
        "a SYN, a FIN or data without any reply for longer than this is unanswered",
        "the first timeouts of RFC 6298 (1 s) and of stacks that follow RFC 1122 (3 s) have then passed",
    )
    half_open: float = _threshold(
        3.0,
        SECONDS,
        "a SYN-ACK without its ACK for longer than this is half open",
        "the first timeouts, as for unanswered",
    )
    syn_copied: float = _threshold(
        0.2,
        SECONDS,
        "a SYN or SYN-ACK that comes again sooner than this was copied by the network, not sent again",
        "the first timeout is 1 s (RFC 6298, 2.1), and no stack's is below 200 ms (Linux, TCP_RTO_MIN)",
    )
    fin_copied: float = _threshold(
        0.005,
        SECONDS,
        "a FIN that comes again sooner than this was copied by the network, not sent again",
        "a tail loss probe waits for two round trips (RFC 8985, 7.2), on Linux at least two ticks, 2 to 20 ms",
    )
    syn_disowned: float = _threshold(
        3.0,
        SECONDS,
        "a RST that answers a SYN-ACK, with another SYN on the same ports within this time, disowns an old SYN",
        "the first timeouts, as for unanswered: the SYN that is meant comes again",
    )
    acks_ignored: int = _threshold(
        3,
        COUNT,
        "completed handshakes that the server refused so often in a row, without data to answer, tell of a full accept queue",
        "at 10 % loss, chance does that once in a thousand; TCP_DEFER_ACCEPT does it on purpose (tcp(7))",
    )
    flood_age: float = _threshold(
        1.0,
        SECONDS,
        "a SYN-ACK without its ACK for longer than this counts towards a flood",
        "the first timeout of RFC 6298, 2.1",
    )
    flood_rate: float = _threshold(
        50.0,
        A_SECOND,
        "half-open connections at one server that make a SYN flood come at least this fast",
        "our choice: that fills Linux's smallest queue of requests (tcp_max_syn_backlog, 128) in under three seconds",
    )
    flood_share: float = _threshold(
        0.5,
        SHARE,
        "half-open connections that make a flood are at least this share of all that begin meanwhile",
        "our choice: of a busy server's connections, most come to stand",
        1,
    )
    flood_count: int = _threshold(
        100,
        COUNT,
        "half-open connections that make a flood are at least so many within flood_window",
        "our choice: a little less than that queue holds",
    )
    flood_window: int = _threshold(
        10,
        SECONDS,
        "the time, in whole seconds, within which half-open connections make a flood",
        "our choice: Linux keeps a request for longer, about a minute (tcp_synack_retries)",
        3600,  # for each of these seconds something is kept
    )
    scan_ports: int = _threshold(
        15,
        COUNT,
        "refused or unanswered attempts of one source at so many different ports, within scan_window, are a port scan",
        "Zeek's Scan::port_scan_threshold",
    )
    scan_window: float = _threshold(
        300.0,
        SECONDS,
        "the time within which failed attempts make a scan",
        "Zeek's Scan::port_scan_interval",
    )
    told_singly: int = _threshold(
        10,
        COUNT,
        "half-open connections of one server, and attempts of one scanner, with findings of their own; one finding counts the others",
        "our choice: a screenful",
    )
    time_wait_pileup: int = _threshold(
        14000,
        COUNT,
        "connections of one client to one server port in TIME_WAIT that are a pile",
        "half of Linux's 28,232 ephemeral ports, ip_local_port_range",
    )
    retransmission_share: float = _threshold(
        0.02,
        SHARE,
        "data segments of one side sent again that do harm are at least this share of all",
        "at 2 % loss and 50 ms, standard TCP gets 2 Mbit/s (Mathis 1997: MSS/RTT * 1.22/sqrt(p))",
        1,
    )
    retransmission_count: int = _threshold(
        10,
        COUNT,
        "and at least so many",
        "our choice: of fewer, a share says little",
    )
    unanswered_retries: int = _threshold(
        3,
        COUNT,
        "repetitions of data without an answer that tell of a dead peer",
        "R1, RFC 9293, 3.8.3",
    )
    keepalive_probes: int = _threshold(
        2,
        COUNT,
        "keep-alives without an answer that tell of a dead peer",
        "our choice: one may be lost by chance; Linux gives up after 9 (tcp_keepalive_probes)",
    )
    zero_window: float = _threshold(
        1.0,
        SECONDS,
        "a window closed for longer than this is a stall",
        "Linux has then probed it twice, first after 200 ms, doubling",
    )
    idle: float = _threshold(
        60.0,
        SECONDS,
        "silence after which a device on the way may have forgotten a connection",
        "the shortest timeouts found in use; RFC 5382, REQ-5, demands 2 h 4 min",
    )
    closed_at_once: float = _threshold(
        1.0,
        SECONDS,
        "a RST within this time of the first SYN, without data, is a probe's",
        "our choice: health checks do not wait",
    )
    one_way_packets: int = _threshold(
        3,
        COUNT,
        "a connection of which only one side was captured is told of from so many segments on",
        "our choice: one or two may be a SYN that nobody answered",
    )


class Threshold(NamedTuple):
    """One of them, as people are told of it."""

    name: str
    default: float
    unit: str
    """SECONDS, COUNT, SHARE or A_SECOND."""
    meaning: str
    source: str
    """Where the default comes from."""
    most: float
    """The largest value that it takes; the smallest is 0."""

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return isinstance(self.default, int)

    @property
    def shown(self) -> str:
        """Its default, for people."""
        number = f"{self.default:g}"
        return f"{number} s" if self.unit == SECONDS else f"{number} a second" if self.unit == A_SECOND else number


_STANDARD = Thresholds()
THRESHOLDS: dict[str, Threshold] = {
    f.name: Threshold(name=f.name, default=getattr(_STANDARD, f.name), **f.metadata) for f in fields(Thresholds)
}
"""All of them by name."""
