"""TCP conversations as frames, built by hand: Ethernet, IPv4 or IPv6, TCP.  Nothing here uses the package under test."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

SECOND = 1_000_000_000
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}


@dataclass
class Talk:
    """Two hosts; each call of ``send`` adds a frame."""

    client: tuple[str, int] = ("10.0.0.1", 40000)
    server: tuple[str, int] = ("10.0.0.2", 80)
    time: int = 1_700_000_000 * SECOND
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def send(self, who: str, flags: str, seq: int, ack: int = 0, data: bytes = b"", after: int = 1_000_000) -> Talk:
        """``who`` is "client" or "server"; ``flags`` letters of FSRPA; ``after`` nanoseconds."""
        self.time += after
        source, target = (self.client, self.server) if who == "client" else (self.server, self.client)
        bits = sum(FLAGS[letter] for letter in flags)
        tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 5 << 4, bits, 64000, 0, 0) + data
        if ":" in source[0]:
            addresses = socket.inet_pton(socket.AF_INET6, source[0]) + socket.inet_pton(socket.AF_INET6, target[0])
            packet = struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + addresses + tcp
            kind = b"\x86\xdd"
        else:
            addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
            number = len(self.frames) + 1
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0) + addresses + tcp
            kind = b"\x08\x00"
        self.frames.append((self.time, b"\x02" * 6 + b"\x04" * 6 + kind + packet))
        return self

    def handshake(self) -> Talk:
        """Three segments; ISNs 100 and 300."""
        return self.send("client", "S", 100).send("server", "SA", 300, 101).send("client", "A", 101, 301)

    def close(self) -> Talk:
        """The client's FIN, and the server's three segments later; both acknowledged."""
        self.send("client", "FA", 101, 301).send("server", "A", 301, 102)
        return self.send("server", "FA", 301, 102).send("client", "A", 102, 302)

    def stay(self, seconds: int) -> Talk:
        """A frame of nobody's that lets the capture go on: another connection's lone ACK would count, so ARP."""
        self.time += seconds * SECOND
        self.frames.append((self.time, b"\x02" * 6 + b"\x04" * 6 + b"\x08\x06" + bytes(28)))
        return self
