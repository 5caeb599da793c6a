"""The applications of both hosts, in one process: they play scripts, many at a time, and log every call."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET, socket
from typing import Any, TextIO

from kernel.player import Player
from kernel.scripts import SCRIPTS
from kernel.sockdiag import SockDiag
from wire import CLIENT, CLIENT_HOSTS, NET4, NET6, OTHER, SERVER, SERVER_HOSTS, Namespaces

HOSTS = {CLIENT: CLIENT_HOSTS[0], SERVER: SERVER_HOSTS[0]}
SHARED_PORTS = (80, 443, 22, 5432)


@dataclass(frozen=True)
class Plan:
    """What is to be played."""

    seed: int
    connections: int
    duration: float
    fast: bool
    six: float = 0.3
    """The share of IPv6."""


class Applications:
    """What scripts share."""

    def __init__(self, net: Namespaces, plan: Plan, orders: Connection, log: TextIO) -> None:
        self.net, self.plan, self.orders, self.log = net, plan, orders, log
        self.chance = random.Random(plan.seed)
        self.kept: list[socket] = []  # open until the run ends, whatever becomes of its player
        self.arrived: dict[tuple[str, int, int], socket] = {}
        self.awaited: dict[tuple[str, int, int], asyncio.Future[socket]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.numbers, self.client_ports, self.server_ports = 0, 32768, 20000
        self.kernels: dict[str, SockDiag] = {}
        for side in OTHER:
            with net.inside(side):
                self.kernels[side] = SockDiag()

    # ---- for players

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def next_client_port(self) -> int:
        self.client_ports += 1
        return self.client_ports

    def next_server_port(self) -> int:
        self.server_ports += 1
        return self.server_ports

    def shared_port(self) -> int:
        return self.chance.choice(SHARED_PORTS)

    @staticmethod
    def host(side: str, six: bool) -> str:
        """An address as the kernel writes it."""
        return f"{NET6 if six else NET4}{HOSTS[side]}"

    def new_socket(self, side: str, six: bool) -> socket:
        with self.net.inside(side):
            made = socket(AF_INET6 if six else AF_INET)
        made.setblocking(False)
        made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self.kept.append(made)
        return made

    def order(self, name: str, *arguments: Any) -> Any:
        """Have the bridge do something, and wait until it is done."""
        self.orders.send((name, arguments))
        return self.orders.recv()

    def register(self, player: Player) -> None:
        """A connection is about to be opened."""
        self.order("register", player.number, player.client, player.server, player.rules)
        rules = [f"{r.action} {r.kind} of {r.side}" + " then part" * r.part for r in player.rules]
        facts = {"id": player.number, "time": time.time_ns(), "scenario": player.scenario, "rules": rules}
        ends = {"client": player.client, "server": player.server, "listening": player.listening}
        self.write({"kind": "connection", **facts, **ends})

    def log_call(self, number: int, who: str, what: str) -> None:
        self.write({"kind": "call", "id": number, "time": time.time_ns(), "who": who, "what": what})

    def write(self, entry: dict[str, Any]) -> None:
        self.log.write(json.dumps(entry) + "\n")

    # ---- servers

    def accept_all(self, listener: socket) -> None:
        task = asyncio.ensure_future(self._accept_all(listener, listener.getsockname()[1]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _accept_all(self, listener: socket, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            made, address = await loop.sock_accept(listener)
            made.setblocking(False)
            self.kept.append(made)
            key = (address[0], address[1], port)
            if key in self.awaited:
                self.awaited.pop(key).set_result(made)
            else:
                self.arrived[key] = made

    async def accepted(self, client: tuple[str, int], port: int) -> socket:
        """The server's socket of a client."""
        key = (*client, port)
        if key in self.arrived:
            return self.arrived.pop(key)
        self.awaited[key] = asyncio.get_running_loop().create_future()
        return await self.awaited[key]

    # ---- the play

    def schedule(self) -> list[tuple[float, str, str]]:
        """When which script begins: each at least once, the rest by weight; one in six is cut off by the end."""
        plan, chance = self.plan, self.chance
        known = [script for script in SCRIPTS if plan.fast or not script.fast_only]
        more = max(0, plan.connections - len(known))
        chosen = known[: plan.connections] + chance.choices(known, [script.weight for script in known], k=more)
        found = []
        for script in chosen:
            needs = script.needs * (1 if plan.fast else 1.5)
            latest = plan.duration * 0.98 if chance.random() < 1 / 6 else max(0.5, plan.duration - needs)
            found.append((chance.uniform(0.2, latest), script.name, script.words))
        return sorted(found)

    async def play(self) -> None:
        """All scripts, each at its time."""
        for six in (False, True):
            for port in SHARED_PORTS:
                listener = self.new_socket(SERVER, six)
                listener.bind((self.host(SERVER, six), port))
                listener.listen(512)
                self.accept_all(listener)
        began = time.monotonic()
        for start, name, words in self.schedule():
            await asyncio.sleep(max(0.0, began + start - time.monotonic()))
            task = asyncio.ensure_future(self.play_one(name, words))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        await asyncio.sleep(1e6)

    async def play_one(self, name: str, words: str) -> None:
        try:
            await Player(self, name).play(words)
        except Exception:  # noqa: BLE001 - one script's mistake must not end the others, and must be seen
            self.write({"kind": "mistake", "scenario": name, "trace": traceback.format_exc()})


def perform(net: Namespaces, plan: Plan, orders: Any, log: Path) -> None:
    """What the process does, until it is stopped."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with log.open("w", buffering=1) as file:
        asyncio.run(Applications(net, plan, orders, file).play())
