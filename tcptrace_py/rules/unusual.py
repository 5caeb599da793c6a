"""Openings that are unusual and legal: SYN met SYN, data before its time."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import has_opening, notes_of
from tcptrace_py.rules.phrases import duration, figure, sentence, several, socket, who
from tcptrace_py.rules.rule import Rule


def sent_syn_ack(c: Connection, side: int) -> bool:
    """Whether this side sent a SYN-ACK (its letter in the connection's history)."""
    return ("H" if side == CLIENT else "h") in c.history


class SimultaneousOpen(Rule):
    """Both sides called each other at the same time, and one connection came of it.

    Seen: a SYN in each direction, each sent before the other arrived, and then SYN-ACKs in both.

    Why it matters: it is legal and rare. Both sides are clients, so whoever looks for a server is misled, and many
    firewalls and address translators do not let it pass.

    Usual causes: programs that bind a fixed port and call each other (peer-to-peer, hole punching, BGP speakers).

    Harmless: always, where both programs expect it.

    Cannot be known: which side called first; the capture shows whose SYN passed here first.

    To confirm: `ss -tanpi` on both hosts shows a connected socket on the fixed port, and no listening one.
    """

    name = "simultaneous-open"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.5, figure 7",)
    facts = fa.SIMULTANEOUS_OPEN

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.SIMULTANEOUS_OPEN)
        if not notes or not sent_syn_ack(c, SERVER):
            return None
        note = notes[0]
        gap = note.time - c.side(1 - note.side).syn_time
        return self.report(
            c,
            None,
            note.time,
            note.frame,
            f"{socket(c.key, CLIENT)} and {socket(c.key, SERVER)} called each other: their SYNs passed here {duration(gap)} apart "
            f"(frames {note.related} and {note.frame})",
            related=(note.related,),
            evidence={"apart": figure(gap)},
        )


class SplitHandshake(Rule):
    """The server answered the SYN by a bare SYN, so the handshake took four steps.

    Seen: a SYN, a SYN without ACK in return, and a SYN-ACK of the client only; the server never sent one.

    Why it matters: to a naive observer the server looks like the client. It has been used to get connections past
    firewalls and intrusion detection that decide direction by the SYN-ACK.

    Usual causes: tests of network devices; evasion; a TCP that sends the ACK and the SYN of its answer apart, as the
    RFC allows.

    Harmless: hardly ever found in ordinary traffic, and harmless where it is meant.

    Cannot be known: whether the server had called by itself at that moment, a simultaneous open whose last SYN-ACK was
    missed by the capture.

    To confirm: `ss -ltn` on the server shows that it listens; `tcpdump 'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn'`.
    """

    name = "split-handshake"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.5", "RFC 9293, 3.10.7.3, fourth check")
    facts = fa.SIMULTANEOUS_OPEN | fa.SPLIT_HANDSHAKE

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.SIMULTANEOUS_OPEN) or notes_of(c, fa.SPLIT_HANDSHAKE)
        if not notes or sent_syn_ack(c, SERVER) or not sent_syn_ack(c, CLIENT) or c.server.acked < 1:
            return None
        note = notes[0]
        return self.report(
            c,
            SERVER,
            note.time,
            note.frame,
            f"{sentence(who(c, SERVER))} answered the SYN of {socket(c.key, CLIENT)} by a SYN without ACK, and the client "
            "sent the SYN-ACK: a split handshake",
            confidence="likely",
            related=(note.related, c.client.syn_last_frame),
            evidence={"apart": figure(note.time - c.client.syn_time)},
            alternatives=("a simultaneous open of which the capture missed one SYN-ACK",),
        )


class FastOpen(Rule):
    """TCP Fast Open was used: the SYN carried a cookie, so that its data may be taken before the handshake is over.

    Seen: a SYN with a Fast Open cookie. A mere request for a cookie is not told of.

    Why it matters: it saves a round trip. Until the handshake is over the server acts on data whose sender it knows by
    the cookie alone, and a repeated SYN may deliver the same data twice.

    Usual causes: clients and servers that have it switched on: browsers, resolvers, proxies.

    Harmless: always, if requests that come first may safely be repeated.

    Cannot be known: whether the cookie was still valid, unless the server acknowledged the data at once.

    To confirm: `sysctl net.ipv4.tcp_fastopen` on both hosts; `nstat -az 'TcpExtTCPFastOpen*'`; `ip tcp_metrics show`.
    """

    name = "fast-open"
    family = "opening"
    severity = "info"
    references = ("RFC 7413, 3", "RFC 9293, 3.4")
    facts = fa.FAST_OPEN

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        if note.value <= 0 or note is not next(n for n in c.notes if n.fact == fa.FAST_OPEN and n.value > 0):
            return None
        data = sum(n.value for n in notes_of(c, fa.DATA_ON_SYN) if n.frame == note.frame)
        fate = f"; it carried {several(data, 'byte')}, {fate_of(c, data)}" if data else "; it carried no data"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} used TCP Fast Open with a cookie of {several(note.value, 'byte')}{fate}",
            related=(c.server.syn_frame,),
            evidence={"cookie": note.value, "data": data},
        )


class DataInHandshake(Rule):
    """Data came before the handshake was over: on the SYN, or on the segment that completes it.

    Seen: payload on a SYN, or on the first segment of the client after the SYN-ACK.

    Why it matters: both are legal, and both trip over devices and programs that expect a bare ACK. Data on a SYN must
    wait at the server until the handshake is over, unless Fast Open admits it.

    Usual causes: TCP Fast Open; Linux's TCP_DEFER_ACCEPT or delayed connect, which hold back the bare ACK; scanners and
    stress tools.

    Harmless: nearly always.

    Cannot be known: whether a bare ACK came first and was missed by the capture.

    To confirm: `ss -tni` on the client (Fast Open shows as `fastopen`); `strace -e trace=network` shows MSG_FASTOPEN or
    TCP_QUICKACK in the program.
    """

    name = "data-in-handshake"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.4", "RFC 9293, 3.5", "RFC 7413, 2")
    facts = fa.DATA_ON_SYN | fa.DATA_ON_THIRD_SEGMENT

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.DATA_ON_SYN) or notes_of(c, fa.DATA_ON_THIRD_SEGMENT)
        if not notes or not has_opening(c) or (c.facts & fa.SIMULTANEOUS_OPEN and not c.facts & fa.DATA_ON_SYN):
            return None  # where SYN met SYN, the client's third segment completes nothing
        note = notes[0]
        where = "on its SYN" if note.fact == fa.DATA_ON_SYN else "on the segment that completes the handshake"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent {several(note.value, 'byte')} {where}; {socket(c.key, 1 - note.side)}: "
            f"{fate_of(c, note.value)}",
            related=(c.server.syn_frame,),
            evidence={"data": note.value},
        )


def fate_of(c: Connection, data: int) -> str:
    """What became of the first ``data`` bytes of the client."""
    if c.server.acked <= data:
        return "not acknowledged"
    if c.client.sent.retransmitted_bytes >= data:
        return "not accepted at once: they were sent again"
    return "accepted"


RULES: tuple[type[Rule], ...] = (SimultaneousOpen, SplitHandshake, FastOpen, DataInHandshake)
