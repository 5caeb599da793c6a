"""Connections and their figures as tcpfsm, tcptrace and tshark tell them: the sides that ``parity`` compares."""

from __future__ import annotations

import ipaddress
import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.parity_wire import Wires, counted
from tools.sinking import write
from tools.tcptrace_output import End, Traced

_HOUR = 3600 * 10**6
Pair = frozenset[tuple[str, int]]
FROM_TCPTRACE = {
    "packets": "total packets",
    "ack_packets": "ack pkts sent",
    "pure_acks": "pure acks sent",
    "sack_packets": "sack pkts sent",
    "unique_bytes": "unique bytes sent",
    "data_packets": "actual data pkts",
    "payload_bytes": "actual data bytes",
    "zero_windows": "zero win adv",
}
"""Counts of both, by their names."""
FIELDS = (*FROM_TCPTRACE, "syn", "fin", "rst", "mss", "timestamps", "first_time", "last_time")
"""What is compared."""
COUNTS = tuple(name for name in FIELDS if name not in ("unique_bytes", "mss", "timestamps", "first_time", "last_time"))
"""Of these, what may be summed up over several connections."""


@dataclass
class Side:
    """One direction by one tool."""

    values: dict[str, Any]
    hints: dict[str, int] = field(default_factory=dict)
    """What explains a disagreement."""


@dataclass
class Talked:
    """One connection by one tool: its sides by their sender."""

    sides: dict[End, Side]
    frames: tuple[int, int] = (0, 0)
    """Its first and its last, where we have told."""


# ---- the three tools


def canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def ours(report: dict[str, Any]) -> dict[Pair, list[Talked]]:
    """From our JSON report."""
    found: dict[Pair, list[Talked]] = defaultdict(list)
    for c in report["connections"]:
        ends = [(canonical(c[side]["address"]), int(c[side]["port"])) for side in ("client", "server")]
        sides = {}
        for end, name in zip(ends, ("client", "server"), strict=True):
            sent = c["endpoints"][name]["sent"]
            values = {name: sent[name] for name in FIELDS if name in sent}
            values["first_time"], values["last_time"] = nanoseconds(c["start"]), nanoseconds(c["end"])
            sides[end] = Side(values, {"copies": sent["hardware_duplicates"]})
        found[frozenset(ends)].append(Talked(sides, (c["first_frame"], c["last_frame"])))
    return found


def nanoseconds(seconds: Decimal | int | str) -> int:
    return int(Decimal(seconds).scaleb(9))


def agree(name: str, a: Any, b: Any, tool: str, *, hours_may_differ: bool = False) -> bool:
    """Whether two figures are the same: times as precisely as tcptrace prints them, perhaps on the clock of some place."""
    if not name.endswith("_time") or tool == "tshark":
        return bool(a == b)
    a, b = a // 1000, b // 1000
    return bool(a == b or (hours_may_differ and abs(a - b) % _HOUR == 0))


def theirs(traced: list[Traced]) -> dict[Pair, list[Talked]]:
    """From tcptrace's output."""
    found: dict[Pair, list[Talked]] = defaultdict(list)
    for one in traced:
        sides = {}
        ends = [(canonical(address), port) for address, port in one.ends]
        for n, end in enumerate(ends):
            syn, _, fin = one.sides[n].get("SYN/FIN pkts sent", "0/0").partition("/")
            values: dict[str, Any] = {name: one.figure(n, label) for name, label in FROM_TCPTRACE.items()}
            values |= {"syn": int(syn), "fin": int(fin), "mss": one.figure(n, "mss requested") or None}
            values["rst"] = max(one.figure(n, "resets sent"), 0)  # the line is there only if there are any
            values["timestamps"] = one.sides[n].get("req 1323 ws/ts", "N/N").endswith("Y")
            values["first_time"], values["last_time"] = one.first, one.last
            sides[end] = Side(values)
        found[frozenset(ends)].append(Talked(sides))
    return found


def seen(wires: Wires) -> dict[Pair, list[Talked]]:
    """From tshark's dissection, counted here."""
    found: dict[Pair, list[Talked]] = defaultdict(list)
    for pair, uses in wires.items():
        for wire in uses:
            frames = sorted(p for packets in wire.sides.values() for p in packets)
            ends = {"first_time": frames[0].time, "last_time": frames[-1].time}
            found[pair].append(Talked({end: Side(counted(packets) | ends) for end, packets in wire.sides.items()}))
    return found


def read_report(path: Path) -> dict[str, Any]:
    """Our report on a capture.  Raises CaptureError."""
    report: dict[str, Any] = json.loads(write(path, "json"), parse_float=Decimal)
    return report
