#!/usr/bin/env python3
"""Record what two Linux kernels do, from three taps, with the states that the kernels say they were in.

    sudo python tests/kernel/record.py --seed 1 --connections 200 --loss 0.02 --reorder 0.02 --dup 0.005 --duration 50 --out DIR

Two hosts in network namespaces without names, and a wire between them that is a process of ours.  ``scripts.py`` has what is
played.  In DIR there are then client.pcap, middle.pcap, server.pcap, truth.ndjson, frames.csv (whose every frame was, and what became of
it), apps.ndjson (every call of the applications) and run.json.  A second run gives the same in kind, not in every frame.

Needs Linux, root, iproute2 (``ip``) and tracefs.  Nothing is left behind, however it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2] / "samples"), str(here.parents[1])]

from kernel import apps, bridge, causes, runs, sampler, truth
from kernel.bridge import Weather
from kernel.evidence import MIDDLE, TAPS, Evidence, Seen
from kernel.sockdiag import SockDiag
from kernel.tracing import Clock, Trace
from wire import CLIENT, OTHER, SERVER, Namespaces

INSTANCE = "tcpfsm-kernel"
LOCK = Path("/run/tcpfsm-kernel.lock")
PR_SET_PDEATHSIG = 1
FAST = {
    "tcp_syn_retries": 3,
    "tcp_synack_retries": 3,
    "tcp_fin_timeout": 5,
    "tcp_orphan_retries": 6,
    "tcp_retries2": 7,
    "tcp_tw_reuse": 1,
    "tcp_fastopen": 3,
    "tcp_no_metrics_save": 1,
}
"""The preset ``fast``: the kernel's timers short enough that a run of a minute sees them end."""

FORK = multiprocessing.get_context("fork")


def main() -> int:
    options = parse_options()
    if problem := obstacle():
        sys.stderr.write(f"record.py: {problem}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with only_one(), hosts(options.preset) as net:
            problems = record(options, net)
    except (BlockingIOError, PermissionError) as error:
        sys.stderr.write(f"record.py: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    for problem in problems:
        sys.stderr.write(f"record.py: {problem}\n")
    return 1 if problems else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record Linux's TCP, and the states it says it was in.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--duration", type=float, default=50, metavar="S", help="of the whole run")
    parser.add_argument("--warmup", type=float, default=0, metavar="S", help="do not capture the first S of these")
    parser.add_argument("--preset", choices=("fast", "defaults"), default="fast", help="the kernels' timers")
    parser.add_argument("--loss", type=float, default=0, metavar="SHARE", help="of all frames")
    parser.add_argument("--loss-upstream", type=float, default=0, metavar="SHARE", help="of these, before the middle")
    parser.add_argument("--reorder", type=float, default=0, metavar="SHARE", help="delivered 5 to 40 ms late")
    parser.add_argument("--dup", type=float, default=0, metavar="SHARE", help="delivered twice")
    return parser.parse_args()


def obstacle() -> str:
    """Why it cannot be done here; empty: it can."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root, for network namespaces and the kernel's tracepoints"
    if not shutil.which("ip"):
        return "needs the program ip (Debian: apt-get install iproute2)"
    if not Path("/sys/kernel/tracing").is_dir():
        return "needs a kernel with tracefs (/sys/kernel/tracing)"
    return ""


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two runs at once would share the addresses in the trace."""
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError("another recording is going on") from error
        try:
            yield
        finally:
            LOCK.unlink()


@contextlib.contextmanager
def hosts(preset: str) -> Iterator[Namespaces]:
    """The two hosts; in the end all their sockets are closed, so that no orphan keeps a host alive."""
    net = Namespaces()
    for side in OTHER:
        if preset == "fast":
            net.sysctl(side, **FAST)
            with contextlib.suppress(OSError):
                net.sysctl(side, tcp_congestion_control="reno")
    try:
        yield net
    finally:
        for side in OTHER:
            with net.inside(side):
                kernel = SockDiag()
            for sock in kernel.dump():
                with contextlib.suppress(OSError):
                    kernel.destroy(sock.local, sock.peer)


class Children:
    """The processes of a run.  They end with this one, even if it is killed."""

    def __init__(self) -> None:
        self.running: dict[str, multiprocessing.process.BaseProcess] = {}

    def start(self, name: str, work: Callable[..., None], *arguments: Any) -> None:
        process = FORK.Process(target=self.guarded, args=(work, *arguments), daemon=True)
        process.start()
        self.running[name] = process

    @staticmethod
    def guarded(work: Callable[..., None], *arguments: Any) -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work(*arguments)

    def sleep(self, seconds: float) -> None:
        """Raises RuntimeError when one of them ends meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(0.2, left))
            for name, process in self.running.items():
                if not process.is_alive():
                    raise RuntimeError(f"the process {name} has ended")

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.join()


def receive(control: Any, seconds: float) -> Any:
    if not control.poll(seconds):
        raise RuntimeError("a process does not answer")
    return control.recv()


def record(options: argparse.Namespace, net: Namespaces) -> list[str]:
    """The whole run.  Returns what makes it worthless."""
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "apps.ndjson"
    weather = Weather(options.seed, options.loss, options.reorder, options.dup, options.loss_upstream)
    plan = apps.Plan(options.seed, options.connections, options.duration, options.preset == "fast")
    children, trace = Children(), Trace(INSTANCE)
    try:
        (bridge_end, control), (their_orders, orders) = FORK.Pipe(), FORK.Pipe()
        sampler_end, samples_of = FORK.Pipe()
        trace.start()
        begin = time.time_ns()
        children.start("bridge", bridge.carry, net, weather, their_orders, bridge_end)
        children.start("sampler", sampler.watch, net, sampler_end)
        receive(control, 20)
        receive(samples_of, 20)
        children.start("applications", apps.perform, net, plan, orders, log)
        children.sleep(options.duration)
        pid = children.running["applications"].pid
        assert pid
        os.kill(pid, signal.SIGSTOP)  # first they, then the capture
        control.send("stop")
        evidence: Evidence = receive(control, 120)
        samples_of.send("stop")
        samples = receive(samples_of, 30)
        steps, clock = trace.stop()
    finally:
        children.kill()
        trace.remove()
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    merged = truth.merge(entries, steps, samples, evidence, sides(net))
    problems = [*merged.problems, *(entry["trace"] for entry in entries if entry["kind"] == "mistake")]
    if evidence.dropped:
        problems.append(f"the wire lost {evidence.dropped} frames")
    facts = describe(options, begin, evidence, merged, clock)
    whole = runs.Run(options.out.name, facts, merged.records, captures(evidence, begin))
    misfits = list(causes.misfits(whole))
    facts["misfits"] = len(misfits)
    facts["t_capture_start"] += round(options.warmup * 1e9)
    write(options.out, facts, merged, evidence)
    sys.stdout.write(f"{options.out}: {json.dumps({k: v for k, v in facts.items() if k != 'parameters'})}\n")
    return problems + misfits


def sides(net: Namespaces) -> dict[str, str]:
    """The side of every host address."""
    return {apps.Applications.host(side, six): side for side in OTHER for six in (False, True)}


def describe(
    options: argparse.Namespace, start: int, evidence: Evidence, merged: truth.Merged, clock: Clock
) -> dict[str, Any]:
    """run.json."""
    return {
        "parameters": {key: value for key, value in vars(options).items() if key != "out"},
        "kernel": "Linux " + os.uname().release.split("-")[0],
        "t_capture_start": start,
        "t_capture_end": evidence.end,
        "connections": len(merged.records),
        "transitions": merged.transitions,
        "samples_checked": merged.checked,
        "contradictions": len(merged.problems),
        "clock_error_ns": clock.error,
        "latest_delivery_ms": round(evidence.most_late / 1e6, 1),
        "frames": dict(evidence.counts),
    }


def seen(evidence: Evidence, tap: str, start: int) -> list[Seen]:
    """The frames at a tap, as they stand in its capture."""
    return sorted((s for s in evidence.taps[tap] if start <= s.time <= evidence.end), key=lambda s: s[:2])


def captures(evidence: Evidence, start: int) -> dict[str, bytes]:
    """What the taps saw since then, as files."""
    names = {**TAPS, MIDDLE: MIDDLE}
    return {
        name: runs.pcap((s.time, s.frame, len(s.frame)) for s in seen(evidence, tap, start))
        for tap, name in names.items()
    }


def write(out: Path, facts: dict[str, Any], merged: truth.Merged, evidence: Evidence) -> None:
    """The files of the run."""
    start = facts["t_capture_start"]
    numbers: dict[str, dict[int, list[str]]] = {tap: {} for tap in evidence.taps}
    first: dict[int, dict[str, int]] = {record["id"]: {} for record in merged.records}
    for tap, name in {**TAPS, MIDDLE: MIDDLE}.items():
        for number, s in enumerate(seen(evidence, tap, start), 1):
            numbers[tap].setdefault(s.fate, []).append(str(number))
            owner = evidence.fates[s.fate].connection
            if owner is not None and owner in first:
                first[owner].setdefault(name, s.time)
    for entry in merged.records:
        entry["first_frame"] = first[entry["id"]]
    run = runs.Run(out.name, facts, merged.records, captures(evidence, start))
    runs.store(run, out, compressed=False)
    lines = ["fid,conn,dir,t_in,fate,client_frames,middle_frame,server_frames"]
    for index, fate in enumerate(evidence.fates):
        shown = ["|".join(numbers[tap].get(index, [])) for tap in (CLIENT, MIDDLE, SERVER)]
        whose = "" if fate.connection is None else str(fate.connection)
        way = "c2s" if fate.side == CLIENT else "s2c"
        lines.append(",".join([str(index), whose, way, str(fate.time), fate.what, *shown]))
    (out / "frames.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
