"""Runs on disk: captures of the three taps, the truth beside them, and both as if the capture had ended earlier.

A run is a folder with ``client.pcap``, ``middle.pcap`` and ``server.pcap`` (nanoseconds), ``truth.ndjson`` (an object a connection) and
``run.json``; all but ``run.json`` may be compressed (``.gz``).  Times in truth are integer nanoseconds since the epoch, of the clock
of the captures.
"""

from __future__ import annotations

import copy
import gzip
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAPS = ("client", "middle", "server")
SIDES = ("client", "server")
MAGIC_NS = 0xA1B23C4D
FAST_TIMERS = "syn_give_up=19.4,synack_give_up=20,fin_give_up=28,fin_wait_2=5.2"
"""What tcpfsm must be told (``--timers``) of hosts with the sysctls of the preset ``fast``."""

Packet = tuple[int, bytes, int]
"""Nanoseconds since the epoch, what was captured, length on the wire."""


def read(path: Path) -> bytes:
    """A file, or its compressed twin."""
    return path.read_bytes() if path.exists() else gzip.decompress(path.with_name(path.name + ".gz").read_bytes())


def packets(capture: bytes) -> Iterator[Packet]:
    """The packets of a classic nanosecond pcap, little-endian."""
    assert struct.unpack_from("<I", capture)[0] == MAGIC_NS
    at = 24
    while at < len(capture):
        seconds, nanoseconds, length, original = struct.unpack_from("<IIII", capture, at)
        yield seconds * 10**9 + nanoseconds, capture[at + 16 : at + 16 + length], original
        at += 16 + length


def pcap(some: Iterable[Packet], snaplen: int = 262144) -> bytes:
    """The capture with these packets."""
    pieces = [struct.pack("<IHHiIII", MAGIC_NS, 2, 4, 0, 0, snaplen, 1)]
    for time, data, original in some:
        pieces.append(struct.pack("<IIII", *divmod(time, 10**9), len(data), original) + data)
    return b"".join(pieces)


@dataclass(frozen=True)
class Run:
    """One run, in memory."""

    name: str
    facts: dict[str, Any]
    """run.json."""
    truth: list[dict[str, Any]]
    captures: dict[str, bytes]

    @property
    def begin(self) -> int:
        return int(self.facts["t_capture_start"])

    @property
    def end(self) -> int:
        return int(self.facts["t_capture_end"])

    @property
    def timers(self) -> str:
        """For ``--timers``."""
        return FAST_TIMERS if self.facts["parameters"]["preset"] == "fast" else ""

    def seen_by(self, tap: str, record: dict[str, Any]) -> bool:
        """Whether any frame of the connection is in the tap's capture."""
        return tap in record["first_frame"] and record["first_frame"][tap] <= self.end


def load(folder: Path) -> Run:
    """Raises OSError for a folder that is none, ValueError for files that are not right."""
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    truth = [json.loads(line) for line in read(folder / "truth.ndjson").splitlines()]
    if truth and "first_frame" not in truth[0]:
        first = first_frames(folder)
        for record in truth:
            record["first_frame"] = first.get(record["id"], {})
    return Run(folder.name, facts, truth, {tap: read(folder / f"{tap}.pcap") for tap in TAPS})


def first_frames(folder: Path) -> dict[int, dict[str, int]]:
    """When each tap saw a connection first, from ``frames.csv``."""
    found: dict[int, dict[str, int]] = {}
    times = {tap: [time for time, _, _ in packets(read(folder / f"{tap}.pcap"))] for tap in TAPS}
    for line in read(folder / "frames.csv").decode().splitlines()[1:]:
        _, connection, _, _, _, *numbers = line.split(",")
        for tap, listed in zip(TAPS, numbers, strict=True):
            if connection:
                for number in filter(None, listed.split("|")):
                    first = found.setdefault(int(connection), {})
                    first[tap] = min(first.get(tap, 1 << 62), times[tap][int(number) - 1])
    return found


def store(run: Run, folder: Path, *, compressed: bool) -> None:
    """Write a run; the same run gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in run.truth)
    files = {"truth.ndjson": lines.encode(), **{f"{tap}.pcap": data for tap, data in run.captures.items()}}
    for name, data in files.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, 9, mtime=0))
        else:
            (folder / name).write_bytes(data)
    (folder / "run.json").write_text(json.dumps(run.facts, indent=1) + "\n", encoding="utf-8")


def cut(run: Run, end: int) -> Run:
    """The run as if its capture had ended at that time (nanoseconds since the epoch)."""
    captures = {tap: pcap(p for p in packets(data) if p[0] <= end) for tap, data in run.captures.items()}
    records = [copy.deepcopy(record) for record in run.truth if record["t_start"] <= end]
    for record in records:
        for side in SIDES:
            history = record[side]
            undecided = [entry for entry in history["timeline"] if entry.get("lo", end) < end < entry.get("hi", end)]
            history["timeline"] = [entry for entry in history["timeline"] if entry["t"] <= end]
            state = history["timeline"][-1]["state"]
            history["final"] = "CLOSED" if state == "LISTEN" else state
            history["final_uncertain"] = bool(undecided)
        record["final"] = [record[side]["final"] for side in SIDES]
    return Run(run.name, {**run.facts, "t_capture_end": end}, records, captures)
