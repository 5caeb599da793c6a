"""The packets of each direction as tshark dissects them, and what may be counted of them: in its own way, in tcptrace's, in ours.

What explains a disagreement (``parity_classes``) is worked out of these packets alone, never of our own judgement.
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tools.tcptrace_output import End

NAMES = (
    "frame.number", "frame.time_epoch", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.id", "ip.len", "ip.hdr_len",
    "tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.hdr_len", "tcp.flags", "tcp.window_size_value", "tcp.seq_raw", "tcp.ack_raw",
    "tcp.checksum", "tcp.options.mss_val", "tcp.options.timestamp.tsval", "tcp.options.sack.count", "icmp.type", "icmpv6.type",
    "_ws.malformed", "_ws.short",
)  # fmt: skip
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Packet(NamedTuple):
    """One packet with a TCP header."""

    number: int
    time: int
    flags: int
    seq: int
    ack: int
    length: int
    """Its payload, as tshark has it."""
    said: int
    """The same by the lengths in its headers; -1: they do not say."""
    window: int
    identity: str
    """Of the transmission: its IP id, or where there is none, checksum and timestamp; copies of a frame have the same."""
    mss: int | None
    has_stamp: bool
    has_sack: bool
    is_cut: bool
    """Its headers are cut or contradict themselves."""


@dataclass
class Wire:
    """One connection of tshark's: the packets of each side, by the sender."""

    sides: dict[End, list[Packet]]


Wires = dict[frozenset[End], list[Wire]]


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


def counted(packets: Iterable[Packet]) -> dict[str, Any]:
    """The figures of one direction."""
    v: dict[str, Any] = dict.fromkeys(
        ("packets", "syn", "fin", "rst", "ack_packets", "pure_acks", "sack_packets", "zero_windows"), 0
    )
    v |= {"data_packets": 0, "payload_bytes": 0, "unique_bytes": 0, "mss": None, "timestamps": False}
    seen = Bytes()
    for p in packets:
        fin, syn, rst, ack = (int(bool(p.flags & bit)) for bit in (FIN, SYN, RST, ACK))
        v["packets"] += 1
        v["syn"] += syn
        v["fin"] += fin
        v["rst"] += rst
        v["ack_packets"] += ack
        v["pure_acks"] += int(ack and not (p.length or syn or fin or rst))
        v["sack_packets"] += int(p.has_sack)
        v["zero_windows"] += int(not p.window and ack and not (syn or rst))
        v["timestamps"] |= p.has_stamp
        v["mss"] = v["mss"] if p.mss is None else p.mss
        if p.length:
            v["data_packets"] += 1
            v["payload_bytes"] += p.length
            v["unique_bytes"] += seen.add(p.seq + syn, p.length)
    return v


# ---- the same packets, as somebody else sees them


def by_ip(packets: Iterable[Packet]) -> list[Packet]:
    """With the lengths that their IP headers say, where those are longer."""
    return [p._replace(length=p.said) if p.said > p.length else p for p in packets]


def without_texts(packets: Iterable[Packet]) -> list[Packet]:
    """With RSTs that carry nothing."""
    return [p._replace(length=0) if p.flags & RST else p for p in packets]


def between(wires: Iterable[Wire], first: int, until: int) -> dict[End, list[Packet]]:
    """The packets of one use of a pair of ends: from a frame up to that which begins the next."""
    found: dict[End, list[Packet]] = defaultdict(list)
    for wire in wires:
        for end, packets in wire.sides.items():
            found[end] += [p for p in packets if first <= p.number < until]
    return {end: sorted(packets) for end, packets in found.items()}


def once(packets: Iterable[Packet], copies: int) -> list[Packet] | None:
    """Without so many copies: frames that are the same as an earlier one, the soonest behind it first; None: there are not so many."""
    last: dict[tuple[object, ...], int] = {}
    found = []
    rows = list(packets)
    for p in rows:
        same = (p.flags, p.seq, p.ack, p.length, p.identity)
        if same in last:
            found.append((p.time < last[same], p.time - last[same], p.number))
        last[same] = p.time
    if len(found) < copies:
        return None
    gone = {number for _, _, number in sorted(found)[:copies]}
    return [p for p in rows if p.number not in gone]


@dataclass
class Features:
    """What a capture holds that some tools do not understand, by frame."""

    zero_length: set[int] = field(default_factory=set)
    behind: set[int] = field(default_factory=set)
    """Other headers than those of the link before IP."""
    malformed: set[int] = field(default_factory=set)
    errors: set[int] = field(default_factory=set)
    """Times of ICMP messages."""
    odd_times: bool = False
    """A record claims more than a second's fractions."""
    unknown_link: bool = False
    """tcptrace says nothing at all."""


# ---- from tshark


def nanoseconds(text: str) -> int:
    """Of seconds with nine digits behind the point."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def fields(path: Path, names: tuple[str, ...], *options: str) -> Iterator[dict[str, str]]:
    """Those fields of every frame; of several headers those of the last, which tunnels carry, but not what a message quotes."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", *options]
    command += [word for name in names for word in ("-e", name)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, capture_output=True, check=False, env={**os.environ, "WIRESHARK_CONFIG_DIR": folder, "TZ": "UTC"}
        )
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        which = 0 if "openflow" in line else -1
        yield {name: cell.split(";")[which] for name, cell in zip(names, line.split("\t"), strict=False)}


def wires_of(path: Path, canonical: Any) -> Wires:
    """All connections, in the order of their first packets; ``canonical``: how addresses are written."""
    streams: dict[str, Wire] = {}
    pairs: dict[str, frozenset[End]] = {}
    options = ("-Y", "tcp", "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE")
    for cells in fields(path, NAMES, *options):
        if cells["icmp.type"] or cells["icmpv6.type"] or not cells.get("tcp.stream") or not cells.get("tcp.flags"):
            continue
        layers = cells["frame.protocols"].partition(":openflow")[0].split(":")
        family = [layer for layer in layers if layer in ("ip", "ipv6")][-1]
        source = (canonical(cells[f"{family}.src"]), int(cells["tcp.srcport"]))
        target = (canonical(cells[f"{family}.dst"]), int(cells["tcp.dstport"]))
        wire = streams.setdefault(cells["tcp.stream"], Wire({}))
        pairs.setdefault(cells["tcp.stream"], frozenset((source, target)))
        for end in (source, target):
            wire.sides.setdefault(end, [])
        wire.sides[source].append(packet(cells, layers, family))
    found: Wires = defaultdict(list)
    for stream, wire in streams.items():
        found[pairs[stream]].append(wire)
    return found


def packet(cells: dict[str, str], layers: list[str], family: str) -> Packet:
    """One line of tshark's."""
    said = -1
    if family == "ip" and int(cells["ip.len"] or 0) and cells["tcp.hdr_len"]:
        said = int(cells["ip.len"]) - int(cells["ip.hdr_len"]) - int(cells["tcp.hdr_len"])
    stamp = cells["tcp.options.timestamp.tsval"]
    return Packet(
        number=int(cells["frame.number"]),
        time=nanoseconds(cells["frame.time_epoch"]),
        flags=int(cells["tcp.flags"], 16),
        seq=int(cells["tcp.seq_raw"]),
        ack=int(cells["tcp.ack_raw"] or 0),
        length=int(cells["tcp.len"] or 0),
        said=said,
        window=int(cells["tcp.window_size_value"] or 0),
        identity=cells["ip.id"] if int(cells["ip.id"] or "0", 16) else f"{cells['tcp.checksum']} {stamp}",
        mss=int(cells["tcp.options.mss_val"]) if cells["tcp.options.mss_val"] else None,
        has_stamp=bool(stamp),
        has_sack=cells["tcp.options.sack.count"] not in ("", "0"),
        is_cut=bool(cells.get("_ws.malformed") or cells.get("_ws.short") or "_ws.malformed" in layers),
    )


_BETWEEN = {"mpls", "gre", "vxlan", "geneve", "l2tp", "gtp", "erspan", "teredo"}
_OF_FRAMES = ("frame.number", "frame.time_epoch", "frame.protocols", "ip.len", "ipv6.plen", "icmp.type", "icmpv6.type", "_ws.malformed", "_ws.short")  # fmt: skip


def features_of(path: Path) -> Features:
    """What a capture holds that some tools do not understand."""
    found = Features(odd_times=has_odd_times(path))
    for cells in fields(path, _OF_FRAMES, "-o", "ip.tso_support:FALSE"):
        number = int(cells["frame.number"])
        layers = cells["frame.protocols"].split(":")
        if sum(layer in ("ip", "ipv6") for layer in layers) > 1 or _BETWEEN.intersection(layers):
            found.behind.add(number)
        if cells["ip.len"] == "0" or ("ipv6" in layers and cells["ipv6.plen"] == "0"):
            found.zero_length.add(number)
        if "_ws.malformed" in layers or cells.get("_ws.malformed") or cells.get("_ws.short"):
            found.malformed.add(number)
        if cells["icmp.type"] or cells["icmpv6.type"]:
            found.errors.add(nanoseconds(cells["frame.time_epoch"]))
    return found


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
