"""Connections that hang while closing: somebody waits for what does not come.

All of them need the capture to have gone on for the threshold after the answer was due (G1): a recording that was
stopped early shows open connections and no stuck ones.
"""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import is_expired, is_seen, is_two_way, last_loss, last_stay, notes_of, watched
from tcptrace_py.rules.phrases import duration, figure, role, sentence, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class Waiting(NamedTuple):
    """One side closed, the other acknowledged that and has not closed."""

    closer: int
    since: int
    """When the FIN was acknowledged, or the other side last sent data, if that is later."""
    waited: int


def waiting_for_close(c: Connection, threshold: int) -> Waiting | None:
    """The side that waits in FIN_WAIT_2 (or did until its timer ended that) for the other's close()."""
    if c.reset_by >= 0:
        return None
    for side in (CLIENT, SERVER):
        e, p = c.side(side), c.side(1 - side)
        if e.fin < 0 or p.fin >= 0 or p.acked <= e.fin or last_stay(p, st.CLOSE_WAIT) is None:
            continue
        step = last_stay(e, st.FIN_WAIT_2)
        if step is None or last_loss(c, 1 - side) >= e.fin_time:
            continue  # G2: its FIN may be among what the capture missed
        since = step.time
        later = notes_of(c, fa.DATA_AFTER_PEER_FIN, 1 - side)
        if later:
            since = max(since, later[-1].time, p.last_time if c.notes_lost else 0)
        if watched(c, since) >= threshold:
            return Waiting(side, since, watched(c, since))
    return None


class StuckCloseWait(Rule):
    """An application does not call close(): its side has received the peer's FIN and stays in CLOSE_WAIT.

    Seen: the peer's FIN and the ACK of it, then no FIN in return, and silence, while the capture went on.

    Why it matters: each such connection holds a file descriptor and memory until the program ends; in the end it can
    open no more ("too many open files"). No timer ends CLOSE_WAIT.

    Usual causes: a program that forgets sockets in an error path, does not read to the end of the stream, or whose
    worker hangs; a connection pool that does not look at idle connections; a host that lost power after its last ACK.

    Harmless: a program that is still working on its answer; the threshold decides how long that may take.

    Cannot be known: what the application is doing; and whether the host is still there at all, as nothing asked it.

    To confirm: `ss -tanp state close-wait` on that host names the process; `ls /proc/PID/fd | wc -l`; `strace -p PID -e
    trace=network,close`.
    """

    name = "stuck-close-wait"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.6", "RFC 9293, 3.10.4")
    uses = ("stuck",)
    facts = fa.UNFINISHED

    def on_connection(self, c: Connection) -> Finding | None:
        waiting = waiting_for_close(c, ns(self.thresholds.stuck))
        if waiting is None:
            return None
        side = 1 - waiting.closer
        e, p = c.side(side), c.side(waiting.closer)
        text = (
            f"The {role(side)}'s application ({socket(c.key, side)}) received the {role(waiting.closer)}'s FIN (frame {p.fin_frame}) "
            f"and has not called close() for {duration(waiting.waited)}"
        )
        return self.report(
            c,
            side,
            p.fin_time,
            p.fin_frame,
            text,
            related=(e.acked_frame, e.last_frame),
            evidence={"waited": figure(waiting.waited), "threshold": figure(ns(self.thresholds.stuck))},
            alternatives=("its host, or the path to it, has gone since", "it is still working on its answer"),
        )


class StuckFinWait2(Rule):
    """One side closed, the other acknowledged it and never closed.

    Seen: a FIN, the ACK of it, and then no FIN in return, and silence, while the capture went on. A peer that still
    sends data is a half-close, not this.

    Why it matters: the side that closed waits. If its application has gone, its kernel gives up after a minute
    (Linux, tcp_fin_timeout); if the application only shut down sending, it may wait for ever.

    Usual causes: the other side's application does not call close() (see stuck-close-wait, which is reported with this);
    its host has gone.

    Harmless: while the other side may still be working on its answer.

    Cannot be known: whether the closing application has ended, which decides if its kernel still waits.

    To confirm: `ss -tano state fin-wait-2` shows it, with a `timewait` timer if it is an orphan; `sysctl
    net.ipv4.tcp_fin_timeout`.
    """

    name = "stuck-fin-wait-2"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.6", "RFC 1122, 4.2.2.13")
    uses = ("stuck",)
    facts = fa.UNFINISHED

    def on_connection(self, c: Connection) -> Finding | None:
        waiting = waiting_for_close(c, ns(self.thresholds.stuck))
        if waiting is None:
            return None
        side = waiting.closer
        e, p = c.side(side), c.side(1 - side)
        step = last_stay(e, st.FIN_WAIT_2)
        end = "; its timer for that has probably run out" if is_expired(e) else ""
        return self.report(
            c,
            side,
            waiting.since,
            e.fin_frame if step is None or step.frame < 0 else step.frame,
            f"{sentence(who(c, side))} closed (FIN in frame {e.fin_frame}, acknowledged) and has waited {duration(waiting.waited)} "
            f"for the FIN of {socket(c.key, 1 - side)}{end}",
            related=(e.fin_frame, p.last_frame),
            evidence={"waited": figure(waiting.waited), "threshold": figure(ns(self.thresholds.stuck))},
        )


class StuckFinWait1(Rule):
    """A FIN was never acknowledged: the peer or the path has gone.

    Seen: a FIN, mostly sent again and again, no ACK of it, while the capture went on.

    Why it matters: unsent data before the FIN is lost, and the kernel keeps the connection until it gives up, after
    about two minutes (Linux, tcp_orphan_retries).

    Usual causes: a peer that lost power or its network; a firewall that forgot the connection; an address that moved.

    Harmless: laptops and phones that leave do this every day.

    Cannot be known: whether the peer is down or only unreachable, and, if the FIN came only once, whether its ACK was
    missed by the capture.

    To confirm: `ss -tano state fin-wait-1` shows the retransmission timer; `ping` the peer; `conntrack -L` on
    firewalls between.
    """

    name = "stuck-fin-wait-1"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.6", "RFC 9293, 3.8.3")
    uses = ("stuck",)
    facts = fa.UNFINISHED | fa.FIN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        if c.reset_by >= 0:
            return None
        for side in (CLIENT, SERVER):
            e, p = c.side(side), c.side(1 - side)
            if e.fin < 0 or p.acked > e.fin or last_stay(e, st.FIN_WAIT_1) is None:
                continue
            if not is_seen(c, 1 - side) and e.fin_count < 3:
                continue  # G5: its ACK may go where the capture does not look
            if e.fin_count < 2 and (c.facts & fa.ACK_OF_UNSEEN or not is_seen(c, 1 - side)):
                continue  # G2
            waited = watched(c, max(e.fin_time, p.last_time))
            if waited >= ns(self.thresholds.stuck):
                return self.of(c, side, waited)
        return None

    def of(self, c: Connection, side: int, waited: int) -> Finding:
        e = c.side(side)
        end = "; it has probably given up" if is_expired(e) else ""
        return self.report(
            c,
            side,
            e.fin_time,
            e.fin_frame,
            f"{sentence(who(c, side))} sent its FIN {times(e.fin_count)}, and {socket(c.key, 1 - side)} has not acknowledged it "
            f"for {duration(waited)}{end}",
            confidence="certain" if e.fin_count > 1 else "possible",
            related=(
                e.fin_last_frame,
                c.side(1 - side).last_frame,
                *(n.frame for n in notes_of(c, fa.FIN_AGAIN, side)),
            ),
            evidence={"fins": e.fin_count, "waited": figure(waited)},
            alternatives=()
            if e.fin_count > 1
            else ("the ACK was missed by the capture, as the FIN did not come again",),
        )


class StuckClosing(Rule):
    """Both sides closed at once, and one FIN was never acknowledged.

    Seen: FINs that crossed, one of them sent again and again without an ACK, while the capture went on.

    Why it matters: that side keeps the connection in CLOSING until its kernel gives up.

    Usual causes: a peer that vanished right after its FIN; a firewall that forgets a connection at its first FIN and
    drops what follows.

    Harmless: once in a while.

    Cannot be known: whether the peer is gone, or its ACKs are lost on the way.

    To confirm: `ss -tano state closing` on that side; `conntrack -L` on firewalls between.
    """

    name = "stuck-closing"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.6, figure 13", "RFC 9293, 3.8.3")
    uses = ("stuck",)
    facts = fa.FIN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        return hanging(self, c, st.CLOSING)


class StuckLastAck(Rule):
    """The second FIN was sent again and again, and its ACK never came.

    Seen: both FINs; the second one repeated until the end of observation, or until its sender must have given up.

    Why it matters: that side keeps the connection in LAST_ACK until its kernel gives up, about two minutes on Linux.

    Usual causes: the side that closed first has gone, or a firewall forgot the connection at its first FIN and drops
    the rest; the first closer left TIME_WAIT early and its RSTs are filtered.

    Harmless: once in a while; nothing is lost.

    Cannot be known: whether the peer still exists, or its ACKs are lost beyond this point.

    To confirm: `ss -tano state last-ack` shows the retransmission timer; `conntrack -L` on firewalls between, and
    `sysctl net.netfilter.nf_conntrack_tcp_timeout_last_ack`.
    """

    name = "stuck-last-ack"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.6", "RFC 9293, 3.8.3")
    uses = ("stuck",)
    facts = fa.FIN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        return hanging(self, c, st.LAST_ACK)


def hanging(rule: Rule, c: Connection, state: int) -> Finding | None:
    """A side that stayed in ``state``, repeating its FIN, for longer than the threshold."""
    if c.reset_by >= 0 or not is_two_way(c):
        return None
    for side in (CLIENT, SERVER):
        e = c.side(side)
        waited = watched(c, e.fin_time)
        if e.fin_count < 2 or last_stay(e, state) is None or waited < ns(rule.thresholds.stuck):
            continue
        passed = c.side(1 - side).acked > e.fin
        if passed and c.side(1 - side).last_time >= e.fin_last and fell_silent(c, side):
            continue  # the last ACK arrived
        what = (
            f"an ACK passed here in frame {c.side(1 - side).acked_frame}, and it did not count"
            if passed
            else "no ACK of it was seen"
        )
        end = "; it has probably given up" if is_expired(e) else ""
        return rule.report(
            c,
            side,
            e.fin_time,
            e.fin_frame,
            f"{sentence(who(c, side))} is in {st.NAMES[state]} for {duration(waited)} and sent its FIN {times(e.fin_count)}: {what}{end}",
            related=(c.side(1 - side).fin_frame, e.fin_last_frame, *(n.frame for n in notes_of(c, fa.FIN_AGAIN, side))),
            evidence={"fins": e.fin_count, "waited": figure(waited)},
            alternatives=("the ACKs were lost beyond this point",) if passed else (),
        )
    return None


def fell_silent(c: Connection, side: int) -> bool:
    """The next repetition of its FIN is overdue (intervals double; one may have been lost), so none is to come."""
    gap = max((note.value for note in notes_of(c, fa.FIN_AGAIN, side)), default=0)
    return watched(c, c.side(side).fin_last) > 4 * gap


class MissingFinalAck(Rule):
    """The last FIN was never acknowledged, so its sender hangs in LAST_ACK.

    Seen: both FINs, no ACK of the second. If it came again, the ACK is really missing; if silence followed, the capture
    probably missed the ACK.

    Why it matters: the sender keeps the connection in memory and sends the FIN again until it gives up.

    Usual causes: loss; a client that was suspended or switched off right after closing; a firewall that forgot the
    connection at its first FIN.

    Harmless: once in a while; nothing is lost.

    Cannot be known: whether the ACK was never sent or was lost before this point.

    To confirm: `ss -tano state last-ack` on the side that sent the second FIN.
    """

    name = "missing-final-ack"
    family = "closing"
    severity = "warning"
    references = ("RFC 9293, 3.6",)
    uses = ("unanswered", "stuck")
    facts = fa.UNFINISHED | fa.FIN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        if c.reset_by >= 0 or not is_two_way(c):
            return None
        for side in (CLIENT, SERVER):
            e, p = c.side(side), c.side(1 - side)
            if e.fin < 0 or p.fin < 0 or e.acked <= p.fin or p.acked > e.fin or e.fin_frame < p.fin_frame:
                continue
            waited = watched(c, e.fin_time)
            silent = e.fin_count < 2
            if waited < ns(self.thresholds.unanswered) or (not silent and waited >= ns(self.thresholds.stuck)):
                continue  # G1; and stuck-last-ack
            if silent and c.facts & fa.ACK_OF_UNSEEN:
                continue  # G2
            return self.of(c, side, waited, silent)
        return None

    def of(self, c: Connection, side: int, waited: int, silent: bool) -> Finding:
        e = c.side(side)
        what = (
            "silence followed, so the capture has probably missed it"
            if silent
            else f"the FIN came {times(e.fin_count)}"
        )
        return self.report(
            c,
            side,
            e.fin_time,
            e.fin_frame,
            f"No ACK of the FIN of {who(c, side)} was seen in {duration(waited)}: {what}",
            confidence="possible" if silent else "certain",
            related=(c.side(1 - side).fin_frame, e.fin_last_frame),
            evidence={"fins": e.fin_count, "waited": figure(waited)},
            alternatives=("the ACK was sent, and the capture missed it",) if silent else (),
        )


RULES: tuple[type[Rule], ...] = (
    StuckFinWait1,
    StuckFinWait2,
    StuckCloseWait,
    StuckClosing,
    StuckLastAck,
    MissingFinalAck,
)
