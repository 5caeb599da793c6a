"""What a story is, and what it may do: open, talk, close, abort, vanish at either host, and meddle with the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from wire import CLIENT, NET4, NET6, SERVER, Namespaces, Rule, Wire

TCP_REPAIR = 19  # Linux, not in every version of the socket module
EVER = 10**9


Play = Callable[["Lab"], Awaitable[None]]


@dataclass
class Story:
    """A story, the files it gives, and the findings that its author expects of it."""

    play: Play
    views: dict[str, str]  # sample → the side whose network card saw it
    found: dict[int, list[str]] = field(default_factory=dict)  # client's port → rules
    seen_by: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # the same where a sample differs
    also: list[str] = field(default_factory=list)  # findings about no single connection
    again: dict[int, int] = field(default_factory=dict)  # client's port → connections, if more than one
    earlier: dict[int, list[str]] = field(default_factory=dict)  # client's port → findings of those before the last
    unknowable: dict[int, list[str]] = field(default_factory=dict)  # client's port → endpoints no frame tells about
    seen_as: dict[int, dict[str, str]] = field(default_factory=dict)  # client's port → states of hosts that vanished
    before: dict[str, dict[int, list[str]]] = field(
        default_factory=dict
    )  # sample → port → findings of an old SYN's attempt
    crowd: int = 0  # client ports from here up are counted, not listed
    delay: float = 0.01  # one way, in seconds

    @property
    def name(self) -> str:
        return next(iter(self.views))


STORIES: dict[str, Story] = {}


def story(
    sample: str, side: str = CLIENT, found: dict[int, list[str]] | None = None, **more: Any
) -> Callable[[Play], Play]:
    """Register a story under its (first) sample."""

    def register(play: Play) -> Play:
        views = {sample: side, **more.pop("more_views", {})}
        STORIES[sample] = Story(play, views, found or {}, **more)
        return play

    return register


class Lab:
    """Two hosts, the wire, and the sockets of the story, which stay open until the recording is over."""

    def __init__(self, delay: float = 0.01) -> None:
        self.net = Namespaces()
        self.wire = Wire(self.net, delay)
        self.loop = asyncio.get_running_loop()
        self.kept: list[socket.socket] = []
        self.opening = asyncio.Lock()
        self.began = self.loop.time()
        self.next_port = 40001
        self.next_check = 50001

    # the wire

    def lose(self, side: str, kind: str, nth: int = 1, count: int = 1, port: int = 0, server: int = 0) -> None:
        self.wire.rules.append(Rule(side, kind, "drop", nth, count, 0, port, server))

    def hold(self, side: str, kind: str, ms: int, nth: int = 1, port: int = 0) -> None:
        self.wire.rules.append(Rule(side, kind, "hold", nth, 1, ms, port))

    def repeat(self, side: str, kind: str, ms: int, nth: int = 1, port: int = 0) -> None:
        self.wire.rules.append(Rule(side, kind, "repeat", nth, 1, ms, port))

    def cut(self, port: int) -> None:
        """From now on nothing of this client port gets through."""
        for side in (CLIENT, SERVER):
            self.lose(side, "any", 1, EVER, port)

    def renumber(self, port: int, by: int) -> None:
        """Shift the sequence numbers of the next connection from this client port."""
        for (client, _), flow in self.wire.flows.items():
            if client[1] == port:
                flow.shift = (flow.shift[0], by)

    def put(self, side: str, frame: bytes) -> None:
        """Put a frame on the wire as if ``side`` had sent it; it arrives at the other host after the usual delay."""
        self.loop.call_later(self.wire.delay, self.wire.deliver, side, frame)

    # sockets

    def bound(self, side: str, host: int, port: int, six: bool = False, **options: int) -> socket.socket:
        with self.net.inside(side):
            sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for name, value in options.items():
            level = socket.SOL_SOCKET if name.startswith("SO_") else socket.IPPROTO_TCP
            sock.setsockopt(level, getattr(socket, name), value)
        sock.bind(((NET6 if six else NET4) + str(host), port))
        self.kept.append(sock)
        return sock

    def listen(self, port: int = 8080, backlog: int = 128, host: int = 7, **options: int) -> socket.socket:
        return self.listen_on(self.bound(SERVER, host, port, False, **options), backlog)

    @staticmethod
    def listen_on(sock: socket.socket, backlog: int = 128) -> socket.socket:
        sock.listen(backlog)
        return sock

    def client(self, host: int = 11, port: int = 0, six: bool = False, **options: int) -> socket.socket:
        """A client's socket, bound; ports count up from 40001."""
        if not port:
            port, self.next_port = self.next_port, self.next_port + 1
        return self.bound(CLIENT, host, port, six, **options)

    async def open(
        self, listener: socket.socket, client: socket.socket | None = None, host: int = 11
    ) -> tuple[socket.socket, socket.socket]:
        """Connect and accept, one at a time, so that the accepted socket is this client's."""
        client = client or self.client(host)
        async with self.opening:
            await self.loop.sock_connect(client, listener.getsockname()[:2])
            return client, await self.accept(listener)

    async def accept(self, listener: socket.socket) -> socket.socket:
        sock, _ = await self.loop.sock_accept(listener)
        self.kept.append(sock)
        return sock

    async def send(self, sender: socket.socket, receiver: socket.socket, data: bytes) -> None:
        """Send ``data``, and read it at the other end."""

        async def read() -> None:
            left = len(data)
            while left:
                left -= len(await self.loop.sock_recv(receiver, left))

        await asyncio.gather(self.loop.sock_sendall(sender, data), read())

    async def ask(
        self, client: socket.socket, server: socket.socket, question: bytes = b"", answer: bytes = b""
    ) -> None:
        """A request and its response."""
        await self.send(client, server, question or b"GET /item/17 HTTP/1.1\r\nHost: 10.1.0.7:8080\r\n\r\n")
        await asyncio.sleep(0.015)
        await self.send(server, client, answer or b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")

    async def eof(self, sock: socket.socket) -> None:
        """Read until the other side has closed."""
        while await self.loop.sock_recv(sock, 65536):
            pass

    async def close(self, first: socket.socket, second: socket.socket, pause: float = 0.12) -> None:
        """``first`` closes; ``second`` sees it, takes a while (more than a delayed ACK) and closes too."""
        first.close()
        await self.eof(second)
        await asyncio.sleep(pause)
        second.close()
        await asyncio.sleep(0.1)

    @staticmethod
    def half_close(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_WR)

    @staticmethod
    def abort(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    @staticmethod
    def vanish(sock: socket.socket) -> None:
        """The kernel forgets this endpoint and sends nothing: a power cut, as its peer would see it."""
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        sock.close()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, second: float) -> None:
        """Sleep until that second of the story."""
        await asyncio.sleep(max(0.0, self.began + second - self.loop.time()))

    async def health_checks(self, listener: socket.socket, until: float, every: float = 14, host: int = 19) -> None:
        """A monitor asks every few seconds, each time on a new connection: proof that host and capture are alive."""
        start, number = self.loop.time(), 0
        while True:
            client, server = await self.open(listener, self.client(host, self.next_check))
            self.next_check += 1
            ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
            await self.ask(client, server, b"GET /healthz HTTP/1.1\r\nHost: 10.1.0.7\r\n\r\n", ok)
            await self.close(client, server, 0.06)
            number += 1
            if start - self.began + number * every > until:
                return
            await asyncio.sleep(start + number * every - self.loop.time())
