"""Every option of an analysis: its default and where the default comes from, in one frozen object.

Times are seconds here, as people write them; the engine gets nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches

from tcptrace_py.errors import ConfigError


@dataclass(frozen=True)
class Timers:
    """Timers of the endpoints' TCP, in seconds."""

    time_wait: float
    """2 MSL."""
    fin_wait_2: float
    """An orphaned FIN_WAIT_2; 0: it waits for ever."""
    syn_give_up: float
    """From the first SYN until connect() fails."""
    synack_give_up: float
    """From the SYN-ACK until a request is forgotten."""
    fin_give_up: float
    """From an orphan's first FIN until it is forgotten."""
    slop: float
    """How late the implementation's timers may run."""


PROFILES: dict[str, Timers] = {
    # Linux: TCP_TIMEWAIT_LEN and tcp_fin_timeout 60 s, tcp_syn_retries 6 with tcp_syn_linear_timeouts 4,
    # tcp_synack_retries 5, tcp_orphan_retries 0 (= 8); 2 s is the granularity of its timer wheel at 60 s
    "linux": Timers(
        time_wait=60.0, fin_wait_2=60.0, syn_give_up=134.5, synack_give_up=64.6, fin_give_up=112.0, slop=2.0
    ),
    # FreeBSD: net.inet.tcp.msl 30 s, finwait2_timeout 60 s, keepinit 75 s, the syncache's 4 tries (3+6+12+24+48 s),
    # 12 retransmissions
    "bsd": Timers(time_wait=60.0, fin_wait_2=60.0, syn_give_up=75.0, synack_give_up=93.0, fin_give_up=427.0, slop=1.0),
    # Windows: TcpTimedWaitDelay 120 s, TcpFinWait2Delay 120 s, 2 SYN retries (3+6+12 s), 5 data retransmissions
    "windows": Timers(
        time_wait=120.0, fin_wait_2=120.0, syn_give_up=21.0, synack_give_up=21.0, fin_give_up=63.0, slop=1.0
    ),
    # RFC 9293: MSL 2 minutes (3.4.2), FIN_WAIT_2 has no timer, R2 at least 3 minutes for SYN and 100 s otherwise (3.8.3)
    "rfc9293": Timers(
        time_wait=240.0, fin_wait_2=0.0, syn_give_up=180.0, synack_give_up=180.0, fin_give_up=100.0, slop=1.0
    ),
}
"""Timers by profile, each figure with its source."""


@dataclass(frozen=True)
class Thresholds:
    """When the rules speak, in seconds or counts."""

    stuck: float = 60.0
    """An endpoint that waits for its peer longer than this, while the capture goes on, is stuck: Linux's own patience
    with an orphan (tcp_fin_timeout)."""
    unanswered: float = 3.0
    """A SYN without any reply for longer than this is unanswered: the first timeouts of RFC 6298 (1 s) and of
    RFC 1122-era stacks (3 s) have then passed."""
    half_open: float = 3.0
    """A SYN-ACK without its ACK for longer than this is half open: likewise."""
    acks_ignored: int = 3
    """Completed handshakes that the server refused so often in a row, without data to answer, tell of a full accept queue: at 10 %
    loss, chance does that once in a thousand; TCP_DEFER_ACCEPT does it on purpose (tcp(7))."""
    flood_rate: float = 50.0
    """Half-open connections a second at one server that make a SYN flood ..."""
    flood_share: float = 0.5
    """... when they are at least this share of its new connections ..."""
    flood_count: int = 100
    """... and at least so many within ten seconds."""
    scan_ports: int = 15
    """Refused or unanswered attempts of one source at so many different ports are a port scan (Zeek's Scan: 15)."""
    told_singly: int = 10
    """Half-open connections of one server, and attempts of one scanner, with findings of their own; further ones are
    counted in one finding for all."""
    time_wait_pileup: int = 14000
    """Connections of one client to one server port in TIME_WAIT: half of Linux's 28,232 ephemeral ports."""
    retransmission_share: float = 0.02
    """Retransmissions that are at least this share of a side's data segments ..."""
    retransmission_count: int = 10
    """... and at least so many are harm: at 2 % loss and 50 ms, standard TCP gets 2 Mbit/s (Mathis 1997: MSS/RTT * 1.22/sqrt(p))."""
    unanswered_retries: int = 3
    """Data repeated so often without an answer is in trouble: R1 of RFC 9293, 3.8.3."""
    keepalive_probes: int = 2
    """Keep-alives without an answer that tell of a dead peer; Linux gives up after 9 (tcp_keepalive_probes)."""
    zero_window: float = 1.0
    """A window closed for longer than this is a stall: Linux has then probed it twice (first after 200 ms, doubling)."""
    idle: float = 60.0
    """Silence after which a device on the way may have forgotten a connection: the shortest timeouts found in use; RFC 5382,
    REQ-5, demands 2 h 4 min."""
    closed_at_once: float = 1.0
    """A RST within this time of the first SYN, without data, is a probe's: health checks do not wait."""


@dataclass(frozen=True)
class Config:
    """One analysis, wholly described."""

    profile: str = "linux"
    timers: Timers = PROFILES["linux"]
    thresholds: Thresholds = field(default_factory=Thresholds)
    max_connections: int = 0
    """Connections kept in memory at once; 0: no bound."""
    verify_checksums: bool = False
    compare_payload: bool = False
    """Keep the latest payload of each direction, and compare what comes again with it."""
    select: tuple[str, ...] = ()
    """Rules or families to run; empty: all."""
    ignore: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ("never",)
    """never, a severity (itself and worse), or names of rules."""
    where: str = ""
    """Only connections of which this expression holds; empty: all."""


def timers_for(profile: str, changes: Mapping[str, float]) -> Timers:
    """The timers of a profile, some of them changed.  Raises ConfigError for a name or figure that makes no sense."""
    if profile not in PROFILES:
        raise ConfigError(f"no profile {profile!r}{suggest(profile, PROFILES)}")
    names = [f.name for f in fields(Timers)]
    for name, seconds in changes.items():
        if name not in names:
            raise ConfigError(f"no timer {name!r}{suggest(name, names)}")
        if not math.isfinite(seconds) or not 0 <= seconds <= 1e6:
            raise ConfigError(f"timer {name}: {seconds} is not a number of seconds between 0 and 1,000,000")
    return replace(PROFILES[profile], **changes)


def parse_timers(text: str) -> dict[str, float]:
    """``NAME=SECONDS,…`` as the option ``--timers`` takes it.  Raises ConfigError."""
    changes: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            changes[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(f"timers are written NAME=SECONDS,…: {part!r} is not")
    return changes


def suggest(word: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """A did-you-mean for the end of an error line, or the choices when nothing is near."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
