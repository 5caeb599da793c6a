"""The kernel's own account of TCP states: the tracepoint sock:inet_sock_set_state, in a trace instance of our own.

Events are read as the ring buffer holds them, since only so they have nanoseconds and the socket's address in memory, which
tells one connection on the same ports from the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kernel.sockdiag import STATES, Address

TRACEFS = Path("/sys/kernel/tracing")
EVENT = "sock/inet_sock_set_state"
BUFFER_KB = 16384
PADDING, TIME_EXTEND, TIME_STAMP = 29, 30, 31
FIELD = re.compile(r"field:[^;]*?(\w+)(?:\[\w*\])?;\s*offset:(\d+);\s*size:(\d+);")


class Step(NamedTuple):
    """A socket went from one state to another."""

    time: int
    """Nanoseconds of CLOCK_REALTIME."""
    socket: int
    """Which: its address in the kernel's memory."""
    old: str
    new: str
    local: Address
    peer: Address


class Clock(NamedTuple):
    """CLOCK_REALTIME minus CLOCK_MONOTONIC, and how exactly that is known, in nanoseconds."""

    offset: int
    error: int


def read_clock(tries: int = 4000) -> Clock:
    """The offset by the tightest of many brackets."""
    best: tuple[int, int] = (1 << 62, 0)
    for _ in range(tries):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        real = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        best = min(best, (after - before, real - (before + after) // 2))
    return Clock(best[1], best[0] // 2 + 1)


class Trace:
    """The trace instance.  What a run that was killed has left is removed first."""

    def __init__(self, name: str) -> None:
        if not (TRACEFS / "events" / EVENT).is_dir():
            done = subprocess.run(["mount", "-t", "tracefs", "nodev", str(TRACEFS)], capture_output=True, check=False)
            if done.returncode or not (TRACEFS / "events" / EVENT).is_dir():
                raise PermissionError(f"the kernel does not offer {EVENT} in {TRACEFS}")
        self.instance = TRACEFS / "instances" / name
        self.remove()
        self.instance.mkdir()
        (self.instance / "trace_clock").write_text("mono")
        (self.instance / "buffer_size_kb").write_text(str(BUFFER_KB))
        self._fields, self._id = self._format()
        header = dict(self._sizes(TRACEFS / "events/header_page"))
        self._data = header["data"]

    @staticmethod
    def _sizes(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
        for name, offset, size in FIELD.findall(path.read_text()):
            yield name, (int(offset), int(size))

    def _format(self) -> tuple[dict[str, tuple[int, int]], int]:
        path = TRACEFS / "events" / EVENT / "format"
        number = re.search(r"^ID: (\d+)", path.read_text(), re.MULTILINE)
        assert number
        return dict(self._sizes(path)), int(number[1])

    def start(self) -> None:
        """From now on."""
        self._clock = read_clock()
        (self.instance / "events" / EVENT / "enable").write_text("1")
        (self.instance / "tracing_on").write_text("1")

    def stop(self) -> tuple[list[Step], Clock]:
        """All steps since then, and the clock; its error contains the drift.  Raises RuntimeError if any were lost."""
        (self.instance / "tracing_on").write_text("0")
        steps: list[Step] = []
        now = read_clock()
        drift = abs(now.offset - self._clock.offset)
        clock = Clock((now.offset + self._clock.offset) // 2, max(now.error, self._clock.error) + drift // 2)
        for cpu in sorted((self.instance / "per_cpu").iterdir()):
            stats = dict(line.split(": ") for line in (cpu / "stats").read_text().splitlines())
            if any(int(stats[name]) for name in ("overrun", "commit overrun", "dropped events")):
                raise RuntimeError(f"the trace buffer lost events: {stats}")
            for page in self._pages(cpu / "trace_pipe_raw"):
                steps.extend(self._steps(page, clock.offset))
        return sorted(steps), clock

    def _pages(self, path: Path) -> Iterator[bytes]:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            with contextlib.suppress(BlockingIOError):
                while page := os.read(fd, sum(self._data)):
                    yield page
        finally:
            os.close(fd)

    def _steps(self, page: bytes, offset: int) -> Iterator[Step]:
        """The events of a page (kernel: include/linux/ring_buffer.h)."""
        now, commit = struct.unpack_from("=QQ", page)
        at = self._data[0]
        end = at + (commit & 0xFFFFF)
        while at < end:
            (head,) = struct.unpack_from("=I", page, at)
            kind, delta = head & 31, head >> 5
            at += 4
            if kind == PADDING:
                if not delta:
                    return
                at += struct.unpack_from("=I", page, at)[0]
                continue
            if kind in (TIME_EXTEND, TIME_STAMP):
                high = struct.unpack_from("=I", page, at)[0] << 27
                now = now + high + delta if kind == TIME_EXTEND else now >> 59 << 59 | high + delta
                at += 4
                continue
            now += delta
            length = 4 * kind if kind else struct.unpack_from("=I", page, at)[0]
            body = page[at : at + length] if kind else page[at + 4 : at + length]
            at += length
            if struct.unpack_from("=H", body)[0] == self._id and (step := self._step(body, now + offset)):
                yield step

    def _step(self, body: bytes, when: int) -> Step | None:
        def number(name: str) -> int:
            offset, size = self._fields[name]
            return int.from_bytes(body[offset : offset + size], "little")

        def host(name: str) -> str:
            offset, size = self._fields[name]
            return socket.inet_ntop(family, body[offset : offset + size])

        if number("protocol") != socket.IPPROTO_TCP:
            return None
        family, six = number("family"), "_v6" if number("family") == socket.AF_INET6 else ""
        local, peer = (host("saddr" + six), number("sport")), (host("daddr" + six), number("dport"))
        return Step(when, number("skaddr"), STATES[number("oldstate")], STATES[number("newstate")], local, peer)

    def remove(self) -> None:
        """Leave nothing behind."""
        if not self.instance.is_dir():
            return
        (self.instance / "tracing_on").write_text("0")
        (self.instance / "events/enable").write_text("0")
        for _ in range(20):
            with contextlib.suppress(OSError):
                self.instance.rmdir()
                return
            time.sleep(0.1)
        raise RuntimeError(f"cannot remove {self.instance}")
