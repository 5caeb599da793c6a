"""Which connection is meant: by number, 4-tuple, Community ID or frame."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import NamedTuple

from tcptrace_py.errors import ConfigError
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report.identity import address_text, community_id, endpoint_text, ports
from tcptrace_py.report.text import printable

FORMS = "a number (3), a:p-b:q (10.0.0.1:40000-10.0.0.2:80), a Community ID (1:...) or frame N"
_TUPLE = re.compile(r"(?P<a>\S+?):(?P<p>\d{1,5})\s*(?:-|<?->)\s*(?P<b>\S+):(?P<q>\d{1,5})")


class Choice(NamedTuple):
    """What was asked for: one of these."""

    text: str
    number: int = -1
    frame: int = -1
    community: str = ""
    keys: tuple[bytes, ...] = ()
    """Of both directions."""

    def takes(self, c: Connection) -> bool:
        """Whether that is it.  Of a frame only the capture can tell."""
        return self.is_met(c.number, c.key)

    def is_met(self, number: int, key: bytes) -> bool:
        """Likewise, by the number and the four-tuple of a connection."""
        if self.number >= 0:
            return number == self.number
        if self.keys:
            return key in self.keys
        return bool(self.community) and community_id(key) == self.community


def parse(words: list[str]) -> Choice:
    """The connection that these words of a command line name.  Raises ConfigError."""
    text = " ".join(words).strip()
    shown = printable(text)
    found = re.fullmatch(r"frame[ :=]*(\d{1,18})", text, re.IGNORECASE)
    if found:
        return Choice(shown, frame=int(found[1]))
    found = re.fullmatch(r"#?(\d{1,18})", text)
    if found:
        return Choice(shown, number=int(found[1]))
    if re.fullmatch(r"1:[A-Za-z0-9+/]{27}=", text):
        return Choice(shown, community=text)
    found = _TUPLE.fullmatch(text)
    if found:
        a, b = _address(found["a"]), _address(found["b"])
        p, q = int(found["p"]), int(found["q"])
        if a is not None and b is not None and len(a) == len(b) and max(p, q) <= 0xFFFF:
            one, two = p.to_bytes(2, "big"), q.to_bytes(2, "big")
            return Choice(shown, keys=(a + b + one + two, b + a + two + one))
    raise ConfigError(f"'{shown}' names no connection: give {FORMS}")


def _address(text: str) -> bytes | None:
    text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            return socket.inet_pton(family, text)
    return None


def tuple_text(key: bytes) -> str:
    """A connection's 4-tuple as it may be typed: client first."""
    half = (len(key) - 4) // 2
    p, q = ports(key)
    return f"{endpoint_text(address_text(key[:half]), p)}-{endpoint_text(address_text(key[half : 2 * half]), q)}"
