"""Who talks to whom: addresses and ports from a flow key, and the Community ID that other tools know a flow by."""

from __future__ import annotations

import socket
from binascii import b2a_base64
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

_PROTOCOL: Final = bytes((6, 0))
"""TCP, and padding."""


@lru_cache(maxsize=65536)
def address_text(address: bytes) -> str:
    """An IPv4 (4 bytes) or IPv6 (16 bytes) address as people write it."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def ports(key: bytes) -> tuple[int, int]:
    """The client's and the server's port, from a flow key."""
    return int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")


def endpoint_text(address: str, port: int) -> str:
    """Address and port in one word; IPv6 in brackets (RFC 5952, 6)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def community_id(key: bytes) -> str:
    """Community ID version 1, seed 0, of a TCP flow: the same for both directions.

    SHA-1 over seed, smaller endpoint, larger endpoint, protocol, padding and ports, as
    https://github.com/corelight/community-id-spec has it.
    """
    half = (len(key) - 4) // 2
    one, two = key[:half], key[half : 2 * half]
    port, other_port = key[-4:-2], key[-2:]
    if (one, port) > (two, other_port):
        one, two, port, other_port = two, one, other_port, port
    digest = _sha1()(b"\0\0" + one + two + _PROTOCOL + port + other_port).digest()
    return "1:" + b2a_base64(digest, newline=False).decode("ascii")


@lru_cache(maxsize=1)
def _sha1() -> Callable[[bytes], Any]:
    """The function that the specification names; not for security.

    OpenSSL's takes several times as long to begin as the interpreter's own takes for the whole of so short a text.
    """
    try:
        own: Callable[[bytes], Any] = import_module("_sha1").sha1
    except (ImportError, AttributeError):
        import hashlib

        return lambda data: hashlib.sha1(data, usedforsecurity=False)
    return own
