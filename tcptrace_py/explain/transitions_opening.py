"""The transitions by which a connection opens, told one by one."""

from __future__ import annotations

from tcptrace_py.explain.told import Told, told

OPENING: dict[tuple[str, str], Told] = {
    ("CLOSED", "SYN_SENT"): told(
        "The active open: an application calls connect(), and its SYN goes out.",
        "RFC 9293, 3.10.1",
        "RFC 9293, 3.5",
        seen="The endpoint's SYN. It is proven by that frame, as every step is that an endpoint shows by sending.",
        matters="It names the client, and its sequence number is the one that everything else is counted from.",
        causes="A program connects. Without a program it is a scanner, or a forged source address.",
        harmless="Always.",
        unknown="Whether the SYN arrives, and whether its source address is real.",
        confirm="`ss -tanp state syn-sent` on the client names the process; `nstat -az TcpActiveOpens` counts.",
    ),
    ("LISTEN", "SYN_SENT"): told(
        "An active open on a socket that was listening: the RFC allows it, hardly any system does it.",
        "RFC 9293, 3.10.1",
        seen="A SYN from an address and port that was taken for a listener, because it had been called before.",
        matters="Who was the server is now the client, so roles that were guessed before may be wrong.",
        causes="A program that calls from the port on which it also listens (peer-to-peer, hole punching); on the systems"
        " of today those are two sockets with one port (SO_REUSEADDR, SO_REUSEPORT).",
        harmless="Wherever the program means it.",
        unknown="Whether it is one socket or two: the frames are the same.",
        confirm="`ss -tanp 'sport = :PORT'` shows a listening and a calling socket side by side, with their processes.",
    ),
    ("SYN_SENT", "SYN_SENT"): told(
        "The SYN is sent again, because no answer came in time.",
        "RFC 9293, 3.8.1",
        "RFC 6298, 2",
        "RFC 6298, 5",
        seen="A SYN with the same sequence number, a second or more after the last. It proves that no acceptable"
        " SYN-ACK had reached the endpoint when it was sent.",
        matters="connect() takes a second longer for the first repetition, and twice as long for each further one.",
        causes="The SYN or its answer was lost; a filter drops one of them; the server's queues are full; an answer came"
        " that belongs to another connection (then the repetition comes at once on Linux).",
        harmless="Once in a while, on a path that loses packets.",
        unknown="Near the client, whether the SYN or its answer was lost. An answer that passed here was lost, or came too"
        " late, between this point and the client.",
        confirm="`ss -tano state syn-sent` shows how often and when next; `sysctl net.ipv4.tcp_syn_retries"
        " net.ipv4.tcp_syn_linear_timeouts`; `nstat -az TcpExtTCPTimeouts TcpExtTCPSynRetrans`.",
    ),
    ("TIME_WAIT", "SYN_SENT"): told(
        "The endpoint gives its own TIME_WAIT up and calls again from the same port.",
        "RFC 6191",
        "RFC 1122, 4.2.2.13",
        "RFC 9293, 3.6.1",
        seen="A SYN by the endpoint that was in TIME_WAIT, on the same addresses and ports.",
        matters="The old connection ends before its 2 MSL. It is safe as long as timestamps, or a higher initial sequence"
        " number, keep old segments out of the new one.",
        causes="net.ipv4.tcp_tw_reuse with few ports left; a program that binds a fixed source port; a host that"
        " was restarted meanwhile and knows nothing of TIME_WAIT.",
        harmless="With timestamps on both sides, always.",
        unknown="Whether TIME_WAIT was given up or lost by a restart.",
        confirm="`sysctl net.ipv4.tcp_tw_reuse net.ipv4.tcp_timestamps net.ipv4.ip_local_port_range`;"
        " `ss -tan state time-wait | wc -l` on that host.",
    ),
    ("CLOSED", "SYN_RECEIVED"): told(
        "An endpoint that was taken for closed answers a SYN: it listens after all.",
        "RFC 9293, 3.10.7.2",
        seen="A SYN-ACK from where there was no connection. The RFC has this step from LISTEN; CLOSED and LISTEN look"
        " the same until the answer.",
        matters="It is the same passive open as from LISTEN, of the next connection on the same ports.",
        causes="A new connection after an older one on these ports; a service that was started meanwhile.",
        harmless="Always.",
        unknown="Since when it listens.",
        confirm="`ss -ltn 'sport = :PORT'` lists the listener; `nstat -az TcpPassiveOpens` counts.",
    ),
    ("LISTEN", "SYN_RECEIVED"): told(
        "The passive open: a SYN arrived, and the SYN-ACK goes out.",
        "RFC 9293, 3.10.7.2",
        "RFC 9293, 3.5",
        "RFC 4987, 3.6",
        seen="The endpoint's SYN-ACK, whose acknowledgment covers the SYN: so the SYN arrived.",
        matters="From now on the server keeps a request for this client, for about a minute at most.",
        causes="A client calls, and the server's queue of requests has room.",
        harmless="Always; many that stop here are a SYN flood.",
        unknown="With SYN cookies the server answers and remembers nothing, so that it stays in LISTEN; a single SYN-ACK"
        " looks the same. Only one that comes again without a new SYN proves that a request is kept.",
        confirm="`ss -tan state syn-recv`; `nstat -az TcpPassiveOpens TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies`.",
    ),
    ("SYN_SENT", "SYN_RECEIVED"): told(
        "A SYN meets a SYN: both sides called, and this one answers with a SYN-ACK of its own.",
        "RFC 9293, 3.5, figure 7",
        "RFC 9293, 3.10.7.3, fourth check",
        seen="The peer's SYN without ACK passes towards an endpoint that has sent a SYN itself; its SYN-ACK, with the same"
        " sequence number as its SYN, confirms that it arrived.",
        matters="It is a simultaneous open, or a split handshake when the peer is a listener that sends its SYN alone.",
        causes="Programs that call each other from fixed ports at the same time; evasion; an old duplicate SYN.",
        harmless="Where both programs mean it.",
        unknown="Whether the peer had called by itself or only answered in two segments.",
        confirm="`ss -tanp` on both hosts shows the connected sockets on fixed ports, and whether one of them listens;"
        " `nstat -az TcpActiveOpens`.",
    ),
    ("SYN_RECEIVED", "SYN_RECEIVED"): told(
        "The SYN-ACK is sent again: no ACK of it has counted.",
        "RFC 9293, 3.8.1",
        "RFC 9293, 3.10.7.4, first check",
        seen="A SYN-ACK with the same sequence number, a second or more after the last, or right behind a repeated SYN."
        " An ACK of it that had passed did not count, and ESTABLISHED is taken back.",
        matters="The client may believe the connection open already. The server's application has not got it.",
        causes="The SYN-ACK or the third segment was lost; the accept queue is full or TCP_DEFER_ACCEPT waits for data, so"
        " that the ACK is ignored; the client has gone; its SYN came again.",
        harmless="Once in a while; with TCP_DEFER_ACCEPT; behind a SYN that came twice.",
        unknown="Near the client, whether an ACK that passed was lost further on or arrived and was ignored.",
        confirm="`ss -tano state syn-recv` on the server shows how often; `nstat -az TcpExtTCPTimeouts"
        " TcpExtListenOverflows TcpExtTCPDeferAcceptDrop`; `sysctl net.ipv4.tcp_synack_retries`.",
    ),
    ("SYN_SENT", "ESTABLISHED"): told(
        "The SYN-ACK arrives: for the client the handshake is over after two segments.",
        "RFC 9293, 3.10.7.3, fourth check",
        "RFC 9293, 3.5, figure 6",
        seen="A SYN-ACK that covers the SYN passes towards the client: assumed. The client's ACK of it, or data, confirms"
        " it; a SYN that comes again takes it back.",
        matters="connect() returns and the application may send; the server may still be without this connection.",
        causes="The server answered.",
        harmless="Always.",
        unknown="Near the server, whether the SYN-ACK arrived, until the client speaks.",
        confirm="`ss -tan state established 'dport = :PORT'` on the client; `nstat -az TcpCurrEstab`.",
    ),
    ("SYN_RECEIVED", "ESTABLISHED"): told(
        "The ACK of the SYN-ACK arrives: now both sides know of each other's first number.",
        "RFC 9293, 3.10.7.4, fifth check",
        "RFC 9293, 3.5, figure 6",
        seen="The third segment passes towards the server: assumed. The server's data, its ACK of data or its FIN confirm"
        " it; a SYN-ACK that comes again takes it back. In a simultaneous open the peer's SYN-ACK does the same.",
        matters="Only now does the server's application get the connection from accept().",
        causes="The client answered the SYN-ACK, by a bare ACK or by data.",
        harmless="Always.",
        unknown="Whether the ACK arrived and was taken: a full accept queue and TCP_DEFER_ACCEPT ignore it without a word.",
        confirm="`ss -tan state established 'sport = :PORT'` on the server; `ss -ltn` shows those that wait to be accepted"
        " (Recv-Q); `nstat -az TcpExtListenOverflows`.",
    ),
    ("SYN_RECEIVED", "FIN_WAIT_1"): told(
        "The server closes before the ACK of its SYN-ACK was seen to arrive.",
        "RFC 9293, 3.10.4",
        "RFC 7413, 4.2",
        seen="The endpoint's FIN while its handshake was, as far as this capture shows, not complete.",
        matters="It shows that the handshake was complete, or that the connection was accepted by Fast Open before it was.",
        causes="The third segment was not captured, and the application accepted, answered and closed; TCP Fast Open, where"
        " all that may happen before the third segment.",
        harmless="Always.",
        unknown="When the third segment arrived. An ordinary server passes through ESTABLISHED in the same moment.",
        confirm="`ss -tan state fin-wait-1` on that host; `sysctl net.ipv4.tcp_fastopen`;"
        " `nstat -az TcpExtTCPFastOpenPassive`.",
    ),
    ("SYN_RECEIVED", "CLOSE_WAIT"): told(
        "The client's FIN arrives before anything has shown that the third segment did.",
        "RFC 9293, 3.10.7.4, eighth check",
        "RFC 9293, 3.10.7.4, fifth check",
        seen="A FIN passes towards an endpoint in SYN_RECEIVED. Its ACK counts first, so it passes through ESTABLISHED in"
        " the same moment; the endpoint's ACK of the FIN confirms it.",
        matters="The connection was opened and closed without a word: a health check or a scanner, or a client that gave up"
        " while the server was slow.",
        causes="A client that connects and closes at once; a third segment that was lost, so that the FIN completes the"
        " handshake.",
        harmless="With health checks.",
        unknown="Whether the server's application ever got the connection.",
        confirm="`ss -tanp state close-wait` on the server; without a process, it still waits in the accept queue"
        " (`ss -ltn`, Recv-Q); `nstat -az TcpExtListenOverflows`.",
    ),
}
