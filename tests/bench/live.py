"""How much ``tcpfsm live`` takes in without loss: ``live.py [RATE [SECONDS [FORMAT]]]``, 100,000 packets/s for 10 s unless said.

In a network namespace of its own it sends the connections of ``generate.py web`` through loopback, and compares what was
sent with what was kept.  It prints both, the drop counters, and what the run took.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = str(Path(__file__).resolve().parents[1] / "tools" / "start.py")
GENERATE = str(Path(__file__).with_name("generate.py"))
HEAD = 24
RECORD = 16
ETHERTYPE_IPV4 = 0x0800
BURST = 0.001


def frames(count: int, folder: Path) -> list[bytes]:
    """At least so many frames of short connections (about 12 each)."""
    path = folder / "web.pcap"
    subprocess.run([sys.executable, GENERATE, "web", str(count // 11 + 1), str(path)], check=True)
    data = path.read_bytes()
    found: list[bytes] = []
    at = HEAD
    while at < len(data) and len(found) < count:
        length = int.from_bytes(data[at + 8 : at + 12], "little")
        found.append(data[at + RECORD : at + RECORD + length])
        at += RECORD + length
    return found


def send(packets: list[bytes], rate: int) -> tuple[int, float]:
    """All of them at that rate; how many, and in how many seconds."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind(("lo", ETHERTYPE_IPV4))
    begun = time.monotonic()
    sent = 0
    while sent < len(packets):
        due = min(int((time.monotonic() - begun) * rate) + 1, len(packets))
        for packet in packets[sent:due]:
            out.send(packet)
        sent = due
        time.sleep(BURST)
    return sent, time.monotonic() - begun


def measure(rate: int, seconds: float, name: str) -> None:
    """One run, in the namespace, with the report in the format ``name``."""
    with tempfile.TemporaryDirectory(prefix="tcpfsm-bench-") as folder:
        packets = frames(int(rate * seconds), Path(folder))
        kept, report = Path(folder, "kept.pcapng"), Path(folder, "report")
        command = [sys.executable, START, "live", "lo", "--format", name, "--write", str(kept), "--interval", "1"]
        with report.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, cwd=folder)
        while not (kept.exists() and kept.stat().st_size):  # it captures
            time.sleep(0.05)
        time.sleep(0.5)
        sent, took = send(packets, rate)
        time.sleep(1)
        most = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        os.kill(process.pid, signal.SIGINT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        done = subprocess.run(
            [sys.executable, START, "analyze", "--format", "json", str(kept)], capture_output=True, check=True
        )
        capture = json.loads(done.stdout)["capture"]
        print(f"sent {sent:,} packets in {took:.1f} s; seen {capture['packets']:,}, dropped {capture['dropped']}")
        print(f"cpu {used.ru_utime + used.ru_stime:.1f} s, at most {int(most[1]) // 1024 if most else 0} MB")


def main() -> None:
    """Enter the namespace, and measure."""
    words = sys.argv[1:]
    if "--inside" not in words:
        enter = ["unshare", "-Urn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        os.execvp(enter[0], [*enter, sys.executable, __file__, "--inside", *words])
    words.remove("--inside")
    rate, seconds, name = (*words, *("100000", "10", "table")[len(words) :])
    measure(int(rate), float(seconds), name)


if __name__ == "__main__":
    main()
