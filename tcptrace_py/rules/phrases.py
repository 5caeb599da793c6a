"""How findings put things into words: durations, names of endpoints, frames."""

from __future__ import annotations

import ipaddress
from decimal import Decimal

from tcptrace_py.machine.connection import CLIENT, Connection

SECOND = 1_000_000_000

UNKNOWN_TIME = "an unknown time"
"""G8: between two frames of which the later one is dated earlier."""


def figure(ns: int) -> Decimal | None:
    """Nanoseconds as exact seconds; None where they are negative: the clock ran backwards, so nobody knows."""
    return None if ns < 0 else Decimal(ns).scaleb(-9)


def duration(ns: int) -> str:
    """Nanoseconds for people: ``93.2 s``, ``210 ms``, ``0.4 ms``, ``46 us``; negative ones are not known."""
    if ns < 0:
        return UNKNOWN_TIME
    if ns >= 100 * SECOND:
        return f"{ns / SECOND:.0f} s"
    if ns >= SECOND:
        return f"{ns / SECOND:.1f} s"
    if ns >= 10_000_000:
        return f"{ns / 1e6:.0f} ms"
    return f"{ns / 1e6:.1f} ms" if ns >= 100_000 else f"{ns / 1e3:.0f} us"


def address(key: bytes, side: int) -> str:
    """The address of a side, from a connection's key."""
    size = 4 if len(key) == 12 else 16
    return str(ipaddress.ip_address(key[size * side : size * (side + 1)]))


def port(key: bytes, side: int) -> int:
    """The port of a side."""
    at = len(key) - 4 + 2 * side
    return int.from_bytes(key[at : at + 2], "big")


def socket(key: bytes, side: int) -> str:
    """Address and port of a side: ``10.0.0.2:80``, ``[2001:db8::2]:80``."""
    host = address(key, side)
    return f"[{host}]:{port(key, side)}" if ":" in host else f"{host}:{port(key, side)}"


def who(c: Connection, side: int) -> str:
    """``the client 10.0.0.1:40000``."""
    return f"the {role(side)} {socket(c.key, side)}"


def role(side: int) -> str:
    """``client`` or ``server``."""
    return "client" if side == CLIENT else "server"


def times(count: int) -> str:
    """``once``, ``twice``, ``7 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def several(count: int, noun: str) -> str:
    """``1 byte``, ``7 bytes``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sentence(text: str) -> str:
    """With a capital at its beginning, unless that is the name of a function (``close()``)."""
    return text if text.partition(" ")[0].endswith("()") else text[:1].upper() + text[1:]


def intervals(gaps: list[int]) -> str:
    """``after 1.0, 1.0, 2.0 s``; of a long list the first and the last; what is not known is a question mark."""
    if max(gaps) < 0:
        return f"after {UNKNOWN_TIME}"
    shown = [
        "?" if gap < 0 else f"{gap / SECOND:.1f}" if gap >= SECOND // 10 else f"{gap / SECOND:.3f}" for gap in gaps
    ]
    if len(shown) > 8:
        shown = [*shown[:4], "…", *shown[-3:]]
    return f"after {', '.join(shown)} s"
