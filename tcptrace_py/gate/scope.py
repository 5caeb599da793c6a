"""Which connections an entry of the configuration is about: by address and port, of either side."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from tcptrace_py.errors import ConfigError
from tcptrace_py.gate.toml import Table
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import members

KEYS = ("address", "port")


class Scope(NamedTuple):
    """One side has such an address and such a port; empty: any."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: tuple[int, ...] = ()

    def holds(self, sides: tuple[tuple[bytes, int], ...]) -> bool:
        """Whether it is about a connection between these two addresses (as in a packet) with their ports."""
        return any(self._holds_side(address, port) for address, port in sides)

    def _holds_side(self, address: bytes, port: int) -> bool:
        if self.ports and port not in self.ports:
            return False
        if not self.networks:
            return True
        ip = ip_address(address)
        return any(ip in network for network in self.networks)


def read_scope(table: Table) -> Scope:
    """The scope that a table gives.  Raises ConfigError."""
    networks = []
    for word in table.words("address") or ():
        try:
            networks.append(ip_network(word))
        except ValueError:
            raise table.error(
                f"address: {printable(word)!r} is no address, and no network such as 10.0.0.0/8"
            ) from None
    return Scope(tuple(networks), table.ports("port") or ())


def check_name(table: Table, key: str, name: str) -> None:
    """Raises ConfigError, with its place, unless there is such a rule or family."""
    try:
        members(name)
    except ConfigError as e:
        raise table.error(f"{key}: {e}") from None
