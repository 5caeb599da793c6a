"""Known data that was transferred, against what ``tcpfsm extract`` makes of a capture of it.

What must come out is computed from the frames in the capture and the data that was sent, without the package under test: the
bytes that passed in any frame, and the holes between them.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tcptrace_py.cli.main import run

End = tuple[str, int]
Frame = tuple[int, bytes]
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Talk(NamedTuple):
    """What both sides of one connection sent."""

    client: End
    server: End
    said: bytes
    answered: bytes


class Way:
    """What passed of one direction, by offset."""

    def __init__(self) -> None:
        self.isn = -1
        self.ranges: list[tuple[int, int]] = []
        self.acked = 0
        self.fin = -1

    def seen(self) -> list[tuple[int, int]]:
        """The ranges, joined."""
        joined: list[tuple[int, int]] = []
        for start, end in sorted(self.ranges):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            elif end > start:
                joined.append((start, end))
        return joined

    def holes(self) -> list[tuple[int, int, bool]]:
        """Start, end and whether acknowledged, of what did not pass before the FIN or the last acknowledgement."""
        last = self.fin if self.fin >= 0 else self.acked
        edges = [0, *(edge for piece in self.seen() for edge in piece), last]
        found = []
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            cut = min(max(self.acked, start), end)
            found += [(a, b, known) for a, b, known in ((start, cut, True), (cut, end, False)) if a < b]
        return found


def randbytes(name: str, size: int) -> bytes:
    """The data of one side, from its name alone."""
    return random.Random(name).randbytes(size)


def parse(frame: bytes) -> tuple[End, End, int, int, int, int] | None:
    """Source, destination, sequence number, acknowledgement, flags and payload length of TCP in Ethernet."""
    import socket

    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 6:
        family, at, addresses, end = socket.AF_INET, 34, frame[26:34], 14 + int.from_bytes(frame[16:18], "big")
    elif kind == b"\x86\xdd" and frame[20] == 6:
        family, at, addresses, end = socket.AF_INET6, 54, frame[22:54], 54 + int.from_bytes(frame[18:20], "big")
    else:
        return None
    sport, dport, seq, ack, bits = struct.unpack_from("!HHIIH", frame, at)
    half = len(addresses) // 2
    source, target = (socket.inet_ntop(family, part) for part in (addresses[:half], addresses[half:]))
    return (source, sport), (target, dport), seq, ack, bits & 0xFF, end - at - (bits >> 12) * 4


def ways(frames: Iterable[Frame]) -> dict[tuple[End, End], Way]:
    """What passed of every direction whose SYN, or the SYN-ACK to it, is there; streams are shorter than 2 GiB."""
    found: dict[tuple[End, End], Way] = {}
    parsed = [segment for _, frame in frames if (segment := parse(frame)) is not None]
    for source, target, seq, ack, flags, _ in parsed:
        if flags & SYN:
            found.setdefault((source, target), Way()).isn = seq
            if flags & ACK and found.setdefault((target, source), Way()).isn < 0:
                found[target, source].isn = (ack - 1) % 2**32
    for source, target, seq, ack, flags, length in parsed:
        way, back = found.get((source, target)), found.get((target, source))
        if way is None or back is None or flags & RST:
            continue
        start = (seq - way.isn - 1) % 2**32 if not flags & SYN else 0
        if start < 2**31:  # a keep-alive before all data lies below
            way.ranges.append((start, start + length))
            if flags & FIN:
                way.fin = start + length
        if flags & ACK:
            back.acked = max(back.acked, (ack - back.isn - 1) % 2**32)
    for way in found.values():
        if 0 <= way.fin < way.acked:
            way.acked = way.fin
    return found


def check(capture: Path, frames: Iterable[Frame], talks: Iterable[Talk], folder: Path) -> dict[str, int]:
    """Extract the streams of ``capture``, which holds ``frames``, into ``folder``, and compare.

    Raises AssertionError.  Returns how many streams there were, how many of them whole, their bytes, and the holes.
    """
    assert run(["extract", str(capture), "--streams", str(folder), "--quiet"]) == 0
    rows = [json.loads(line) for line in (folder / "streams.ndjson").read_text("utf-8").splitlines()]
    passed = ways(frames)
    found = {"streams": 0, "whole": 0, "bytes": 0, "holes": 0, "missing": 0}
    listed = set()
    for talk in talks:
        for source, target, data in ((talk.client, talk.server, talk.said), (talk.server, talk.client, talk.answered)):
            way = passed.get((source, target))
            if way is None:
                continue
            (row,) = [
                r for r in rows if r["type"] == "stream" and (end(r["source"]), end(r["target"])) == (source, target)
            ]
            holes = [
                (r["offset"], r["offset"] + r["length"], r["acknowledged"])
                for r in rows
                if r["type"] == "hole" and (r["connection"], r["sender"]) == (row["connection"], row["sender"])
            ]
            expected = b"".join(data[a:b] for a, b in way.seen())
            written = (folder / row["file"]).read_bytes() if row["file"] else b""
            where = f"{capture.name}: {source} to {target}"
            assert hashlib.sha256(written).digest() == hashlib.sha256(expected).digest(), where
            assert holes == way.holes(), where
            whole = not holes and way.fin == len(data)
            assert row["complete"] == (whole and row["begun"]), where
            assert not whole or written == data, where
            listed.add(row["file"])
            found["streams"] += 1
            found["whole"] += whole
            found["bytes"] += len(written)
            found["holes"] += len(holes)
            found["missing"] += sum(b - a for a, b, _ in holes)
    there = {path.name for path in folder.iterdir()} - {"streams.ndjson"}
    assert there == {name for name in listed if name is not None}
    return found


def end(address: dict[str, object]) -> End:
    """An address of a row."""
    return str(address["address"]), int(str(address["port"]))
