"""Connections that end by RST: who sent it, in place of what, and what was lost."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import both_fins_acknowledged, ending_reset, notes_of, reset_answer
from tcptrace_py.rules.phrases import duration, figure, sentence, several, socket, who
from tcptrace_py.rules.rule import Rule


def had_closed(c: Connection, note: fa.Note) -> bool:
    """Whether the sender of this RST had sent FIN before."""
    e = c.side(note.side)
    return e.fin >= 0 and e.fin_frame < note.frame


def asked_by_data(c: Connection, note: fa.Note) -> fa.Note | None:
    """The last data after the FIN of this RST's sender, which the RST answers."""
    found = None
    for other in notes_of(c, fa.DATA_AFTER_PEER_FIN, 1 - note.side):
        if other.frame < note.frame:
            found = other
    return found


class Reset(Rule):
    """The connection was aborted by a RST.

    Seen: a RST of one side of an open or half-closed connection, where the receiver expected the next byte.

    Why it matters: what was under way is lost without notice, and the other application gets an error ("connection
    reset by peer") in place of an end.

    Usual causes: a program that ends, or closes a socket with unread data in it; SO_LINGER with zero; a host that
    rebooted and knows nothing of the connection; a firewall or load balancer that ends idle connections; a
    keep-alive that found nobody.

    Harmless: some clients and servers close like that on purpose, to have no TIME_WAIT.

    Cannot be known: whether the host itself or a device in its name sent the RST; compare TTL and IP id with the
    host's other packets.

    To confirm: `nstat -az TcpEstabResets TcpOutRsts TcpExtTCPAbortOnClose TcpExtTCPAbortOnData TcpExtTCPAbortOnTimeout` on
    the side that sent it; a capture there shows whether it left that host.
    """

    name = "reset"
    family = "open"
    severity = "warning"
    references = ("RFC 9293, 3.5.2", "RFC 9293, 3.5.3", "RFC 9293, 3.10.7.4, second check")
    facts = fa.RST_SENT

    def on_connection(self, c: Connection) -> Finding | None:
        note = ending_reset(c)
        if note is None:
            return None
        e = c.side(note.side)
        age = note.time - c.start
        if note.value == 1:
            how = "answered by a RST: it knew the connection no more"
        else:
            how = f"aborted the connection by a RST in {st.NAMES[note.state]}"
        sent = [side.sent.unique_bytes for side in (c.client, c.server)]
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} {how}, {duration(age)} after {'the first frame seen' if c.midstream else 'it began'}; the client had sent {several(sent[CLIENT], 'byte')}, "
            f"the server {several(sent[SERVER], 'byte')}",
            related=(note.related, e.fin_frame),
            evidence={
                "state": st.NAMES[note.state],
                "age": figure(age),
                "client_bytes": sent[CLIENT],
                "server_bytes": sent[SERVER],
            },
            alternatives=("a device on the way sent it in the host's name",),
        )


class AbortiveClose(Rule):
    """A side closed by RST in place of FIN.

    Seen: a RST by a side that had not sent FIN, from ESTABLISHED or CLOSE_WAIT, and not as the answer to a segment that
    it did not know.

    Why it matters: the peer loses what it had not read yet, and gets an error in place of the end of the stream.

    Usual causes: close() with unread data in the receive buffer; SO_LINGER with zero; a process that was killed while data
    was waiting; an application that gave up on a peer (keep-alive, user timeout).

    Harmless: when the conversation was over and the program wanted no TIME_WAIT.

    Cannot be known: whether the application meant it: close() with unread data sends the same RST.

    To confirm: `nstat -az TcpExtTCPAbortOnClose TcpExtTCPAbortOnData TcpExtTCPAbortOnTimeout`; `strace -e
    trace=close,setsockopt` shows SO_LINGER.
    """

    name = "abortive-close"
    family = "closing"
    severity = "info"
    references = ("RFC 9293, 3.10.5", "RFC 1122, 4.2.2.13", "RFC 2525, 2.17")
    facts = fa.RST_SENT

    def on_connection(self, c: Connection) -> Finding | None:
        note = ending_reset(c)
        if note is None or note.value == 1 or had_closed(c, note):
            return None
        if note.state not in (st.ESTABLISHED, st.CLOSE_WAIT):
            return None
        closed = c.side(1 - note.side).fin >= 0
        after = f"after the FIN of {socket(c.key, 1 - note.side)}" if closed else "with neither side having sent FIN"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} closed by RST in place of FIN, {after}",
            related=(note.related, c.side(1 - note.side).fin_frame),
            evidence={"state": st.NAMES[note.state], "age": figure(note.time - c.start)},
            alternatives=("the process ended, or gave up on its peer",),
        )


class ResetAfterFin(Rule):
    """A side that had sent FIN then sent a RST: it will not read what still comes.

    Seen: FIN and later RST by the same side, before the connection was closed in both directions.

    Why it matters: the other side may have sent data that nobody reads; if so, that is lost, and the finding is a
    warning.

    Usual causes: the application has ended, so that late data has no reader; a FIN_WAIT_2 that was given up; a program
    that closes without reading to the end; a host that forgot the connection.

    Harmless: when nothing was lost; some programs use it to be rid of the connection quickly.

    Cannot be known: whether acknowledged data was read before the RST.

    To confirm: `nstat -az TcpExtTCPAbortOnClose TcpExtTCPAbortOnData`; `sysctl net.ipv4.tcp_fin_timeout`.
    """

    name = "reset-after-fin"
    family = "closing"
    severity = "info"
    references = ("RFC 1122, 4.2.2.13", "RFC 9293, 3.10.5")
    facts = fa.RST_SENT

    def on_connection(self, c: Connection) -> Finding | None:
        note = ending_reset(c)
        if note is None or not had_closed(c, note) or asked_by_data(c, note) is not None:
            return None
        e, p = c.side(note.side), c.side(1 - note.side)
        lost = max(0, (p.fin if p.fin >= 0 else p.snd_nxt) - max(e.acked, 1))
        gap = note.time - e.fin_time
        end = f"; {several(lost, 'byte')} of {socket(c.key, 1 - note.side)} had not been acknowledged" if lost else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent a RST {duration(gap)} after its FIN{end}",
            severity="warning" if lost else "",
            related=(e.fin_frame, note.related, p.fin_frame),
            evidence={"after_fin": figure(gap), "unacknowledged": lost},
        )


class DataAfterPeerFin(Rule):
    """Data was sent on a connection that the peer had already closed, and it was reset.

    Seen: data after the peer's FIN had passed, and the peer's RST in answer.

    Why it matters: the request is lost, and it is unclear to the sender whether it was acted upon. This race is behind
    many sporadic 502 and 503 errors of proxies and load balancers.

    Usual causes: an idle timeout of the server that is shorter than, or equal to, the client's keep-alive timeout, so
    that the server closes just as the next request is sent; a client that does not notice the end of the stream before it
    writes.

    Harmless: when the client tries again by itself, which it may do for requests that are safe to repeat.

    Cannot be known: whether the FIN had reached the sender when it sent; near the other side they may have crossed.

    To confirm: compare the keep-alive timeouts of both programs; the server's should be the longer one. `ss -tanpo state
    close-wait` on the client shows connections whose end it has not noticed.
    """

    name = "data-after-peer-fin"
    family = "closing"
    severity = "warning"
    references = ("RFC 1122, 4.2.2.13", "RFC 9112, 9.3", "RFC 9293, 3.6")
    facts = fa.DATA_AFTER_PEER_FIN

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.DATA_AFTER_PEER_FIN)
        if not notes or both_fins_acknowledged(c):
            return None
        answer = reset_answer(c, notes[0])
        note = None if answer is None else asked_by_data(c, answer)
        if answer is None or note is None:
            return None
        proven = c.side(note.side).acked > c.side(1 - note.side).fin
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent data {duration(note.value)} after {socket(c.key, 1 - note.side)} had closed "
            f"(FIN in frame {note.related}), and it was reset in frame {answer.frame}",
            confidence="certain" if proven else "likely",
            related=(note.related, answer.frame),
            evidence={"after_fin": figure(note.value), "until_reset": figure(answer.time - note.time)},
            alternatives=() if proven else ("the data and the FIN crossed on the way",),
        )


class TimeWaitAssassination(Rule):
    """A RST ended TIME_WAIT before its time.

    Seen: a RST at the exact sequence number, towards a side in TIME_WAIT; mostly the answer of the closed side to an ACK
    that TIME_WAIT sent for a repeated FIN, or the answer to its ACK of a SYN.

    Why it matters: TIME_WAIT protects the next connection on the same ports from old segments; that protection is gone.

    Usual causes: a FIN repeated by the network; a new SYN on the same ports that TIME_WAIT answers by an ACK; Linux
    lets the RST count unless net.ipv4.tcp_rfc1337 is set.

    Harmless: nearly always; old segments that would fit a new connection are rare.

    Cannot be known: whether the host believed the RST; with tcp_rfc1337=1 it does not.

    To confirm: `sysctl net.ipv4.tcp_rfc1337`; `ss -tano state time-wait` shows whether the connection is still there.
    """

    name = "time-wait-assassination"
    family = "closing"
    severity = "info"
    references = ("RFC 1337", "RFC 9293, 3.10.7.4, second check")
    facts = fa.TIME_WAIT_KILLED | fa.REUSE_TIME_WAIT

    def on_connection(self, c: Connection) -> Finding | None:
        killed = notes_of(c, fa.TIME_WAIT_KILLED)
        if killed:
            note = killed[0]
            waited = note.time - self.entered(c, note)
            return self.report(
                c,
                note.side,
                note.time,
                note.frame,
                f"A RST ended the TIME_WAIT of {who(c, note.side)} after {duration(waited)}",
                confidence="likely",
                related=(c.side(1 - note.side).fin_last_frame,),
                evidence={"waited": figure(waited)},
                alternatives=("the host ignored it (net.ipv4.tcp_rfc1337)",),
            )
        reuse = notes_of(c, fa.REUSE_TIME_WAIT)
        resets = notes_of(c, fa.RST_ANSWERS_BAD_ACK)
        if not reuse or not resets or not c.facts & fa.SYN_CHALLENGED:
            return None
        waited = resets[0].time - reuse[0].time + reuse[0].value
        return self.report(
            c,
            SERVER,
            resets[0].time,
            resets[0].frame,
            f"{sentence(who(c, SERVER))} answered a new SYN for the connection it had in TIME_WAIT, and the RST to that ended "
            f"TIME_WAIT after {duration(waited)}",
            confidence="likely",
            related=(reuse[0].frame, reuse[0].related),
            evidence={"waited": figure(waited)},
        )

    @staticmethod
    def entered(c: Connection, note: fa.Note) -> int:
        """When that TIME_WAIT began."""
        for step in reversed(c.side(note.side).steps):
            if step.state == st.TIME_WAIT:
                return step.time
        return note.time


RULES: tuple[type[Rule], ...] = (Reset, AbortiveClose, ResetAfterFin, DataAfterPeerFin, TimeWaitAssassination)
