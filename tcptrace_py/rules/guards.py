"""What keeps a rule from claiming more than the capture shows: small questions about a connection.

The numbers are those of the guards in the rule catalogue: capture end (G1), capture loss (G2), one way (G5),
midstream (G6).  Duplicate frames (G3) and offload (G7) are dealt with before a rule sees anything; time disorder
(G8) lowers the confidence of every finding (Rule.report), and a time that would be negative is not known (phrases).
"""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.endpoint import TIMER, Endpoint, Step
from tcptrace_py.packet import RST

LEAST_TIMEOUT = 200_000_000
"""No stack's retransmission timer is shorter (Linux, TCP_RTO_MIN): what is sent again sooner is a probe (ns)."""

REORDERED_WITHIN = 3_000_000
"""What was sent before the RST may come so much later (ns)."""


def watched(c: Connection, since: int) -> int:
    """G1: for how long the capture went on after ``since``, ns."""
    return c.observed_until - since


def unseen_bytes(c: Connection, side: int) -> int:
    """G2: bytes that this side sent and the capture does not hold, though the peer acknowledged them."""
    return c.side(side).sent.missing_bytes


def last_loss(c: Connection, side: int) -> int:
    """G2: when an ACK last covered something of this side that the capture does not hold; -1: never."""
    lost = -1
    for note in c.notes:
        if note.fact == fa.ACK_OF_UNSEEN and note.side == side:
            lost = max(lost, note.time)
    if c.notes_lost and c.facts & fa.ACK_OF_UNSEEN and unseen_bytes(c, side):
        return c.end  # the note may be one of those not kept
    return lost


def is_seen(c: Connection, side: int) -> bool:
    """G5: at least one segment of this side is in the capture."""
    return c.side(side).last_frame >= 0


def is_two_way(c: Connection) -> bool:
    """G5: both sides were seen."""
    return is_seen(c, CLIENT) and is_seen(c, SERVER)


def has_been_acknowledged(c: Connection, side: int) -> bool:
    """Both sides were seen, and the other one acknowledged at least this one's SYN: there was a connection."""
    return is_two_way(c) and c.side(1 - side).acked >= 1


def round_trip(c: Connection) -> int:
    """The round trip of the handshake, ns; a tenth of a second where it was not seen."""
    if c.handshake_to_client < 0 or c.handshake_to_server < 0:
        return 100_000_000
    return c.handshake_to_client + c.handshake_to_server


def has_opening(c: Connection) -> bool:
    """G6: the client's SYN is in the capture."""
    return not c.midstream and c.client.syn_count > 0


def last_stay(e: Endpoint, state: int) -> Step | None:
    """The step by which the endpoint came to ``state``, if that is its last: still in force, or ended by a timer alone."""
    step = e.top()
    if step.evidence == TIMER and len(e.steps) > 1:
        step = e.steps[-2]
    return step if step.state == state else None


def is_expired(e: Endpoint) -> bool:
    """A timer ended its last state: it is probably gone."""
    return e.top().evidence == TIMER


def notes_of(c: Connection, fact: int, side: int | None = None) -> list[fa.Note]:
    """The notes of one fact, in order; of one side if asked."""
    return [note for note in c.notes if note.fact == fact and side in (None, note.side)]


def was_tail_probe(c: Connection, side: int, again: list[fa.Note]) -> bool:
    """The FIN was sent once more, too soon for a timeout, and its first copy had arrived: the ACK of it was held back."""
    if len(again) != 1 or again[0].value >= LEAST_TIMEOUT:
        return False
    if any(note.frame == again[0].frame for note in notes_of(c, fa.FINAL_ACK_LOST, side)):
        return False
    e, p = c.side(side), c.side(1 - side)
    return any(step.heard and step.frame == e.fin_frame for step in p.steps)


def is_refused(c: Connection) -> bool:
    """A RST answered the SYN, and the client was right to believe it: the RST acknowledged its SYN."""
    if not c.facts & fa.REFUSED:
        return False
    frames = {note.frame for note in notes_of(c, fa.REFUSED)}
    trail = [*c.client.steps, *(r.step for r in c.client.retracted)]
    return any(step.frame in frames and step.state == st.CLOSED for step in trail)


def is_rejected(c: Connection) -> bool:
    """An ICMP error ended the attempt to connect."""
    if not c.facts & fa.ICMP_ERROR:
        return False
    frames = {note.frame for note in notes_of(c, fa.ICMP_ERROR)}
    trail = [*c.client.steps, *(r.step for r in c.client.retracted)]
    return any(step.frame in frames and step.state == st.CLOSED for step in trail)


def reset_during_handshake(c: Connection) -> fa.Note | None:
    """The RST by which the opener ended the attempt, before it acknowledged any SYN-ACK."""
    if not has_opening(c) or c.client.acked >= 1:
        return None
    for note in c.notes:
        if note.side == CLIENT and note.fact in (fa.RST_FROM_SYN_SENT, fa.RST_SENT):
            return note
    return None


def is_old_syn(c: Connection, within: int) -> bool:
    """The handshake of a SYN that its sender no longer stands by (RFC 9293, 3.5, figure 8).

    SYN, SYN-ACK, a RST that only answers that, and another SYN on the same ports ``within`` so many ns.
    """
    note = reset_during_handshake(c)
    if note is None or note.fact != fa.RST_SENT or note.value != 1 or c.successor < 0:
        return False
    return c.server.syn_count > 0 and c.observed_until - note.time <= within


def both_fins_acknowledged(c: Connection) -> bool:
    """Both sides sent FIN, and an ACK of each was seen."""
    client, server = c.client, c.server
    return client.fin >= 0 and server.fin >= 0 and server.acked > client.fin and client.acked > server.fin


def is_half_open(c: Connection, for_at_least: int) -> bool:
    """The SYN was answered, the answer never acknowledged, nobody reset it, and it has been so for so many ns."""
    client, server = c.client, c.server
    if not has_opening(c) or client.last_frame < 0 or client.acked >= 1 or server.syn_count == 0 or c.reset_by >= 0:
        return False
    if c.facts & (fa.SYN_ACK_BAD_ACK | fa.SYN_CHALLENGED | fa.REFUSED) or server.active:
        return False
    if not 1 << server.state & (st.IN_SYN_RECEIVED | st.NO_CONNECTION):
        return False
    return watched(c, server.syn_time) >= for_at_least


def reset_answer(c: Connection, note: fa.Note) -> fa.Note | None:
    """The RST by which the other side answered what this note tells of."""
    for other in c.notes:
        if (
            other.fact == fa.RST_SENT
            and other.side == 1 - note.side
            and other.time >= note.time
            and other.frame > note.frame
        ):
            return other
    return None


def went_on(e: Endpoint, note: fa.Note) -> bool:
    """Whether the alleged sender of a RST did something new after it: data, a FIN, or an ACK of more.

    What comes within a few milliseconds may have been sent before it and overtaken, unless the engine had to take back that
    the RST ended the connection there.
    """
    if e.last_flags & RST or e.last_frame <= note.frame:
        return False
    refuted = any(
        r.step.state == st.CLOSED and r.step.time <= note.time and r.refuted_by > note.frame for r in e.retracted
    )
    after = note.time if refuted else note.time + REORDERED_WITHIN
    if e.last_time <= after:
        return False
    return e.data_last > after or e.acked_frame > note.frame or e.fin_frame > note.frame


def ending_reset(c: Connection) -> fa.Note | None:
    """The RST that ended a connection both sides of which had opened it, and that was not yet closed.

    Not one that answers a SYN, a handshake given up, or the last words of a connection that had closed; nor one that
    did not end it, because it was out of place or its alleged sender went on.
    """
    if c.reset_by < 0 or c.rival_challenged or is_refused(c) or reset_during_handshake(c) or both_fins_acknowledged(c):
        return None
    misplaced = {note.frame for note in notes_of(c, fa.RST_NOT_EXACT)}
    for note in notes_of(c, fa.RST_SENT):
        sender, receiver = c.side(note.side), c.side(1 - note.side)
        if note.frame == c.first_frame:
            continue  # G6: of what it ended, nothing was seen
        if not 1 << sender.state & st.NO_CONNECTION or went_on(sender, note):
            continue  # it went on: the RST was not its own
        if note.frame in misplaced and not 1 << receiver.state & st.NO_CONNECTION:
            continue
        return note
    return None
