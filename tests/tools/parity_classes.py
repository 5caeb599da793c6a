"""Why one of our figures differs from another tool's: classes, each with the evidence that it needs."""

from __future__ import annotations

from typing import Any

from tools.parity_tools import FIELDS, Side, Talked

COUNTS = tuple(name for name in FIELDS if name not in ("mss", "timestamps", "first_time", "last_time"))
_OF_DATA = ("unique_bytes", "data_packets", "payload_bytes")

CLASSES = {
    "captured twice": "we leave frames out that the capture holds twice (`hardware_duplicates`); both count them",
    "SYN not seen or cut": "what a SYN offers is unknown to us (`null`) where none was seen, or its options were cut; both read it off later segments, or say no",
    "not offered": "timestamps on later segments than the SYN: used, never offered",
    "text of a RST": "both count what a RST carries as data of the stream (RFC 9293, 3.5.3: it is a message for people)",
    "at a closed window": "tcptrace takes all that is sent to a closed window for probes, and leaves it out of the unique bytes",
    "SYN as data": "tcptrace counts a SYN or FIN whose number differs from the first one's as a unique byte",
    "inside a payload": "packets that a protocol carries (OpenFlow) are dissected by Wireshark as if they had passed",
    "signed MSS": "tcptrace prints an MSS of 32,768 or more as a negative number, modulo 2^32",
    "ports used again": "the same frames, divided among the uses of the ports in another way",
    "IP length 0": "segments longer than an IP header can say (offload): their length is the frame's; tcptrace and older Wireshark drop them",
    "frame shorter than its IP packet": "the record keeps no longer length than it stores; Wireshark believes the record, we and tcptrace IP",
    "behind other headers": "tcptrace looks for IP right behind the link header: no tunnels, no MPLS",
    "link type": "tcptrace does not know the link type",
    "ICMP error": "our times of a connection include an ICMP error about it",
    "time out of range": "the record's time is none that the tool can hold",
    "malformed": "headers that are cut or contradict themselves, which each tool reads as far as it likes",
}
"""Every class, with its reason."""


def explain(
    name: str, mine: Side, other: Side, mirror: Side | None, wire: Side | None, features: set[str], tool: str
) -> str:
    """The class of one disagreement; empty: none fits.  ``wire`` is tshark's side of it, ``mirror`` ours of the peer."""
    a, b = mine.values[name], other.values[name]
    copies = mine.hints["copies"]
    if name == "timestamps":
        return "SYN not seen or cut" if a is None else "not offered" if b and not a else ""
    if name == "mss" and a is not None and b == a | 0xFFFF0000:
        return "signed MSS"
    if name == "mss" and a is None:
        return "SYN not seen or cut"
    if name.endswith("_time"):
        if copies or (mirror is not None and mirror.hints["copies"]):
            return "captured twice"
        if mine.hints["quoted"] and a > b:
            return "ICMP error"
        return "time out of range" if not _is_sane(a) or not _is_sane(b) or "time out of range" in features else ""
    if copies and 0 < b - a <= (copies if name not in ("payload_bytes", "unique_bytes") else b):
        return "captured twice"
    if name in _OF_DATA and wire is not None and wire.hints.get("text of a RST"):
        return "text of a RST"
    if name == "unique_bytes" and 0 < a - b <= other.hints.get("at a closed window", 0):
        return "at a closed window"
    if name == "unique_bytes" and 0 < b - a <= max(other.values["syn"] - 1, 0) + max(other.values["fin"] - 1, 0):
        return "SYN as data"
    if "inside a payload" in features and tool == "tshark":
        return "inside a payload"
    if wire is None or wire.hints.get("malformed"):
        return "malformed" if "malformed" in features else ""
    known = ("IP length 0", "frame shorter than its IP packet") if name in (*_OF_DATA, "pure_acks") else ()
    return next((one for one in known if one in features), "")


def _is_sane(nanoseconds: int) -> bool:
    """A time that every tool can hold and print: seconds of 32 bits, after the first of them."""
    return 0 < nanoseconds < (1 << 31) * 10**9


def total(talked: list[Talked], *, with_copies: bool) -> dict[Any, dict[str, int]]:
    """The counts of all uses of a pair of ends together, by the sender."""
    sums: dict[Any, dict[str, int]] = {}
    for one in talked:
        for end, side in one.sides.items():
            into = sums.setdefault(end, dict.fromkeys(COUNTS, 0))
            for name in COUNTS:
                if name != "unique_bytes":  # what one use sends again is new in another
                    into[name] += side.values.get(name) or 0
            if with_copies:
                into["packets"] += side.hints["copies"]
    return sums


def is_divided_otherwise(one: list[Talked], two: list[Talked]) -> bool:
    """Whether both have the same frames of a pair of ends, in other connections."""
    mine, other = total(one, with_copies=True), total(two, with_copies=False)
    return mine.keys() == other.keys() and all(mine[end]["packets"] == other[end]["packets"] for end in mine)
