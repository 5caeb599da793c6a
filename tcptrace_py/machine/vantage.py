"""Where the capture was taken: at one of the two endpoints, or somewhere between them.

The handshake tells: SYN-ACK and third ACK are sent by the kernel at once, so the side whose answer follows the question
within a fraction of the other's is the one at the capture point.  What holds for one connection of a host holds for
all, so the hosts found to be near are remembered, for connections that show no whole handshake.

At a near endpoint, what is sent to it arrives; of a far one, silence may be its own or the network's.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine.connection import Connection, Exchange
from tcptrace_py.machine.flowtable import key_of

_RATIO: Final = 8
"""A near answer comes at least so many times faster than the far one ..."""
_AT_ONCE: Final = 2_000_000
"""... and within this many nanoseconds: a kernel's answer, with a little waiting."""
_MOST_HOSTS: Final = 1024
_ENOUGH: Final = 1024
_EVERY: Final = 15
_CONTRARY: Final = 4
"""One handshake that says otherwise outweighs so many that said near."""


class Vantage:
    """The hosts that the capture was taken at, as far as their handshakes tell."""

    def __init__(self) -> None:
        self.hosts: dict[bytes, int] = {}  # address → votes that it is near; contrary votes weigh more
        self.since: dict[bytes, int] = {}  # address → the number of the connection that had the first vote

    def know(self, addresses: list[bytes]) -> None:
        """The capture says so itself."""
        for address in addresses:
            self.hosts[address] = _ENOUGH
            self.since[address] = 0

    def near_before(self, number: i64) -> list[bytes]:
        """The addresses of the host that captured, as far as known before the connection of that number."""
        return [address for address, votes in self.hosts.items() if votes > 0 and self.since[address] < number]

    def learn(self, c: Exchange, to_server: i64, to_client: i64) -> None:
        """Take in a connection whose handshake has just been seen whole, with its two round trips."""
        client: bool = is_near(to_client, to_server)
        server: bool = is_near(to_server, to_client)
        assign(c, client, server)
        if c.number <= _ENOUGH or c.number & _EVERY == 0:
            key = key_of(c)
            half: i64 = (len(key) - 4) >> 1
            self.vote(key[:half], client, c.number)
            self.vote(key[half : 2 * half], server, c.number)

    def vote(self, address: bytes, near: bool, number: i64) -> None:
        """One handshake's word on a host.  Only hosts that were once near are remembered: at most a few."""
        votes = self.hosts.get(address)
        if votes is None:
            if near and len(self.hosts) < _MOST_HOSTS:
                self.hosts[address] = 1
                self.since[address] = number
        elif near:
            self.hosts[address] = min(votes + 1, _ENOUGH)
        else:
            self.hosts[address] = max(votes - _CONTRARY, -_ENOUGH)

    def place(self, c: Connection) -> None:
        """Say of a connection where it was captured: from its own handshake, or what is known of its hosts."""
        if c.handshake_to_client >= 0 and c.handshake_to_server >= 0:
            client: bool = is_near(c.handshake_to_client, c.handshake_to_server)
            server: bool = is_near(c.handshake_to_server, c.handshake_to_client)
            assign(c, client, server)
            return
        if not self.hosts:
            return
        half: i64 = (len(c.key) - 4) >> 1
        client = self.hosts.get(c.key[:half], 0) > 0
        server = self.hosts.get(c.key[half : 2 * half], 0) > 0
        assign(c, client, server)


def is_near(own: i64, other: i64) -> bool:
    """Whether a side that takes ``own`` ns to answer is at the capture point, the other side taking ``other``."""
    return 0 <= own < _AT_ONCE and own * _RATIO < other


def assign(c: Exchange, client: bool, server: bool) -> None:
    """Mark which sides are near; one is far when only the other is near."""
    c.one.near = client
    c.two.near = server
    c.one.far = server and not client
    c.two.far = client and not server
