"""The transitions by which a connection is refused, aborted or given up, told one by one."""

from __future__ import annotations

from tcptrace_py.explain.told import Told, told

ENDING: dict[tuple[str, str], Told] = {
    ("CLOSED", "CLOSED"): told(
        "A segment for which there is no connection is answered by a RST.",
        "RFC 9293, 3.10.7.1",
        "RFC 9293, 3.5.2",
        seen="A RST of the endpoint. To a segment with ACK it takes its sequence number from there and has no ACK of its own;"
        " to a SYN it has sequence number zero and acknowledges the SYN.",
        matters="It proves that the endpoint has no such connection, whatever the other side believes.",
        causes="Nothing listens on the port; the host was restarted and lost the connection; a segment came after the end.",
        harmless="As the answer to a late segment after an orderly close.",
        unknown="Since when there is no connection: some time between the endpoint's last segment and the one that it answers."
        " And whether the host itself or a device in its name sent the RST.",
        confirm="`ss -tan 'sport = :PORT'` on that host lists nothing; `nstat -az TcpOutRsts` grows.",
    ),
    ("LISTEN", "LISTEN"): told(
        "An ACK meets a listener that knows nothing of it, and draws a RST.",
        "RFC 9293, 3.10.7.2",
        seen="A RST of the listener, whose sequence number is the one that was acknowledged.",
        matters="The sender believes in a connection that the server has forgotten, or never had.",
        causes="A server restarted; a request that expired before the third segment came; an ACK scan; a SYN cookie that is"
        " not valid any more.",
        harmless="As the answer to late segments and scans.",
        unknown="Whether the server ever had the connection.",
        confirm="`ss -ltn` lists the listener; `nstat -az TcpOutRsts TcpExtSyncookiesFailed`.",
    ),
    ("SYN_SENT", "CLOSED"): told(
        "The attempt to connect ends: refused, rejected, given up by the application or by the kernel.",
        "RFC 9293, 3.10.7.3, second check",
        "RFC 9293, 3.9.2.2",
        "RFC 9293, 3.10.4",
        "RFC 9293, 3.8.3",
        seen="A RST or an ICMP error towards the client; or the client's own RST, in answer to a SYN-ACK that came too late;"
        " or SYNs that stop coming.",
        matters="connect() fails, and how tells whom to ask: refused (nothing listens), rejected (a device says no), timed out"
        " (somebody is silent).",
        causes="No service on the port; a firewall that rejects; a connect timeout of the program; a filter that drops until"
        " the kernel gives up.",
        harmless="With several addresses tried at once, of which the first to answer is taken (RFC 8305).",
        unknown="When the application gave up: close() in SYN_SENT sends nothing, and shows only when an answer comes.",
        confirm="`nstat -az TcpAttemptFails IcmpInDestUnreachs` on the client; `ss -ltn 'sport = :PORT'` on the server;"
        " `sysctl net.ipv4.tcp_syn_retries`.",
    ),
    ("SYN_RECEIVED", "CLOSED"): told(
        "The half-open connection ends before the handshake was complete.",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.10.5",
        "RFC 9293, 3.8.3",
        seen="A RST towards the server, or of the server; or SYN-ACKs that stop coming. By the RFC a passive open returns to"
        " LISTEN; it is reported as CLOSED, as no connection is left and the two look the same.",
        matters="The request is forgotten. If the client believes itself connected, its next data will draw a RST.",
        causes="The client had given up, or disowns an answer to an old SYN; a scanner; the third segment never came and"
        " the request expired (Linux: after some 64 s); a full accept queue with tcp_abort_on_overflow.",
        harmless="Single ones, on a server in the open internet.",
        unknown="When the request expired: it leaves no frame.",
        confirm="`ss -tan state syn-recv` no longer lists it; `sysctl net.ipv4.tcp_synack_retries"
        " net.ipv4.tcp_abort_on_overflow`; `nstat -az TcpAttemptFails TcpExtListenDrops`.",
    ),
    ("ESTABLISHED", "CLOSED"): told(
        "An open connection is aborted: by a RST, or because data was never acknowledged.",
        "RFC 9293, 3.10.5",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.8.3",
        seen="A RST by the endpoint: proven. A RST towards it, where it expects the next byte: assumed, and taken back if it"
        " goes on. Or data that is repeated and repeated, and then silence.",
        matters="What was under way is lost, and the application gets an error in place of the end of the stream.",
        causes="close() with unread data; SO_LINGER with zero; a host that rebooted; a device that forgot the idle connection;"
        " a peer that has gone, noticed by retransmissions or keep-alives.",
        harmless="Where programs close like that on purpose, to have no TIME_WAIT.",
        unknown="Whether a RST came from the host or from a device in its name; and, when it gave up, whether peer or path"
        " was gone.",
        confirm="`nstat -az TcpEstabResets TcpExtTCPAbortOnClose TcpExtTCPAbortOnData TcpExtTCPAbortOnTimeout`;"
        " `sysctl net.ipv4.tcp_retries2 net.ipv4.tcp_keepalive_time`.",
    ),
    ("FIN_WAIT_1", "CLOSED"): told(
        "The side that closed first ends without an ACK of its FIN.",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.10.5",
        "RFC 9293, 3.8.3",
        seen="A RST by the endpoint or towards it; or FINs that stop coming (Linux: an orphan, after some 110 s).",
        matters="Whether the last data arrived is not known to the side that sent it.",
        causes="The peer had no such connection any more, or closed with data unread; data came for an application that"
        " has gone; nobody answered.",
        harmless="When both programs had got all they wanted.",
        unknown="When it gave up: that leaves no frame.",
        confirm="`ss -tano state fin-wait-1` no longer lists it; `nstat -az TcpExtTCPAbortOnClose TcpExtTCPAbortOnTimeout"
        " TcpExtTCPAbortOnData`; `sysctl net.ipv4.tcp_orphan_retries`.",
    ),
    ("FIN_WAIT_2", "CLOSED"): told(
        "The side that closed first is gone before the peer has closed.",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.10.5",
        "RFC 1122, 4.2.2.13",
        seen="A RST by the endpoint, mostly in answer to data or a FIN that came after its application had gone; a RST"
        " towards it; or nothing, when an orphan expires (Linux tcp_fin_timeout, 60 s).",
        matters="The peer, in CLOSE_WAIT, does not know of it, and what it still sends is lost.",
        causes="The application closed altogether and the peer took longer than the timer, or still had data to send.",
        harmless="When the peer had nothing more to say; most closes with a slow peer end like this, unseen.",
        unknown="Whether it is an orphan, which decides if the timer runs; so both states stay possible.",
        confirm="`sysctl net.ipv4.tcp_fin_timeout`; `ss -tano state fin-wait-2` shows the `timewait` timer of an orphan;"
        " `nstat -az TcpExtTCPAbortOnData TcpOutRsts`.",
    ),
    ("CLOSE_WAIT", "CLOSED"): told(
        "The second side ends by a RST, or gives up, in place of closing.",
        "RFC 9293, 3.10.5",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.8.3",
        seen="A RST by the endpoint: it closed with data unread, or on purpose. A RST towards it: it wrote to a peer whose"
        " application had gone.",
        matters="An answer under way is lost. The RST towards it is the keep-alive race behind many a 502.",
        causes="A request put on a connection that the peer had just closed; a program that is killed; data left in the"
        " receive buffer at close().",
        harmless="When nobody waits for an answer.",
        unknown="Whether the application had noticed the end of the stream before it wrote.",
        confirm="`nstat -az TcpEstabResets TcpExtTCPAbortOnClose`; `ss -tanp state close-wait` shows others that wait for the"
        " same.",
    ),
    ("CLOSING", "CLOSED"): told(
        "A simultaneous close ends without the ACK of this side's FIN.",
        "RFC 9293, 3.10.7.4, second check",
        "RFC 9293, 3.8.3",
        seen="A RST by the endpoint or towards it; or FINs that stop coming.",
        matters="There will be no TIME_WAIT on this side, so the ports are free at once.",
        causes="The peer vanished, or was restarted, right after its own FIN; its ACKs are lost.",
        harmless="Mostly; both FINs had been sent.",
        unknown="When it gave up; and whether the peer got the FIN.",
        confirm="`ss -tano state closing` no longer lists it; `nstat -az TcpExtTCPAbortOnTimeout`.",
    ),
}
