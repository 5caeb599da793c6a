"""Run in a network namespace: ``tcpfsm live`` twice on loopback, traffic of every kind, and what both said of it, as JSON.

One writes events, the other the report; each keeps what it captured.  The traffic: an HTTP server and its client, a client that
never closes, a refused port, and SYNs that are dropped because the queue of a server that accepts nothing is full.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

START = str(Path(__file__).with_name("start.py"))


class Hello(http.server.BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        pass


def live(folder: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    """One that watches."""
    command = [sys.executable, START, "live", "lo", "--config", str(folder / "tcpfsm.toml")]
    words = (*words, "--format", name, "--write", str(folder / f"{name}.pcapng"))
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Listener:
    """Reads events as they come, and remembers when that was."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.lines: list[tuple[float, str, dict[str, Any]]] = []
        self.process = process
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.decode(), json.loads(line)))

    def wait_for(self, seconds: float, **wanted: str) -> float:
        """When the first such event came; -1: it did not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for at, _, line in list(self.lines):
                if wanted.items() <= line.items():
                    return at
            time.sleep(0.01)
        return -1


def traffic() -> tuple[list[socket.socket], float]:
    """Make it; returns what must stay open, and when the side that waits closed."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in range(2):
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=30).read()
    server.shutdown()
    server.server_close()
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        refused = free.getsockname()
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(refused)
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    kept.append(full)
    for _ in range(3):
        asking = socket.socket()
        asking.setblocking(False)
        asking.connect_ex(full.getsockname())
        kept.append(asking)
        time.sleep(0.05)
    listening = socket.create_server(("127.0.0.1", 0))
    never_closes = socket.create_connection(listening.getsockname())
    closes, _ = listening.accept()
    closes.shutdown(socket.SHUT_WR)
    kept += [listening, never_closes, closes]
    return kept, time.monotonic()


def wait_until_kept(path: Path, seconds: float) -> None:
    """Until a capture has begun."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (path.exists() and path.stat().st_size):
        time.sleep(0.02)
    time.sleep(0.3)


def main(folder: Path) -> None:
    events = live(folder, "ndjson", "--interval", "0.2")
    report = live(folder, "json")
    listener = Listener(events)
    for name in ("ndjson", "json"):
        wait_until_kept(folder / f"{name}.pcapng", 60)
    kept, closed = traffic()
    stuck = listener.wait_for(30, type="finding", rule="stuck-fin-wait-2")
    time.sleep(0.5)  # the other one began later, perhaps
    report.send_signal(signal.SIGTERM)
    events.send_signal(signal.SIGINT)
    said = [part.decode() for part in report.communicate(timeout=30)]
    listener.thread.join(30)
    assert events.stderr is not None
    result = {
        "waited": stuck - closed if stuck > 0 else None,
        "lines": [text for _, text, _ in listener.lines],
        "report": said[0],
        "statuses": [events.wait(30), report.wait(30)],
        "said": [events.stderr.read().decode(), said[1]],
        "kept": len(kept),
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
