"""The states of RFC 9293, 3.3.2, in its order: what each means, what a capture shows of it, and what to do about it."""

from __future__ import annotations

from tcptrace_py.explain.told import Told, told

STATES: dict[str, Told] = {
    "CLOSED": told(
        "No connection: nothing is kept about it.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.10.7.1",
        seen="Silence, or a RST in answer to whatever comes. CLOSED is proven only by a RST that the endpoint itself"
        " sends; otherwise it is assumed, or follows from a timer.",
        matters="It is the beginning and the end of every connection. Reached by a RST or by giving up, it means that"
        " data may have been lost.",
        causes="Before the first SYN; after the last ACK; after 2 MSL in TIME_WAIT; by a RST, sent or received; by"
        " giving up after repetitions in vain.",
        harmless="Whenever both FINs were exchanged and acknowledged before it.",
        unknown="Since when: a TCP that has closed says nothing, and neither does one that has lost power. CLOSED and"
        " LISTEN look the same as soon as a connection is over.",
        confirm="`ss -tan 'sport = :PORT'` no longer lists the connection; `nstat -az TcpEstabResets TcpOutRsts"
        " TcpAttemptFails` counts the ends that were none of the orderly ones.",
    ),
    "LISTEN": told(
        "Waiting for a connection from any peer.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.10.7.2",
        seen="Nothing of it, until a SYN-ACK goes out. A SYN that passes towards a listener leaves it in LISTEN, as"
        " far as anybody can tell, until it answers: the SYN may never have arrived.",
        matters="A listener that does not answer looks like a filter or a host that is down, and the remedy differs.",
        causes="A program has called listen() on the port. It does not answer when its queues are full, when a filter"
        " drops the SYN before it, or when the SYN was lost.",
        harmless="Always; it is what a server is for.",
        unknown="Whether anybody listens at all, before an answer comes: a RST says no, silence says nothing.",
        confirm="`ss -ltn` lists the listeners: Recv-Q is what waits to be accepted, Send-Q how much may;"
        " `nstat -az TcpExtListenOverflows TcpExtListenDrops` counts what they refused.",
    ),
    "SYN_SENT": told(
        "A SYN was sent; an answer is awaited.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.10.7.3",
        "RFC 6298, 2",
        seen="The endpoint's SYN, and the same SYN again after about 1, 2, 4 ... s (Linux from 6.5 on: first several"
        " times 1 s apart).",
        matters="An application waits in connect(). One lost SYN costs it a second, a filter two minutes.",
        causes="A firewall drops; the host is down; the route back is missing; the SYN or its answer was lost; the"
        " server's queues are full.",
        harmless="For a round trip, in every connection.",
        unknown="Whether the SYN arrived: near the client a lost SYN, a lost answer and a filter are one silence. And"
        " whether the application still waits, as close() in SYN_SENT sends nothing.",
        confirm="`ss -tanpo state syn-sent` names the process and its timer; `sysctl net.ipv4.tcp_syn_retries`;"
        " `nstat -az TcpActiveOpens TcpAttemptFails`. Capture nearer to the server, to see whether the SYN gets there.",
    ),
    "SYN_RECEIVED": told(
        "A SYN was received and answered; the ACK that completes the handshake is awaited.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.10.7.4",
        "RFC 4987, 2",
        seen="The endpoint's SYN-ACK, and the same again while the ACK is missing. The third segment moves it on, if it"
        " arrives and is not ignored.",
        matters="Half-open connections fill the server's queue for about a minute each; its application does not get"
        " the connection, while the client believes it open.",
        causes="The third segment was lost; the source address was forged; the route back loses the SYN-ACK; the accept"
        " queue is full, or TCP_DEFER_ACCEPT waits for data, so that the ACK is ignored.",
        harmless="For a round trip, in every connection; a few that stay, on a server in the open internet.",
        unknown="Whether the server holds any state: with SYN cookies it keeps nothing, and only a SYN-ACK that comes"
        " again without a new SYN proves that it does.",
        confirm="`ss -tan state syn-recv` on the server; `nstat -az TcpExtListenOverflows TcpExtSyncookiesSent`;"
        " `sysctl net.ipv4.tcp_synack_retries net.ipv4.tcp_syncookies`.",
    ),
    "ESTABLISHED": told(
        "Open: data may flow in both directions.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.8",
        seen="Data and ACKs after the handshake. That the third segment passed does not prove that the server is here:"
        " it may have been lost further on, or ignored. The server's own data, or its ACK of data, prove it.",
        matters="The two ends may disagree: one is ESTABLISHED and the other has rebooted, or was never here.",
        causes="The handshake is over and nobody has closed. An idle one stays for ever, unless keep-alives or a device"
        " on the way end it.",
        harmless="Always; it is what a connection is for.",
        unknown="Whether the host is still there while nothing is said, and whether its application reads, hangs, or has"
        " called close() while the FIN waits behind data and a closed window.",
        confirm="`ss -tanpoi state established` shows process, queues and timers; `sysctl net.ipv4.tcp_keepalive_time`;"
        " `nstat -az TcpCurrEstab TcpExtTCPKeepAlive`.",
    ),
    "FIN_WAIT_1": told(
        "This side has closed and sent a FIN, which is not acknowledged yet.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6",
        seen="The endpoint's FIN, which does not acknowledge a FIN of the peer; and the same FIN again while its ACK"
        " is missing. A FIN that still waits behind data cannot be seen.",
        matters="Until the FIN is acknowledged it is not certain that all data has arrived; and the kernel keeps the"
        " connection, though no program holds it any more.",
        causes="The peer or the path is gone; the peer's window is zero and the FIN is stuck behind data; the FIN or its"
        " ACK was lost and will be repeated.",
        harmless="For a round trip, in every connection.",
        unknown="Near this side, whether the FIN arrived: a lost FIN and a lost ACK of it look the same.",
        confirm="`ss -tano state fin-wait-1` shows the retransmission timer and what is unsent;"
        " `sysctl net.ipv4.tcp_orphan_retries net.ipv4.tcp_max_orphans`; `nstat -az TcpRetransSegs TcpExtTCPAbortOnTimeout`.",
    ),
    "FIN_WAIT_2": told(
        "This side has closed, and the peer has acknowledged that; the peer's own FIN is awaited.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6",
        "RFC 9293, 3.6.1",
        seen="The peer's ACK of the FIN. Whether that ACK arrived shows when the FIN does not come again.",
        matters="This side has done its part and waits for the other side's application. If its own has let go entirely,"
        " Linux forgets the connection after tcp_fin_timeout (60 s), silently; if it only shut down sending, it waits"
        " for ever.",
        causes="The other side is in CLOSE_WAIT and its application does not call close(); it still sends (a half-close);"
        " its host has gone.",
        harmless="While the other side is still sending, or may be working on its answer.",
        unknown="Whether the application here has ended, which decides if the kernel still waits; and whether the peer"
        " lives, as nothing asks it.",
        confirm="`ss -tanpo state fin-wait-2`: with a process, an application waits; with a `timewait` timer and none, it"
        " is an orphan. `sysctl net.ipv4.tcp_fin_timeout`.",
    ),
    "CLOSE_WAIT": told(
        "The peer has closed; this side's application has not called close() yet.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6",
        seen="The endpoint's ACK of the peer's FIN, and no FIN of its own. It may go on sending (a half-close).",
        matters="No kernel timer ends this state. Each connection that stays here holds a file descriptor until the"
        " program closes it or ends: that is a leak.",
        causes="The application forgets the socket in an error path, does not read to the end of the stream, or hangs;"
        " a pool keeps idle connections without looking at them.",
        harmless="While the application still has something to send, or is about to close.",
        unknown="What the application is doing; and whether the host is still there: one that lost power in CLOSE_WAIT"
        " looks the same.",
        confirm="`ss -tanp state close-wait` names the process; Recv-Q above zero: it has not read to the end;"
        " `nstat -az TcpExtTCPAbortOnClose` counts those it closes with data unread.",
    ),
    "CLOSING": told(
        "Both sides closed at once; the ACK of this side's FIN is awaited.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6, figure 13",
        seen="Its FIN does not acknowledge the peer's, and the peer's FIN then passes without acknowledging its own.",
        matters="It is rare and short. It leads to TIME_WAIT on both sides, and stays only if the peer has gone.",
        causes="Two programs that end at the same event or timer, within one trip of each other; an ACK of the FIN that"
        " was lost.",
        harmless="For a round trip, whenever both sides close at once.",
        unknown="Nothing of importance: the acknowledgment numbers prove that the FINs crossed, in whatever order they"
        " were captured.",
        confirm="`ss -tano state closing` shows it and its retransmission timer, if you are quick or it is stuck;"
        " `nstat -az TcpRetransSegs`.",
    ),
    "LAST_ACK": told(
        "The peer closed first and this side second; the ACK of this side's FIN is awaited.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6",
        seen="The endpoint's FIN, which acknowledges the peer's; and the same FIN again while its ACK is missing.",
        matters="Nothing is lost any more but memory. It tells whether the other side is still there to say the last"
        " word.",
        causes="The last ACK was lost; the peer has vanished, or has left TIME_WAIT or FIN_WAIT_2 early; a firewall forgot"
        " the connection at its first FIN.",
        harmless="For a round trip, in every connection; Linux gives up after some 110 s.",
        unknown="That it leaves for CLOSED can only be assumed, as a closed endpoint is silent. A FIN that comes again"
        " proves that the last ACK did not arrive.",
        confirm="`ss -tano state last-ack` shows the retransmission timer; `sysctl net.ipv4.tcp_orphan_retries`;"
        " `nstat -az TcpRetransSegs TcpExtTCPAbortOnTimeout`.",
    ),
    "TIME_WAIT": told(
        "Both sides have closed; this one waits for 2 MSL, to answer a FIN that comes again and to let old segments die.",
        "RFC 9293, 3.3.2",
        "RFC 9293, 3.6.1",
        "RFC 6191",
        seen="The endpoint's ACK of the peer's FIN. A FIN that comes again is acknowledged again, and restarts the 2 MSL.",
        matters="It is the normal end of the side that closes first (of both, if they close at once). It holds one port"
        " of the client, so many of them at once can use the ports up.",
        causes="A close in order. Many at once: a client that opens connections faster than 2 MSL frees their ports.",
        harmless="Nearly always; on a server it costs some memory and nothing else.",
        unknown="How long this host's 2 MSL are (Linux 60 s, the RFC 4 minutes: `--profile`, `--timers`), and whether a"
        " RST ended it early.",
        confirm="`ss -tano state time-wait` shows each with the time left; `sysctl net.ipv4.tcp_tw_reuse"
        " net.ipv4.ip_local_port_range net.ipv4.tcp_max_tw_buckets`; `nstat -az TcpExtTW TcpExtTWRecycled"
        " TcpExtTCPTimeWaitOverflow`.",
    ),
}
