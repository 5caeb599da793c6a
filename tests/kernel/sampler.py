"""Every socket of both hosts, five times a second: what changed, and when it was last seen as it had been."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from kernel.evidence import Sample
from kernel.sockdiag import Address, Sock, SockDiag
from wire import OTHER, Namespaces

PERIOD = 0.2


def look(kernel: SockDiag, side: str, last: dict[tuple[Address, Address], Sample], samples: list[Sample]) -> None:
    """One dump; appends what changed since the last one, each change behind the last look that showed what was before."""
    before = time.time_ns()
    socks = {(s.local, s.peer): s for s in kernel.dump()}
    after = time.time_ns()
    for pair in [*socks, *(pair for pair in last if pair not in socks)]:
        sample = Sample(before, after, side, *pair, socks.get(pair), "dump")
        earlier = last.get(pair)
        if essence(sample.sock) != essence(earlier.sock if earlier else None):
            samples.extend([earlier, sample] if earlier else [sample])
        last[pair] = sample
        if sample.sock is None:
            del last[pair]


def essence(sock: Sock | None) -> tuple[str, bool, int] | None:
    """What counts as a change."""
    return sock and (sock.state, sock.mini, sock.cookie)


def watch(net: Namespaces, control: Connection) -> None:
    """What the process does: until told to stop, and then send the samples."""
    kernels = {}
    for side in OTHER:
        with net.inside(side):
            kernels[side] = SockDiag()
    last: dict[str, dict[tuple[Address, Address], Sample]] = {side: {} for side in OTHER}
    samples: list[Sample] = []
    control.send("ready")
    due = time.monotonic()
    while not control.poll(max(0.0, due - time.monotonic())):
        for side, kernel in kernels.items():
            look(kernel, side, last[side], samples)
        due += PERIOD
    control.send(samples)
