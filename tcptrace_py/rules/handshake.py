"""Answers to a SYN that were repeated, ignored, wrong, or never acknowledged."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import has_opening, is_half_open, is_seen, notes_of, watched
from tcptrace_py.rules.phrases import duration, figure, intervals, sentence, several, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class SynAckRetransmit(Rule):
    """A SYN-ACK had to be sent again: it or the ACK of it was lost, or the server ignored that ACK.

    Seen: two or more SYN-ACKs with one sequence number, further apart than copies made by the network are.

    Why it matters: until the ACK counts, the server's application does not get the connection; the client believes it
    open and may be sending data that is not answered.

    Usual causes: loss; a client that has gone; TCP_DEFER_ACCEPT, with which Linux ignores the bare ACK and waits for
    data; a full accept queue; a SYN that was sent again and answered again.

    Harmless: once in a while; with TCP_DEFER_ACCEPT; and when each SYN-ACK only answers a repeated SYN.

    Cannot be known: near the client, whether an ACK that passed was lost further on or arrived and was ignored.

    To confirm: `nstat -az TcpExtTCPTimeouts TcpExtListenOverflows TcpExtTCPDeferAcceptDrop` on the server; `ss -tan
    state syn-recv` lists its half-open connections.
    """

    name = "synack-retransmit"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.8.1", "RFC 6298, 2.1")
    uses = ("syn_copied", "half_open", "told_singly")
    facts = fa.SYN_ACK_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        again = [note for note in notes_of(c, fa.SYN_ACK_AGAIN) if note.value >= ns(self.thresholds.syn_copied)]
        if not again or is_half_open(c, ns(self.thresholds.half_open)):
            return None  # handshake-incomplete counts them
        half_open = is_half_open(c, 0)
        if half_open and self.crowds.is_half_open_told(c):
            return None
        side = again[0].side
        e, p = c.side(side), c.side(1 - side)
        gaps = [note.value for note in again]
        ignored = notes_of(c, fa.THIRD_ACK_IGNORED, side)
        if ignored:
            what = f"although the ACK of it had passed here in frame {ignored[0].related}"
            alternatives: tuple[str, ...] = (
                "the ACK was lost beyond this point",
                "it arrived and was ignored (TCP_DEFER_ACCEPT, full accept queue)",
            )
        elif any(note.frame < again[0].frame for note in notes_of(c, fa.SYN_AGAIN, 1 - side)):
            what = f"as the SYN came {times(p.syn_count)}"
            alternatives = ("the first SYN-ACK was lost on its way to the client",)
        else:
            what = "with no ACK of it seen in between"
            alternatives = (
                "the SYN-ACK was lost on its way to the client",
                "the client's ACK was lost before this point",
            )
        return self.report(
            c,
            side,
            again[0].time,
            again[0].frame,
            f"{sentence(who(c, side))} sent its SYN-ACK {times(len(again) + 1)} ({intervals(gaps)}), {what}",
            related=(e.syn_frame, *(note.frame for note in again), *(note.related for note in ignored)),
            evidence={
                "syn_acks": len(again) + 1,
                "acks_ignored": len(ignored),
                "waited": figure(again[-1].time - e.syn_time),
            },
            alternatives=alternatives,
        )


class AcceptQueueOverflow(Rule):
    """The server ignores handshakes that the client has completed: its application does not accept them fast enough.

    Seen: the client's ACK completed the handshake and its data followed, yet the server sent its SYN-ACK again, more
    than once, and acknowledged none of the data meanwhile. Or three times and more, each time after an ACK had passed
    it, where the client waits for the server to speak first: a warning only.

    Why it matters: the client's connect() has succeeded, so it waits for an answer to a request that the server has
    never read; after some retries the server forgets the connection altogether.

    Usual causes: the application is too slow or hangs and does not call accept(); its listen() backlog (or
    net.core.somaxconn) is too small for bursts.

    Harmless: TCP_DEFER_ACCEPT looks the same until the client sends data; for that reason this is an error only when
    data goes unanswered.

    Cannot be known: near the client, whether the ACKs and the data were lost beyond this point. A capture at the
    server makes it certain.

    To confirm: `ss -ltn` on the server: Recv-Q above Send-Q at the listening socket; `nstat -az TcpExtListenOverflows
    TcpExtListenDrops` grows; `sysctl net.core.somaxconn net.ipv4.tcp_abort_on_overflow`.
    """

    name = "accept-queue-overflow"
    family = "opening"
    severity = "error"
    references = ("RFC 9293, 3.10.7.4, fifth check", "RFC 9293, 3.9.1.1")
    uses = ("syn_copied", "half_open", "acks_ignored")
    facts = fa.THIRD_ACK_IGNORED

    def on_connection(self, c: Connection) -> Finding | None:
        copied = ns(self.thresholds.syn_copied)
        ignored = [
            note for note in notes_of(c, fa.THIRD_ACK_IGNORED, SERVER) if note.time - c.server.syn_time >= copied
        ]
        sent = c.client.sent
        if not ignored:
            return None
        if sent.data_packets == 0:
            return self.without_data(c, ignored)
        never = c.server.acked <= 1
        # ignored once, then served: as likely one lost ACK
        if len(ignored) < 2 and not (
            never and sent.retransmitted_packets and watched(c, ignored[0].time) >= ns(self.thresholds.half_open)
        ):
            return None
        if not never and not sent.retransmitted_packets:
            return None
        near_server = 0 <= c.handshake_to_server < c.handshake_to_client
        waited = (c.observed_until if never else ignored[-1].time) - c.server.syn_time
        end = "and acknowledged none of the client's data" if never else "before it answered the client's data"
        return self.report(
            c,
            SERVER,
            ignored[0].time,
            ignored[0].frame,
            f"{sentence(who(c, SERVER))} ignored the completed handshake of {socket(c.key, CLIENT)}: it repeated its "
            f"SYN-ACK {times(len(ignored))} after the ACK in frame {ignored[0].related} {end} ({duration(waited)})",
            severity="" if never else "warning",
            confidence="likely" if near_server or len(ignored) > 2 else "possible",
            related=(ignored[0].related, *(note.frame for note in ignored)),
            evidence={
                "ignored": len(ignored),
                "waited": figure(waited),
                "data_packets": sent.data_packets,
                "data_retransmitted": sent.retransmitted_packets,
            },
            alternatives=(
                "the client's ACKs and data were lost beyond this point",
                "the server used a SYN cookie and dropped the ACK of it",
            ),
        )

    def without_data(self, c: Connection, ignored: list[fa.Note]) -> Finding | None:
        """The client never spoke: all that is seen is its ACK, refused again and again."""
        if len(ignored) < self.thresholds.acks_ignored:
            return None
        waited = ignored[-1].time - c.server.syn_time
        return self.report(
            c,
            SERVER,
            ignored[0].time,
            ignored[0].frame,
            f"{sentence(who(c, SERVER))} ignored the completed handshake of {socket(c.key, CLIENT)}: it repeated its "
            f"SYN-ACK {times(len(ignored))} in {duration(waited)}, each time after an ACK of it had passed",
            severity="warning",
            confidence="possible",
            related=(ignored[0].related, *(note.frame for note in ignored)),
            evidence={"ignored": len(ignored), "waited": figure(waited), "data_packets": 0, "data_retransmitted": 0},
            alternatives=(
                "the server defers the connection until data comes (TCP_DEFER_ACCEPT)",
                "the client's ACKs were lost beyond this point",
            ),
        )


class HandshakeIncomplete(Rule):
    """Half open: the server answered the SYN and never got the ACK of its answer.

    Seen: SYN and SYN-ACK, and nothing more from the client for longer than the first timeouts take.

    Why it matters: the server keeps a request in memory for about a minute; many of them fill its SYN backlog.

    Usual causes: a client behind a route that loses the answers; a spoofed source address; a scanner; a client that
    crashed or was cut off at that moment.

    Harmless: single ones, on a server in the open internet.

    Cannot be known: whether the client completed the handshake and its ACK was missed by the capture; or, if SYN cookies
    are on, whether the server holds any state.

    To confirm: `ss -tan state syn-recv` on the server; `sysctl net.ipv4.tcp_max_syn_backlog net.ipv4.tcp_syncookies`;
    `nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDrop`.
    """

    name = "handshake-incomplete"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.5", "RFC 4987, 2")
    uses = ("half_open", "told_singly")
    facts = fa.HALF_OPEN

    def on_connection(self, c: Connection) -> Finding | None:
        e = c.server
        if not is_half_open(c, ns(self.thresholds.half_open)) or self.crowds.is_half_open_told(c):
            return None
        waited = watched(c, e.syn_time)
        return self.report(
            c,
            SERVER,
            e.syn_time,
            e.syn_frame,
            f"{sentence(who(c, SERVER))} answered the SYN of {socket(c.key, CLIENT)} {times(e.syn_count)} and never saw "
            f"the ACK: half open for {duration(waited)}",
            confidence="certain" if e.syn_count > 1 else "likely",
            related=(c.client.syn_frame, e.syn_last_frame),
            evidence={"syn_acks": e.syn_count, "waited": figure(waited), "syns": c.client.syn_count},
            alternatives=() if e.syn_count > 1 else ("the ACK passed, but the capture missed it",),
        )

    def on_capture(self, end: int) -> list[Finding]:
        found = []
        for entry in self.crowds.half_open.all():
            more = entry.folded
            if more == 0 or self.crowds.is_told_of(entry):
                continue
            server = socket(entry.key, SERVER)
            text = f"{several(more, 'more handshake')} with {server} stayed half open, beside the {entry.singly} told of singly"
            found.append(
                self.report(
                    None,
                    None,
                    entry.first_time,
                    entry.frames[0],
                    text,
                    related=tuple(entry.frames),
                    evidence={
                        "server": server,
                        "half_open": max(entry.count, entry.singly + more),
                        "sources": len(entry.sources),
                    },
                )
            )
        return found


class SynAckBadAck(Rule):
    """A SYN-ACK answers another SYN than the one that was sent.

    Seen: a SYN-ACK whose acknowledgment number lies outside what the client has sent; the client usually answers with a
    RST and goes on waiting.

    Why it matters: it is the case for which the handshake has three steps: an old SYN arrived at the server, and only
    the client can tell that it is old. Repeated, it points to a device that rewrites sequence numbers, or to forgery.

    Usual causes: a delayed duplicate of an earlier SYN; a server or load balancer that remembers an older connection on
    the same ports; a middlebox that translates sequence numbers in one direction only; evasion and scanning tools.

    Harmless: when the client resets it and the handshake then succeeds.

    Cannot be known: whether the SYN that it answers was sent by this client at all.

    To confirm: capture at both hosts and compare sequence numbers; `nstat -az TcpEstabResets TcpOutRsts` on the client.
    """

    name = "synack-bad-ack"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.10.7.3, first check", "RFC 9293, 3.5, figure 8")
    facts = fa.SYN_ACK_BAD_ACK

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.SYN_ACK_BAD_ACK)
        if not notes or not c.client.syn_seen or c.client.syn_count == 0:
            return None
        note = notes[0]
        if note.related < 0:
            return None  # G8: the SYN that it should acknowledge is stored after it
        replies = notes_of(c, fa.RST_ANSWERS_BAD_ACK)
        reply = f"; {who(c, 1 - note.side)} reset it in frame {replies[0].frame}" if replies else ""
        end = " and the handshake succeeded afterwards" if c.client.acked >= 1 else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent a SYN-ACK that does not acknowledge the SYN of frame {note.related}{reply}{end}",
            related=(note.related, *(n.frame for n in notes[1:]), *(n.frame for n in replies)),
            evidence={"syn_acks": len(notes), "resets": len(replies)},
            alternatives=("it answers another SYN of this client, which the capture missed",),
        )


class SynAckChanged(Rule):
    """A second SYN-ACK came with another sequence number: the server lost its state, or two servers answer.

    Seen: two SYN-ACKs for the same SYN with different initial sequence numbers.

    Why it matters: the client accepts the first it gets; whatever the holder of the other number sends is ignored or
    reset, so the connection may work or hang by chance.

    Usual causes: a load balancer that sends a repeated SYN to another server; two hosts with one address; a server that
    forgot the first request (SYN cookies, restart) and answered the repeated SYN anew; a forged SYN-ACK.

    Harmless: when the first SYN-ACK was lost, so that only the second ever reached the client.

    Cannot be known: which of the two arrived; the client's acknowledgment number tells which it believed.

    To confirm: compare the TTL and MAC addresses of both; `arping -D ADDRESS` finds a second host with the address.
    """

    name = "synack-changed"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.4.1", "RFC 9293, 3.10.7.4, fourth check")
    facts = fa.SYN_ACK_CHANGED

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        bad = {n.frame for n in notes_of(c, fa.SYN_ACK_BAD_ACK)}
        if bad or not has_opening(c) or not is_seen(c, CLIENT):
            return None  # the two answer different SYNs
        first = next(n for n in c.notes if n.fact == fa.SYN_ACK_CHANGED)
        if note is not first:
            return None
        gap = note.time - c.server.syn_time
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} answered the same SYN with two different sequence numbers, {duration(gap)} apart "
            f"(frames {c.server.syn_frame} and {note.frame})",
            related=(c.client.syn_frame, note.related, c.server.syn_frame),
            evidence={"changes": len(notes_of(c, fa.SYN_ACK_CHANGED)), "apart": figure(gap)},
            alternatives=("two hosts answer", "the server forgot its first answer", "one of the two is forged"),
        )


RULES: tuple[type[Rule], ...] = (
    SynAckRetransmit,
    AcceptQueueOverflow,
    HandshakeIncomplete,
    SynAckBadAck,
    SynAckChanged,
)
