"""One connection, played after its script, and the words that scripts are made of.

A script is words in their order; ``word:argument:argument``.  ``c`` and ``s`` are the client's and the server's application.
A word with ``&`` at its end goes on while the script does.  Each ``word`` is the method ``do_word``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from frames import ACK, RST, SYN
from kernel.rules import EVER, Rule
from wire import CLIENT, OTHER, SERVER

if TYPE_CHECKING:
    from kernel.apps import Applications

PAYLOAD = b"Whatever is said here, only its length and its order matter. " * 8192
MSG_FASTOPEN = 0x20000000
TCP_REPAIR = 19
CLOSED_PORT = 9992
NAMES = {CLIENT: "client", SERVER: "server"}
TCP_OPTIONS = {
    "keepidle": 4,
    "keepintvl": 5,
    "keepcnt": 6,
    "cork": 3,
    "defer": 9,
    "quickack": 12,
    "user_timeout": 18,
    "fastopen": 23,
}
SOCKET_OPTIONS = {"sndbuf": socket.SO_SNDBUF, "rcvbuf": socket.SO_RCVBUF, "keepalive": socket.SO_KEEPALIVE}
FLAGS = {"rst": RST, "syn": SYN, "ack": ACK}


def set_option(sock: socket.socket, text: str) -> None:
    """``name=value``."""
    name, _, value = text.partition("=")
    if name in TCP_OPTIONS:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_OPTIONS[name], int(value))
    else:
        sock.setsockopt(socket.SOL_SOCKET, SOCKET_OPTIONS[name], int(value))


class Player:
    """A connection of one scenario.  ``like`` is an earlier one: on the same server port and family."""

    def __init__(self, apps: Applications, scenario: str, like: Player | None = None) -> None:
        self.apps, self.scenario, self.chance = apps, scenario, apps.chance
        self.number = apps.next_number()
        self.six: bool = like.six if like else self.chance.random() < apps.plan.six
        self.server_port: int = like.server_port if like else apps.shared_port()
        self.client_port = apps.next_client_port()
        self.rules: list[Rule] = []
        self.socks: dict[str, socket.socket] = {}
        self.listener: socket.socket | None = None
        self.listening, self.registered, self.keeps = True, False, False
        self.loop = asyncio.get_running_loop()
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> tuple[str, int]:
        return self.apps.host(CLIENT, self.six), self.client_port

    @property
    def server(self) -> tuple[str, int]:
        return self.apps.host(SERVER, self.six), self.server_port

    # ---- the script

    async def play(self, script: str) -> None:
        """All of it; an application whose call fails closes its sockets, unless it ``keeps`` them."""
        player = self
        for word in script.split():
            name, *arguments = word.rstrip("&").split(":")
            if name in ("again", "sibling"):
                player = player.follow(name, arguments[0])
                continue
            doing: Coroutine[Any, Any, None] = getattr(player, f"do_{name.replace('-', '_')}")(*arguments)
            if word.endswith("&"):
                player.in_background(doing)
            elif not await player.attempt(doing):
                return

    def follow(self, name: str, scenario: str) -> Player:
        """Another connection: ``again`` on the same ports, as ``sibling`` to the same listener."""
        made = Player(self.apps, scenario, self)
        made.listening = self.listening
        if name == "again":
            made.client_port = self.client_port
        return made

    def in_background(self, doing: Coroutine[Any, Any, None]) -> None:
        async def alone() -> None:
            await self.attempt(doing)

        task = asyncio.ensure_future(alone())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def attempt(self, doing: Coroutine[Any, Any, None]) -> bool:
        try:
            await doing
        except (OSError, EOFError) as error:
            self.log("script", f"{type(error).__name__}: {error}")
            for side, sock in self.socks.items():
                if sock.fileno() >= 0 and not self.keeps:
                    self.log(NAMES[side], "close after an error")
                    sock.close()
            return False
        return True

    def log(self, who: str, what: str) -> None:
        self.apps.log_call(self.number, who, what)

    # ---- words: what befalls the segments

    async def do_lose(self, side: str, kind: str, count: str = "1", nth: str = "1") -> None:
        self.rules.append(Rule(side, kind, "lose", int(nth), EVER if count == "ever" else int(count)))

    async def do_hold(self, side: str, kind: str, ms: str, nth: str = "1") -> None:
        self.rules.append(Rule(side, kind, "hold", int(nth), ms=int(ms)))

    async def do_repeat(self, side: str, kind: str, ms: str) -> None:
        self.rules.append(Rule(side, kind, "repeat", ms=int(ms)))

    async def do_swallow(self, side: str, kind: str) -> None:
        self.rules.append(Rule(side, kind, "swallow", count=EVER))

    async def do_reject(self, side: str, kind: str) -> None:
        self.rules.append(Rule(side, kind, "reject", count=EVER))

    async def do_part_at(self, side: str, kind: str) -> None:
        self.rules.append(Rule(side, kind, "lose", part=True))

    async def do_part_after(self, side: str, kind: str) -> None:
        self.rules.append(Rule(side, kind, "pass", part=True))

    async def do_part(self) -> None:
        self.apps.order("part", self.client, self.server)
        self.log("wire", "part")

    async def do_forge(self, to: str, flags: str, ahead: str = "0") -> None:
        """A segment to one side, so far ahead of the sequence number that it expects."""
        to = self.chance.choice((CLIENT, SERVER)) if to == "either" else to
        self.apps.order("forge", self.client, self.server, to, FLAGS[flags], int(ahead))
        self.log("wire", f"forge {flags} to the {NAMES[to]}")

    # ---- words: opening

    async def do_port(self, port: str) -> None:
        """Connect there, where nobody listens."""
        self.server_port, self.listening = int(port), False

    async def do_listen(self, *options: str) -> None:
        """On a port of its own; backlog=N, quiet (nobody accepts), options of the socket."""
        values = dict(option.partition("=")[::2] for option in options)
        backlog, quiet = int(values.pop("backlog", "16")), "quiet" in values
        values.pop("quiet", None)
        self.server_port = self.apps.next_server_port()
        sock = self.apps.new_socket(SERVER, self.six)
        for name, value in values.items():
            set_option(sock, f"{name}={value}")
        sock.bind(self.server)
        sock.listen(backlog)
        self.listener = sock
        if not quiet:
            self.apps.accept_all(sock)

    async def do_unlisten(self) -> None:
        assert self.listener
        self.log("server", "close the listener")
        self.listener.close()

    async def do_client(self, *options: str) -> None:
        """The client's socket, bound, and the connection made known to the wire."""
        sock = self.socks[CLIENT] = self.apps.new_socket(CLIENT, self.six)
        for option in options:
            set_option(sock, option)
        sock.bind(self.client)
        self.registered = True
        self.apps.register(self)

    async def do_connect(self, *options: str) -> None:
        if not self.registered:
            await self.do_client(*options)
        self.log("client", "connect")
        await self.loop.sock_connect(self.socks[CLIENT], self.server)
        self.log("client", "connected")

    async def do_accept(self) -> None:
        self.socks[SERVER] = await self.apps.accepted(self.client, self.server_port)
        self.log("server", "accepted")

    async def do_open(self, *options: str) -> None:
        await self.do_connect(*options)
        await self.do_accept()

    async def do_both_connect(self) -> None:
        """A simultaneous open; needs rules that hold the SYNs."""
        self.server_port, self.listening = self.apps.next_server_port(), False
        await self.do_client()
        sock = self.socks[SERVER] = self.apps.new_socket(SERVER, self.six)
        sock.bind(self.server)
        self.log("client", "connect")
        self.log("server", "connect")
        await asyncio.gather(
            self.loop.sock_connect(self.socks[CLIENT], self.server), self.loop.sock_connect(sock, self.client)
        )

    async def do_fast_open(self, size: str) -> None:
        """Connect with data: on the SYN if the client has a cookie (RFC 7413)."""
        await self.do_client()
        self.log("client", "connect with data")
        sock, data, sent = self.socks[CLIENT], PAYLOAD[: int(size)], 0
        with contextlib.suppress(BlockingIOError):
            sent = sock.sendto(data, MSG_FASTOPEN, self.server)
        ready = asyncio.Event()
        self.loop.add_writer(sock, ready.set)
        await ready.wait()
        self.loop.remove_writer(sock)
        await self.loop.sock_sendall(sock, data[sent:])

    async def do_cancel(self) -> None:
        """Stop what goes on in the background."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.sleep(0)

    # ---- words: talking

    async def do_send(self, side: str, size: str) -> None:
        await self.loop.sock_sendall(self.socks[side], PAYLOAD[: int(size)])

    async def do_read(self, side: str, size: str) -> None:
        left = int(size)
        while left > 0:
            data = await self.loop.sock_recv(self.socks[side], min(left, 65536))
            if not data:
                raise EOFError("the peer closed early")
            left -= len(data)

    async def do_move(self, side: str, low: str, high: str = "") -> None:
        """One side sends, the other reads."""
        size = str(self.chance.randint(int(low), int(high or low)))
        await asyncio.gather(self.do_send(side, size), self.do_read(OTHER[side], size))

    async def do_talk(self, rounds: str = "") -> None:
        """Requests and responses."""
        for _ in range(int(rounds) if rounds else self.chance.randint(1, 3)):
            await self.do_move(CLIENT, "50", "900")
            await self.do_wait("0.01", "0.08")
            await self.do_move(SERVER, "200", "6000")

    async def do_wait(self, low: str, high: str = "") -> None:
        await asyncio.sleep(self.chance.uniform(float(low), float(high or low)))

    async def do_wait_orphan(self) -> None:
        """Longer than the kernel keeps an orphaned FIN_WAIT_2."""
        await asyncio.sleep(6.5 if self.apps.plan.fast else 62)

    async def do_stay(self) -> None:
        """Until the end of the run."""
        await asyncio.sleep(1e6)

    async def do_keep(self) -> None:
        """From now on, do not close after an error."""
        self.keeps = True

    async def do_set(self, side: str, *options: str) -> None:
        for option in options:
            set_option(self.socks[side], option)

    # ---- words: closing

    async def do_eof(self, side: str) -> None:
        while await self.loop.sock_recv(self.socks[side], 65536):
            pass
        self.log(NAMES[side], "end of file")

    async def do_close(self, side: str) -> None:
        self.log(NAMES[side], "close")
        self.socks[side].close()

    async def do_shut(self, side: str) -> None:
        self.log(NAMES[side], "shutdown for writing")
        self.socks[side].shutdown(socket.SHUT_WR)

    async def do_abort(self, side: str) -> None:
        self.log(NAMES[side], "abort")
        self.socks[side].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socks[side].close()

    async def do_vanish(self, side: str) -> None:
        """The kernel forgets this endpoint and sends nothing: a power cut, as its peer would see it."""
        self.log(NAMES[side], "vanish")
        self.socks[side].setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.socks[side].close()

    async def do_kill(self, side: str) -> None:
        """What ``ss -K`` does."""
        ends = (self.client, self.server)[:: 1 if side == CLIENT else -1]
        self.log(NAMES[side], f"killed: {self.apps.kernels[side].destroy(*ends)}")
