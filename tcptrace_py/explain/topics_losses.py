"""Topics: what happens when a single segment of opening or closing is lost."""

from __future__ import annotations

from tcptrace_py.explain.topic import Example, Step, TakenBack, Topic

LOSSES: tuple[Topic, ...] = (
    Topic(
        "lost-syn",
        "When the SYN is lost",
        """
        The client waits in SYN_SENT. The server is in LISTEN and knows of nothing, so only the client can mend it:
        its timer runs out, and it sends the same SYN, with the same number, again.

        It has no round trip to go by yet, so the first timeout is a guess: 1 s, on old systems 3 s, then twice as
        long each time. (Linux from 6.5 on tries four times a second apart before it doubles.) That is why a single
        lost SYN makes a connection slower by a whole second, however near the server is.

        If none gets through, connect() fails: by the RFC not before 3 minutes, on Linux after 134 s
        (net.ipv4.tcp_syn_retries = 6). Mostly the application loses patience sooner, and nothing on the wire says so.

        Near the client, a lost SYN, a lost SYN-ACK, a filter and a host that is down are one silence. Capture at the
        server: the SYN gets there, or it does not.
        """,
        (
            Example(
                "syn-lost",
                1,
                (
                    Step(1, "0.00", "client SYN, lost", "SYN_SENT", "LISTEN?"),
                    Step(2, "1.01", "client SYN, again", "SYN_SENT", "LISTEN?"),
                    Step(3, "1.03", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED?"),
                    Step(4, "1.03", "client ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
                findings=("syn-retransmit",),
            ),
        ),
        ("lost-syn-ack", "syn-retransmit", "syn-unanswered", "SYN_SENT:SYN_SENT"),
        ("RFC 9293, 3.8.1", "RFC 9293, 3.8.3", "RFC 6298, 2"),
    ),
    Topic(
        "lost-syn-ack",
        "When the SYN-ACK is lost",
        """
        Now both sides miss something. The client, in SYN_SENT, has no answer to its SYN; the server, in SYN_RECEIVED,
        no ACK of its SYN-ACK. Both timers run, both of about a second, and both repeat. Whatever gets through first
        mends it.

        A second SYN with the same number opens no second connection: the server is in SYN_RECEIVED for it, and
        answers by the same SYN-ACK. A second SYN-ACK at the client is acknowledged again. Neither does harm.

        If none gets through, the client fails as with a lost SYN, and the server forgets the request after about a
        minute. Many of them at a server tell of a way back that loses everything, or of forged addresses.

        This capture was taken at the server. The SYN-ACK passes in frame 2, so the client is taken for ESTABLISHED,
        until its SYN comes again in frame 4. Frame 3 had crossed that SYN and was heeded: frame 6 answers it. Near
        the client, nothing tells a lost SYN-ACK from a lost SYN.
        """,
        (
            Example(
                "synack-lost",
                1,
                (
                    Step(1, "0.00", "client SYN", "SYN_SENT", "LISTEN?"),
                    Step(2, "0.00", "server SYN ACK, lost", "SYN_SENT", "SYN_RECEIVED"),
                    Step(3, "1.01", "server SYN ACK, again", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(4, "1.02", "client SYN, again", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(5, "1.02", "server SYN ACK, again", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(6, "1.03", "client ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
                taken_back=(TakenBack(4, "client", "ESTABLISHED", 2),),
                findings=("synack-retransmit", "syn-retransmit"),
            ),
        ),
        ("lost-syn", "synack-retransmit", "handshake-incomplete", "SYN_RECEIVED:SYN_RECEIVED"),
        ("RFC 9293, 3.8.1", "RFC 9293, 3.10.7.4, first check", "RFC 6298, 2"),
    ),
    Topic(
        "lost-third-ack",
        "When the third segment of the handshake is lost",
        """
        A bare ACK takes no sequence number. Nobody acknowledges it, so nobody notices its loss, and nobody repeats it
        for its own sake. The client is ESTABLISHED and content; the server is still in SYN_RECEIVED.

        Two things mend it. The server's timer: after about a second it sends its SYN-ACK again, which the client
        answers at once. Or the client's data: every segment carries the same acknowledgment, so the first data to
        arrive completes the handshake, and the loss is never noticed. It hurts where the server speaks first (SSH,
        SMTP), or where the client waits, as here.

        If nothing gets through, the server forgets the request after about a minute, and the client's connection is
        half-open: its next data draws a RST.

        Frame 3 passes here, so the server is taken for ESTABLISHED, until frame 4 refutes that. Whether the ACK was
        lost further on, or arrived and was ignored (a full accept queue, TCP_DEFER_ACCEPT), looks the same from here.
        """,
        (
            Example(
                "handshake-ack-lost",
                1,
                (
                    Step(2, "0.02", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(3, "0.02", "client ACK, lost", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(4, "1.04", "server SYN ACK, again", "ESTABLISHED", "SYN_RECEIVED"),
                    Step(5, "1.04", "client ACK", "ESTABLISHED", "ESTABLISHED"),
                    Step(6, "1.06", "client ACK with data", "ESTABLISHED", "ESTABLISHED"),
                    Step(7, "1.08", "server ACK", "ESTABLISHED", "ESTABLISHED"),
                ),
                taken_back=(TakenBack(4, "server", "ESTABLISHED", 3),),
                findings=("synack-retransmit",),
            ),
        ),
        ("who-knows-what", "listen-queues", "synack-retransmit", "SYN_RECEIVED:ESTABLISHED"),
        ("RFC 9293, 3.4", "RFC 9293, 3.5", "RFC 9293, 3.5.1", "RFC 9293, 3.8.1"),
    ),
    Topic(
        "lost-fin",
        "When the first FIN is lost",
        """
        The side that closed is in FIN_WAIT_1. The other is ESTABLISHED and has no idea. A FIN takes a sequence
        number, so it is repeated like data until it is acknowledged. By now the round trip is known: the first
        repetition comes after 0.2 s or more, not after a second.

        A FIN counts in its order. If data before it was lost, too, it waits at the receiver until the hole is filled,
        and the application reads everything before it reads the end.

        If none gets through, the side that closed gives up (on Linux, once its application has gone, after some 110
        s). The other stays ESTABLISHED, for ever if it has nothing to send: only its own data or keep-alives would
        find out.

        Near the side that closed, the FIN passes, so the other is taken for CLOSE_WAIT, until the FIN comes again
        before any ACK of it.
        """,
        (
            Example(
                "fin-lost",
                1,
                (
                    Step(8, "0.17", "client FIN ACK, lost", "FIN_WAIT_1", "ESTABLISHED"),
                    Step(9, "0.40", "client FIN ACK, again", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(10, "0.46", "server ACK", "FIN_WAIT_2?", "CLOSE_WAIT"),
                    Step(11, "0.54", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(12, "0.54", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                taken_back=(TakenBack(9, "server", "CLOSE_WAIT", 8),),
                findings=("fin-retransmit",),
            ),
        ),
        ("lost-fin-ack", "fin-retransmit", "stuck-fin-wait-1", "FIN_WAIT_1:FIN_WAIT_1"),
        ("RFC 9293, 3.6", "RFC 9293, 3.8.1", "RFC 9293, 3.8.3"),
    ),
    Topic(
        "lost-fin-ack",
        "When the ACK of the first FIN is lost",
        """
        The second side has the FIN: it is in CLOSE_WAIT, and its application has been told. The first is still in
        FIN_WAIT_1, and sends its FIN again.

        The second side has that already. The segment lies below what it expects next, so it is not acceptable, and an
        unacceptable segment is answered by an ACK and dropped: just what was missing. The application is not told
        twice.

        Its own FIN mends it as well, as that carries the same acknowledgment. If the application closes before the
        first side's timer runs out, the loss is never noticed.

        If all ACKs are lost, the first side gives up after some 110 s on Linux, and the second FIN draws a RST.

        This capture was taken at the server. The ACK passes in frame 9, so the client is taken for FIN_WAIT_2, until
        its FIN comes again in frame 10. Near the client, it looks as if the FIN itself had been lost.
        """,
        (
            Example(
                "fin-ack-lost",
                1,
                (
                    Step(8, "0.17", "client FIN ACK", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(9, "0.21", "server ACK, lost", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(10, "0.40", "client FIN ACK, again", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(11, "0.40", "server ACK", "FIN_WAIT_2?", "CLOSE_WAIT"),
                    Step(12, "1.17", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(13, "1.20", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                taken_back=(TakenBack(10, "client", "FIN_WAIT_2", 9),),
                findings=("fin-retransmit",),
            ),
        ),
        ("lost-fin", "fin-retransmit", "FIN_WAIT_1:FIN_WAIT_2", "FIN_WAIT_1:TIME_WAIT"),
        ("RFC 9293, 3.10.7.4, first check", "RFC 9293, 3.6", "RFC 9293, 3.8.3"),
    ),
    Topic(
        "lost-second-fin",
        "When the second FIN is lost",
        """
        The second side has closed: it is in LAST_ACK, and repeats its FIN until it is acknowledged. The first is in
        FIN_WAIT_2 and waits. It cannot know whether the other's application takes its time or its FIN was lost; both
        are silence.

        If it takes long, the first side may be gone. After close() Linux keeps FIN_WAIT_2 for 60 s
        (net.ipv4.tcp_fin_timeout); a FIN that comes later draws a RST, and LAST_ACK ends by that as well as by an
        ACK. No data is lost: all of it came before the FIN.

        If none gets through, the second side gives up after some 110 s on Linux. A first side that only used
        shutdown() then waits in FIN_WAIT_2 for ever.

        This capture was taken at the server, so the FIN is seen twice. Near the client there is nothing between frame
        9 and frame 11, as if the application had not called close() yet.
        """,
        (
            Example(
                "second-fin-lost",
                1,
                (
                    Step(8, "0.18", "client FIN ACK", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(9, "0.23", "server ACK", "FIN_WAIT_2?", "CLOSE_WAIT"),
                    Step(10, "0.30", "server FIN ACK, lost", "FIN_WAIT_2?", "LAST_ACK"),
                    Step(11, "0.53", "server FIN ACK, again", "TIME_WAIT", "LAST_ACK"),
                    Step(12, "0.55", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                findings=("fin-retransmit",),
            ),
        ),
        ("lost-last-ack", "stuck-fin-wait-2", "stuck-close-wait", "fin-retransmit", "LAST_ACK:LAST_ACK"),
        ("RFC 9293, 3.6", "RFC 9293, 3.8.1", "RFC 1122, 4.2.2.13"),
    ),
    Topic(
        "lost-last-ack",
        "When the last ACK is lost",
        """
        It is the last segment of all, and nothing acknowledges it. The first side is in TIME_WAIT and believes that
        all is over. The second is in LAST_ACK, misses it, and sends its FIN again; TIME_WAIT answers by the same ACK,
        and starts its 2 MSL anew.

        An ACK of that ACK would not help: then that one would be the last, and in doubt. Somebody must wait, and it
        is the side that closed first.

        If it is no longer there, nothing worse happens. A host that has lost the connection answers by a RST, which
        ends LAST_ACK as well. If it is switched off, the FIN comes again until its sender gives up, on Linux after
        some 110 s. The data is safe in any case: both FINs had arrived.

        Frame 11 passes here, so the server is taken for CLOSED; frame 12 refutes it. Had the capture ended between
        them, it would look like a clean close: that a closed endpoint has closed cannot be proven, as it is silent.
        """,
        (
            Example(
                "last-ack-lost",
                1,
                (
                    Step(10, "0.32", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(11, "0.32", "client ACK, lost", "TIME_WAIT", "LAST_ACK"),
                    Step(12, "0.54", "server FIN ACK, again", "TIME_WAIT", "LAST_ACK"),
                    Step(13, "0.54", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                taken_back=(TakenBack(12, "server", "CLOSED", 11),),
                findings=("fin-retransmit", "final-ack-lost"),
            ),
        ),
        ("why-time-wait", "final-ack-lost", "missing-final-ack", "stuck-last-ack", "LAST_ACK:CLOSED"),
        ("RFC 9293, 3.6", "RFC 9293, 3.10.7.4, eighth check", "RFC 9293, 3.10.7.1"),
    ),
)
