"""Connections and their figures as tcpfsm, tcptrace and tshark tell them: the sides that ``parity`` compares."""

from __future__ import annotations

import ipaddress
import json
import os
import struct
import subprocess
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tools.sinking import write
from tools.tcptrace_output import End, Traced

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


# ------------------------------------------------------------------------------------------------ the three tools


class Bytes:
    """Which bytes of a sequence space have passed: stretches that do not touch, beyond 2^32 counted on."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.near = -1

    def add(self, number: int, length: int) -> int:
        """How many of these were new."""
        if self.near < 0:
            self.near = number + (1 << 32)
        start = self.near + ((number - self.near + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        end = start + length
        self.near = max(self.near, end)
        low = bisect_left(self.ends, start)
        high = low
        new, left, right = length, start, end
        while high < len(self.starts) and self.starts[high] <= end:
            new -= max(min(self.ends[high], end) - max(self.starts[high], start), 0)
            left, right = min(left, self.starts[high]), max(right, self.ends[high])
            high += 1
        self.starts[low:high] = [left]
        self.ends[low:high] = [right]
        return new


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
            hints = {"copies": sent["hardware_duplicates"], "quoted": report["capture"]["quoted"]}
            sides[end] = Side(values, hints)
        found[frozenset(ends)].append(Talked(sides))
    return found


def nanoseconds(seconds: Decimal | int | str) -> int:
    return int(Decimal(seconds).scaleb(9))


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
            sides[end] = Side(values, {"at a closed window": one.figure(n, "zwnd probe bytes")})
        found[frozenset(ends)].append(Talked(sides))
    return found


TSHARK = (
    "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.flags",
    "tcp.window_size_value", "tcp.options.mss_val", "tcp.options.timestamp.tsval", "tcp.options.sack.count", "tcp.seq_raw", "ip.len",
    "icmp.type", "icmpv6.type", "frame.protocols", "_ws.malformed", "_ws.short",
)  # fmt: skip


def tshark(path: Path) -> dict[Pair, list[Talked]]:
    """From tshark's dissection, a line a packet, counted here."""
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-Y",
        "tcp",
        "-T",
        "fields",
        "-E",
        "occurrence=l",
        "-o",
        "tcp.desegment_tcp_streams:FALSE",
    ]
    command += ["-o", "tcp.analyze_sequence_numbers:FALSE", *(word for name in TSHARK for word in ("-e", name))]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, capture_output=True, check=False, env={**os.environ, "WIRESHARK_CONFIG_DIR": folder, "TZ": "UTC"}
        )
    streams: dict[str, dict[End, Side]] = {}
    pairs: dict[str, Pair] = {}
    seen: dict[tuple[str, End], Bytes] = defaultdict(Bytes)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        cells = dict(zip(TSHARK, line.split("\t"), strict=False))
        if (
            cells.get("icmp.type")
            or cells.get("icmpv6.type")
            or not cells.get("tcp.stream")
            or not cells.get("tcp.flags")
        ):
            continue
        layers = cells["frame.protocols"].split(":")
        family = [layer for layer in layers if layer in ("ip", "ipv6")][-1]
        source = (canonical(cells[f"{family}.src"]), int(cells["tcp.srcport"]))
        target = (canonical(cells[f"{family}.dst"]), int(cells["tcp.dstport"]))
        stream = cells["tcp.stream"]
        sides = streams.setdefault(stream, {})
        pairs.setdefault(stream, frozenset((source, target)))
        for end in (source, target):
            sides.setdefault(end, Side(dict.fromkeys(FIELDS, 0) | {"mss": None, "timestamps": False, "first_time": -1}))
        time = nanoseconds(cells["frame.time_epoch"])
        for side in sides.values():
            side.values["first_time"] = time if side.values["first_time"] < 0 else side.values["first_time"]
            side.values["last_time"] = time
        count(sides[source], cells, seen[stream, source])
        if cells.get("_ws.malformed") or cells.get("_ws.short") or "_ws.malformed" in layers:
            sides[source].hints["malformed"] = 1
    found: dict[Pair, list[Talked]] = defaultdict(list)
    for stream, sides in streams.items():
        found[pairs[stream]].append(Talked(sides))
    return found


def count(side: Side, cells: dict[str, str], seen: Bytes) -> None:
    """One packet of tshark's."""
    v = side.values
    flags = int(cells["tcp.flags"], 16)
    fin, syn, rst, ack = flags & 1, flags >> 1 & 1, flags >> 2 & 1, flags >> 4 & 1
    length = int(cells["tcp.len"] or 0)
    v["packets"] += 1
    v["syn"] += syn
    v["fin"] += fin
    v["rst"] += rst
    v["ack_packets"] += ack
    v["pure_acks"] += int(ack and not (length or syn or fin or rst))
    v["sack_packets"] += int(bool(cells["tcp.options.sack.count"]) and cells["tcp.options.sack.count"] != "0")
    v["zero_windows"] += int(cells["tcp.window_size_value"] == "0" and ack and not (syn or rst))
    v["timestamps"] |= bool(cells["tcp.options.timestamp.tsval"])
    if cells["tcp.options.mss_val"]:
        v["mss"] = int(cells["tcp.options.mss_val"])
    if length:
        v["data_packets"] += 1
        v["payload_bytes"] += length
        start = int(cells["tcp.seq_raw"]) + syn
        if rst:
            side.hints["text of a RST"] = side.hints.get("text of a RST", 0) + length
        v["unique_bytes"] += seen.add(start, length)


# ------------------------------------------------------------------------------------------------ what may explain


_BETWEEN = {"mpls", "gre", "vxlan", "geneve", "l2tp", "gtp", "erspan", "teredo"}


def features_of(path: Path) -> set[str]:
    """What a capture holds that some tools do not understand."""
    found = set()
    for frame in dissected(path):
        layers = frame["frame.protocols"].split(":")
        if sum(layer in ("ip", "ipv6") for layer in layers) > 1 or _BETWEEN.intersection(layers):
            found.add("behind other headers")
        if any(layer.startswith("openflow") for layer in layers):
            found.add("inside a payload")
        if frame["ip.len"] == "0" or ("ipv6" in layers and frame["ipv6.plen"] == "0"):
            found.add("IP length 0")
        if int(frame["ip.len"] or 0) > int(frame["frame.len"]):
            found.add("frame shorter than its IP packet")
        if "_ws.malformed" in layers or frame["_ws.malformed"] or frame["_ws.short"]:
            found.add("malformed")
    if has_odd_times(path):
        found.add("time out of range")
    return found


def dissected(path: Path) -> Iterator[dict[str, str]]:
    """A few fields of every frame."""
    names = ("frame.protocols", "frame.len", "ip.len", "ipv6.plen", "_ws.malformed", "_ws.short")
    command = ["tshark", "-n", "-r", str(path), "-o", "ip.tso_support:FALSE", "-T", "fields", "-E", "occurrence=f"]
    command += [word for name in names for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "TZ": "UTC"})
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        yield dict(zip(names, line.split("\t"), strict=False))


def has_odd_times(path: Path) -> bool:
    """Whether a record of a pcap file claims more microseconds or nanoseconds than a second has."""
    data = path.read_bytes()
    for order in "<>":
        magic = struct.unpack_from(order + "I", data.ljust(24))[0]
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            at = 24
            while at + 16 <= len(data):
                _, fraction, caplen, _ = struct.unpack_from(order + "IIII", data, at)
                if fraction >= (10**6 if magic == 0xA1B2C3D4 else 10**9):
                    return True
                at += 16 + caplen
    return False


def read_report(path: Path) -> dict[str, Any]:
    """Our report on a capture.  Raises CaptureError."""
    report: dict[str, Any] = json.loads(write(path, "json"), parse_float=Decimal)
    return report
