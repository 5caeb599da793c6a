"""Segments that no correct TCP sends, and the answers that TCP gives to what fits nothing."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import notes_of
from tcptrace_py.rules.phrases import sentence, several, socket, who
from tcptrace_py.rules.rule import Rule

FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def flag_names(flags: int) -> str:
    """``SYN+FIN``, or ``no flag at all``."""
    return "+".join(name for bit, name in enumerate(FLAG_NAMES) if flags >> bit & 1) or "no flag at all"


class ChallengeAck(Rule):
    """A SYN or RST out of place was answered by a challenge ACK.

    Seen: a SYN on a living connection, or a RST that is not at the exact sequence number, and at once an ACK of the other side
    that acknowledges nothing new.

    Why it matters: it is how TCP asks the peer whether it means it. Many of them tell of a blind attack, or of two hosts that
    disagree about the connection.

    Usual causes: a peer that rebooted and reuses its ports; a segment of an older connection; a device that sends RSTs with
    numbers slightly wrong; an attacker who guesses.

    Harmless: singly, yes: the mechanism works.

    Cannot be known: whether the ACK was sent for that reason; a delayed duplicate looks the same.

    To confirm: `nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge`; `sysctl net.ipv4.tcp_challenge_ack_limit`.
    """

    name = "challenge-ack"
    family = "open"
    severity = "info"
    references = ("RFC 5961, 3.2", "RFC 5961, 4.2", "RFC 9293, 3.10.7.4")
    facts = fa.CHALLENGE_ACK

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.CHALLENGE_ACK)
        if not notes:
            return None
        note = notes[0]
        what = "RST" if note.value == 1 else "SYN"
        more = f"; {several(len(notes), 'challenge ACK')} in all" if len(notes) > 1 else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} answered the {what} of frame {note.related} by an ACK of nothing new: a challenge{more}",
            confidence="likely",
            related=(note.related, *(n.frame for n in notes)),
            evidence={"challenges": len(notes)},
            alternatives=("an ACK that was under way already",),
        )


class OverlapConflict(Rule):
    """The same place in a stream was sent twice with different bytes: injection, evasion, or a device that breaks data.

    Seen: a segment whose sequence numbers had passed before, with other payload. Only where payload is compared
    (`--compare-payload`, and always in `tcpfsm extract`), and as long as the first copy is kept, some 256 KiB behind. The byte
    of a keep-alive, which may be anything, is left out.

    Why it matters: a correct TCP repeats what it sent. Which copy the receiver took depends on its system and on which came first, so
    what a firewall or an intrusion detection system has read need not be what the application got.

    Usual causes: a forged answer that overtakes the true one; an attack that hides behind overlapping segments; a proxy
    or NAT that rewrites payload (SIP, FTP) and forgets to do so with what comes again; broken memory or offloading.

    Harmless: where both sides of a device that rewrites payload were captured into one file.

    Cannot be known: which copy the receiver took, and who sent which.

    To confirm: `tcpfsm extract --streams` lists the bytes of both copies; compare TTL and IP id of the two frames; `tcpdump` on
    the sender shows which copy is its own; `nstat -az TcpInCsumErrors`.
    """

    name = "overlap-conflict"
    family = "open"
    severity = "error"
    references = ("RFC 9293, 3.10.7.4, seventh check", "RFC 9293, 3.8.1", "RFC 5961, 5")
    facts = fa.OVERLAP_CONFLICT

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.OVERLAP_CONFLICT)
        if not notes:
            return None
        note = notes[0]
        more = f"; {len(notes)} such segments were noted" if len(notes) > 1 else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent other bytes in frame {note.frame} than in frame {note.related} for the same place "
            f"in its stream{more}",
            related=(note.related, *(frame for n in notes for frame in (n.related, n.frame))),
            evidence={"segments": len(notes), "by_the_peer": len([n for n in notes if n.side != note.side])},
            alternatives=(
                "one of the copies was damaged on its way here (--verify-checksums leaves such copies out)",
                "a device on the way rewrites payload, and both of its sides were captured",
            ),
        )


class PawsRegression(Rule):
    """A segment bears a timestamp from before its own connection: it belongs to an older one, or is forged.

    Seen: a timestamp option that lies before that of the sender's SYN, in a segment that opens or closes, or came while a
    state was in doubt. In the midst of a settled connection timestamps are not compared.

    Why it matters: the receiver must drop it (PAWS). If these are real, the connection stalls at once.

    Usual causes: duplicates of an older connection on the same ports, delayed by the network; several hosts behind one NAT
    address, or a load balancer that hands a connection to another host; a forged RST or FIN.

    Harmless: singly, yes.

    Cannot be known: whether the receiver checks; without the option in the SYN it does not.

    To confirm: `nstat -az TcpExtPAWSEstab TcpExtPAWSActive TcpExtTSEcrRejected` on the receiver.
    """

    name = "paws-regression"
    family = "open"
    severity = "info"
    references = ("RFC 7323, 5.3", "RFC 7323, 5.2")
    facts = fa.TIMESTAMP_BACKWARDS

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent a segment whose timestamp lies {several(note.value, 'tick')} before that of its SYN "
            f"(frame {note.related})",
            related=(note.related,),
            evidence={"ticks": note.value},
            alternatives=("another host behind the same address sent it",),
        )


class BadFlags(Rule):
    """A segment bears flags that TCP never sends together.

    Seen: SYN with FIN or RST, FIN with RST, or a segment after the handshake without ACK.

    Why it matters: only tools send such segments: to find out the operating system, to slip past a filter, or by mistake.

    Usual causes: scanners (nmap's null, FIN and Xmas scans), fuzzers, a broken device; T/TCP once joined SYN and FIN.

    Harmless: against a host that is up to date, yes.

    Cannot be known: who sent it, as such segments are easily forged.

    To confirm: `tcpdump 'tcp[tcpflags] & (tcp-syn|tcp-fin) == (tcp-syn|tcp-fin)'`; look for other probes of the same source.
    """

    name = "bad-flags"
    family = "open"
    severity = "warning"
    references = ("RFC 9293, 3.1", "RFC 9293, 3.10.7.4, fifth check")
    facts = fa.BAD_FLAGS

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.BAD_FLAGS)
        if not notes:
            return None
        note = notes[0]
        more = f", and {several(len(notes) - 1, 'more such segment')}" if len(notes) > 1 else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent a segment with {flag_names(note.value)}{more}: no TCP does",
            related=tuple(n.frame for n in notes),
            evidence={"flags": note.value, "segments": len(notes)},
            alternatives=("somebody else sent it in the host's name",),
        )


class AckOfUnsentData(Rule):
    """A side acknowledged bytes that its peer had not sent.

    Seen: an ACK beyond everything sent, and the peer's bare ACK in return, at the sequence number where it really stood.

    Why it matters: the ACK is ignored, but no correct TCP sends it.

    Usual causes: an attacker who guesses numbers, or acknowledges early to be sent faster; a device that splits connections
    and lost count; a host that restored an old state.

    Harmless: singly, yes.

    Cannot be known: without that answer, whether the bytes were sent and the capture missed them; then it is counted as loss
    of the capture.

    To confirm: `nstat -az TcpExtTCPACKSkippedSeq TcpExtTCPChallengeACK` on the side that was acknowledged; capture there.
    """

    name = "ack-of-unsent-data"
    family = "open"
    severity = "warning"
    references = ("RFC 9293, 3.10.7.4, fifth check", "RFC 5961, 5")
    facts = fa.ACK_OF_UNSENT

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} acknowledged {several(note.value, 'byte')} that {socket(c.key, 1 - note.side)} had not sent, "
            f"as that one's answer in frame {note.related} shows",
            confidence="likely",
            related=(note.related,),
            evidence={"bytes": note.value},
            alternatives=("the capture missed the bytes, and the network delayed that answer",),
        )


class WindowShrunk(Rule):
    """A receiver took back window that it had offered.

    Seen: an ACK whose window ends before the end of the one offered last, by more than the rounding of its scale. Looked at
    whenever a window is smaller than ever before.

    Why it matters: data that was rightly sent into the window may be dropped. Receivers should not do it; senders must bear
    it.

    Usual causes: a host short of memory (Linux with net.ipv4.tcp_shrink_window); a middlebox that rewrites windows to slow
    senders down; a window scale that a middlebox changed.

    Harmless: when the sender had not yet used what was taken back.

    Cannot be known: whether the receiver dropped data that came too late.

    To confirm: `sysctl net.ipv4.tcp_shrink_window`; `nstat -az TcpExtTCPRcvCollapsed TcpExtRcvPruned TcpExtTCPWantZeroWindowAdv`
    on the receiver; compare captures on both sides.
    """

    name = "window-shrunk"
    family = "open"
    severity = "info"
    references = ("RFC 9293, 3.8.6", "RFC 7323, 2.4")
    facts = fa.WINDOW_SHRUNK

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} took back {several(note.value, 'byte')} of the window it had offered in frame {note.related}",
            confidence="likely",
            related=(note.related,),
            evidence={"bytes": note.value},
            alternatives=("the two segments were reordered on the way",),
        )


RULES: tuple[type[Rule], ...] = (ChallengeAck, OverlapConflict, PawsRegression, BadFlags, AckOfUnsentData, WindowShrunk)
