"""Stories of how connections open, or fail to.  The server's port 8080 at 10.1.0.7 unless a story says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from frames import SYN, build
from hosts import EVER, Lab, story
from wire import CLIENT, SERVER

RETRIED = ["syn-retransmit"]
GONE = ["syn-retransmit", "syn-unanswered"]


@story("four-way-close")
async def plain(lab: Lab) -> None:
    """A three-way handshake, a request and its response, and a close of four segments."""
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server)


@story("syn-lost", found={40001: RETRIED})
async def syn_lost(lab: Lab) -> None:
    """The first SYN is lost; the second, a second later, is answered."""
    lab.lose(CLIENT, "syn")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.close(client, server)


@story("synack-lost", SERVER, found={40001: ["syn-retransmit", "synack-retransmit"]})
async def synack_lost(lab: Lab) -> None:
    """The first SYN-ACK is lost on its way to the client."""
    lab.lose(SERVER, "synack")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.close(client, server)


@story("handshake-ack-lost", found={40001: ["synack-retransmit"]})
async def handshake_ack_lost(lab: Lab) -> None:
    """The handshake's last ACK is lost: for a second the client is ESTABLISHED and the server is not."""
    lab.lose(CLIENT, "third")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.close(client, server)


@story("data-on-third-segment", found={40001: ["data-in-handshake"]})
async def data_on_third(lab: Lab) -> None:
    """The client has data ready, so no bare ACK ends the handshake: the request does."""
    listener = lab.listen()
    client = lab.client(TCP_QUICKACK=0)
    await lab.loop.sock_connect(client, listener.getsockname())
    await lab.loop.sock_sendall(client, b"PING\n")
    server = await lab.accept(listener)
    await lab.loop.sock_recv(server, 5)
    await lab.send(server, client, b"PONG\n")
    await lab.close(client, server)


@story(
    "stale-syn",
    SERVER,
    found={40001: []},
    before={"stale-syn": {40001: ["stale-syn"]}},
    more_views={"stale-syn-client": CLIENT},
    seen_by={"stale-syn-client": {40001: ["syn-retransmit", "synack-bad-ack"]}},
)
async def stale_syn(lab: Lab) -> None:
    """A SYN of long ago arrives in place of the new one, which is lost: its SYN-ACK answers nothing the client sent."""
    listener = lab.listen()
    lab.lose(CLIENT, "syn")
    old = build(("10.1.0.11", 40001), ("10.1.0.7", 8080), 90, 0, SYN, options=bytes.fromhex("020405b4"))
    lab.put(CLIENT, old)
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    await lab.close(client, server)


@story("refused", found={40001: ["connection-refused"], 40002: ["connection-refused"]})
async def refused(lab: Lab) -> None:
    """Nothing listens on the port: each SYN draws a RST."""
    for port in (8080, 8081):
        with contextlib.suppress(ConnectionRefusedError):
            await lab.loop.sock_connect(lab.client(), ("10.1.0.7", port))
        await lab.pause(0.2)


@story("filtered", found={40001: GONE})
async def filtered(lab: Lab) -> None:
    """A filter on the way drops every SYN to port 8443, and the client gives up after 134 s; others get through."""
    blocked, open_port = lab.listen(8443), lab.listen()
    lab.lose(CLIENT, "syn", 1, EVER, server=8443)

    async def attempt() -> None:
        with contextlib.suppress(TimeoutError):
            await lab.loop.sock_connect(lab.client(), blocked.getsockname())

    await asyncio.gather(attempt(), lab.health_checks(open_port, 150, 37))


@story("connect-aborted", found={40001: ["connect-aborted"]})
async def connect_aborted(lab: Lab) -> None:
    """The client loses patience; the SYN-ACK comes late and draws a RST."""
    listener = lab.listen()
    lab.hold(SERVER, "synack", 400)
    client = lab.client()
    attempt = asyncio.ensure_future(lab.loop.sock_connect(client, listener.getsockname()))
    await lab.pause(0.2)
    attempt.cancel()
    await lab.pause(0)
    client.close()
    await lab.pause(0.5)


@story(
    "syn-flood",
    SERVER,
    also=["handshake-incomplete", "syn-flood", "synack-retransmit"],
    crowd=1024,
    found={900: [], 901: []},
)
async def syn_flood(lab: Lab) -> None:
    """400 SYNs from made-up addresses in two seconds: half-open connections pile up, and two honest clients get by."""
    listener = lab.listen(backlog=1024)
    lab.net.ip(SERVER, "route add default via 10.1.0.11")
    for number in range(400):
        source = f"198.18.{number % 7}.{1 + number * 37 % 250}", 1024 + number * 131 % 60000
        lab.put(CLIENT, build(source, ("10.1.0.7", 8080), number * 2654435761, 0, SYN, ident=number, ttl=49))
        await lab.pause(0.004)
        if number in (120, 300):
            client, server = await lab.open(listener, lab.client(port=900 + number // 300))
            await lab.ask(client, server)
            await lab.close(client, server)
    await lab.pause(0.3)


@story(
    "accept-queue-overflow",
    SERVER,
    found={40003: ["accept-queue-overflow", "retransmission", "synack-retransmit"], 40004: GONE},
)
async def accept_queue_overflow(lab: Lab) -> None:
    """The application accepts nobody: two connections fill its queue, then an ACK and a SYN are ignored."""
    listener = lab.listen(backlog=1)
    lab.hold(CLIENT, "third", 120, port=40002)  # the queue must still have room when the SYNs of both arrive
    lab.hold(CLIENT, "third", 300, port=40003)

    async def attempt(sock: socket.socket) -> None:
        await lab.loop.sock_connect(sock, listener.getsockname())

    clients = [lab.client(host) for host in (11, 12, 13, 14)]
    await attempt(clients[0])
    await lab.pause(0.1)
    await asyncio.gather(attempt(clients[1]), attempt(clients[2]))
    await lab.pause(0.5)
    late = asyncio.ensure_future(attempt(clients[3]))
    await lab.loop.sock_sendall(clients[2], b"GET / HTTP/1.1\r\nHost: 10.1.0.7:8080\r\n\r\n")
    await lab.until(20)
    late.cancel()


@story("simultaneous-open", found={40001: ["simultaneous-open"]})
async def simultaneous_open(lab: Lab) -> None:
    """Both sides connect to each other; their SYNs cross on the way."""
    lab.hold(CLIENT, "syn", 60)
    lab.hold(SERVER, "syn", 60)
    client, server = lab.client(), lab.bound(SERVER, 7, 8080)
    await asyncio.gather(
        lab.loop.sock_connect(client, server.getsockname()), lab.loop.sock_connect(server, client.getsockname())
    )
    await lab.ask(client, server)
    await lab.close(client, server)


@story("icmp-rejected", found={40001: ["icmp-rejected"], 40002: ["icmp-rejected"]})
async def icmp_rejected(lab: Lab) -> None:
    """Two networks behind the router 10.1.0.7: it prohibits one and has no way to the other, and says so by ICMP."""
    lab.net.sysctl(SERVER, ip_forward=1)
    lab.net.ip(SERVER, "route add prohibit 192.0.2.80/32", "route add unreachable 192.0.2.81/32")
    lab.net.ip(CLIENT, "route add 192.0.2.0/24 via 10.1.0.7")
    for address in ("192.0.2.80", "192.0.2.81"):
        with contextlib.suppress(OSError):
            await lab.loop.sock_connect(lab.client(), (address, 443))
        await lab.pause(0.2)


@story("fast-open", found={40002: ["data-in-handshake", "fast-open"]})
async def fast_open(lab: Lab) -> None:
    """TCP Fast Open (RFC 7413): the first connection asks for a cookie, the second carries its request on the SYN."""
    for side in (CLIENT, SERVER):
        lab.net.sysctl(side, tcp_fastopen=3)
    listener = lab.listen(TCP_FASTOPEN=16)
    for number in range(2):
        client = lab.client()
        with contextlib.suppress(BlockingIOError):  # without a cookie the data waits for the handshake
            client.sendto(b"GET /1\n", socket.MSG_FASTOPEN, listener.getsockname())
        server = await lab.accept(listener)
        if not number:
            await lab.loop.sock_sendall(client, b"GET /1\n")
        await lab.loop.sock_recv(server, 7)
        await lab.send(server, client, b"one\n")
        await lab.close(client, server)


@story(
    "client-reboots",
    found={40001: ["half-open-peer", "syn-retransmit"]},
    again={40001: 2},
    earlier={40001: ["challenge-ack"]},
)
async def client_reboots(lab: Lab) -> None:
    """The client forgets the connection and calls again from the same port, which the server still believes open."""
    listener = lab.listen()
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    lab.vanish(client)
    await lab.pause(2)
    client, server = await lab.open(listener, lab.client(port=40001))
    await lab.ask(client, server)
    await lab.close(client, server)


@story("time-wait-reuse", found={40001: ["time-wait-reuse"]}, again={40001: 2})
async def time_wait_reuse(lab: Lab) -> None:
    """The server closes first and keeps TIME_WAIT; a second later the client calls again from the same port."""
    listener = lab.listen()
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    await lab.close(server, client)
    await lab.pause(1)
    client, server = await lab.open(listener, lab.client(port=40001))
    await lab.ask(client, server)
    await lab.close(server, client)


@story(
    "time-wait-reuse-challenged",
    SERVER,
    found={40001: ["half-open-peer", "syn-retransmit", "time-wait-assassination", "time-wait-reuse"]},
    again={40001: 2},
)
async def time_wait_reuse_challenged(lab: Lab) -> None:
    """The same with a lower sequence number, no timestamps: TIME_WAIT answers with an ACK, which is reset."""
    lab.net.sysctl(CLIENT, tcp_timestamps=0)
    listener = lab.listen()
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    await lab.close(server, client)
    lab.renumber(40001, -(2**30))  # as from a client whose new numbers start lower
    await lab.pause(1)
    client, server = await lab.open(listener, lab.client(port=40001))
    await lab.ask(client, server)
    await lab.close(server, client)
