"""What follows a RST, or does not: connections reset at once, RSTs that nobody believed, traffic that went on."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import Connection
from tcptrace_py.packet import RST
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import (
    REORDERED_WITHIN,
    both_fins_acknowledged,
    ending_reset,
    has_opening,
    notes_of,
    round_trip,
    went_on,
)
from tcptrace_py.rules.phrases import duration, figure, sentence, several, socket, who
from tcptrace_py.rules.rule import Rule, ns


def resets(c: Connection) -> list[fa.Note]:
    """The RSTs of a connection, each once."""
    found = {note.frame: note for note in notes_of(c, fa.RST_SENT)}
    for note in notes_of(c, fa.RST_NOT_EXACT):
        found.setdefault(note.frame, note)
    return sorted(found.values(), key=lambda note: note.frame)


def forged(c: Connection) -> fa.Note | None:
    """The first RST whose alleged sender went on.  One out of place may be an old one, unless its TTL is another."""
    unlike = {note.frame for note in notes_of(c, fa.RST_UNLIKE)}
    misplaced = {note.frame for note in notes_of(c, fa.RST_NOT_EXACT)} - unlike
    return next((n for n in resets(c) if n.frame not in misplaced and went_on(c.side(n.side), n)), None)


class ResetAfterHandshake(Rule):
    """The connection was reset as soon as it was open, without a byte of data.

    Seen: a whole handshake, no data of either side, and a RST within the threshold.

    Why it matters: it is mostly meant, and explains resets that are nobody's fault; where it is not meant, the service
    refuses clients that it lets in first.

    Usual causes: health checks of load balancers and monitoring, port scanners; from the server, an access list of the
    application (TCP wrappers, connection limits) or a proxy without a backend.

    Harmless: nearly always, when the client sent the RST.

    Cannot be known: what the programs had in mind.

    To confirm: look who owns the client's address; `journalctl -u SERVICE` on the server; `nstat -az TcpEstabResets`.
    """

    name = "reset-after-handshake"
    family = "open"
    severity = "info"
    references = ("RFC 9293, 3.5", "RFC 9293, 3.10.5")
    uses = ("closed_at_once",)
    facts = fa.RST_SENT

    def on_connection(self, c: Connection) -> Finding | None:
        note = ending_reset(c)
        if note is None or not has_opening(c) or c.client.acked < 1 or c.client.fin >= 0 or c.server.fin >= 0:
            return None
        for e in (c.client, c.server):
            if e.sent.data_packets or e.sent.missing_bytes:
                return None
        age = note.time - c.start
        if not 0 <= age <= ns(self.thresholds.closed_at_once):
            return None  # negative: G8
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} reset the connection {duration(age)} after the SYN, before either side had sent data",
            related=(c.first_frame, note.related),
            evidence={"age": figure(age)},
            alternatives=("a device on the way sent it in the host's name",),
        )


class ResetNotAccepted(Rule):
    """A RST did not stand where the receiver expected it, and the connection went on.

    Seen: a RST whose sequence number is not the next one expected, and segments of the receiver more than a round trip later.

    Why it matters: by RFC 5961 it must not end the connection. It is an old one, or somebody guesses.

    Usual causes: a RST delayed by the network, or sent for an older connection on the same ports; data that was lost before
    it, so that it came too early; a blind attack.

    Harmless: singly, yes; the connection was not harmed.

    Cannot be known: whether the receiver saw it at all, unless it answered with a challenge ACK.

    To confirm: `nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge` on the receiver; capture at the alleged sender.
    """

    name = "reset-not-accepted"
    family = "open"
    severity = "info"
    references = ("RFC 5961, 3.2", "RFC 9293, 3.10.7.4, second check")
    facts = fa.RST_NOT_EXACT

    def on_connection(self, c: Connection) -> Finding | None:
        if both_fins_acknowledged(c) and all(n.time > c.client.fin_time for n in notes_of(c, fa.RST_NOT_EXACT)):
            return None
        for note in notes_of(c, fa.RST_NOT_EXACT):
            receiver = c.side(1 - note.side)
            if receiver.last_frame <= note.frame or receiver.last_flags & RST or receiver.rst_frame >= 0:
                continue
            later = receiver.last_time - note.time
            challenge = next((n for n in notes_of(c, fa.CHALLENGE_ACK, 1 - note.side) if n.related == note.frame), None)
            if challenge is None and later <= round_trip(c) + REORDERED_WITHIN:
                continue
            answer = f", and answered with a challenge ACK (frame {challenge.frame})" if challenge else ""
            return self.report(
                c,
                note.side,
                note.time,
                note.frame,
                f"A RST of {who(c, note.side)} stood {several(max(note.value, -note.value), 'byte')} {'beyond' if note.value > 0 else 'before'} "
                f"what was expected; {socket(c.key, 1 - note.side)} went on for {duration(later)}{answer}",
                confidence="certain" if challenge else "likely",
                related=(challenge.frame if challenge else -1, receiver.last_frame),
                evidence={"off_by": note.value, "went_on_for": figure(later)},
                alternatives=() if challenge else ("it was lost beyond this point",),
            )
        return None


class ResetInjection(Rule):
    """A RST in a host's name, and that host went on: it was probably forged.

    Seen: a RST, and later data, a FIN or a new ACK of the same side, as if nothing had happened; also whether its TTL differs
    from that of the host's own SYN.

    Why it matters: somebody on the path, or who can guess the numbers, ends connections of others.

    Usual causes: censorship and intrusion prevention, which reset both sides; some traffic shapers; an attacker.

    Harmless: where the network's owner does it by policy.

    Cannot be known: who sent it. A third party's RST mostly has another TTL and IP id; one that imitates them cannot be told.

    To confirm: capture at the alleged sender: if the RST is not there, it was not sent there; compare TTLs and IP ids
    (`tshark -r FILE -T fields -e ip.ttl -e ip.id`).
    """

    name = "reset-injection"
    family = "open"
    severity = "warning"
    references = ("RFC 5961, 3", "RFC 3360, 1")
    facts = fa.RST_SENT | fa.RST_NOT_EXACT

    def on_connection(self, c: Connection) -> Finding | None:
        note = forged(c)
        if note is None:
            return None
        e = c.side(note.side)
        ttl = e.sent.syn_ttl
        unlike = [n for n in notes_of(c, fa.RST_UNLIKE, note.side) if n.frame == note.frame]
        how = f"; its TTL was {unlike[0].value}, that of the host's SYN {ttl}" if unlike else ""
        evidence: dict[str, int | str] = {"ttl": unlike[0].value, "syn_ttl": ttl} if unlike else {}
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"A RST in the name of {who(c, note.side)}, which went on {duration(e.last_time - note.time)} after it (frame "
            f"{e.last_frame}){how}",
            confidence="likely" if unlike else "possible",
            related=(e.syn_frame, e.last_frame),
            evidence=evidence,
            alternatives=("the network held back segments that were sent before the RST",),
        )


class TrafficAfterReset(Rule):
    """A side that had been reset went on sending, longer than a round trip.

    Seen: a RST where the receiver expected it, and other segments of the receiver more than a round trip later.

    Why it matters: it never got the RST, or does not believe it; it may wait for answers that will not come.

    Usual causes: the RST was lost, as it is never repeated; a firewall that drops RSTs; a RST that was forged and is ignored.

    Harmless: when each further segment draws another RST, and one of them arrives.

    Cannot be known: whether the RST arrived.

    To confirm: capture at the receiver; `nstat -az TcpOutRsts` on the side that sent it.
    """

    name = "traffic-after-reset"
    family = "open"
    severity = "warning"
    references = ("RFC 9293, 3.5.2", "RFC 9293, 3.5.3")
    facts = fa.TRAFFIC_AFTER_RST

    def on_connection(self, c: Connection) -> Finding | None:
        note = notes_of(c, fa.TRAFFIC_AFTER_RST)[0] if notes_of(c, fa.TRAFFIC_AFTER_RST) else None
        if note is None or both_fins_acknowledged(c) or forged(c) is not None:
            return None
        if any(n.frame == note.related for n in notes_of(c, fa.RST_NOT_EXACT)) or note.value <= round_trip(c):
            return None
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} was still sending {duration(note.value)} after the RST of "
            f"{socket(c.key, 1 - note.side)} (frame {note.related})",
            related=(note.related, c.side(note.side).last_frame),
            evidence={"after": figure(note.value)},
            alternatives=("the RST was lost beyond this point", "the RST was forged, and rightly ignored"),
        )


RULES: tuple[type[Rule], ...] = (ResetAfterHandshake, ResetNotAccepted, ResetInjection, TrafficAfterReset)
