#!/usr/bin/env python3
"""Make the samples that no kernel gives on demand: the figures of RFC 9293 number by number, and a split handshake.

Writes rfc9293-figures.pcap, split-handshake.pcap and their entries in expected.toml, beside this file:
always the same bytes.
"""

from __future__ import annotations

from typing import Any

import shelf
from frames import ACK, FIN, PSH, RST, SYN, build, write_pcap

A, B = "10.1.0.11", "10.1.0.7"
START = 1_767_268_800 * 10**9  # 2026-01-01 12:00 UTC
MS = 10**6
Line = tuple[str, int, int, int, bytes]  # ">" from A or "<" from B, flags, sequence number, acknowledgment number, data

# What A and B said before figures 9, 10, 12 and 13 begin: A will send 100 next, and B 300.
ESTABLISHED: list[Line] = [
    (">", SYN, 99, 0, b""),
    ("<", SYN | ACK, 299, 100, b""),
    (">", ACK, 100, 300, b""),
]

# The segments as they pass the one of the two hosts that sees all of them: A, but B in figures 8 and 11.
FIGURES: dict[int, list[Line]] = {
    6: [  # basic three-way handshake
        (">", SYN, 100, 0, b""),
        ("<", SYN | ACK, 300, 101, b""),
        (">", ACK, 101, 301, b""),
        (">", ACK | PSH, 101, 301, b"DATA"),
        ("<", ACK, 301, 105, b""),  # not in the figure: without it the data would count as unanswered
    ],
    7: [  # simultaneous open
        (">", SYN, 100, 0, b""),
        ("<", SYN, 300, 0, b""),
        (">", SYN | ACK, 100, 301, b""),
        ("<", SYN | ACK, 300, 101, b""),
        (">", ACK, 101, 301, b""),  # not in the figure; hosts do
    ],
    8: [  # recovery from an old duplicate SYN
        (">", SYN, 90, 0, b""),
        ("<", SYN | ACK, 300, 91, b""),
        (">", RST, 91, 0, b""),
        (">", SYN, 100, 0, b""),
        ("<", SYN | ACK, 400, 101, b""),
        (">", ACK, 101, 401, b""),
    ],
    9: [  # half-open connection discovery: A has crashed and calls again
        *ESTABLISHED,
        (">", SYN, 400, 0, b""),
        ("<", ACK, 300, 100, b""),
        (">", RST, 100, 0, b""),
        (">", SYN, 400, 0, b""),
        ("<", SYN | ACK, 700, 401, b""),
        (">", ACK, 401, 701, b""),
    ],
    10: [  # the other side of it: B sends, and A knows nothing
        *ESTABLISHED,
        ("<", ACK | PSH, 300, 100, b"ten bytes\n"),
        (">", RST, 100, 0, b""),
    ],
    11: [  # an old duplicate SYN between two passive sockets
        (">", SYN, 90, 0, b""),
        ("<", SYN | ACK, 300, 91, b""),
        (">", RST, 91, 0, b""),
    ],
    12: [  # normal close
        *ESTABLISHED,
        (">", FIN | ACK, 100, 300, b""),
        ("<", ACK, 300, 101, b""),
        ("<", FIN | ACK, 300, 101, b""),
        (">", ACK, 101, 301, b""),
    ],
    13: [  # simultaneous close
        *ESTABLISHED,
        (">", FIN | ACK, 100, 300, b""),
        ("<", FIN | ACK, 300, 100, b""),
        (">", ACK, 101, 301, b""),
        ("<", ACK, 301, 101, b""),
    ],
}

# By figure: states of A and B at the end, and findings; two rows where there are two connections.
ENDS: dict[int, list[tuple[str, str, list[str]]]] = {
    6: [("ESTABLISHED", "ESTABLISHED", [])],
    7: [("ESTABLISHED", "ESTABLISHED", ["simultaneous-open"])],
    8: [("CLOSED", "LISTEN", ["stale-syn"]), ("ESTABLISHED", "ESTABLISHED", [])],  # the old SYN, then the new one
    9: [("CLOSED", "CLOSED", ["challenge-ack"]), ("ESTABLISHED", "ESTABLISHED", ["half-open-peer", "syn-retransmit"])],
    10: [("CLOSED", "CLOSED", ["reset"])],
    11: [("CLOSED", "LISTEN", ["connect-aborted"])],  # the frames of an opener that gave up
    12: [("TIME_WAIT", "CLOSED", [])],
    13: [("TIME_WAIT", "TIME_WAIT", ["simultaneous-close"])],
}

# The server answers a SYN with an ACK and a SYN of its own; the client, as in a simultaneous open, with a SYN-ACK.
SPLIT: list[Line] = [
    (">", SYN, 5000, 0, b""),
    ("<", ACK, 9000, 5001, b""),
    ("<", SYN, 9000, 0, b""),
    (">", SYN | ACK, 5000, 9001, b""),
    ("<", ACK, 9001, 5001, b""),
    (">", ACK | PSH, 5001, 9001, b"PING\n"),
    ("<", ACK | PSH, 9001, 5006, b"PONG\n"),
    (">", ACK, 5006, 9006, b""),
    (">", FIN | ACK, 5006, 9006, b""),
    ("<", FIN | ACK, 9006, 5007, b""),
    (">", ACK, 5007, 9007, b""),
]


def frames(lines: list[Line], port: int, start: int) -> list[tuple[int, bytes]]:
    """The lines as frames, 10 ms apart; client port ``port``, server port 8080."""
    records = []
    for number, (direction, flags, seq, ack, data) in enumerate(lines):
        client, server = (A, port), (B, 8080)
        source, destination = (client, server) if direction == ">" else (server, client)
        frame = build(source, destination, seq, ack, flags, data, from_server=direction == "<", ident=number + 1)
        records.append((start + number * 10 * MS, frame))
    return records


def connection(port: int, client_state: str, server_state: str, findings: list[str]) -> dict[str, Any]:
    return {
        "client": f"{A}:{port}",
        "server": f"{B}:8080",
        "client_state": client_state,
        "server_state": server_state,
        "truth": "reading",
        "findings": findings,
    }


def main() -> None:
    records: list[tuple[int, bytes]] = []
    connections = []
    for place, (figure, lines) in enumerate(FIGURES.items()):
        records += frames(lines, 40000 + figure, START + place * 1000 * MS)
        connections += [connection(40000 + figure, *end) for end in ENDS[figure]]
    facts = {"made": "crafted", "lost": []}
    write_pcap(shelf.HERE / "rfc9293-figures.pcap", records)
    shelf.put("rfc9293-figures", shelf.entry(facts, connections, []))
    write_pcap(shelf.HERE / "split-handshake.pcap", frames(SPLIT, 40001, START))
    end = connection(40001, "TIME_WAIT", "CLOSED", ["split-handshake"])
    shelf.put("split-handshake", shelf.entry(facts, [end], []))


if __name__ == "__main__":
    main()
