"""Run in a network namespace by test_testing_recording.py: captures what it sends itself.  Its argument is the only tool that is there."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tcptrace_py import programs
from tcptrace_py.config import Config, Thresholds
from tcptrace_py.errors import CaptureError, ConfigError
from tcptrace_py.testing import capture

find = programs.find
programs.find = lambda name: find(name) if name == sys.argv[1] else None
Address = tuple[str, int]


class Server:
    """Answers one connection, and then does as ``end`` says."""

    def __init__(self, end: Callable[[socket.socket], object]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self.listener.getsockname()
        self._end = end
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"well received")
            self._end(connection)

    def done(self) -> None:
        self._thread.join(60)
        self.listener.close()


def talk(address: Address) -> None:
    with socket.create_connection(address) as client:
        client.sendall(b"anybody there?")
        client.recv(1000)


def until_closed(connection: socket.socket) -> None:
    connection.recv(1000)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


HELD: list[socket.socket] = []


def forget(connection: socket.socket) -> None:
    connection.recv(1000)
    HELD.append(connection.dup())  # and so it is never closed


def an_ordinary_connection() -> None:
    server = Server(until_closed)
    with capture(server.address[1]) as cap:
        talk(server.address)
    server.done()
    assert cap.dropped == 0
    assert cap.report.capture.skipped == {"udp": 1}, "probes are left out, but for the last one"
    assert cap.report.capture.packets - 1 == cap.report.capture.tcp_segments == cap.connections[0].packets
    cap.assert_no()
    cap.assert_closed_by("client")
    cap.assert_states(client="TIME_WAIT", server="CLOSED")  # the last ACK is there
    folder = Path(cap.path).parent
    assert folder.is_dir()
    del cap
    assert not folder.exists()


def a_reset_and_another_port() -> None:
    server, other = Server(reset), Server(until_closed)
    with capture([server.address[1], 9]) as cap:
        talk(other.address)
        with suppress(ConnectionResetError), socket.create_connection(server.address) as client:
            client.sendall(b"anybody there?")
            while client.recv(1000):
                pass
    assert len(cap.connections) == 1
    cap.assert_found("reset")
    cap.assert_closed_by("server")
    for done in (server, other):
        done.done()


def a_server_that_hangs() -> None:
    server = Server(forget)
    with capture(server.address[1], config=Config(thresholds=Thresholds(stuck=0.3)), settle=0.4) as cap:
        talk(server.address)
        server.done()
    cap.assert_found("stuck-close-wait")
    cap.assert_closed_by("client")
    cap.assert_states("FIN_WAIT_2", "CLOSE_WAIT")


def a_block_that_fails() -> None:
    before = children()
    cap = capture(9)
    with pytest.raises(ZeroDivisionError), cap:
        _ = 1 / len(children() - before - children())
    assert children() == before, "the capture tool is left behind"
    with pytest.raises(RuntimeError):
        cap.assert_no()


def a_tool_that_is_killed() -> None:
    with pytest.raises(CaptureError, match=f"{sys.argv[1]} was ended by SIGKILL"), capture(9):
        kill(children())


def kill(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, 9)


def what_cannot_be_captured() -> None:
    with pytest.raises(CaptureError, match="no such interface"), capture(interface="nosuch0"):
        pass
    with pytest.raises(ConfigError, match=r"^'tcp prot' is no capture filter"), capture(bpf="tcp prot"):
        pass


def children() -> set[int]:
    """The processes that this one has started."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text().partition(" (")
        except OSError:
            continue
        state, parent = rest.rpartition(") ")[2].split()[:2]
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(pid))
    return found


if __name__ == "__main__":
    steps: list[Callable[[], object]] = [an_ordinary_connection, a_server_that_hangs]
    if sys.argv[1] == "tcpdump":  # the quicker of the two
        steps += [a_reset_and_another_port, a_block_that_fails, a_tool_that_is_killed, what_cannot_be_captured]
    for step in steps:
        step()
    sys.stdout.write("all is well\n")
