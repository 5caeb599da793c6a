"""Data that had to be sent again, or could not be sent: loss, peers that vanish, windows that stay closed."""

from __future__ import annotations

from decimal import Decimal

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.sent import Sent
from tcptrace_py.packet import RST, SYN
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import has_been_acknowledged, notes_of
from tcptrace_py.rules.phrases import duration, figure, sentence, several, socket, times, who
from tcptrace_py.rules.rule import Rule, ns

KINDS = {
    "timeout": "after a timeout",
    "fast": "after duplicate ACKs",
    "sack": "because of SACK",
    "tail_probe": "as tail probe",
    "spurious": "needless",
    "unknown": "for a reason that does not show",
}


def kinds_of(sent: Sent) -> dict[str, int]:
    """What was sent again, by what made its sender do it."""
    r = sent.recovery
    if r is None:
        return dict.fromkeys(KINDS, 0)
    counts = (r.timeouts, r.fast, r.by_sack, r.tail_probes, r.spurious, r.unknown)
    return dict(zip(KINDS, counts, strict=True))


class Retransmission(Rule):
    """Data had to be sent again: segments were lost, or held to be lost.

    Seen: payload whose sequence numbers had passed here before, in a frame of its own (copies made by the capture are left
    out). Told as a warning when it is a notable share of the data.

    Why it matters: each loss halves the sender's speed for a while, and one that only a timeout repairs stops it for 200 ms
    or more.

    Usual causes: a full queue at the bottleneck, Wi-Fi, a duplex mismatch, a policer; reordering or a delay that jumps,
    which make the sender repeat what was not lost.

    Harmless: a small share is how TCP finds out how fast it may send.

    Cannot be known: where it was lost; what passed here twice was lost beyond this point, or its ACK was. What made the
    sender repeat it is read off the duplicate ACKs, the SACK blocks and the waiting time that were seen here.

    To confirm: `nstat -az TcpRetransSegs TcpExtTCPTimeouts TcpExtTCPFastRetrans TcpExtTCPDSACKRecv`; `ss -tni` on the
    sender (retrans, reordering); `tc -s qdisc` and `ethtool -S` for drops.
    """

    name = "retransmission"
    family = "open"
    severity = "info"
    references = ("RFC 9293, 3.8.1", "RFC 6298, 5", "RFC 5681, 3.2")
    uses = ("retransmission_share", "retransmission_count")
    facts = fa.RETRANSMISSION

    def on_connection(self, c: Connection) -> Finding | None:
        counts = [e.sent.retransmitted_packets for e in (c.client, c.server)]
        side = CLIENT if counts[CLIENT] >= counts[SERVER] else SERVER
        sent = c.side(side).sent
        if counts[side] == 0:
            return None
        t = self.thresholds
        share = float(counts[side]) / float(sent.data_packets)
        notes = notes_of(c, fa.RETRANSMISSION, side)
        first = notes[0] if notes else None
        kinds = kinds_of(sent)
        how = ", ".join(f"{count:,} {KINDS[kind]}" for kind, count in kinds.items() if count)
        return self.report(
            c,
            side,
            c.start if first is None else first.time,
            c.first_frame if first is None else first.frame,
            f"{sentence(who(c, side))} sent {several(counts[side], 'segment')} of data again, of {sent.data_packets:,} ({how})",
            severity="warning" if counts[side] >= t.retransmission_count and share >= t.retransmission_share else "",
            related=tuple(n.frame for n in notes),
            evidence={
                "segments": counts[side],
                "bytes": sent.retransmitted_bytes,
                **kinds,
                "share": Decimal(round(share * 10_000)).scaleb(-4),
                "by_the_peer": counts[1 - side],
            },
            alternatives=("the segments were lost beyond this point", "their ACKs were lost, or came too late"),
        )


_COOKIE = "its SYN-ACK was a SYN cookie, and it dropped the ACK of it: its accept queue is full"


class DeadPeer(Rule):
    """Data was repeated again and again, and the peer was not heard of any more.

    Seen: the same data sent at least four times, at growing intervals, with not one segment of the peer after the first,
    until its sender gave up, fell silent, or the capture ended.

    Why it matters: the application waits, on Linux for about a quarter of an hour, before it gets an error.

    Usual causes: the peer lost power or its network; a firewall or NAT that forgot the connection and drops its packets; a
    route that fails in one direction; packets too long for the path, with ICMP filtered (then small data still passes).
    Where nothing came but a SYN-ACK: a server whose accept queue is full and that answers SYNs with cookies.

    Harmless: never; short outages of a radio link end by themselves.

    Cannot be known: whether the peer is gone or only the path to it, or the way back; near the sender they look the same.

    To confirm: `ss -tanpoi` on the sender (timer:(on,...), backoff); `ping -M do -s 1472` for the path's MTU; `tcpdump` at the
    peer.
    """

    name = "dead-peer"
    family = "open"
    severity = "error"
    references = ("RFC 9293, 3.8.3", "RFC 1122, 4.2.3.5", "RFC 6298, 5")
    uses = ("unanswered_retries", "unanswered")
    facts = fa.UNANSWERED

    def on_connection(self, c: Connection) -> Finding | None:
        for side in (CLIENT, SERVER):
            again = unanswered_data(c, side)
            waited = c.side(side).last_time - c.side(1 - side).last_time
            if again >= self.thresholds.unanswered_retries and waited >= ns(self.thresholds.unanswered):
                return self.of(c, side, again, waited)
        return None

    def of(self, c: Connection, side: int, again: int, waited: int) -> Finding:
        e, p = c.side(side), c.side(1 - side)
        notes = [n for n in notes_of(c, fa.RETRANSMISSION, side) if n.frame > p.last_frame]
        if e.last_flags & RST:
            end = f"then it gave up (RST in frame {e.last_frame})"
        elif c.observed_until - e.last_time > 2 * max(e.data_gap, ns(1)) + ns(1):
            end = "then it fell silent"
        else:
            end = "and it was still trying when observation ended"
        return self.report(
            c,
            1 - side,
            notes[0].time if notes else e.last_time,
            notes[0].frame if notes else e.last_frame,
            f"{sentence(who(c, 1 - side))} is not heard of any more after frame {p.last_frame}: {socket(c.key, side)} repeated "
            f"its data {times(again)} in {duration(waited)}, {end}",
            confidence="likely",
            related=(p.last_frame, *(n.frame for n in notes), e.last_frame),
            evidence={"repeated": again, "waited": figure(waited), "unacknowledged": e.snd_nxt - e.snd_una},
            alternatives=(
                *((_COOKIE,) if p.last_flags & SYN else ()),
                "the path failed, in one direction or both",
                "the answers take a way that this capture does not see",
            ),
        )


def unanswered_data(c: Connection, side: int) -> int:
    """How often this side repeated the same data since its peer was last heard of; not where it has closed (another rule's)."""
    e, p = c.side(side), c.side(1 - side)
    if not has_been_acknowledged(c, side) or e.fin >= 0 or e.last_time <= p.last_time:
        return 0
    if p.last_window == 0 or e.snd_una >= e.snd_nxt or e.data_last <= p.last_time:
        return 0
    return e.data_count - 1


class ZeroWindowStall(Rule):
    """A receiver kept its window closed: its application does not read.

    Seen: windows of zero, the first and the last of which are further apart than the threshold, or with which the
    observation ends; repeated, because the sender probes.

    Why it matters: the sender may send nothing meanwhile. The network is not to blame, whatever it looks like.

    Usual causes: an application that is too slow, or stuck (a lock, a full disk, a debugger); a receive buffer that is much too
    small; a suspended process or laptop.

    Harmless: when the application means it: a player that pauses, a consumer that asks for less.

    Cannot be known: when exactly the window opened again, where the update was lost; nor why the application does not read.

    To confirm: `ss -tanm` on the receiver (Recv-Q is what waits to be read); `nstat -az TcpExtTCPFromZeroWindowAdv
    TcpExtTCPToZeroWindowAdv`; `strace -p` or a stack trace of the application.
    """

    name = "zero-window-stall"
    family = "open"
    severity = "warning"
    references = ("RFC 9293, 3.8.6.1", "RFC 1122, 4.2.2.17")
    uses = ("zero_window", "stuck")
    facts = fa.ZERO_WINDOW

    def on_connection(self, c: Connection) -> Finding | None:
        stalls = [(self.lasted(c, note), note) for note in notes_of(c, fa.ZERO_WINDOW)]
        lasted, note = max(stalls, key=lambda stall: stall[0], default=(0, None))
        if note is None or lasted < ns(self.thresholds.zero_window):
            return None
        e = c.side(note.side)
        still = e.last_window == 0 and e.last_frame >= note.frame
        zeros = e.sent.zero_windows
        end = "and had not opened it when it was last heard of" if still else f"the last time in frame {note.related}"
        return self.report(
            c,
            note.side,
            note.time,
            note.frame,
            f"{sentence(who(c, note.side))} kept its window closed for {duration(lasted)}{'' if still else ' or longer'}, {end}: its "
            f"application did not read",
            severity="error" if lasted >= ns(self.thresholds.stuck) else "",
            related=(note.related, c.side(1 - note.side).last_frame),
            evidence={"lasted": figure(lasted), "zero_windows": zeros},
            alternatives=("the announcement that it had opened was lost, before this point or by the capture",),
        )

    @staticmethod
    def lasted(c: Connection, note: fa.Note) -> int:
        """How long at least.  A window that is closed at the end is so until the end, if somebody asked."""
        e, p = c.side(note.side), c.side(1 - note.side)
        last = max((n.time for n in notes_of(c, fa.ZERO_WINDOW, note.side)), default=0)
        if e.last_window != 0 or note.time != last or e.fin >= 0 or e.last_frame < note.frame:
            return note.value
        if note.value <= 0 and not p.asks:
            return 0
        until = c.reset_time if c.reset_by >= 0 else c.observed_until
        return max(note.value, until - note.time)


RULES: tuple[type[Rule], ...] = (Retransmission, DeadPeer, ZeroWindowStall)
