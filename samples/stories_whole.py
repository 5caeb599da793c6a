"""Stories of whole services: ordinary traffic, open connections in trouble, and mixtures of everything."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from hosts import EVER, Lab, story
from wire import CLIENT, SERVER

STUCK = ["stuck-close-wait", "stuck-fin-wait-2"]
ABORTED = ["abortive-close", "reset"]


@story(
    "midstream",
    found={40001: [], 40002: ["orphan-fin"], 40003: []},
    also=["midstream"],
    unknowable={40002: ["client", "server"]},
)
async def midstream(lab: Lab) -> None:
    """The recording starts late: one connection is in mid-talk, of another only the tail is seen, a third is new."""
    lab.wire.recording = False
    listener = lab.listen()
    talking = await lab.open(listener, host=11)
    await lab.ask(*talking)
    closing = await lab.open(listener, host=12)
    await lab.ask(*closing)
    closing[0].close()
    await lab.eof(closing[1])
    await lab.pause(0.2)
    lab.wire.recording = True
    await lab.ask(*talking)
    closing[1].close()
    later = await lab.open(listener, host=13)
    await lab.ask(*later)
    await lab.ask(*talking)
    await lab.close(*later)
    await lab.close(*talking)


async def web_server(lab: Lab, sock: socket.socket) -> None:
    """A very small HTTP/1.1 server; closes when the client does, or when asked to."""
    reader, writer = await asyncio.open_connection(sock=sock)
    while line := await reader.readline():
        method, path, _ = line.decode().split()
        length, close = 0, False
        while header := (await reader.readline()).decode().strip().lower():
            length = int(header.split(":")[1]) if header.startswith("content-length:") else length
            close = close or header == "connection: close"
        body = await reader.readexactly(length)
        await lab.pause(0.02)
        writer.write(web_answer(method, path, body, close))
        await writer.drain()
        if close:
            break
    writer.close()


def web_answer(method: str, path: str, body: bytes, close: bool) -> bytes:
    status, kind, content = "404 Not Found", "text/plain", b"no such thing\n"
    if path == "/":
        rows = "".join(f"<li><a href=/city/{n}>City {n}</a></li>\n" for n in range(1, 31))
        page = f"<!doctype html><title>Cities</title><ul>\n{rows}</ul>\n"
        status, kind, content = "200 OK", "text/html", page.encode()
    elif path == "/style.css":
        status, kind, content = "200 OK", "text/css", b"body { font: 16px sans-serif; max-width: 40em }\n" * 5
    elif path == "/data.bin":
        status, kind, content = "200 OK", "application/octet-stream", bytes(range(256)) * 5
    elif path == "/api/orders" and method == "POST":
        status, kind, content = "201 Created", "application/json", b'{"order": 4711, "echo": ' + body + b"}\n"
    elif path == "/api/report":
        status, kind, content = "500 Internal Server Error", "application/json", b'{"error": "database is gone"}\n'
    elif path == "/stream":
        pieces = b"first piece\n", b"second, longer piece\n", b"end\n", b""
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    head = f"HTTP/1.1 {status}\r\nServer: tiny\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    return (head + "Connection: close\r\n" * close + "\r\n").encode() + (b"" if method == "HEAD" else content)


async def browse(lab: Lab, listener: socket.socket, host: int, *requests: str) -> None:
    """One connection, several requests; each is "METHOD PATH BODY", the last with "!": please close."""
    client, server = await lab.open(listener, host=host)
    serving = asyncio.ensure_future(web_server(lab, server))
    reader, writer = await asyncio.open_connection(sock=client)
    for request in requests:
        method, path, *rest = request.rstrip("!").split(maxsplit=2)
        body = rest[0].encode() if rest else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: tiny-browser/1.0\r\nAccept: */*\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        writer.write((head + "Connection: close\r\n" * request.endswith("!") + "\r\n").encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "chunked" in answer:
            await reader.readuntil(b"\r\n0\r\n\r\n")
        elif method != "HEAD":
            await reader.readexactly(int(answer.split("content-length:")[1].split("\r\n")[0]))
        await lab.pause(0.12)
    if requests[-1].endswith("!"):
        await reader.read()
    writer.close()
    await serving
    await lab.pause(0.1)


@story("http")
async def http(lab: Lab) -> None:
    """Ordinary web traffic: five connections, keep-alive, a POST, a chunked body, a 404 and one 500, clean closes."""
    listener = lab.listen()
    await browse(lab, listener, 11, "GET /", "GET /style.css", "GET /data.bin", "GET /favicon.ico")
    await asyncio.gather(
        browse(lab, listener, 12, "HEAD /", 'POST /api/orders {"city": 7, "count": 2}', "GET /stream"),
        browse(lab, listener, 13, "GET /api/report!"),
    )
    await browse(lab, listener, 14, "GET /stream", "GET /!")
    await browse(lab, listener, 11, "GET /style.css!")


@story("retransmissions", SERVER, found={40001: ["retransmission"]})
async def retransmissions(lab: Lab) -> None:
    """14 kB from the server, with losses in the middle (fast retransmission) and at the very end (timeout)."""
    client, server = await lab.open(lab.listen(TCP_MAXSEG=536))
    for nth in (9, 10, 21):
        lab.lose(SERVER, "data", nth, 1)
    await lab.send(client, server, b"GET /large\n")
    await lab.send(server, client, bytes(range(256)) * 56)
    await lab.pause(0.2)
    lab.lose(SERVER, "data", 1, 2)  # the tail, and the probe for it
    await lab.send(server, client, b"END\n")
    await lab.close(server, client)


@story("keepalive", found={40002: [*ABORTED, "keepalive-failure"]}, unknowable={40002: ["server"]})
async def keepalive(lab: Lab) -> None:
    """Two idle connections with keep-alives: one peer answers, the other has gone and is reset."""
    listener = lab.listen()
    pairs = []
    for host in (11, 12):
        client = lab.client(host, SO_KEEPALIVE=1, TCP_KEEPIDLE=3, TCP_KEEPINTVL=2, TCP_KEEPCNT=3)
        pairs.append(await lab.open(listener, client))
        await lab.ask(*pairs[-1])
    alive, gone = pairs
    lab.vanish(gone[1])
    lab.cut(40002)
    await lab.until(14)
    await lab.close(*alive)


@story("zero-window", found={40001: ["zero-window-stall"]})
async def zero_window(lab: Lab) -> None:
    """The receiving application sleeps for six seconds: its window closes, is probed, and opens again."""
    client, server = await lab.open(lab.listen(SO_RCVBUF=3000))
    sending = asyncio.ensure_future(lab.loop.sock_sendall(client, b"all the work of a long day\n" * 400))
    await lab.pause(6)
    left = 27 * 400
    while left:
        left -= len(await lab.loop.sock_recv(server, 4096))
    await sending
    await lab.close(client, server)


@story("thirty-packets", found={40002: ["connection-refused"]})
async def thirty_packets(lab: Lab) -> None:
    """Three connections, and the recording stops at the thirtieth packet: one closed, one refused, one still open."""
    lab.wire.limit = 30
    listener = lab.listen()
    first = await lab.open(listener, host=11)
    await lab.ask(*first)
    with contextlib.suppress(ConnectionRefusedError):
        await lab.loop.sock_connect(lab.client(12), ("10.1.0.7", 8081))
    third = await lab.open(listener, host=13)
    await lab.ask(*third)
    await lab.close(*first)
    while True:
        await lab.ask(*third)
        await lab.pause(0.1)


@story(
    "demo",
    found={
        40002: STUCK,
        40003: ["syn-retransmit"],
        40004: ["connection-refused"],
        40005: ["syn-retransmit", "syn-unanswered"],
        40006: ABORTED,
        40007: ["fin-retransmit", "final-ack-lost"],
        40008: ["half-close"],
        40009: STUCK,
        40010: [],
    },
    unknowable={40002: ["client"], 40009: ["client"]},
)
async def demo(lab: Lab) -> None:
    """A bad day of a small service, seen from its clients: ten connections, a monitor, and something of everything."""
    listener, blocked = lab.listen(), lab.listen(8443)
    checks = asyncio.ensure_future(lab.health_checks(listener, 99))
    await lab.pause(0.3)
    talk = await lab.open(listener, host=11)  # 40001: as it should be
    await lab.ask(*talk)
    await lab.close(*talk)
    stuck = await lab.open(listener, host=12)  # 40002: the server never closes
    await lab.ask(*stuck)
    lab.half_close(stuck[0])
    lab.lose(CLIENT, "syn", port=40003)  # 40003: the first SYN is lost
    talk = await lab.open(listener, host=13)
    await lab.ask(*talk)
    await lab.close(*talk)
    with contextlib.suppress(ConnectionRefusedError):  # 40004: refused
        await lab.loop.sock_connect(lab.client(11), ("10.1.0.7", 8081))
    lab.lose(CLIENT, "syn", 1, EVER, server=8443)  # 40005: filtered
    attempt = asyncio.ensure_future(lab.loop.sock_connect(lab.client(14), blocked.getsockname()))
    talk = await lab.open(listener, host=12)  # 40006: the server aborts
    await lab.ask(*talk)
    await lab.pause(0.1)
    lab.abort(talk[1])
    lab.lose(CLIENT, "finack", port=40007)  # 40007: the final ACK is lost
    talk = await lab.open(listener, host=13)
    await lab.ask(*talk)
    await lab.close(*talk)
    talk = await lab.open(listener, host=11)  # 40008: half-close
    await lab.send(talk[0], talk[1], b"SELECT name FROM city\n")
    lab.half_close(talk[0])
    await lab.eof(talk[1])
    await lab.send(talk[1], talk[0], b"Aachen\nBergen\nCork\nDelft\n")
    await lab.close(talk[1], talk[0], 0)
    stuck = await lab.open(listener, host=15)  # 40009: stuck again, and the client's program has ended
    await lab.ask(*stuck)
    stuck[0].close()
    lab.lose(SERVER, "data", 2, port=40010)  # 40010: a lost segment
    talk = await lab.open(listener, lab.client(14))
    await lab.ask(*talk, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"0123456789" * 500)
    await lab.close(*talk)
    await checks
    attempt.cancel()
