"""How connections close: FINs that come again, cross, or are followed by data."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import notes_of, reset_answer, was_tail_probe
from tcptrace_py.rules.phrases import duration, figure, intervals, sentence, several, socket, times, who
from tcptrace_py.rules.rule import Rule, ns


class FinRetransmit(Rule):
    """A FIN had to be sent again: it or the ACK of it was lost.

    Seen: two or more FINs with one sequence number, further apart than copies made by the network are.

    Why it matters: closing takes longer, and the sender keeps the connection's memory meanwhile; many of them tell of
    loss, or of peers that vanish.

    Usual causes: loss; a peer that was switched off or lost its network; a firewall that forgets the connection at
    the first FIN and drops what follows.

    Harmless: once in a while.  A single repetition within 200 ms, of a FIN that had arrived, is not reported: no timeout is
    that short, and the sender only probed for an ACK that the receiver was holding back (RFC 8985, 7).

    Cannot be known: whether the FIN or its ACK was lost, unless the ACK was seen here; then it was lost beyond this
    point.

    To confirm: `ss -tano state fin-wait-1` (or `last-ack`) shows the retransmission timer; `nstat -az TcpRetransSegs`.
    """

    name = "fin-retransmit"
    family = "closing"
    severity = "warning"
    references = ("RFC 9293, 3.6", "RFC 9293, 3.8.1", "RFC 8985, 7")
    uses = ("fin_copied",)
    facts = fa.FIN_AGAIN

    def on_connection(self, c: Connection) -> Finding | None:
        for side in (CLIENT, SERVER):
            again = [note for note in notes_of(c, fa.FIN_AGAIN, side) if note.value >= ns(self.thresholds.fin_copied)]
            if again and not was_tail_probe(c, side, again):
                break
        else:
            return None
        e, p = c.side(side), c.side(1 - side)
        passed = [note for note in notes_of(c, fa.FINAL_ACK_LOST, side) if note.frame == again[0].frame]
        what = "with no ACK of it seen before"
        alternatives: tuple[str, ...] = ("the FIN was lost", "its ACK was lost before this point")
        if passed:
            what = f"although its ACK had passed here in frame {passed[0].related}"
            alternatives = ("the ACK was lost beyond this point", "the network repeated the FIN")
        end = "" if p.acked > e.fin else "; it was never acknowledged"
        gaps = [note.value for note in again]
        return self.report(
            c,
            side,
            again[0].time,
            again[0].frame,
            f"{sentence(who(c, side))} sent its FIN {times(len(again) + 1)} ({intervals(gaps)}), {what}{end}",
            related=(e.fin_frame, *(note.frame for note in again), *(note.related for note in passed)),
            evidence={"fins": len(again) + 1, "waited": figure(again[-1].time - e.fin_time)},
            alternatives=alternatives,
        )


class FinalAckLost(Rule):
    """The ACK of the last FIN passed here, and the FIN came again: that ACK never arrived.

    Seen: both FINs and the ACK of the second, and then the second FIN once more; its sender was not yet CLOSED.

    Why it matters: a capture at this point looks like a clean close, yet one side went on holding LAST_ACK, and the
    other's TIME_WAIT starts anew each time: this is what TIME_WAIT is for.

    Usual causes: loss beyond the point of capture; a client host that was suspended or lost its network right after
    closing.

    Harmless: once in a while; nothing is lost but time.

    Cannot be known: whether the ACK was lost, or the network held back and repeated the FIN; several FINs at growing
    intervals are retransmissions.

    To confirm: `ss -tano state last-ack` on the side that repeats; `ss -tano state time-wait` on the other shows the
    restarted timer.
    """

    name = "final-ack-lost"
    family = "closing"
    severity = "warning"
    references = ("RFC 9293, 3.6", "RFC 9293, 3.10.7.4, eighth check")
    uses = ("fin_copied",)
    facts = fa.FINAL_ACK_LOST

    def on_connection(self, c: Connection) -> Finding | None:
        for note in notes_of(c, fa.FINAL_ACK_LOST):
            e, p = c.side(note.side), c.side(1 - note.side)
            again = notes_of(c, fa.FIN_AGAIN, note.side)
            gap = max((n.value for n in again if n.frame == note.frame), default=0)
            # the last of both FINs: the other one had been acknowledged
            if p.fin >= 0 and e.acked > p.fin and e.fin_frame > p.fin_frame and gap >= ns(self.thresholds.fin_copied):
                return self.of(c, note)
        return None

    def of(self, c: Connection, note: fa.Note) -> Finding:
        e = c.side(note.side)
        lost = notes_of(c, fa.FINAL_ACK_LOST, note.side)
        restarts = notes_of(c, fa.TIME_WAIT_RESTARTED, 1 - note.side)
        end = f"; {who(c, 1 - note.side)} acknowledged it again, and its TIME_WAIT started anew" if restarts else ""
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"The final ACK passed here in frame {note.related}, but {who(c, note.side)} sent its FIN again "
            f"{duration(note.time - e.fin_time)} after the first: the ACK did not arrive{end}",
            confidence="certain" if len(lost) > 1 else "likely",
            related=(note.related, e.fin_frame, *(n.frame for n in lost), *(n.frame for n in restarts)),
            evidence={"fins_after_it": len(lost), "restarts": len(restarts), "waited": figure(e.fin_last - e.fin_time)},
            alternatives=() if len(lost) > 1 else ("the network held the FIN back and repeated it",),
        )


class HalfClose(Rule):
    """One side had closed, and the other kept sending, as TCP allows.

    Seen: new data after the peer's FIN, taken and acknowledged, not reset.

    Why it matters: it is legal and often not expected: proxies, firewalls and address translators may cut a
    half-closed connection after a minute.

    Usual causes: protocols in which the client says "that is all" by shutdown() and reads on (rsh, some HTTP and
    database clients, `nc -N`); a long download whose client closed for sending first.

    Harmless: whenever both programs expect it.

    Cannot be known: whether the side that sent FIN still reads; that it acknowledges is its kernel's doing.

    To confirm: `ss -tanpo state fin-wait-2` on one side and `state close-wait` on the other; `strace -e shutdown`.
    """

    name = "half-close"
    family = "closing"
    severity = "info"
    references = ("RFC 9293, 3.6", "RFC 1122, 4.2.2.13")
    facts = fa.DATA_AFTER_PEER_FIN

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.DATA_AFTER_PEER_FIN)
        if not notes or reset_answer(c, notes[0]) is not None:
            return None
        note = notes[0]
        count = sum(n.side == note.side for n in notes)
        last = max(n.time for n in notes if n.side == note.side)
        span = last - c.side(1 - note.side).fin_time
        when = f"in the {duration(span)} after" if span >= 0 else "after"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent {several(count, 'segment')} of data {when} the FIN of "
            f"{socket(c.key, 1 - note.side)} (frame {note.related}): half closed",
            related=(note.related, *(n.frame for n in notes)),
            evidence={"segments": count, "span": figure(span)},
        )


class SimultaneousClose(Rule):
    """Both sides closed before either had seen the other's FIN.

    Seen: two FINs, neither of which acknowledges the other.

    Why it matters: it is legal. Both sides pass through CLOSING, and both end in TIME_WAIT.

    Usual causes: two programs that end at the same event or timer; a shutdown on both sides at once.

    Harmless: always.

    Cannot be known: nothing of importance; the acknowledgment numbers prove it, whatever the order of frames.

    To confirm: `ss -tan state closing` and `state time-wait` on both hosts.
    """

    name = "simultaneous-close"
    family = "closing"
    severity = "info"
    references = ("RFC 9293, 3.6, figure 13",)
    facts = fa.SIMULTANEOUS_CLOSE

    def on_note(self, c: Connection, note: fa.Note) -> Finding | None:
        gap = note.time - c.side(1 - note.side).fin_time
        return self.report(
            c,
            None,
            note.time,
            note.frame,
            f"{socket(c.key, CLIENT)} and {socket(c.key, SERVER)} closed at the same time: their FINs passed here {duration(gap)} "
            f"apart (frames {note.related} and {note.frame}), neither acknowledging the other",
            related=(note.related,),
            evidence={"apart": figure(gap)},
        )


class DataAfterFin(Rule):
    """A side sent data beyond its own FIN: it broke the protocol.

    Seen: payload at or beyond the sequence number of the sender's FIN.

    Why it matters: the receiver drops it; whatever it was is lost. No correct TCP does this.

    Usual causes: a device on the way that writes into connections (injected pages, resets, proxies); a broken
    TCP of an embedded device; forged segments.

    Harmless: never; a window probe of one byte at that place is not counted.

    Cannot be known: whether the data came from the host itself; compare TTL and IP id with its other packets.

    To confirm: capture at the sending host (`tcpdump -w`); if the data is not there, something on the way added it.
    """

    name = "data-after-fin"
    family = "closing"
    severity = "error"
    references = ("RFC 9293, 3.10.2", "RFC 9293, 3.10.7.4, seventh check")
    facts = fa.DATA_AFTER_FIN

    def on_connection(self, c: Connection) -> Finding | None:
        notes = notes_of(c, fa.DATA_AFTER_FIN)
        if not notes:
            return None
        note = notes[0]
        count = sum(n.value for n in notes if n.side == note.side)
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} sent {several(count, 'byte')} beyond its own FIN of frame {note.related}",
            related=(note.related, *(n.frame for n in notes)),
            evidence={"data": count, "segments": len(notes)},
            alternatives=("a device on the way, or a forger, sent it in the host's name",),
        )


class OrphanFin(Rule):
    """Only the tail of a connection was seen: its FIN, and nothing of what came before.

    Seen: a connection whose first frames are a FIN and its ACKs, without any data.

    Why it matters: what the capture says of it is little; who called whom is a guess by the ports.

    Usual causes: the recording began while the connection was closing; a filter that kept only some packets; a
    connection that had been idle for the whole recording until then.

    Harmless: always; it says something of the capture, not of the hosts.

    Cannot be known: the state before the FIN, and who was the client.

    To confirm: start the recording earlier; `ss -tan` at its start lists what is open.
    """

    name = "orphan-fin"
    family = "closing"
    severity = "info"
    references = ("RFC 9293, 3.6",)
    facts = fa.ORPHAN_FIN

    def on_connection(self, c: Connection) -> Finding | None:
        data = sum(e.sent.data_packets for e in (c.client, c.server))
        if data or c.incarnation > 1:
            return None
        side = CLIENT if c.client.fin >= 0 and (c.server.fin < 0 or c.client.fin_frame < c.server.fin_frame) else SERVER
        e = c.side(side)
        return self.report(
            c,
            side,
            e.fin_time,
            e.fin_frame,
            f"Of the connection between {socket(c.key, CLIENT)} and {socket(c.key, SERVER)} only the end was seen, from "
            f"frame {c.first_frame} on: {several(c.packets, 'packet')}, no data",
            related=(c.first_frame, c.last_frame),
            evidence={"packets": c.packets},
        )


RULES: tuple[type[Rule], ...] = (FinRetransmit, FinalAckLost, HalfClose, SimultaneousClose, DataAfterFin, OrphanFin)
