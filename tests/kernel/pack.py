"""Make a run small enough to keep: frames cut behind their headers, everything compressed.

``python tests/kernel/pack.py DIR…`` writes tests/kernel/runs/NAME of every recorded DIR/NAME.  A run is kept only if tcpfsm says the
same of the shortened captures as of the whole ones.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2]), str(here.parents[1])]

from kernel.judging import RUNS, analyse
from kernel.runs import TAPS, Run, load, packets, pcap, store

SNAPLEN = 128
SENT = ("truncated_packets",)
"""What a report on shortened frames says differently, by right."""


def shorten(frame: bytes) -> bytes:
    """Up to the end of the TCP header; of anything else, so much that a quoted TCP header is in it."""
    at = {b"\x08\x00": (34, 23), b"\x86\xdd": (54, 20)}.get(frame[12:14])
    if at is None or frame[at[1]] != 6:
        return frame[:SNAPLEN]
    return frame[: at[0] + (frame[at[0] + 12] >> 4) * 4]


def essence(run: Run, tap: str) -> list[dict[str, Any]]:
    """What tcpfsm says, without what tells how much was captured of a frame."""
    found = analyse(run, tap)
    for connection in found:
        for end in connection["endpoints"].values():
            for name in SENT:
                del end["sent"][name]
    return found


def main() -> int:
    for name in sys.argv[1:]:
        run = load(Path(name))
        captures = {
            tap: pcap(((time, shorten(data), size) for time, data, size in packets(run.captures[tap])), SNAPLEN)
            for tap in TAPS
        }
        small = replace(run, captures=captures)
        for tap in TAPS:
            if essence(run, tap) != essence(small, tap):
                sys.stderr.write(f"{name}: {tap}.pcap is judged differently when its frames are shortened\n")
                return 1
        store(small, RUNS / run.name, compressed=True)
        size = sum(path.stat().st_size for path in (RUNS / run.name).iterdir())
        sys.stdout.write(f"{RUNS / run.name}: {size / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
