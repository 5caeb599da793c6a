"""Every option of an analysis: its default and where the default comes from, in one frozen object.

Times are seconds here, as people write them; the engine gets nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, cast

from tcptrace_py.errors import ConfigError
from tcptrace_py.thresholds import THRESHOLDS
from tcptrace_py.thresholds import Thresholds as Thresholds  # noqa: PLC0414 - a part of the configuration


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
    display_filter: str = ""
    """Only connections with a frame that matches this display filter of Wireshark's; empty: all."""
    labels: bool = False
    """Say which application protocol each connection carries, as Wireshark names it."""
    bpf: str = ""
    """Only packets that pass this capture filter of libpcap's; empty: all."""
    jobs: int = 1
    """Processes that one analysis may use; 0: as many as pay.  The report is the same."""

    @property
    def is_selective(self) -> bool:
        """Whether some connections are left out of the report."""
        return bool(self.where or self.display_filter)


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
    return _pairs(text, "timers are written NAME=SECONDS,…")


def thresholds_with(base: Thresholds, changes: Mapping[str, float]) -> Thresholds:
    """Thresholds, some of them changed.  Raises ConfigError for a name or figure that makes no sense."""
    made: dict[str, float] = {}
    for name, value in changes.items():
        known = THRESHOLDS.get(name)
        if known is None:
            raise ConfigError(f"no threshold {name!r}{suggest(name, THRESHOLDS)}")
        if not 0 <= value <= known.most:  # NaN is not, either
            raise ConfigError(f"threshold {name}: {value:g} is not between 0 and {known.most:,.0f}")
        if known.is_whole and value != int(value):
            raise ConfigError(f"threshold {name}: {value:g} is not a whole number")
        made[name] = int(value) if known.is_whole else float(value)
    return replace(base, **cast("dict[str, Any]", made))


def parse_thresholds(text: str) -> dict[str, float]:
    """``NAME=VALUE,…`` as the option ``--thresholds`` takes it.  Raises ConfigError."""
    return _pairs(text, "thresholds are written NAME=VALUE,…")


def _pairs(text: str, form: str) -> dict[str, float]:
    """Names and numbers; a hyphen in a name means the same as an underscore."""
    changes: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            changes[name.strip().replace("-", "_")] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(f"{form}: {part!r} is not")
    return changes


def suggest(word: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """A did-you-mean for the end of an error line, or the choices when nothing is near."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
