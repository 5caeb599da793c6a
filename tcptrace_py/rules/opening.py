"""Attempts to connect that were repeated, refused, rejected, given up, or never answered."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import (
    has_opening,
    is_old_syn,
    is_refused,
    is_rejected,
    notes_of,
    reset_during_handshake,
)
from tcptrace_py.rules.phrases import duration, figure, intervals, sentence, several, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class SynRetransmit(Rule):
    """A SYN had to be sent again: it, or the answer to it, was lost, filtered, or slow.

    Seen: two or more SYNs with one sequence number, further apart than copies made by the network are.

    Why it matters: the first repetition comes only after a second, so one lost SYN makes a connection a second slower
    however fast the network is; users notice that before anything else.

    Usual causes: loss on the path; a full accept queue or SYN backlog at the server, which then ignores SYNs; a
    firewall that drops the first packet while it learns the flow; a server that was just starting.

    Harmless: once in a while, on a lossy link such as Wi-Fi.

    Cannot be known: whether the SYN or its answer was lost, unless the answer was seen here; then it was lost, or
    ignored, between this point and the client.

    To confirm: `nstat -az TcpExtTCPTimeouts TcpExtListenOverflows TcpExtListenDrops` on both hosts, `ss -ltn` on the
    server (Recv-Q against Send-Q is the accept queue), `tc -s qdisc` on both for drops.
    """

    name = "syn-retransmit"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.8.1", "RFC 6298, 2.1")
    uses = ("syn_copied",)
    facts = fa.SYN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        if is_refused(c) or is_rejected(c):
            return None  # tried again after a refusal: the same story
        # a SYN comes again at once after the RST to an answer that was for another connection
        corrected = bool(c.facts & (fa.RST_ANSWERS_BAD_ACK | fa.SYN_CHALLENGED | fa.SYN_ACK_BAD_ACK)) or any(
            note.value == 1 for note in notes_of(c, fa.REUSE_OPEN)
        )
        for side in (CLIENT, SERVER):
            notes = notes_of(c, fa.SYN_AGAIN, side)
            again = [note for note in notes if corrected or note.value >= ns(self.thresholds.syn_copied)]
            if again:
                return self.of(c, side, again, corrected)
        return None

    def of(self, c: Connection, side: int, again: list[fa.Note], corrected: bool) -> Finding:
        e, p = c.side(side), c.side(1 - side)
        what = "with no answer seen in between"
        alternatives: tuple[str, ...] = ("the SYN was lost", "its answer was lost before this point")
        if corrected:
            what = "as the first answer was for another connection or SYN"
            alternatives = ()
        elif 0 <= p.syn_frame < again[-1].frame:
            what = f"although an answer had passed here in frame {p.syn_frame}"
            alternatives = ("the answer was lost beyond this point", "the answer came too late")
        gaps = [note.value for note in again]
        return self.report(
            c,
            side,
            again[0].time,
            again[0].frame,
            f"{sentence(who(c, side))} sent its SYN {times(len(again) + 1)} ({intervals(gaps)}), {what}",
            related=(e.syn_frame, *(note.frame for note in again), p.syn_frame),
            evidence={
                "syns": len(again) + 1,
                "waited": figure(again[-1].time - e.syn_time),
                "first_gap": figure(gaps[0]),
            },
            alternatives=alternatives,
        )


class SynUnanswered(Rule):
    """A SYN got no reply at all: it is filtered on the way, or nobody is there.

    Seen: a SYN, perhaps repeated, and not one segment or ICMP error in return for longer than the first timeouts take.

    Why it matters: the application waits in connect() until its kernel gives up, which takes Linux more than two
    minutes.

    Usual causes: a firewall that drops silently; a wrong address; a host that is down; a server whose accept queue is
    full, so that it ignores new SYNs; a route that loses the answers.

    Harmless: probes for hosts that are expected to be down; one of several addresses tried at once (RFC 8305).

    Cannot be known: whether the SYN arrived. Near the client, silence is the same whether the SYN or every answer was
    lost; and a capture that sees only one direction shows nothing else.

    To confirm: `ss -tan state syn-sent` on the client; on the server `tcpdump` for the SYN, `nft list ruleset` for
    rules that drop it, `nstat -az TcpExtListenDrops` for a full queue.
    """

    name = "syn-unanswered"
    family = "opening"
    severity = "error"
    references = ("RFC 9293, 3.5", "RFC 9293, 3.8.3", "RFC 6298, 2.1")
    uses = ("unanswered", "told_singly", "scan_ports", "scan_window", "flood_rate", "flood_share", "flood_count")
    facts = fa.SYN_UNANSWERED

    def on_connection(self, c: Connection) -> Finding | None:
        e = c.client
        if not has_opening(c) or is_rejected(c) or is_refused(c):
            return None
        until = e.rst_time if e.rst_time >= 0 else c.observed_until
        waited = until - e.syn_time
        if waited < ns(self.thresholds.unanswered) or self.crowds.is_attempt_told(c):
            return None
        given_up = e.top().frame < 0
        end = "and gave up" if given_up or e.rst_time >= 0 else "and was still waiting when observation ended"
        return self.report(
            c,
            CLIENT,
            e.syn_time,
            e.syn_frame,
            f"{sentence(who(c, CLIENT))} got no reply from {socket(c.key, SERVER)} to {several(e.syn_count, 'SYN')} "
            f"in {duration(waited)} {end}",
            related=(e.syn_last_frame, *(note.frame for note in notes_of(c, fa.SYN_AGAIN))),
            evidence={"syns": e.syn_count, "waited": figure(waited)},
            alternatives=("the answers take a way that this capture does not see",),
        )

    def on_capture(self, end: int) -> list[Finding]:
        found = []
        for entry in self.crowds.unanswered.all():
            if entry.folded == 0 or self.crowds.is_told_of(entry):
                continue
            server = socket(entry.key, SERVER)
            text = f"{several(entry.folded, 'more SYN')} to {server} got no reply, beside the {entry.singly} told of singly"
            found.append(
                self.report(
                    None,
                    None,
                    entry.first_time,
                    entry.frames[0],
                    text,
                    related=tuple(entry.frames),
                    evidence={"server": server, "unanswered": entry.count, "sources": len(entry.sources)},
                )
            )
        return found


class SynNewIsn(Rule):
    """A new attempt on the same ports began before the old one had ended.

    Seen: a SYN with another sequence number, from the same port to the same port, while the first was unanswered.

    Why it matters: the first attempt is gone without a trace; its answer, if one is on its way, will be taken for
    nonsense and reset.

    Usual causes: a program with a fixed source port and a short timeout; a host that crashed and tries again; load
    balancers that check health from one port.

    Harmless: nearly always; it explains why there are two connections where one was meant.

    Cannot be known: whether the program or its host ended the first attempt; closing in SYN_SENT sends nothing.

    To confirm: `ss -tanp state syn-sent` on the client shows which program calls; look for bind() to a fixed port in it.
    """

    name = "syn-new-isn"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.4.1", "RFC 9293, 3.10.4")
    facts = fa.SYN_NEW_ISN

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        waited = note.time - c.client.syn_time
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} began a new attempt to {socket(c.key, 1 - note.side)} from the same port "
            f"{duration(waited)} after the first, which had no answer yet",
            related=(note.related, c.client.syn_last_frame),
            evidence={"after": figure(waited), "syns": c.client.syn_count},
        )


class ConnectionRefused(Rule):
    """The SYN was answered by a RST: nothing listens there, or something on the way says so.

    Seen: a RST that acknowledges the SYN. SYNs that were tried again after it belong to the same finding.

    Why it matters: connect() fails at once with "connection refused".

    Usual causes: the service is not running, listens on another port or address, or was just restarting; a firewall
    with a rule that rejects by RST; a load balancer with no healthy server behind it.

    Harmless: health checks against a service that is known to be down; port scans.

    Cannot be known: whether the server itself or a device on the way sent the RST; compare the TTL of the RST with
    that of the server's other packets.

    To confirm: `ss -ltnp 'sport = :PORT'` on the server; `nft list ruleset` or `iptables -S` for `reject with tcp reset`.
    """

    name = "connection-refused"
    family = "opening"
    severity = "error"
    references = ("RFC 9293, 3.10.7.1", "RFC 9293, 3.10.7.3, second check")
    uses = ("told_singly", "scan_ports", "scan_window")
    facts = fa.REFUSED

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.REFUSED)
        if not notes or not is_refused(c) or self.crowds.is_attempt_told(c):
            return None
        note = notes[0]
        succeeded = c.server.syn_count > 0 and c.client.acked >= 1
        text = f"{sentence(who(c, SERVER))} refused the SYN of {socket(c.key, CLIENT)}: RST after {duration(note.time - c.client.syn_time)}"
        if succeeded:
            text += "; a later attempt on the same ports succeeded"
        elif c.client.syn_count > 1:
            text += f"; the client tried {times(c.client.syn_count)}"
        return self.report(
            c,
            SERVER,
            note.time,
            note.frame,
            text,
            severity="warning" if succeeded else "",
            related=(note.related, c.client.syn_frame, c.client.syn_last_frame),
            evidence={"syns": c.client.syn_count, "after": figure(note.time - c.client.syn_time)},
            alternatives=("a firewall or load balancer on the way answered in the server's name",),
        )


class ConnectAborted(Rule):
    """The opener gave up before the connection was there.

    Seen: a RST by the client that had sent the SYN, before it acknowledged any SYN-ACK.

    Why it matters: somebody waited and lost patience; the server has done its work for nothing.

    Usual causes: a connect timeout in the program, shorter than the path or the server is slow; a user who pressed
    stop; a client that tries several addresses at once and drops the slower ones (RFC 8305); a port scanner that
    resets what answers.

    Harmless: with clients that race IPv6 against IPv4, and with scanners.

    Cannot be known: why it gave up. A late SYN-ACK that meets a closed socket draws the same RST as a scanner's.

    To confirm: look at the connect timeout of the program; `nstat -az TcpAttemptFails TcpOutRsts` on the client counts.
    """

    name = "connect-aborted"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.10.5", "RFC 9293, 3.10.7.1")
    uses = ("unanswered", "syn_disowned")
    facts = fa.RST_FROM_SYN_SENT | fa.RST_SENT

    def on_connection(self, c: Connection) -> Finding | None:
        note = reset_during_handshake(c)
        if note is None or is_old_syn(c, ns(self.thresholds.syn_disowned)) or is_refused(c):
            return None
        waited = note.time - c.client.syn_time
        answered = c.server.syn_count > 0
        if not answered and waited >= ns(self.thresholds.unanswered):
            return None  # syn-unanswered says so
        answer = f"the SYN-ACK of frame {c.server.syn_frame} drew a RST" if answered else "no answer had come"
        return self.report(
            c,
            CLIENT,
            note.time,
            note.frame,
            f"{sentence(who(c, CLIENT))} gave up connecting to {socket(c.key, SERVER)} {duration(waited)} after its SYN: {answer}",
            confidence="likely" if answered else "certain",
            related=(c.client.syn_frame, c.server.syn_frame),
            evidence={"waited": figure(waited), "syns": c.client.syn_count},
            alternatives=("a port scan that resets whatever answers", "an old duplicate of a SYN drew the answer")
            if answered
            else (),
        )


class IcmpRejected(Rule):
    """An ICMP error says that a segment cannot be delivered, or must not be.

    Seen: an ICMP "destination unreachable" or "time exceeded" that quotes a segment of the connection. Hard errors
    (protocol or port unreachable, administratively prohibited) are told apart from soft ones (network or host
    unreachable, time exceeded), which a connection may outlive. "Packet too big" belongs to path MTU discovery.

    Why it matters: an attempt to connect fails at once; on an open connection it tells of a change on the path.

    Usual causes: a firewall that rejects by ICMP; a router without a route; a host that does not answer ARP or
    neighbour discovery; a routing loop (time exceeded).

    Harmless: soft errors on an open connection that goes on, while routes change.

    Cannot be known: whether the sender's TCP believed it: it must check the quoted sequence number, and may ignore soft
    errors.

    To confirm: `ip route get ADDRESS` on the router that sent it (its address is that of the ICMP packet); `nft list
    ruleset` there; `nstat -az IcmpInDestUnreachs` on the client.
    """

    name = "icmp-rejected"
    family = "opening"
    severity = "error"
    references = ("RFC 9293, 3.9.2.2", "RFC 1122, 4.2.3.9", "RFC 5927, 4")
    facts = fa.ICMP_ERROR

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.ICMP_ERROR)
        told = [(note, name_icmp(note.value, len(c.key) > 12)) for note in notes]
        kept = [(note, name, hard) for note, (name, hard) in told if name]
        if not kept:
            return None
        note, name, hard = kept[0]
        failed = note.side == CLIENT and is_rejected(c)
        what = "its attempt to connect failed" if failed else "the connection did not end by it"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"An ICMP error ({name}; {'hard' if hard else 'soft'}) told {who(c, note.side)} that what it sent to "
            f"{socket(c.key, 1 - note.side)} was not delivered: {what}",
            severity="" if failed else "warning",
            related=(note.related, *(other.frame for other, _, _ in kept[1:])),
            evidence={"type": note.value >> 8, "code": note.value & 0xFF, "errors": len(kept)},
        )


# type, code → name, whether RFC 1122 (4.2.3.9), or the meaning in RFC 1812 (5.2.7.1) and RFC 4443 (3.1), makes it hard
_ICMP4 = {
    0: ("network unreachable", False),
    1: ("host unreachable", False),
    2: ("protocol unreachable", True),
    3: ("port unreachable", True),
    5: ("source route failed", False),
    9: ("network administratively prohibited", True),
    10: ("host administratively prohibited", True),
    13: ("communication administratively prohibited", True),
}
_ICMP6 = {
    0: ("no route to destination", False),
    1: ("communication administratively prohibited", True),
    2: ("beyond scope of source address", False),
    3: ("address unreachable", False),
    4: ("port unreachable", True),
    5: ("source address failed policy", True),
    6: ("route rejected", True),
}


def name_icmp(value: int, six: bool) -> tuple[str, bool]:
    """The name of an ICMP error (type, code) and whether it is hard; no name for what rejects nothing."""
    kind, code = value >> 8, value & 0xFF
    unreachable, exceeded = (1, 3) if six else (3, 11)
    if kind == exceeded:
        return "time exceeded", False
    if kind != unreachable or (not six and code == 4):
        return "", False
    return (_ICMP6 if six else _ICMP4).get(code, (f"destination unreachable, code {code}", False))


RULES: tuple[type[Rule], ...] = (
    SynRetransmit,
    SynUnanswered,
    SynNewIsn,
    ConnectionRefused,
    ConnectAborted,
    IcmpRejected,
)
