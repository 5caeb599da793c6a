"""Two connections on the same ports, one after the other, and what the older one does to the newer."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.sent import TIMESTAMPS
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import is_old_syn, is_refused, notes_of, reset_during_handshake
from tcptrace_py.rules.phrases import duration, figure, sentence, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class StaleSyn(Rule):
    """A SYN of the past arrived late, drew an answer, and was disowned.

    Seen: a SYN whose SYN-ACK draws a RST, and right after it another SYN from the same port; or a SYN that comes again,
    or with another number, on a connection that is open and goes on.

    Why it matters: it costs the server a request for a moment. It shows that the network holds packets back for a
    long time, which old data could do as well.

    Usual causes: routing changes and deep buffers that delay packets; a device that repeats packets; spoofed SYNs sent
    blindly against an open connection.

    Harmless: when it is rare: the three-way handshake and the challenge ACK exist for this case.

    Cannot be known: whether the late SYN is the network's or somebody's forgery.

    To confirm: compare its TTL, IP id and timestamp option with those of the client's other packets; `nstat -az
    TcpExtTCPSYNChallenge TcpExtTCPChallengeACK` on the server.
    """

    name = "stale-syn"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.5, figure 8", "RFC 5961, 4")
    uses = ("syn_disowned",)
    facts = fa.RST_SENT | fa.OLD_SYN | fa.SYN_ON_OPEN

    def on_connection(self, c: Connection) -> Finding | None:
        note = reset_during_handshake(c)
        if note is not None and is_old_syn(c, ns(self.thresholds.syn_disowned)):
            return self.report(
                c,
                CLIENT,
                c.client.syn_time,
                c.client.syn_frame,
                f"A SYN of {socket(c.key, CLIENT)} that it no longer stood by drew a SYN-ACK from {socket(c.key, SERVER)}; "
                f"the client reset it in frame {note.frame} and sent another SYN in frame {c.successor}",
                confidence="likely",
                related=(c.server.syn_frame, note.frame, c.successor),
                evidence={"until_reset": figure(note.time - c.client.syn_time)},
                alternatives=("the client gave up, and tried again at once from the same port",),
            )
        for late in c.notes:
            if late.fact == fa.OLD_SYN or (late.fact == fa.SYN_ON_OPEN and self.went_on(c, late)):
                return self.late(c, late)
        return None

    @staticmethod
    def went_on(c: Connection, note: fa.Note) -> bool:
        """The connection outlived the SYN: nobody disowned it, and no new one came of it."""
        return not c.rival_challenged and c.successor != note.frame and c.end > note.time and c.last_frame > note.frame

    def late(self, c: Connection, note: fa.Note) -> Finding:
        again = note.fact == fa.OLD_SYN
        age = note.time - c.side(note.side).syn_time
        what = "its SYN came again" if again else "a SYN with another sequence number came"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))}: {what} {duration(age)} after the first one, on a connection that went on",
            confidence="certain" if again else "possible",
            related=(note.related,),
            evidence={"age": figure(age)},
            alternatives=() if again else ("a forged SYN, sent blindly",),
        )


class HalfOpenPeer(Rule):
    """One side has lost the connection, and the other still believes in it.

    Seen: a SYN answered not by a SYN-ACK but by an ACK of something else; usually the caller's RST, which clears the
    older connection, and the SYN again.

    Why it matters: connecting takes a second or more longer, or fails altogether if a firewall swallows the RST; and
    the older connection was lost without notice.

    Usual causes: a client that crashed, rebooted, or lost power and comes back with the same port; an address
    translator or load balancer that gives the same port to another client; a server in TIME_WAIT or in an orphaned
    state that does not admit the new SYN.

    Harmless: when the RST clears it and the next SYN succeeds.

    Cannot be known: when the older connection was lost; it was between its last packet and this SYN.

    To confirm: `ss -tan 'sport = :PORT'` on the server before the RST shows the older connection; `nstat -az
    TcpExtTCPChallengeACK TcpExtTCPSYNChallenge`; `uptime` on the client.
    """

    name = "half-open-peer"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.5.1, figure 9", "RFC 5961, 4")
    facts = fa.SYN_CHALLENGED | fa.REUSE_OPEN | fa.SYN_ON_OPEN

    def on_connection(self, c: Connection) -> Finding | None:
        reuse = [note for note in notes_of(c, fa.REUSE_OPEN) if note.value == 1]
        challenges = notes_of(c, fa.SYN_CHALLENGED)
        resets = notes_of(c, fa.RST_ANSWERS_BAD_ACK)
        if reuse:
            return self.of(c, reuse[0].frame, reuse[0].time, (reuse[0].related, c.client.syn_last_frame))
        if challenges and (resets or len(challenges) > 1):
            frames = tuple(note.frame for note in challenges + resets)
            return self.of(c, c.client.syn_frame, c.client.syn_time, frames)
        if c.rival_challenged and c.rival_side >= 0:
            text = (
                f"{sentence(who(c, c.rival_side))} called again (frame {c.rival_frame}) while {who(c, 1 - c.rival_side)} held an "
                "older connection; it reset that one, and did not call again"
            )
            return self.report(c, 1 - c.rival_side, c.rival_time, c.rival_frame, text, related=(c.last_frame,))
        return None

    def of(self, c: Connection, frame: int, time: int, related: tuple[int, ...]) -> Finding:
        done = c.client.acked >= 1 and c.server.syn_count > 0
        end = "then connected" if done else "did not get through"
        return self.report(
            c,
            SERVER,
            time,
            frame,
            f"{sentence(who(c, SERVER))} held an older connection on these ports and answered the SYN of "
            f"{socket(c.key, CLIENT)} by an ACK of that; the client sent its SYN {times(c.client.syn_count)} and {end}",
            confidence="certain" if done else "likely",
            related=related,
            evidence={"syns": c.client.syn_count},
        )


class TimeWaitReuse(Rule):
    """The same ports were used again while the older connection was still in TIME_WAIT.

    Seen: a SYN within 2 MSL of the end of a connection on the same addresses and ports.

    Why it matters: TIME_WAIT keeps old segments out of new connections. A new SYN may end it early only if its
    timestamp or its sequence number is above all that the older connection used; otherwise the server answers by an
    ACK of the older one, and connecting is delayed or fails.

    Usual causes: a client with few ports or a fixed one, many short connections to one server; an address translator
    that reuses ports; net.ipv4.tcp_tw_reuse on the client.

    Harmless: when the server accepts it, as it nearly always does.

    Cannot be known: by which of the two rules the server admitted it; the finding names the one that could apply.

    To confirm: `ss -tan state time-wait | wc -l` on both hosts; `sysctl net.ipv4.tcp_tw_reuse net.ipv4.ip_local_port_range`;
    `nstat -az TcpExtTWRecycled TcpExtTCPTimeWaitOverflow`.
    """

    name = "time-wait-reuse"
    family = "opening"
    severity = "info"
    references = ("RFC 6191", "RFC 9293, 3.6.1", "RFC 1122, 4.2.2.13")
    facts = fa.REUSE_TIME_WAIT | fa.REUSE_REFUSED

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.REUSE_TIME_WAIT)
        if not notes:
            return None
        note = notes[0]
        if note.value < 0:
            return None  # G8: by the clock the SYN came before that TIME_WAIT had begun
        refused = bool(c.facts & (fa.SYN_CHALLENGED | fa.REUSE_REFUSED)) or is_refused(c)
        sent = c.client.sent
        by = "its sequence number (RFC 1122, 4.2.2.13)"
        if sent.options > 0 and sent.options & TIMESTAMPS:
            by = "its timestamp (RFC 6191) or its sequence number"
        how = "the server did not admit it at once" if refused else f"admitted by {by}"
        if c.server.last_frame < 0:
            how = "no answer was seen"
        return self.report(
            c,
            CLIENT,
            note.time,
            note.frame,
            f"{sentence(who(c, CLIENT))} used the same ports to {socket(c.key, SERVER)} again {duration(note.value)} after "
            f"TIME_WAIT had begun: {how}",
            severity="warning" if refused else "",
            related=(note.related, c.server.syn_frame),
            evidence={"waited": figure(note.value), "two_msl": figure(round(self.config.timers.time_wait * 1e9))},
        )


class ReuseWhileOpen(Rule):
    """A new connection took the place of one that had not ended: its opener had lost it without a word.

    Seen: a SYN on the ports of an open connection, and a SYN-ACK of that SYN.

    Why it matters: something ended the older connection unseen. Whoever still holds it will learn of that by a
    reset or a timeout.

    Usual causes: a crash or reboot of the client; an address translator that gave the ports to another host; a
    load balancer that sent the new connection to another server; a server that had dropped the older one by itself.

    Harmless: when a client is known to have been restarted.

    Cannot be known: whether the end of the older connection happened and was missed by the capture.

    To confirm: `uptime` and the kernel log on the client; `conntrack -L` on the translator; compare the TTLs of the old and
    the new packets.
    """

    name = "reuse-while-open"
    family = "opening"
    severity = "warning"
    references = ("RFC 9293, 3.5.1", "RFC 5961, 4")
    facts = fa.REUSE_OPEN

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        if note.value == 1:
            return None  # half-open-peer
        return self.report(
            c,
            CLIENT,
            note.time,
            note.frame,
            f"{sentence(who(c, CLIENT))} opened a new connection to {socket(c.key, SERVER)} on the ports of one that had not "
            f"ended (its last frame: {note.related})",
            confidence="likely",
            related=(note.related, c.server.syn_frame),
            alternatives=("the end of the older connection is missing from the capture",),
        )


RULES: tuple[type[Rule], ...] = (StaleSyn, HalfOpenPeer, TimeWaitReuse, ReuseWhileOpen)
