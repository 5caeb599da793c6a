"""What the reader must know of the capture before believing the rest; each told once, with counts."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from tcptrace_py.config import Config
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.crowd import MAX_FRAMES
from tcptrace_py.machine.quality import Blemish
from tcptrace_py.rules.crowds import Crowds
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.guards import is_seen, unseen_bytes
from tcptrace_py.rules.phrases import duration, figure, several
from tcptrace_py.rules.rule import Rule


class CaptureRule(Rule):
    """Gathers the connections that it concerns, and speaks once, at the end."""

    family = "capture"
    severity = "info"
    frame_of: ClassVar[int] = 0
    """The fact whose first note stands for a connection; 0: its first frame does."""

    def __init__(self, config: Config, crowds: Crowds) -> None:
        super().__init__(config, crowds)
        self.connections = 0
        self.first = (0, -1)  # time and frame of the first
        self.frames: list[int] = []

    @classmethod
    def is_of_whole(cls) -> bool:
        """What it asks of connections it only gathers."""
        return True

    def gather(self, c: Connection) -> None:
        """One more connection."""
        frame, time = c.first_frame, c.start
        for note in c.notes:
            if note.fact == self.frame_of:
                frame, time = note.frame, note.time
                break
        self.connections += 1
        if self.first[1] < 0 or frame < self.first[1]:
            self.first = (time, frame)
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(frame)

    def of_gathered(self, message: str, evidence: dict[str, int | str | Decimal | None], **more: object) -> Finding:
        """The finding about all of them."""
        time, frame = self.first
        alternatives = more.get("alternatives", ())
        assert isinstance(alternatives, tuple)
        return self.report(
            None,
            None,
            time,
            frame,
            message,
            confidence=str(more.get("confidence", "certain")),
            related=tuple(self.frames),
            evidence={"connections": self.connections, **evidence},
            alternatives=alternatives,
        )

    def of_blemish(
        self, blemish: Blemish, message: str, evidence: dict[str, int | str | Decimal | None]
    ) -> list[Finding]:
        """The finding about what the engine counted; none if it counted nothing."""
        if blemish.count == 0:
            return []
        return [self.report(None, None, blemish.time, blemish.frame, message, evidence=evidence)]


class CaptureLoss(CaptureRule):
    """The capture misses segments that were on the wire: their receiver acknowledged them.

    Seen: acknowledgments of bytes that no frame here holds, by the side that received them.

    Why it matters: what is missing proves nothing. "No answer" may be an answer that was not recorded; retransmissions and
    losses are counted too low or too high.

    Usual causes: a recording host that was too slow (buffer, disk, one core); a mirror port with more traffic than it can
    pass on; a capture filter that drops fragments; packets that take two ways.

    Harmless: if it is little, for all that does not hang on single segments.

    Cannot be known: whether the network card, the kernel or a switch dropped them, unless the file says so.

    To confirm: `tcpdump` prints "packets dropped by kernel" when it ends; `ethtool -S` on the recording host; record with
    `tcpdump -B 65536 -s 128`.
    """

    name = "capture-loss"
    references = ("RFC 9293, 3.4",)
    facts = fa.ACK_OF_UNSEEN
    frame_of = fa.ACK_OF_UNSEEN

    def __init__(self, config: Config, crowds: Crowds) -> None:
        super().__init__(config, crowds)
        self.missing = 0

    def on_connection(self, c: Connection) -> Finding | None:
        missing = unseen_bytes(c, CLIENT) + unseen_bytes(c, SERVER)
        if missing and is_seen(c, CLIENT) and is_seen(c, SERVER):  # else one-way-capture tells
            self.missing += missing
            self.gather(c)
        return None

    def on_capture(self, end: int) -> list[Finding]:
        if not self.connections:
            return []
        message = (
            f"The capture misses {several(self.missing, 'byte')} of {several(self.connections, 'connection')} that were acknowledged: "
            "frames were dropped by the recording"
        )
        return [self.of_gathered(message, {"missing_bytes": self.missing})]


class DuplicateCapture(CaptureRule):
    """Frames were captured twice, and the second copies left out.

    Seen: the same frame (IP id, sequence and acknowledgment number, checksum) again within a millisecond.

    Why it matters: taken for retransmissions they would look like loss. They are left out of all counters and judgments.

    Usual causes: a mirror port that copies both where a packet comes in and where it goes out; `tcpdump -i any` on a host with
    bridges or namespaces; two captures of neighbouring points in one file.

    Harmless: always, as they are left out.

    Cannot be known: which of the two copies was nearer to which side.

    To confirm: `editcap -d IN OUT` removes them; record at one interface by name.
    """

    name = "duplicate-capture"
    references = ("RFC 6864, 4.3",)

    def on_capture(self, end: int) -> list[Finding]:
        b = self.crowds.quality.duplicates
        return self.of_blemish(b, f"{several(b.count, 'frame')} captured twice, left out", {"frames": b.count})


class OneWayCapture(CaptureRule):
    """Of some connections only one direction was captured.

    Seen: connections one side of which is not in the capture, though the other side acknowledges it or goes on as if it
    were there.

    Why it matters: of a side that was never seen, nothing is proven; no rule blames it.

    Usual causes: the two directions take different ways (asymmetric routing, ECMP, bonded links); a mirror port set to one
    direction; a capture filter with `src` or `dst`.

    Harmless: where it is meant.

    Cannot be known: what the unseen side sent; that it was there is shown by acknowledgments of its bytes only.

    To confirm: record at both ends or both links and merge the files by `mergecap`; look at the mirror's direction.
    """

    name = "one-way-capture"
    references = ("RFC 9293, 3.10.7",)
    uses = ("one_way_packets",)
    facts = fa.ONE_WAY

    def __init__(self, config: Config, crowds: Crowds) -> None:
        super().__init__(config, crowds)
        self.proven = 0

    def on_connection(self, c: Connection) -> Finding | None:
        if c.packets >= self.thresholds.one_way_packets:
            self.gather(c)
            seen, unseen = (c.client, c.server) if is_seen(c, CLIENT) else (c.server, c.client)
            self.proven += unseen.sent.missing_bytes > 0 or (not c.midstream and seen.acked >= 1)
        return None

    def on_capture(self, end: int) -> list[Finding]:
        if not self.connections:
            return []
        alternatives = () if self.proven else ("the other side was silent",)
        confidence = "certain" if self.proven else "possible"
        message = f"Only one direction of {several(self.connections, 'connection')} was captured; the other side gets no verdict"
        return [self.of_gathered(message, {"proven": self.proven}, alternatives=alternatives, confidence=confidence)]


class Offload(CaptureRule):
    """Segments were captured that are longer than the wire carries: the network card cuts or joins them.

    Seen: sides whose segments are, on the average, longer than the maximum segment size that their peer allows.

    Why it matters: the capture was taken inside a host, before sending or after receiving; numbers of packets and of
    retransmissions, and times within a burst, are not those of the network.

    Usual causes: segmentation offload (TSO, GSO) and receive offload (GRO, LRO) at the host that recorded: the usual state of
    things.

    Harmless: always; states and byte counts are not touched.

    Cannot be known: which segments were on the wire.

    To confirm: `ethtool -k DEVICE`; `ethtool -K DEVICE tso off gso off gro off lro off` while recording shows the wire's.
    """

    name = "offload"
    references = ("RFC 9293, 3.7.1", "RFC 6691, 2")

    def on_capture(self, end: int) -> list[Finding]:
        b = self.crowds.quality.offload
        message = (
            f"Segments of {several(b.count, 'sender')} are longer than their receivers allow (up to {several(b.worst, 'byte')} on the "
            "average): the network card cuts or joins them, so packets are not those of the wire"
        )
        return self.of_blemish(b, message, {"senders": b.count, "longest_mean": b.worst})


class TruncatedPayload(CaptureRule):
    """Segments were cut short by the capture length.

    Seen: segments of which fewer bytes were stored than were on the wire.

    Why it matters: lengths and states are right, as they come from the headers; but payload cannot be compared or shown, and
    checksums cannot be verified.

    Usual causes: a snapshot length on purpose, for space or privacy (`tcpdump -s 96`).

    Harmless: always, for states; a length that cuts into the options would hide timestamps and SACK.

    Cannot be known: what the missing bytes were.

    To confirm: `capinfos FILE` shows the packet size limit; record with `tcpdump -s 0`.
    """

    name = "truncated-payload"
    references = ("RFC 9293, 3.1",)

    def on_capture(self, end: int) -> list[Finding]:
        b = self.crowds.quality.truncated
        return self.of_blemish(
            b, f"{several(b.count, 'segment')} cut short by the capture length", {"segments": b.count}
        )


class TimeDisorder(CaptureRule):
    """The capture's times run backwards within connections.

    Seen: frames of one connection that were stored after, and are dated before, others of it.

    Why it matters: the order of frames is what everything is read from. Findings of such connections are at most likely.

    Usual causes: several receive queues written by several cores; two interfaces or two clocks in one file; a clock that was
    set during the recording; files merged in the wrong order.

    Harmless: if it is about microseconds, mostly.

    Cannot be known: the true order, where two clocks disagree.

    To confirm: `reordercap IN OUT` sorts by time (right for several queues, wrong for two clocks); `capinfos -o FILE`.
    """

    name = "time-disorder"
    references = ("RFC 9293, 3.4",)

    def on_capture(self, end: int) -> list[Finding]:
        b = self.crowds.quality.disorder
        message = (
            f"The times of {several(b.count, 'connection')} run backwards, by up to {duration(b.worst)}: "
            "the order of their frames is not to be trusted"
        )
        return self.of_blemish(b, message, {"connections": b.count, "furthest": figure(b.worst)})


class Midstream(CaptureRule):
    """Some connections began before the capture.

    Seen: connections whose first frame here is not a SYN.

    Why it matters: who is the client is guessed by the ports; options and window scales are not known, nor what went before.

    Usual causes: the recording was started while they were open; a capture filter, or a file cut into pieces.

    Harmless: always; it says something of the capture, not of the hosts.

    Cannot be known: which side called, how the connection was opened, and how long it had lasted.

    To confirm: start the recording earlier, or read the files before it as well; `ss -tan` at its start lists what is open.
    """

    name = "midstream"
    references = ("RFC 9293, 3.5",)
    facts = fa.MIDSTREAM

    def on_connection(self, c: Connection) -> Finding | None:
        if c.midstream:
            self.gather(c)
        return None

    def on_capture(self, end: int) -> list[Finding]:
        if not self.connections:
            return []
        message = (
            f"{several(self.connections, 'connection')} began before the capture: who is the client is a guess there, and so are "
            "options and window scales"
        )
        return [self.of_gathered(message, {})]


RULES: tuple[type[Rule], ...] = (
    CaptureLoss,
    DuplicateCapture,
    OneWayCapture,
    Offload,
    TruncatedPayload,
    TimeDisorder,
    Midstream,
)
