#!/usr/bin/env python3
"""Record the samples: real kernels, real time, one process with its own network a story.

    record.py                 all of them (about two and a half minutes, all at once)
    record.py NAME…           some of them
    record.py --list

Needs Linux, iproute2 (``ip``, ``ss``) and root, or ``unshare -Ur record.py …``.  Writes NAME.pcap
and its entry in expected.toml, beside this file.  A new recording is the same in kind, not in every byte.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from collections import Counter
from typing import Any

import shelf
import stories_closing  # noqa: F401  registers its stories
import stories_opening  # noqa: F401
import stories_whole  # noqa: F401
from frames import parse, write_pcap
from hosts import STORIES, Lab, Story
from wire import CLIENT, OTHER, SERVER


def endpoint(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def truth(told: Story, sample: str, lab: Lab, tables: dict[str, dict[tuple[str, str], str]]) -> dict[str, Any]:
    """The sample's entry: what became of every connection that it shows, by the kernels' own tables."""
    records = lab.wire.seen[told.views[sample]]
    shown = {frozenset((s.source, s.destination)) for _, frame, _ in records if (s := parse(frame))}
    listening = {local.rsplit(":", 1)[1] for (local, _), state in tables[SERVER].items() if state == "LISTEN"}
    found = {**told.found, **told.seen_by.get(sample, {})}
    connections, crowd = [], Counter[tuple[str, str]]()
    for (client, server), flow in lab.wire.flows.items():
        if frozenset((client, server)) not in shown:
            continue
        ours, theirs = endpoint(client), endpoint(server)
        gone = "LISTEN" if str(server[1]) in listening and not flow.answered else "CLOSED"
        states = tables[CLIENT].get((ours, theirs), "CLOSED"), tables[SERVER].get((theirs, ours), gone)
        if told.crowd and client[1] >= told.crowd:
            crowd[states] += 1
            continue
        common = {"client": ours, "server": theirs}
        for _ in range(told.again.get(client[1], 1) - 1):  # ended before the ports were used again
            ended = {"client_state": "CLOSED", "server_state": "CLOSED", "truth": "reading"}
            connections.append({**common, **ended, "findings": told.earlier.get(client[1], [])})
        if client[1] in told.before.get(sample, {}):
            attempt = {"client_state": "CLOSED", "server_state": "LISTEN", "truth": "reading"}
            connections.append({**common, **attempt, "findings": told.before[sample][client[1]]})
        last = {"client_state": states[0], "server_state": states[1], "truth": "kernel"}
        connections.append({**common, **last, "findings": sorted(found.get(client[1], []))})
        connections[-1].update(told.seen_as.get(client[1], {}))
        if client[1] in told.unknowable:
            connections[-1]["unknowable"] = told.unknowable[client[1]]
    facts: dict[str, Any] = {"made": "recorded", "kernel": "Linux " + os.uname().release.split("-")[0]}
    facts["taken_at"] = {CLIENT: "client", SERVER: "server"}[told.views[sample]]
    facts["lost"] = [number for number, (_, _, lost) in enumerate(records, 1) if lost]
    if crowd:
        (states, count), *rest = crowd.most_common()
        assert not rest, f"the crowd differs: {crowd}"
        assert states[0] == "CLOSED", "the crowd is made up: no host has its sockets"
        others = {"client_state": "ESTABLISHED", "server_state": states[1], "truth": "kernel, server only"}
        facts["others"] = {"count": count, **others, "single_findings": 10}
    return shelf.entry(facts, connections, told.also)


async def perform(told: Story) -> dict[str, dict[str, Any]]:
    """Play one story and write its captures; the entries for expected.toml, by sample."""
    lab = Lab(told.delay)
    playing = asyncio.ensure_future(told.play(lab))
    stopped = asyncio.ensure_future(lab.wire.stopped.wait())
    await asyncio.wait((playing, stopped), return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        playing.result()  # a story that failed fails here
        await lab.pause(0.15)  # what is on the wire arrives
    lab.wire.stop()
    playing.cancel()
    tables = {side: lab.net.sockets(side) for side in OTHER}
    for sample, side in told.views.items():
        lab.wire.seen[side].sort(key=lambda record: record[0])
        write_pcap(shelf.HERE / f"{sample}.pcap", [(at, frame) for at, frame, _ in lab.wire.seen[side]])
    return {sample: truth(told, sample, lab, tables) for sample in told.views}


def main_of_one(name: str, results: multiprocessing.Queue[tuple[str, Any]]) -> None:
    """One story in a process of its own; what it owns ends with it."""
    try:
        results.put((name, asyncio.run(asyncio.wait_for(perform(STORIES[name]), 400))))
    except Exception as error:
        results.put((name, f"{type(error).__name__}: {error}"))


def main() -> int:
    parser = argparse.ArgumentParser(description="record the samples")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the samples and stop")
    options = parser.parse_args()
    if options.list:
        for told in STORIES.values():
            print(*told.views, "-", (told.play.__doc__ or "").strip().splitlines()[0])
        return 0
    names = options.names or list(STORIES)
    if unknown := [name for name in names if name not in STORIES]:
        parser.error(f"no such story: {', '.join(unknown)}")
    results: multiprocessing.Queue[tuple[str, Any]] = multiprocessing.Queue()
    processes = []
    for name in names:
        process = multiprocessing.Process(target=main_of_one, args=(name, results))
        process.start()
        processes.append(process)
        time.sleep(0.4)  # building a network is work; the others should not feel it
    failed = 0
    for _ in names:
        name, result = results.get()
        if isinstance(result, str):
            failed += 1
            print(f"{name}: {result}", file=sys.stderr)
            continue
        for sample, entry in result.items():
            shelf.put(sample, entry)
            print(f"{sample}: {len(entry['connections'])} connections, lost {entry['lost']}")
    for process in processes:
        process.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
