"""Connections that were quiet: keep-alives that nobody answers, and what happens at the first word after a long silence."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.packet import RST
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import ending_reset, has_been_acknowledged, notes_of
from tcptrace_py.rules.loss import unanswered_data
from tcptrace_py.rules.phrases import duration, figure, sentence, several, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class KeepaliveFailure(Rule):
    """Keep-alives found nobody: the peer is gone.

    Seen: segments below the next sequence number, or acknowledged ones again, with nothing outstanding, and not one segment
    of the peer in return; then a RST of the side that asked, or silence.

    Why it matters: the connection was dead, perhaps for a long time; what waited on it, waited in vain.

    Usual causes: the peer lost power, its network or its address; a firewall or NAT that forgot the idle connection and drops
    what belongs to no connection it knows.

    Harmless: for clients that may leave at any time, such as laptops; that is what keep-alives are for.

    Cannot be known: whether the peer is gone or only the path to it.

    To confirm: `sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_probes`; `ss -tano` shows timer:(keepalive,...);
    `nstat -az TcpExtTCPAbortOnTimeout`.
    """

    name = "keepalive-failure"
    family = "open"
    severity = "error"
    references = ("RFC 9293, 3.8.4", "RFC 1122, 4.2.3.6")
    uses = ("keepalive_probes",)
    facts = fa.UNANSWERED

    def on_connection(self, c: Connection) -> Finding | None:
        for side in (CLIENT, SERVER):
            e, p = c.side(side), c.side(1 - side)
            gave_up = bool(e.last_flags & RST)
            probes = p.ignored + (1 if e.asks and not gave_up else 0)
            if not has_been_acknowledged(c, side) or e.fin >= 0 or e.last_time <= p.last_time or p.last_window == 0:
                continue
            if e.snd_una < e.snd_nxt or probes < self.thresholds.keepalive_probes + (not gave_up):
                continue
            waited = e.last_time - p.last_time
            end = "then it gave up (RST)" if gave_up else "the last thing seen of it"
            return self.report(
                c,
                1 - side,
                e.last_time,
                e.last_frame,
                f"{sentence(who(c, 1 - side))} answered none of {several(probes, 'keep-alive')} of {socket(c.key, side)} in the "
                f"{duration(waited)} after frame {p.last_frame}; {end}",
                confidence="likely",
                related=(p.last_frame,),
                evidence={"keep_alives": probes, "waited": figure(waited)},
                alternatives=("the path failed", "the answers take a way that this capture does not see"),
            )
        return None


class IdleThenReset(Rule):
    """After a long silence the first data met a connection that was no longer known.

    Seen: nothing from one side for at least the threshold, then data towards it, which drew a RST or was only repeated.

    Why it matters: the first request after a pause fails, again and again: an error that testers never see.

    Usual causes: a firewall, NAT or load balancer that forgets idle connections sooner than the programs do; a server that
    rebooted or failed over meanwhile.

    Harmless: hardly; keep-alives shorter than the device's timeout prevent it.

    Cannot be known: whether the host or a device on the way sent the RST; compare its TTL with the host's other segments.

    To confirm: `conntrack -L -p tcp` on the device shows the timeout left (`sysctl
    net.netfilter.nf_conntrack_tcp_timeout_established`); switch keep-alives on and see it vanish.
    """

    name = "idle-then-reset"
    family = "open"
    severity = "warning"
    references = ("RFC 5382, REQ-5", "RFC 9293, 3.5.1", "RFC 9293, 3.8.4")
    uses = ("idle", "unanswered", "unanswered_retries")
    facts = fa.RST_SENT | fa.UNANSWERED

    def on_connection(self, c: Connection) -> Finding | None:
        note = ending_reset(c)
        if note is not None:
            e, p = c.side(note.side), c.side(1 - note.side)
            if e.last_frame != note.frame or p.timed < 0 or not e.previous_time < p.timed_at <= note.time:
                return None
            if e.previous_time < 0 or note.time - p.timed_at > ns(self.thresholds.unanswered):
                return None
            return self.of(c, 1 - note.side, p.timed_at, e.previous_time, note.frame, "a RST", (note.related,))
        for side in (CLIENT, SERVER):
            e, p = c.side(side), c.side(1 - side)
            again = [n for n in notes_of(c, fa.RETRANSMISSION, side) if n.frame > p.last_frame]
            if again and unanswered_data(c, side) >= self.thresholds.unanswered_retries:
                first = again[0]
                related = (p.last_frame, *(n.frame for n in again))
                what = f"no answer, though it was repeated {times(unanswered_data(c, side))}"
                return self.of(c, side, first.time - first.value, p.last_time, first.frame, what, related)
        return None

    def of(
        self, c: Connection, side: int, asked: int, heard: int, frame: int, what: str, related: tuple[int, ...]
    ) -> Finding | None:
        """The data of ``side`` at ``asked`` met silence since ``heard``."""
        idle = asked - heard
        if idle < ns(self.thresholds.idle):
            return None
        return self.report(
            c,
            1 - side,
            asked,
            frame,
            f"{sentence(who(c, side))} sent data after {duration(idle)} in which {socket(c.key, 1 - side)} had said nothing, and got {what}: "
            "the connection had been forgotten",
            confidence="likely",
            related=related,
            evidence={"idle": figure(idle)},
            alternatives=(
                "a device on the way forgot the connection",
                "the host restarted, or was replaced by another",
            ),
        )


RULES: tuple[type[Rule], ...] = (KeepaliveFailure, IdleThenReset)
