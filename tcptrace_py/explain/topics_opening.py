"""Topics: how a connection opens."""

from __future__ import annotations

from tcptrace_py.explain.topic import Example, Step, TakenBack, Topic

OPENING: tuple[Topic, ...] = (
    Topic(
        "why-three-segments",
        "Why three segments to open, and not two",
        """
        Each side counts its bytes from a first number of its own, and must hear that this number has arrived: two
        numbers and two acknowledgments. The middle two share a segment, the SYN-ACK, so three remain.

        With two, the server would have to believe the SYN alone. But that may be an old one, of a connection long
        over, which the network held back. The server cannot tell: it does not remember every number of every client.
        It would open a connection that nobody wants, and might take old data for new.

        So it asks back. Its SYN-ACK repeats the number that it saw, and only the client knows which number it has
        sent. If that is the one, the client says so, by the third segment. If not, it disowns it by a RST that takes
        its sequence number from the wrong acknowledgment, and the server forgets the request.

        Here an old SYN, which this capture does not see, reaches the server in place of the client's own. Frame 2
        answers it; the client stays in SYN_SENT and disowns it in frame 3, which puts the server back to LISTEN (or
        CLOSED: they look the same). Then the client's own SYN opens the connection.
        """,
        (
            Example(
                "stale-syn-client",
                1,
                (
                    Step(1, "0.00", "client SYN, lost", "SYN_SENT", "LISTEN?"),
                    Step(2, "0.02", "server SYN ACK", "SYN_SENT", "SYN_RECEIVED?"),
                    Step(3, "0.02", "client RST", "SYN_SENT", "CLOSED?"),
                    Step(4, "0.03", "client SYN, again", "SYN_SENT", "CLOSED?"),
                    Step(5, "0.05", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED?"),
                    Step(6, "0.05", "client ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
                findings=("synack-bad-ack", "syn-retransmit"),
            ),
        ),
        ("who-knows-what", "synack-bad-ack", "stale-syn"),
        ("RFC 9293, 3.4.1", "RFC 9293, 3.5, figure 8", "RFC 9293, 3.10.7.3, first check"),
    ),
    Topic(
        "who-knows-what",
        "What each side knows after each of the three segments",
        """
        The handshake is over for a side as soon as it knows two things: the other's first number, and that its own
        has arrived.

        SYN. The client has said its number, and knows nothing. When it arrives, the server knows that number; not
        whether the SYN is new, nor whether anybody is at that address.

        SYN-ACK. When it arrives, the client knows both: for the client the connection is open after two segments, and
        it may send data. The server knows no more than before.

        ACK. When it arrives, the server knows both, too: its number was heard, and the SYN was meant. Only now does
        its application get the connection.

        That this ACK arrived the client does not learn, and need not: every later segment carries the same
        acknowledgment, and a server that misses it repeats its SYN-ACK. One segment more would only move the doubt to
        the other side.

        An observer knows less than either. It sees a segment pass, not arrive: after frame 3 the server is assumed to
        be ESTABLISHED, and only its own frame 5, which acknowledges data, confirms it.
        """,
        (
            Example(
                "four-way-close",
                1,
                (
                    Step(1, "0.00", "client SYN", "SYN_SENT", "LISTEN?"),
                    Step(2, "0.02", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED?"),
                    Step(3, "0.02", "client ACK", "ESTABLISHED", "ESTABLISHED"),
                    Step(4, "0.03", "client ACK with data", "ESTABLISHED", "ESTABLISHED"),
                    Step(5, "0.05", "server ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
            ),
        ),
        ("why-three-segments", "lost-third-ack", "SYN_SENT", "SYN_RECEIVED", "SYN_RECEIVED:ESTABLISHED"),
        ("RFC 9293, 3.4.1", "RFC 9293, 3.5, figure 6"),
    ),
    Topic(
        "data-on-third-segment",
        "Data on the third segment",
        """
        After the SYN-ACK the client is ESTABLISHED and may send, so the third segment may carry data already. The
        server takes it in order: first the ACK, which makes it ESTABLISHED, then the data. One segment ends the
        handshake and brings the request.

        Mostly a bare ACK goes out first, because the kernel answers the SYN-ACK before the application knows that
        connect() is done. Linux holds that ACK back for a moment with TCP_QUICKACK off or TCP_DEFER_ACCEPT on the client's socket.
        On the listener's, TCP_DEFER_ACCEPT makes the server ignore a bare ACK and wait for data.

        It saves a segment, and it heals: if it is lost, the client repeats it for the sake of the data, whatever the
        server does. And it proves something: the server's ACK of the data shows that the handshake was complete, so
        frame 4 tells of frame 3 what a bare ACK would have left open.

        Devices that expect a bare ACK may trip over it. Fast Open goes one step further and puts data on the SYN
        (`tcpfsm show samples/fast-open.pcap 2`).
        """,
        (
            Example(
                "data-on-third-segment",
                1,
                (
                    Step(1, "0.00", "client SYN", "SYN_SENT", "LISTEN?"),
                    Step(2, "0.02", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED?"),
                    Step(3, "0.02", "client ACK with data", "ESTABLISHED", "ESTABLISHED"),
                    Step(4, "0.04", "server ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
                findings=("data-in-handshake",),
            ),
        ),
        ("lost-third-ack", "data-in-handshake", "fast-open", "SYN_RECEIVED:ESTABLISHED"),
        ("RFC 9293, 3.5", "RFC 9293, 3.10.7.4, fifth check", "RFC 9293, 3.10.7.4, seventh check", "RFC 7413, 2"),
    ),
    Topic(
        "listen-queues",
        "SYN queue and accept queue, and when they are full",
        """
        A listening socket has two queues. (The RFC does not speak of them; all systems have them.) In the SYN queue a
        connection in SYN_RECEIVED waits for its third segment; with that it moves, ESTABLISHED, to the accept queue,
        and waits for the application to call accept().

        On Linux both are bounded by the backlog of listen() or net.core.somaxconn, whichever is less; the SYN queue
        by net.ipv4.tcp_max_syn_backlog as well, where SYN cookies are off. `ss -ltn` shows, of a listener, what waits
        to be accepted (Recv-Q) and how much may (Send-Q).

        An accept queue is full when the application is too slow. Linux then ignores the third segment and drops
        further SYNs, without a word. The first client is ESTABLISHED and sends its request, in vain, while the
        SYN-ACK comes again and again; to the next one the server looks filtered. With net.ipv4.tcp_abort_on_overflow
        the first gets a RST instead: ruder, and sooner clear.

        `nstat -az TcpExtListenOverflows TcpExtListenDrops` counts both.
        """,
        (
            Example(
                "accept-queue-overflow",
                3,
                (
                    Step(9, "0.32", "client ACK", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(10, "0.52", "client ACK with data, ignored", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(14, "1.01", "server SYN ACK, again", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(31, "15.45", "server SYN ACK, again", "ESTABLISHED", "SYN_RECEIVED"),
                ),
                taken_back=(TakenBack(14, "server", "ESTABLISHED", 9),),
                findings=("retransmission", "synack-retransmit", "accept-queue-overflow"),
            ),
            Example(
                "accept-queue-overflow",
                4,
                (
                    Step(11, "0.00", "client SYN, ignored", "SYN_SENT", "LISTEN?"),
                    Step(17, "1.01", "client SYN, again, ignored", "SYN_SENT", "LISTEN?"),
                ),
                findings=("syn-unanswered", "syn-retransmit"),
            ),
        ),
        ("syn-cookies", "accept-queue-overflow", "LISTEN", "SYN_RECEIVED"),
        ("RFC 9293, 3.9.1.1", "RFC 4987, 2"),
    ),
    Topic(
        "syn-cookies",
        "SYN floods, and how SYN cookies answer them",
        """
        A SYN costs its sender one packet, and not even an address: that may be forged. It costs the server a place in
        its SYN queue for as long as it waits in SYN_RECEIVED for a third segment that will never come. Linux repeats
        the SYN-ACK after 1, 3, 7, 15 and 31 s and forgets the request after about a minute; 17 SYNs a second keep a
        queue of 1024 full. Then honest SYNs are dropped.

        SYN cookies are the answer: the server remembers nothing, and puts what it must know, with a secret mixed in,
        into the first number of its SYN-ACK. The third segment brings it back, plus one. The price: most options of
        the SYN are lost, and nothing can repeat the SYN-ACK. Linux does it only while the queue is full
        (net.ipv4.tcp_syncookies = 1).

        A SYN-ACK that comes again without a new SYN shows that the request is kept: no cookie. One that does not come
        again shows nothing. If there is a host at the forged address, its RST frees the place; so floods choose
        addresses where nobody is. That the SYN-ACK got anywhere, an observer can only assume.

        `ss -tan state syn-recv | wc -l`, `nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDoCookies`.
        """,
        (
            Example(
                "syn-flood",
                1,
                (
                    Step(1, "0.00", "client SYN", "SYN_SENT", "LISTEN?"),
                    Step(2, "0.00", "server SYN ACK, in vain", "ESTABLISHED?", "SYN_RECEIVED"),
                    Step(300, "1.00", "server SYN ACK, again, in vain", "ESTABLISHED?", "SYN_RECEIVED"),
                    Step(1124, "3.02", "server SYN ACK, again", "ESTABLISHED?", "SYN_RECEIVED"),
                ),
                findings=("handshake-incomplete",),
            ),
        ),
        ("listen-queues", "syn-flood", "handshake-incomplete", "SYN_RECEIVED:CLOSED"),
        ("RFC 4987, 2", "RFC 4987, 3.6", "RFC 9293, 3.10.7.2"),
    ),
)
