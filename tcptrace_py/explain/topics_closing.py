"""Topics: how a connection closes."""

from __future__ import annotations

from tcptrace_py.explain.topic import Example, Step, TakenBack, Topic

CLOSING: tuple[Topic, ...] = (
    Topic(
        "why-four-segments",
        "Why four segments to close, and when three will do",
        """
        A connection is two streams, and each is closed by its own sender. A FIN says that this was all from here, and
        nothing of the other direction. It takes a sequence number, so it is repeated until it is acknowledged: two
        FINs and two ACKs are four segments.

        The ACK of the first FIN cannot wait for the second FIN. The kernel sends it by itself, on Linux after some 40
        ms at the latest; the second FIN comes when the application calls close(): soon, after a last answer, or
        never.

        Three do when the application closes before that ACK has gone, so that one segment is both. The first side
        then passes through FIN_WAIT_2 in one moment, as the other does through CLOSE_WAIT. When both sides close at
        once their FINs cross; these are four again, by way of CLOSING, and both end in TIME_WAIT.
        """,
        (
            Example(
                "four-way-close",
                1,
                (
                    Step(8, "0.17", "client FIN ACK", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(9, "0.24", "server ACK", "FIN_WAIT_2?", "CLOSE_WAIT"),
                    Step(10, "0.31", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(11, "0.31", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
            ),
            Example(
                "three-segment-close",
                1,
                (
                    Step(8, "0.07", "client FIN ACK", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(9, "0.09", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(10, "0.09", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
            ),
            Example(
                "simultaneous-close",
                1,
                (
                    Step(8, "0.17", "client FIN ACK", "FIN_WAIT_1", "ESTABLISHED"),
                    Step(9, "0.18", "server FIN ACK", "CLOSING", "CLOSING?"),
                    Step(10, "0.18", "client ACK", "CLOSING", "TIME_WAIT?"),
                    Step(11, "0.19", "server ACK", "TIME_WAIT?", "TIME_WAIT?"),
                ),
                taken_back=(TakenBack(9, "server", "CLOSE_WAIT", 8),),
                findings=("simultaneous-close",),
            ),
        ),
        ("half-closed", "why-time-wait", "simultaneous-close", "FIN_WAIT_1:TIME_WAIT", "ESTABLISHED:LAST_ACK"),
        ("RFC 9293, 3.6, figures 12 and 13", "RFC 9293, 3.3.2, figure 5"),
    ),
    Topic(
        "half-closed",
        "Half-close: one side is done, and the other goes on",
        """
        As each direction is closed on its own, one may stay open. shutdown(SHUT_WR) sends a FIN and goes on reading:
        that side waits in FIN_WAIT_2. The other is in CLOSE_WAIT, where it may send for as long as it likes; its data
        is acknowledged as ever. So a client says that its input has ended, and still gets the answer.

        close() sends the same FIN, and means more: nobody will read here. Only later data tells the two apart. After
        shutdown() it is taken; after close() it draws a RST, and if none comes, Linux forgets the connection after
        net.ipv4.tcp_fin_timeout, 60 s, without a word.

        It is legal and not everywhere expected. Devices on the way shorten their patience at the first FIN (Linux
        conntrack waits 60 s in CLOSE_WAIT), and proxies may close the other direction, too. A side in CLOSE_WAIT that
        sends is at work; one that is silent for long has probably forgotten to close.

        Half-closed is not half-open: that is a connection which one side has lost, by a crash or a restart, and the
        other still believes in.
        """,
        (
            Example(
                "half-close",
                1,
                (
                    Step(5, "0.05", "client FIN ACK", "FIN_WAIT_1", "CLOSE_WAIT"),
                    Step(7, "0.11", "server ACK", "FIN_WAIT_2", "CLOSE_WAIT"),
                    Step(8, "0.32", "server ACK with data", "FIN_WAIT_2", "CLOSE_WAIT"),
                    Step(9, "0.32", "client ACK", "FIN_WAIT_2", "CLOSE_WAIT"),
                    Step(14, "1.10", "server ACK with data", "FIN_WAIT_2", "CLOSE_WAIT"),
                    Step(16, "1.11", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(17, "1.11", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                findings=("half-close",),
            ),
        ),
        ("why-four-segments", "half-close", "stuck-close-wait", "half-open-peer", "FIN_WAIT_2", "CLOSE_WAIT"),
        ("RFC 9293, 3.6", "RFC 9293, 3.6.1", "RFC 9293, 3.5.1", "RFC 2525, 2.17"),
    ),
    Topic(
        "why-time-wait",
        "Why there is TIME_WAIT",
        """
        The side that closes first sends the last ACK of all, and nothing acknowledges that one. TIME_WAIT is there
        for two reasons.

        The last ACK may be lost. Then the other side, in LAST_ACK, sends its FIN again, and somebody must be there to
        acknowledge it again. A TCP that had gone to CLOSED at once would answer by a RST: an error at the end of a
        connection in which nothing went wrong.

        Old segments may still be under way. One that the network held back must not fall into a new connection on the
        same addresses and ports, where its number may happen to fit. As long as TIME_WAIT lasts, there is none.

        It is the price of closing first. A server pays with a little memory; a client with a port, for a minute on
        Linux. At 470 connections
        a second to one server its 28,232 ports (net.ipv4.ip_local_port_range) are used up. Reuse connections then, or let the server close first; net.ipv4.tcp_tw_reuse helps clients, by timestamps. A
        RST in place of the FIN (SO_LINGER with zero) has no TIME_WAIT, and none of its protection.

        Here the last ACK is lost seven times, and TIME_WAIT answers each FIN that comes again.
        """,
        (
            Example(
                "time-wait-restart",
                1,
                (
                    Step(10, "0.32", "server FIN ACK", "TIME_WAIT", "LAST_ACK"),
                    Step(11, "0.32", "client ACK, lost", "TIME_WAIT", "LAST_ACK"),
                    Step(12, "0.54", "server FIN ACK, again", "TIME_WAIT", "LAST_ACK"),
                    Step(13, "0.54", "client ACK, lost", "TIME_WAIT", "LAST_ACK"),
                    Step(35, "15.09", "server FIN ACK, again", "TIME_WAIT", "LAST_ACK"),
                    Step(36, "15.09", "client ACK", "TIME_WAIT", "CLOSED?"),
                ),
                taken_back=(TakenBack(12, "server", "CLOSED", 11), TakenBack(14, "server", "CLOSED", 13)),
                findings=("fin-retransmit", "final-ack-lost"),
            ),
        ),
        ("why-2-msl", "lost-last-ack", "TIME_WAIT", "time-wait-pileup", "final-ack-lost"),
        ("RFC 9293, 3.3.2", "RFC 9293, 3.4.1", "RFC 9293, 3.6.1", "RFC 6191"),
    ),
    Topic(
        "why-2-msl",
        "Why TIME_WAIT lasts 2 MSL, and when less will do",
        """
        MSL, the maximum segment lifetime, is how long a segment may be under way. The RFC takes it to be 2 minutes,
        so that TIME_WAIT lasts 4. Systems of today assume less: Linux and BSD wait 60 s in all, Windows 120 s.

        Why twice? The last ACK may be under way for one MSL before it arrives or is lost. A FIN that the other side
        has sent again just before may be under way for another one, back. After both, no segment of the connection is
        left anywhere. So the time counts from the last ACK, and each FIN that comes again and is acknowledged starts
        it anew: here from frame 36, at 15 s, to 75 s.

        Less will do where something else keeps old segments out. A SYN with a timestamp above all that the old
        connection had, or a sequence number above all that it used, may open a new one at once: in the second sample
        a second after the close, from the same port. And a RST ends TIME_WAIT, if the host believes it: an accident
        that RFC 1337 calls assassination (net.ipv4.tcp_rfc1337 = 1 prevents it on Linux).
        """,
        (
            Example(
                "time-wait-restart",
                1,
                (
                    Step(36, "15.09", "client ACK", "TIME_WAIT", "CLOSED?"),
                    Step(0, "75.09", "60 s pass", "CLOSED timer", "CLOSED?"),
                ),
                findings=("fin-retransmit", "final-ack-lost"),
            ),
            Example(
                "time-wait-reuse",
                1,
                (
                    Step(10, "0.20", "client FIN ACK", "LAST_ACK", "TIME_WAIT"),
                    Step(11, "0.22", "server ACK", "CLOSED?", "TIME_WAIT"),
                ),
            ),
            Example(
                "time-wait-reuse",
                2,
                (
                    Step(12, "0.00", "client SYN", "SYN_SENT", "LISTEN?"),
                    Step(13, "0.02", "server SYN ACK", "ESTABLISHED", "SYN_RECEIVED?"),
                ),
                findings=("time-wait-reuse",),
            ),
        ),
        ("why-time-wait", "time-wait-reuse", "time-wait-assassination", "TIME_WAIT:CLOSED", "TIME_WAIT:TIME_WAIT"),
        ("RFC 9293, 3.4.2", "RFC 9293, 3.6.1", "RFC 9293, 3.10.7.4, eighth check", "RFC 6191", "RFC 1337"),
    ),
)
