"""SOCK_DIAG, which ``ss`` asks too: the state of one TCP socket of a Linux kernel, or of all of them, at a known time."""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

Address = tuple[str, int]

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECEIVED",
    4: "FIN_WAIT_1",
    5: "FIN_WAIT_2",
    6: "TIME_WAIT",
    7: "CLOSED",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECEIVED",  # TCP_NEW_SYN_RECV: a request, not a socket yet
}
"""The kernel's numbers (net/tcp_states.h), by the names of RFC 9293."""

LISTEN = 10
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 4, 20, 21
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
ALL_BUT_LISTEN = 0x1FFE & ~(1 << LISTEN)
ANY_COOKIE = b"\xff" * 8
TIMER_TIME_WAIT = 3


class Sock(NamedTuple):
    """One socket, or what stands for one: a request (SYN_RECEIVED) or a minisock (FIN_WAIT_2, TIME_WAIT)."""

    local: Address
    peer: Address
    state: str
    mini: bool
    """A minisock: what the kernel keeps of a connection that only has to wait.  No tracepoint tells of it."""
    cookie: int
    """The same from the request to the minisock; another connection on the same ports has another one."""
    expires_ms: int


class SockDiag:
    """A netlink socket in the namespace in which it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, 0))
        self._sequence = 0

    def exact(self, local: Address, peer: Address) -> Sock | None:
        """The socket of these addresses at this moment; None: no socket, though there may be a listener."""
        self._ask(SOCK_DIAG_BY_FAMILY, 0, family_of(local), 0xFFFF, identity(local, peer))
        for kind, body in self._answers():
            if kind != NLMSG_ERROR:
                found = parse(body)
                return None if found.state == "LISTEN" or not found.peer[1] else found
            failed = -struct.unpack_from("=i", body)[0]
            if failed != errno.ENOENT:
                raise OSError(failed, "SOCK_DIAG")
        return None

    def dump(self) -> list[Sock]:
        """Every socket that has a peer."""
        found = []
        for family in (socket.AF_INET, socket.AF_INET6):
            self._ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, ALL_BUT_LISTEN, bytes(48))
            for kind, body in self._answers(many=True):
                if kind == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "SOCK_DIAG dump")
                found.append(parse(body))
        return [sock for sock in found if sock.peer[1]]

    def destroy(self, local: Address, peer: Address) -> bool:
        """Close a socket as ``ss -K`` does; whether there was one."""
        self._ask(SOCK_DESTROY, NLM_F_ACK, family_of(local), 0xFFFF, identity(local, peer))
        return all(struct.unpack_from("=i", body)[0] == 0 for _, body in self._answers())

    def _ask(self, kind: int, flags: int, family: int, states: int, who: bytes) -> None:
        self._sequence += 1
        body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, states) + who
        head = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, self._sequence, 0)
        self._socket.send(head + body)

    def _answers(self, *, many: bool = False) -> list[tuple[int, memoryview]]:
        """Messages to the last question: the first, or all up to the end of a dump."""
        found: list[tuple[int, memoryview]] = []
        while True:
            data = memoryview(self._socket.recv(1 << 18))
            at = 0
            while at < len(data):
                length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data, at)
                body = data[at + 16 : at + length]
                at += (length + 3) & ~3
                if sequence != self._sequence:
                    continue
                if kind == NLMSG_DONE:
                    return found
                found.append((kind, body))
                if not many or kind == NLMSG_ERROR:
                    return found


def family_of(address: Address) -> int:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def identity(local: Address, peer: Address) -> bytes:
    """A struct inet_diag_sockid."""
    family = family_of(local)
    ends = [socket.inet_pton(family, host).ljust(16, b"\0") for host in (local[0], peer[0])]
    return struct.pack("!HH16s16sI", local[1], peer[1], *ends, 0) + ANY_COOKIE


def parse(body: memoryview) -> Sock:
    """A struct inet_diag_msg."""
    family, state, timer, _, local_port, peer_port = struct.unpack_from("!BBBBHH", body)
    size = 4 if family == socket.AF_INET else 16
    local, peer = (socket.inet_ntop(family, body[at : at + size]) for at in (8, 24))
    cookie, expires = struct.unpack_from("=QI", body, 44)
    mini = timer == TIMER_TIME_WAIT
    return Sock((local, local_port), (peer, peer_port), STATES[state], mini, cookie, expires)
