"""Whether the truth fits the frames: for each true transition, the frame that must have caused it, or followed from it.

This uses nothing of what the truth was merged from.  A run whose truth and frames were out of step, or that had lost a witness, shows here.
"""

from __future__ import annotations

import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from kernel.runs import SIDES, Run, packets

FIN, SYN, RST, ACK = 1, 2, 4, 16
MS = 1_000_000
LATE = MS  # that a frame may be stamped after what it caused
UNSEEN = 1000 * MS  # an orphan gives up no sooner
NEXT = {
    "CLOSED": {"SYN_SENT", "SYN_RECEIVED"},
    "LISTEN": {"SYN_RECEIVED"},
    "SYN_SENT": {"ESTABLISHED", "SYN_RECEIVED", "CLOSED"},
    "SYN_RECEIVED": {"ESTABLISHED", "FIN_WAIT_1", "CLOSED"},
    "ESTABLISHED": {"FIN_WAIT_1", "CLOSE_WAIT", "CLOSED"},
    "FIN_WAIT_1": {"FIN_WAIT_2", "CLOSING", "CLOSED"},
    "FIN_WAIT_2": {"TIME_WAIT", "CLOSED"},
    "CLOSING": {"TIME_WAIT", "CLOSED"},
    "TIME_WAIT": {"CLOSED"},
    "CLOSE_WAIT": {"LAST_ACK", "CLOSED"},
    "LAST_ACK": {"CLOSED"},
}
"""The arrows of RFC 9293, figure 5, and those to CLOSED."""

Address = tuple[str, int]


class Head(NamedTuple):
    """Of a TCP segment."""

    time: int
    flags: int
    ack: int
    end: int


Heads = dict[tuple[Address, Address], list[Head]]


def heads(capture: bytes) -> Heads:
    """Every segment of a capture, by sender and receiver."""
    found: Heads = defaultdict(list)
    for time, frame, _ in packets(capture):
        if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
            family, at, hosts, end = socket.AF_INET, 34, frame[26:34], 14 + int.from_bytes(frame[16:18], "big")
        elif frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
            family, at, hosts, end = socket.AF_INET6, 54, frame[22:54], 54 + int.from_bytes(frame[18:20], "big")
        else:
            continue
        ports_and_more = struct.unpack_from("!HHIIH", frame, at)
        source, target, seq, ack, bits = ports_and_more
        half = len(hosts) // 2
        ends = [socket.inet_ntop(family, part) for part in (hosts[:half], hosts[half:])]
        length = end - at - (bits >> 12) * 4 + bool(bits & SYN) + bool(bits & FIN)
        found[(ends[0], source), (ends[1], target)].append(Head(time, bits & 0xFF, ack, (seq + length) % 2**32))
    return found


def misfits(run: Run) -> Iterator[str]:
    """A line for every transition without its frame, or that there cannot be."""
    for side in SIDES:
        seen = heads(run.captures[side])
        for record in run.truth:
            mine, theirs = ((record[s]["addr"], record[s]["port"]) for s in (side, SIDES[side == "client"]))
            sent, received = seen.get((mine, theirs), []), seen.get((theirs, mine), [])
            timeline = record[side]["timeline"]
            for before, after in pairwise(timeline):
                until = max(after["t"], after.get("hi", 0)) + LATE
                here = [[h for h in some if record["t_start"] - LATE <= h.time <= until] for some in (sent, received)]
                arrow = before["state"], after["state"]
                if arrow[1] not in NEXT[arrow[0]]:
                    yield f"#{record['id']} {record['scenario']} {side}: {arrow[0]} to {arrow[1]}"
                elif not explained(arrow, here[0], here[1], record, side, after["t"], after["t"] - before["t"]):
                    yield f"#{record['id']} {record['scenario']} {side}: no frame explains {arrow[0]} to {arrow[1]}"


def explained(
    arrow: tuple[str, str],
    sent: list[Head],
    received: list[Head],
    record: dict[str, Any],
    side: str,
    when: int,
    lasted: int,
) -> bool:
    """Whether the frames up to then, or a call of the application, allow the transition."""
    fins = [head.end for head in sent if head.flags & FIN]
    fin_came = any(head.flags & FIN for head in received)
    fin_acked = any(head.flags & ACK and head.ack in fins for head in received)
    reset = any(head.flags & RST for head in (*sent, *received))
    new = arrow[1]
    if new == "SYN_RECEIVED":
        return any(head.flags & (SYN | ACK) == SYN for head in received)
    if arrow == ("SYN_SENT", "ESTABLISHED"):
        return any(head.flags & (SYN | ACK) == SYN | ACK for head in received)
    if new == "ESTABLISHED":
        return any(head.flags & ACK for head in received)
    if new in ("FIN_WAIT_1", "LAST_ACK"):
        closes = ("close", "shutdown for writing", "close after an error")
        return any(c["who"] == side and c["op"] in closes and c["t"] <= when + 5 * MS for c in record["app"])
    if new in ("CLOSE_WAIT", "CLOSING"):
        return fin_came
    if new == "FIN_WAIT_2":
        return fin_acked
    if new == "TIME_WAIT":
        return fin_came and fin_acked
    if arrow == ("LAST_ACK", "CLOSED"):
        return fin_acked or reset or lasted > UNSEEN
    return True  # SYN_SENT by the application; CLOSED by a RST, a timer or the application
