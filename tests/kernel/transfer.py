#!/usr/bin/env python3
"""Transfer known random data between two Linux kernels over a bad wire, and put the streams together again at every tap.

    sudo python tests/kernel/transfer.py --bytes 60000000 --connections 8 --loss 0.02 --reorder 0.03 --dup 0.02 --out DIR

The hosts and the wire are those of ``record.py``.  Of every connection both sides send at once.  In DIR there are then client.pcap,
middle.pcap and server.pcap; thinned.pcap, which is the middle's without a share of its frames, and so has holes; and the streams of each.
Exits 1 when a byte or a hole is not as it should be, and 2 where it cannot be done: it needs Linux, root and iproute2.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2] / "samples"), str(here.parents[1])]
    sys.path.append(str(here.parents[2]))  # behind an installed package

from tools.transfers import Frame, Talk, check, randbytes

FIRST_PORT, SERVER_PORT = 41000, 9000
THINNED = 0.03
"""The share of frames that are taken out of the middle's capture."""


class Options(NamedTuple):
    """What is transferred, over what."""

    bytes: int = 3_000_000
    connections: int = 4
    loss: float = 0.02
    reorder: float = 0.03
    dup: float = 0.02
    seed: int = 1


def obstacle() -> str:
    """Why it cannot be done here; empty: it can."""
    import os

    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    if not shutil.which("ip"):
        return "needs the program ip (Debian: apt-get install iproute2)"
    return ""


def transfer(options: Options) -> tuple[dict[str, list[Frame]], list[Talk]]:
    """Do it; returns what the taps saw, and what was sent.  Raises OSError and RuntimeError."""
    from kernel import bridge
    from kernel.bridge import Weather
    from kernel.evidence import MIDDLE, TAPS, Evidence
    from kernel.record import FORK, Children, hosts, receive

    weather = Weather(options.seed, options.loss, options.reorder, options.dup, loss_upstream=0.5)
    with hosts("fast") as net:
        children = Children()
        try:
            (end, control), (orders, _) = FORK.Pipe(), FORK.Pipe()
            children.start("bridge", bridge.carry, net, weather, orders, end)
            receive(control, 20)
            talks = converse(net, options)
            control.send("stop")
            evidence: Evidence = receive(control, 120)
        finally:
            children.kill()
    if evidence.dropped:
        raise RuntimeError(f"the wire lost {evidence.dropped} frames")
    taps = {name: frames_at(evidence, tap) for tap, name in {**TAPS, MIDDLE: MIDDLE}.items()}
    return taps, talks


def frames_at(evidence: Any, tap: str) -> list[Frame]:
    """The frames at a tap, in order."""
    return [(s.time, s.frame) for s in sorted(evidence.taps[tap], key=lambda s: s[:2])]


def converse(net: Any, options: Options) -> list[Talk]:
    """All connections at once; every side checks what it receives."""
    talks: list[Talk] = []
    threads: list[threading.Thread] = []
    wrong: list[bytes] = []
    share = options.bytes // (2 * options.connections)
    for n in range(options.connections):
        six = n % 3 == 2
        ends = [
            (host, FIRST_PORT + n if side == "c" else SERVER_PORT + n)
            for side, host in (("c", address("c", six)), ("s", address("s", six)))
        ]
        client, server = connect(net, ends[0], ends[1], six)
        said, answered = (randbytes(f"{options.seed}/{n}/{side}", share + 1000 * n) for side in "cs")
        talks.append(Talk(ends[0], ends[1], said, answered))
        for sock, sends, gets in ((client, said, answered), (server, answered, said)):
            threads += [
                threading.Thread(target=say, args=(sock, sends), daemon=True),
                threading.Thread(target=hear, args=(sock, gets, wrong), daemon=True),
            ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        if thread.is_alive():
            raise RuntimeError("a transfer does not end")
    if wrong:
        raise RuntimeError(f"{len(wrong)} receivers got something else")
    return talks


def address(side: str, six: bool) -> str:
    """The first address of a host."""
    from kernel.apps import Applications

    return Applications.host(side, six)


def connect(
    net: Any, client: tuple[str, int], server: tuple[str, int], six: bool
) -> tuple[socket.socket, socket.socket]:
    """A connection between the hosts: both of its sockets."""
    family = socket.AF_INET6 if six else socket.AF_INET
    with net.inside("s"):
        listener = socket.socket(family, socket.SOCK_STREAM)
    with net.inside("c"):
        caller = socket.socket(family, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(server)
        listener.listen(1)
        caller.bind(client)
        caller.connect(server)
        accepted, _ = listener.accept()
    return caller, accepted


def say(sock: socket.socket, data: bytes) -> None:
    """Send, and close that direction."""
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def hear(sock: socket.socket, expected: bytes, wrong: list[bytes]) -> None:
    """Receive to the end, and compare."""
    got = bytearray()
    while block := sock.recv(1 << 16):
        got += block
    if got != expected:
        wrong.append(bytes(got))


def thinned(frames: list[Frame], seed: int) -> list[Frame]:
    """The capture of a tap that missed some frames, but no SYN."""
    chance = random.Random(seed)
    return [f for f in frames if f[1][47 if f[1][12:14] == b"\x08\x00" else 67] & 2 or chance.random() > THINNED]


def judge(taps: dict[str, list[Frame]], talks: list[Talk], out: Path, seed: int) -> Iterator[str]:
    """Write the captures, and compare the streams at every tap; a line each.  Raises AssertionError."""
    from kernel import runs

    taps = {**taps, "thinned": thinned(taps["middle"], seed)}
    for name, frames in taps.items():
        path = out / f"{name}.pcap"
        path.write_bytes(runs.pcap((time, frame, len(frame)) for time, frame in frames))
        found = check(path, frames, talks, out / name)
        if name != "thinned":
            assert found["whole"] == found["streams"] == 2 * len(talks), f"{name}: {found}"
        yield f"{name}: {len(frames)} frames, {found}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Transfer known data over a bad wire, and compare what is extracted.")
    for name, value in Options()._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep everything there")
    given = vars(parser.parse_args())
    out: Path | None = given.pop("out")
    if why := obstacle():
        sys.stderr.write(f"transfer.py: {why}\n")
        return 2
    options = Options(**given)
    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            taps, talks = transfer(options)
        except (OSError, RuntimeError) as problem:
            sys.stderr.write(f"transfer.py: cannot be done here: {problem}\n")
            return 2
        try:
            for line in judge(taps, talks, folder, options.seed):
                sys.stdout.write(line + "\n")
        except AssertionError as wrong:
            sys.stderr.write(f"transfer.py: {wrong}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
