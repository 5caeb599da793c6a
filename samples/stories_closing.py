"""Stories of how connections close, hang while closing, or are reset."""

from __future__ import annotations

import asyncio
import contextlib

from hosts import EVER, Lab, story
from wire import CLIENT, SERVER

STUCK = ["stuck-close-wait", "stuck-fin-wait-2"]
ABORTED = ["abortive-close", "reset"]


@story("three-segment-close")
async def three_segment_close(lab: Lab) -> None:
    """Over IPv6. The server closes as soon as it sees the client's FIN, so its FIN carries the ACK."""
    listener = lab.listen_on(lab.bound(SERVER, 7, 8080, six=True))
    client, server = await lab.open(listener, lab.client(six=True))
    await lab.ask(client, server)
    await lab.close(client, server, 0)


@story("fin-lost", found={40001: ["fin-retransmit"]})
async def fin_lost(lab: Lab) -> None:
    """The client's first FIN is lost."""
    lab.lose(CLIENT, "fin")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server)


@story("fin-ack-lost", SERVER, found={40001: ["fin-retransmit"]})
async def fin_ack_lost(lab: Lab) -> None:
    """The ACK of the client's FIN is lost while the server is in CLOSE_WAIT: the FIN comes again."""
    lab.lose(SERVER, "finack")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server, 1)


@story("second-fin-lost", SERVER, found={40001: ["fin-retransmit"]})
async def second_fin_lost(lab: Lab) -> None:
    """The server's FIN, the second one, is lost: the client waits in FIN_WAIT_2 until it comes again."""
    lab.lose(SERVER, "fin")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server)
    await lab.pause(0.3)


@story("last-ack-lost", found={40001: ["fin-retransmit", "final-ack-lost"]})
async def last_ack_lost(lab: Lab) -> None:
    """The last ACK of all is lost: the server's FIN comes again, and TIME_WAIT is there to answer it."""
    lab.lose(CLIENT, "finack")
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server)
    await lab.pause(0.5)


@story("half-close", found={40001: ["half-close"]})
async def half_close(lab: Lab) -> None:
    """The client has asked its last question and says so with a FIN; the server answers for a second more."""
    client, server = await lab.open(lab.listen())
    await lab.send(client, server, b"SELECT name FROM city\n")
    lab.half_close(client)
    await lab.eof(server)
    for name in (b"Aachen\n", b"Bergen\n", b"Cork\n", b"Delft\n"):
        await lab.pause(0.25)
        await lab.send(server, client, name)
    await lab.close(server, client, 0)


@story(
    "peer-vanishes-in-fin-wait-2",
    found={40001: STUCK},
    unknowable={40001: ["client"]},
    seen_as={40001: {"server_seen": "CLOSE_WAIT"}},
)
async def peer_vanishes(lab: Lab) -> None:
    """The client closes, the server acknowledges and loses power; another server is asked for long after."""
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    client.close()
    await lab.eof(server)
    await lab.pause(0.2)
    lab.vanish(server)
    lab.cut(40001)
    await lab.pause(1)
    await lab.health_checks(lab.listen(host=8), 99)


@story(
    "stuck-close-wait",
    SERVER,
    found={40002: STUCK, 40004: STUCK, 40005: STUCK},
    unknowable={40002: ["client"], 40004: ["client"], 40005: ["client"]},
)
async def stuck_close_wait(lab: Lab) -> None:
    """A service whose handler for /report never calls close(): three of five clients wait for its FIN for ever."""
    listener = lab.listen()
    checks = asyncio.ensure_future(lab.health_checks(listener, 99))
    await lab.pause(0.5)
    for host, path, patient in (
        (11, "item", 0),
        (12, "report", 1),
        (13, "item", 0),
        (14, "report", 1),
        (15, "report", 0),
    ):
        client, server = await lab.open(listener, host=host)
        question = f"GET /{path}/{host} HTTP/1.1\r\nHost: 10.1.0.7:8080\r\nConnection: close\r\n\r\n"
        await lab.ask(client, server, question.encode(), b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
        await lab.pause(0.05)
        if path == "item":
            await lab.close(client, server)
        elif patient:
            lab.half_close(client)  # waits for the server's FIN as long as it takes
        else:
            client.close()  # its kernel waits for a minute
        await lab.pause(0.4)
    await checks


async def lose_final_acks(lab: Lab, until: float, every: float) -> None:
    lab.lose(CLIENT, "finack", 1, 7, port=40001)
    listener = lab.listen()
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    await lab.pause(0.1)
    await lab.close(client, server)
    await lab.pause(2)
    await lab.health_checks(listener, until, every)


@story("time-wait-restart", found={40001: ["fin-retransmit", "final-ack-lost"]})
async def time_wait_restart(lab: Lab) -> None:
    """Seven ACKs of the last FIN are lost: it comes again for 15 s, and TIME_WAIT starts anew each time."""
    await lose_final_acks(lab, 101, 14)


@story("time-wait-restart-cut", found={40001: ["fin-retransmit", "final-ack-lost"]})
async def time_wait_restart_cut(lab: Lab) -> None:
    """The same, but the recording ends after 67 s: without its restarts TIME_WAIT would be over."""
    await lose_final_acks(lab, 68, 13)


@story("simultaneous-close", found={40001: ["simultaneous-close"]})
async def simultaneous_close(lab: Lab) -> None:
    """Both applications close in the same millisecond: the FINs cross and both sides pass through CLOSING."""
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.1)
    client.close()
    server.close()
    await lab.pause(0.2)


@story(
    "reset-in-each-state",
    found={
        40001: ["connection-refused"],
        40002: ["connect-aborted"],
        40003: ABORTED,
        40004: ["abortive-close", "fin-retransmit", "reset"],
        40005: ABORTED,
        40006: ["reset", "reset-after-fin"],
        40007: ["fin-retransmit", "reset", "reset-after-fin", "simultaneous-close"],
        40008: ["reset", "reset-after-fin"],
        40009: ["final-ack-lost", "fin-retransmit", "time-wait-assassination"],
    },
)
async def reset_in_each_state(lab: Lab) -> None:
    """Nine resets, by port: received in SYN_SENT, SYN_RECEIVED, ESTABLISHED and so on to TIME_WAIT."""
    listener = lab.listen()

    with contextlib.suppress(ConnectionRefusedError):  # SYN_SENT
        await lab.loop.sock_connect(lab.client(), ("10.1.0.7", 8081))

    lab.hold(SERVER, "synack", 200, port=40002)  # SYN_RECEIVED, of the server
    client = lab.client()
    attempt = asyncio.ensure_future(lab.loop.sock_connect(client, listener.getsockname()))
    await lab.pause(0.1)
    attempt.cancel()
    await lab.pause(0)
    client.close()
    await lab.pause(0.3)

    client, server = await lab.open(listener)  # ESTABLISHED
    await lab.ask(client, server)
    await lab.pause(0.1)
    lab.abort(server)
    await lab.pause(0.1)

    lab.lose(CLIENT, "fin", 1, EVER, port=40004)  # FIN_WAIT_1, of the client
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    client.close()
    await lab.pause(0.3)
    lab.abort(server)
    await lab.pause(0.1)

    client, server = await lab.open(listener)  # FIN_WAIT_2, of the client
    await lab.ask(client, server)
    lab.half_close(client)
    await lab.pause(0.2)
    lab.abort(server)
    await lab.pause(0.1)

    client, server = await lab.open(listener)  # CLOSE_WAIT, of the server
    await lab.ask(client, server)
    lab.half_close(client)
    await lab.pause(0.2)
    lab.abort(client)
    await lab.pause(0.1)

    client, server = await lab.open(listener)  # CLOSING, of the client: the ACKs of both FINs are lost
    await lab.ask(client, server)
    await lab.pause(0.1)
    for side in (CLIENT, SERVER):
        lab.lose(side, "ack", 1, EVER, port=40007)
    lab.half_close(client)
    lab.half_close(server)
    await lab.pause(0.1)
    lab.vanish(server)
    await lab.pause(1)

    client, server = await lab.open(listener)  # LAST_ACK, of the server: the client's host has forgotten the connection
    await lab.ask(client, server)
    lab.half_close(client)
    await lab.pause(0.1)
    lab.vanish(client)
    server.close()
    await lab.pause(0.1)

    lab.repeat(SERVER, "fin", 300, port=40009)  # TIME_WAIT, of the client: the network repeats the server's FIN
    client, server = await lab.open(listener)
    await lab.ask(client, server)
    await lab.close(client, server)
    await lab.pause(0.5)


@story("data-after-peer-fin", SERVER, found={40001: ["data-after-peer-fin", "reset"]})
async def data_after_peer_fin(lab: Lab) -> None:
    """The keep-alive race: an idle server closes a connection just before the client's next request on it."""
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(5)
    server.close()
    await lab.pause(0.3)
    await lab.loop.sock_sendall(client, b"POST /order HTTP/1.1\r\nHost: 10.1.0.7:8080\r\nContent-Length: 0\r\n\r\n")
    await lab.pause(0.2)


@story(
    "peer-vanishes-before-fin",
    found={40001: ["fin-retransmit", "stuck-fin-wait-1"]},
    seen_as={40001: {"server_seen": "ESTABLISHED"}},
)
async def peer_vanishes_before_fin(lab: Lab) -> None:
    """The server loses power; the client's FIN is never acknowledged, and the recording ends before it gives up."""
    client, server = await lab.open(lab.listen())
    await lab.ask(client, server)
    await lab.pause(0.2)
    lab.vanish(server)
    lab.cut(40001)
    client.close()
    await lab.health_checks(lab.listen(host=8), 130, 26)
