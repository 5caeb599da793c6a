"""Hold the marks of segments (sent again, out of order, a copy …) against what really became of every frame, in Markdown.

    PYTHONPATH=.:tests python tests/kernel/repeats.py DIR…

DIR is a run of ``record.py``: ``frames.csv`` says which frames of the three captures are the same transmission, and in which
order they were sent.  So it is known of each segment with data whether its sender had sent it before, and whether that had
passed the tap.  Frames that were forged are left out.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2]), str(here.parents[1])]

from kernel.runs import TAPS
from tcptrace_py.capture import open_captures
from tcptrace_py.cli.analysis import timers
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.packet import RST, SEGMENT, SYN, Record, Segment
from tools.parity_wire import Bytes

COLUMNS = {"client": "client_frames", "middle": "middle_frame", "server": "server_frames"}
AGAIN, LOST, LATE, COPY, NEW = "sent again", "sent again, the first one lost before", "out of order", "a copy", "new"
HIDDEN = "sent again, and nothing shows it"
"""The first one was lost before the tap, and nothing later had passed: it looks like new data."""
SAID = (
    (mk.DUPLICATE | mk.COPIED, COPY),
    (mk.RETRANSMISSION, AGAIN),
    (mk.LOST_BEFORE, LOST),
    (mk.OUT_OF_ORDER, LATE),
)


def numbered(run: Path, tap: str) -> dict[int, int]:
    """Which transmission each frame of a tap is, by its number in the capture."""
    found = {}
    with open(run / "frames.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for number in filter(None, row[COLUMNS[tap]].split("|")):
                found[int(number)] = int(row["fid"])
    return found


def segments(run: Path, tap: str, tracker: Tracker | None = None) -> Iterator[tuple[int, Segment]]:
    """Every segment with data that is no RST, with the number of its frame; a tracker has had it then."""
    captures = open_captures([str(run / f"{tap}.pcap")], None)
    decoder, record, segment = Decoder(False), Record(), Segment()
    try:
        while captures.next(record):
            if decoder.decode(record, segment) == SEGMENT:
                if tracker is not None:
                    tracker.segment(segment)
                if segment.length and not segment.flags & RST:
                    yield int(record.number), segment
    finally:
        captures.close()


def sent_again(run: Path) -> dict[int, bool]:
    """Of each transmission, whether some of its data had been sent before: told at its sender, where nothing is lost yet."""
    sent: dict[int, tuple[bytes, int, int]] = {}
    for tap in ("client", "server"):
        which = numbered(run, tap)
        for number, seg in segments(run, tap):
            if number in which:
                start = int(seg.seq) + (1 if seg.flags & SYN else 0)
                sent.setdefault(which[number], (bytes(seg.key), start, int(seg.length)))
    known: dict[bytes, Bytes] = defaultdict(Bytes)
    return {fid: known[key].add(start, length) < length for fid, (key, start, length) in sorted(sent.items())}


def judged(run: Path, tap: str, again: dict[int, bool]) -> Counter[tuple[str, str]]:
    """What each segment was, and what was said of it."""
    tracker = Tracker(timers(Config()), Limits(0, 60 * 10**9))
    which = numbered(run, tap)
    passed: dict[bytes, Bytes] = defaultdict(Bytes)
    seen: set[int] = set()
    found: Counter[tuple[str, str]] = Counter()
    for number, seg in segments(run, tap, tracker):
        fid = which.get(number)
        if fid is None or fid not in again:
            continue
        known = passed[bytes(seg.key)]
        length = int(seg.length)
        highest = known.near
        new = known.add(int(seg.seq) + (1 if seg.flags & SYN else 0), length)
        is_below = known.near == highest
        if fid in seen:
            true = COPY
        elif again[fid]:
            true = AGAIN if new < length else LOST if is_below else HIDDEN
        else:
            true = LATE if is_below else NEW
        seen.add(fid)
        found[true, next((name for bits, name in SAID if seg.marks & bits), NEW)] += 1
    return found


def table(runs: list[Path]) -> str:
    """The truth, and what was said of it, over all taps."""
    found: Counter[tuple[str, str]] = Counter()
    for run in runs:
        again = sent_again(run)
        for tap in TAPS:
            found += judged(run, tap, again)
    lines = ["| what it was | segments | called so | called otherwise |", "| --- | ---: | ---: | --- |"]
    for true in (NEW, AGAIN, LOST, LATE, COPY, HIDDEN):
        said = {name: count for (was, name), count in found.items() if was == true}
        right = said.get(NEW if true == HIDDEN else true, 0)
        total = sum(said.values())
        others = ", ".join(
            f"{n} {name}"
            for name, n in sorted(said.items(), key=lambda item: -item[1])
            if name not in (true, NEW if true == HIDDEN else true)
        )
        share = f"{100 * right / total:.2f} %" if total else ""
        lines.append(f"| {true} | {total:,} | {share} | {others} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table([Path(name) for name in sys.argv[1:]]))
