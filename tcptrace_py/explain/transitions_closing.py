"""The transitions by which a connection closes in order, told one by one."""

from __future__ import annotations

from tcptrace_py.explain.told import Told, told

CLOSING: dict[tuple[str, str], Told] = {
    ("ESTABLISHED", "FIN_WAIT_1"): told(
        "This side closes first: close() or shutdown(), and its FIN goes out behind the last data.",
        "RFC 9293, 3.10.4",
        "RFC 9293, 3.6, figure 12",
        seen="The endpoint's FIN, which does not acknowledge a FIN of the peer.",
        matters="It names the side that closed first, which will also be the one in TIME_WAIT.",
        causes="The application calls close() or shutdown(), or the process ends.",
        harmless="Always.",
        unknown="Whether it was close() or shutdown(): the FIN is the same, and only what happens to later data tells."
        " And a close() whose FIN waits behind data and a closed window leaves no frame at all.",
        confirm="`ss -tano state fin-wait-1` on that host; `strace -e trace=close,shutdown` shows who calls what.",
    ),
    ("ESTABLISHED", "CLOSE_WAIT"): told(
        "The peer's FIN arrives: it will send no more, and this side's application is told so.",
        "RFC 9293, 3.10.7.4, eighth check",
        "RFC 9293, 3.6",
        seen="The peer's FIN passes, with everything before it: assumed. The endpoint's ACK of it confirms it; the same FIN"
        " again, before that ACK, takes it back.",
        matters="The kernel acknowledges by itself. From here on all depends on the application, which reads the end of"
        " the stream and should close.",
        causes="The peer closed, or shut down its sending side.",
        harmless="Always; it becomes harmful when it lasts.",
        unknown="Whether the FIN arrived, until it is acknowledged; with a hole in the data before it, it counts only when"
        " the hole is filled.",
        confirm="`ss -tanp state close-wait` on that host names the process that should close.",
    ),
    ("CLOSE_WAIT", "LAST_ACK"): told(
        "The second side closes, too: its FIN goes out.",
        "RFC 9293, 3.10.4",
        "RFC 9293, 3.6, figure 12",
        seen="The endpoint's FIN, which acknowledges the peer's.",
        matters="Both directions are closing; how long this took is how long the application needed.",
        causes="The application read the end of the stream and called close(), or its process ended.",
        harmless="Always.",
        unknown="When close() was called, if data or a closed window held the FIN back: then nothing shows it.",
        confirm="`ss -tano state last-ack` on that host; `strace -e trace=close -p PID` shows the call.",
    ),
    ("FIN_WAIT_1", "FIN_WAIT_1"): told(
        "The FIN is sent again: no ACK of it has arrived.",
        "RFC 9293, 3.8.1",
        "RFC 9293, 3.8.3",
        seen="A FIN with the same sequence number. An ACK of it that had passed towards the endpoint before did not arrive,"
        " and FIN_WAIT_2 is taken back.",
        matters="Closing takes longer; repeated without end, it means that the peer or the path is gone.",
        causes="The FIN or its ACK was lost; the peer vanished; a firewall forgets a connection at its first FIN.",
        harmless="Once in a while.",
        unknown="Near this side, whether the FIN or its ACK was lost.",
        confirm="`ss -tano state fin-wait-1` shows the timer and the number of tries; `nstat -az TcpRetransSegs`;"
        " `sysctl net.ipv4.tcp_orphan_retries`.",
    ),
    ("FIN_WAIT_1", "FIN_WAIT_2"): told(
        "The FIN is acknowledged: this direction is closed for good.",
        "RFC 9293, 3.10.7.4, fifth check",
        "RFC 9293, 3.6, figure 12",
        seen="The peer's ACK that covers the FIN passes: assumed, until the endpoint acknowledges the peer's FIN, or goes on"
        " without repeating its own. The FIN again takes it back.",
        matters="All data of this side has arrived. What remains is the other side's to do.",
        causes="The peer's kernel acknowledged, without its application.",
        harmless="Always.",
        unknown="Near the peer, whether the ACK arrived.",
        confirm="`ss -tanpo state fin-wait-2` on that host; `sysctl net.ipv4.tcp_fin_timeout` says how long an orphan stays.",
    ),
    ("FIN_WAIT_1", "CLOSING"): told(
        "The FINs cross: the peer's arrives before this side's is acknowledged.",
        "RFC 9293, 3.10.7.4, eighth check",
        "RFC 9293, 3.6, figure 13",
        seen="The peer's FIN passes and does not cover this side's. The endpoint's ACK of it confirms it.",
        matters="Both sides closed at once, so both will be in TIME_WAIT.",
        causes="Two programs that end at the same event or timer.",
        harmless="Always.",
        unknown="Which of the two closed first: neither knew of the other.",
        confirm="`ss -tan state closing` on both hosts, for a round trip.",
    ),
    ("FIN_WAIT_2", "TIME_WAIT"): told(
        "The peer's FIN arrives: both directions are closed, and the wait of 2 MSL begins.",
        "RFC 9293, 3.10.7.4, eighth check",
        "RFC 9293, 3.6, figure 12",
        seen="The peer's FIN passes: assumed. The endpoint's ACK of it confirms it, and is the last segment of an orderly"
        " close.",
        matters="The connection is over for the applications. This side keeps the ports for 2 MSL, in case that last ACK"
        " is lost.",
        causes="The other side's application has closed.",
        harmless="Always.",
        unknown="Whether the last ACK arrives: nothing acknowledges it.",
        confirm="`ss -tano state time-wait` on that host shows it with the time left; `nstat -az TcpExtTW`.",
    ),
    ("CLOSING", "CLOSING"): told(
        "The FIN is sent again after the FINs had crossed: no ACK of it has arrived.",
        "RFC 9293, 3.8.1",
        "RFC 9293, 3.8.3",
        seen="A FIN with the same sequence number, that now acknowledges the peer's FIN.",
        matters="This side cannot go on to TIME_WAIT; if the peer has gone, it stays until its kernel gives up.",
        causes="The FIN or its ACK was lost; the peer vanished right after its own FIN.",
        harmless="Once in a while.",
        unknown="Whether the peer is gone, or its ACKs are lost on the way.",
        confirm="`ss -tano state closing` shows the retransmission timer; `nstat -az TcpRetransSegs`.",
    ),
    ("CLOSING", "TIME_WAIT"): told(
        "The ACK of the FIN arrives after the FINs had crossed.",
        "RFC 9293, 3.10.7.4, fifth check",
        "RFC 9293, 3.6, figure 13",
        seen="The peer's ACK that covers this side's FIN passes: assumed. The FIN again takes it back.",
        matters="It ends a simultaneous close; the other side goes the same way.",
        causes="The peer acknowledged.",
        harmless="Always.",
        unknown="Whether that ACK arrived: nothing of this side follows it.",
        confirm="`ss -tano state time-wait` on both hosts shows the same connection.",
    ),
    ("LAST_ACK", "LAST_ACK"): told(
        "The second FIN is sent again: the last ACK has not arrived.",
        "RFC 9293, 3.8.1",
        "RFC 9293, 3.10.7.4, eighth check",
        seen="A FIN with the same sequence number. If its ACK had passed before, CLOSED is taken back.",
        matters="The peer's TIME_WAIT answers it and starts its 2 MSL anew: this is what TIME_WAIT is for.",
        causes="The last ACK was lost, or the FIN itself; the peer has vanished or has left TIME_WAIT early.",
        harmless="Once in a while; no data can be lost any more.",
        unknown="Whether the ACK was lost, or the network held back and repeated the FIN.",
        confirm="`ss -tano state last-ack` shows the timer and the number of tries; `nstat -az TcpRetransSegs`.",
    ),
    ("LAST_ACK", "CLOSED"): told(
        "The last ACK arrives, and the connection is gone; or its owner gave up waiting for it.",
        "RFC 9293, 3.10.7.4, fifth check",
        "RFC 9293, 3.8.3",
        seen="The ACK of the second FIN passes: assumed, for ever, as a closed endpoint is silent; the FIN again takes it"
        " back. Or a RST, or repetitions of the FIN that stop.",
        matters="The ordinary end of the side that closed second. By a RST or by giving up it is the same for the"
        " applications: all data had arrived, or was lost, before.",
        causes="The peer's ACK; a RST, as the peer had forgotten the connection; no answer for as long as the kernel tries.",
        harmless="Always.",
        unknown="Whether the ACK arrived. The longer the capture goes on without the FIN again, the likelier it did.",
        confirm="`ss -tan state last-ack` on that host no longer lists it; `nstat -az TcpExtTCPAbortOnTimeout` counts"
        " those given up.",
    ),
    ("TIME_WAIT", "TIME_WAIT"): told(
        "The peer's FIN comes again: TIME_WAIT acknowledges it again and starts its 2 MSL anew.",
        "RFC 9293, 3.10.7.4, eighth check",
        "RFC 9293, 3.6.1",
        seen="The same FIN of the peer, and the endpoint's ACK after it. Without that ACK the FIN may not have arrived, and"
        " nothing restarts.",
        matters="The last ACK had been lost. Without TIME_WAIT the peer would have got a RST in place of it.",
        causes="The last ACK was lost or came late; a FIN that the network held back or repeated.",
        harmless="Always.",
        unknown="Whether the new ACK arrives; if not, the FIN comes once more.",
        confirm="`ss -tano state time-wait` shows the time left jump back; `nstat -az TcpRetransSegs` grows on"
        " the other side.",
    ),
    ("TIME_WAIT", "CLOSED"): told(
        "2 MSL have passed, and the ports are free again; or a RST ended it early.",
        "RFC 9293, 3.10.8",
        "RFC 9293, 3.6.1",
        "RFC 1337",
        seen="Nothing: the step rests on the clock alone (`timer`), 2 MSL after the last FIN that was acknowledged. Or a RST"
        " with the exact sequence number passes towards the endpoint.",
        matters="From now on the same ports may begin a new connection without any condition.",
        causes="Time; a RST that answers an ACK of TIME_WAIT (RFC 1337 calls it assassination).",
        harmless="Always; after a RST nearly always.",
        unknown="How long 2 MSL are on this host: the profile says (`--profile`, `--timers time_wait=`); and whether the host"
        " believed the RST.",
        confirm="`ss -tano state time-wait` no longer lists it; `sysctl net.ipv4.tcp_rfc1337`; `nstat -az TcpExtTW` counts"
        " those that ended by time.",
    ),
}
