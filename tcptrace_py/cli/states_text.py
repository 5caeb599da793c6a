"""What each state means, for ``tcpfsm explain``: one entry a state, in the order of RFC 9293, 3.3.2."""

from __future__ import annotations

from typing import NamedTuple


class StateText(NamedTuple):
    """A state explained."""

    meaning: str
    shows: str
    """What a capture shows of it, and what it cannot."""
    look: str
    """Where to look when endpoints stay in it."""


STATES: dict[str, StateText] = {
    "CLOSED": StateText(
        "No connection: nothing is kept about it.",
        "Silence, or a RST in answer to whatever comes. A TCP that has closed says nothing, so CLOSED is proven only by a"
        " RST that the endpoint itself sends; otherwise it is assumed, or follows from a timer.",
        "Nothing is wrong with it, unless it was reached by a RST or by giving up.",
    ),
    "LISTEN": StateText(
        "Waiting for a connection from any peer.",
        "Nothing until a SYN-ACK goes out. A SYN that passes towards a listener leaves it in LISTEN, as far as anybody"
        " can tell, until it answers: the SYN may never have arrived.",
        "On the host: ss -ltn shows the listener; its Recv-Q against Send-Q shows a full accept queue.",
    ),
    "SYN_SENT": StateText(
        "A SYN was sent; an answer is awaited.",
        "The endpoint's SYN, and the same SYN again after about 1, 2, 4 ... s (Linux from 6.5 on: first several times"
        " 1 s apart).",
        "No answer: a firewall drops, the host is down, or the route back is missing. Capture nearer to the server, and"
        " see whether the SYN arrives there.",
    ),
    "SYN_RECEIVED": StateText(
        "A SYN was received and answered; the ACK that completes the handshake is awaited.",
        "The endpoint's SYN-ACK. With SYN cookies the server keeps nothing at all meanwhile, and no capture can tell.",
        "Many of them: a SYN flood, a lost route back, or a full accept queue. On the host: ss -tn state syn-recv, and"
        " nstat -az TcpExtListenOverflows.",
    ),
    "ESTABLISHED": StateText(
        "Open: data may flow in both directions.",
        "Any data or ACK after the handshake. That the third segment passed does not prove that the server is here:"
        " it may have been lost further on, or ignored. The server's own data, or its ACK of data, prove it.",
        "An idle one says nothing about the applications: only keep-alives prove that the peer is still there.",
    ),
    "FIN_WAIT_1": StateText(
        "This side has closed and sent a FIN, which is not acknowledged yet.",
        "The endpoint's FIN, not covering a FIN of the peer. A FIN that waits behind data cannot be seen.",
        "The peer or the path is gone, or the peer's window is zero and the FIN is stuck behind data.",
    ),
    "FIN_WAIT_2": StateText(
        "This side has closed, and the peer has acknowledged that; the peer's own FIN is awaited.",
        "The peer's ACK of the FIN. Whether that ACK arrived shows when the FIN does not come again. Once the"
        " application has let go entirely, Linux forgets the connection after tcp_fin_timeout (60 s), silently.",
        "The other side is in CLOSE_WAIT, and its application does not call close().",
    ),
    "CLOSE_WAIT": StateText(
        "The peer has closed; this side's application has not called close() yet.",
        "The endpoint's ACK of the peer's FIN, and no FIN of its own. It may go on sending (a half-close).",
        "Look for a leak of sockets in this side's application. On the host: ss -tnp state close-wait"
        " names the process. No kernel timer ends this state.",
    ),
    "CLOSING": StateText(
        "Both sides closed at once; the ACK of this side's FIN is awaited.",
        "Its FIN does not cover the peer's, and the peer's FIN then passes without covering its own.",
        "The ACK of its FIN was lost, and so are the repetitions: the peer or the path is gone.",
    ),
    "LAST_ACK": StateText(
        "The peer closed first and this side second; the ACK of this side's FIN is awaited.",
        "The endpoint's FIN, covering the peer's. That it leaves for CLOSED can only be assumed: a closed endpoint is"
        " silent. A FIN sent again proves that the last ACK did not arrive.",
        "The peer's last ACK is lost, or the peer has vanished. Linux gives up after some 110 s.",
    ),
    "TIME_WAIT": StateText(
        "Both sides have closed; this one waits for 2 MSL, to answer a FIN that comes again and to let old segments die.",
        "The endpoint's ACK of the peer's FIN. A FIN that comes again restarts the 2 MSL (RFC 9293, 3.10.7.4).",
        "This is the normal end of the side that closes first. Many of them at once: a client that opens connections"
        " faster than 2 MSL frees their ports. Reuse connections; on Linux, net.ipv4.tcp_tw_reuse helps the client.",
    ),
}
