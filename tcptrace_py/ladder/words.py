"""How a ladder's items are said, in every format that people read."""

from __future__ import annotations

import re
from os.path import basename
from textwrap import wrap

from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import trail as tr
from tcptrace_py.report import model
from tcptrace_py.report.identity import endpoint_text
from tcptrace_py.report.phrases import count, duration, moment, number
from tcptrace_py.report.text import printable

FIGURE = re.compile(r"(?<=\d) (?=(?:s|ms|us|ns|min|h|d)\b)")
"""Between a figure and its unit."""
UNREACHABLE = {0: "network", 1: "host", 2: "protocol", 3: "port", 9: "network", 10: "host", 13: "prohibited"}
SHORT = {
    tr.AGAIN: "repeated",
    tr.UNANSWERED: "unanswered",
    tr.UNHEEDED: "not heeded",
    tr.OUT_OF_ORDER: "out of order",
    tr.FILLS_GAP: "fills a gap",
    tr.GAP: "gap before",
    tr.ACKS_UNSEEN: "ACK of unseen bytes",
    tr.KEEPALIVE: "keep-alive",
    tr.PROBE: "window probe",
    tr.ZERO_WINDOW: "window 0",
    tr.DUPLICATE_ACK: "duplicate ACK",
    tr.TWICE: "captured twice",
    tr.ANSWERS: "answers",
    tr.OTHER_SYN: "other ISN",
}
PLURAL = {tr.KEEPALIVE: "keep-alives", tr.PROBE: "window probes", tr.DUPLICATE_ACK: "duplicate ACKs"}
WHY = {"timeout": "timeout", "fast": "fast", "sack": "SACK", "tail_probe": "tail probe", "spurious": "needless"}
LOST = (tr.UNANSWERED, tr.UNHEEDED)
"""It passed the capture point, and had no effect that can be seen: lost beyond it, or ignored."""


def paragraph(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns; a figure stays with its unit."""
    held = FIGURE.sub("\0", printable(text))
    return [line.replace("\0", " ") for line in wrap(held, width, break_on_hyphens=False)]


def name(address: model.Address) -> str:
    """Address and port."""
    return endpoint_text(address.address, address.port)


def head(ladder: lm.Ladder) -> list[str]:
    """What it is, in a few lines."""
    c = ladder.connection
    sources = [printable("standard input" if s == "-" else basename(s)) for s in ladder.sources]
    where = sources[0] if len(sources) == 1 else count(len(sources), "file")
    use = f", use {c.incarnation} of these ports" if c.incarnation > 1 else ""
    lasting = int(c.duration.scaleb(9))
    closer = f" ({c.closed_by} first)" if c.closed_by in ("client", "server") else ""
    lines = [
        f"Connection {c.id} of {where}{use}",
        f"{count(c.packets, 'frame')}, {duration(lasting)} from {moment(c.start)}",
        f"Opening: {said(c.opening)}; closing: {said(c.closing)}{closer}; outcome: {said(c.outcome)}",
    ]
    if c.evicted:
        lines.append("It left memory before it ended (--max-connections): what came later is another connection's")
    return lines


def said(enumerated: str) -> str:
    """A name of the report in words."""
    return enumerated.replace("_", " ")


def label(item: lm.FrameItem) -> str:
    """Flags, relative sequence numbers, length."""
    if item.icmp is not None:
        return icmp(item.icmp)
    parts = [" ".join(item.flags) or "no flags", "seq ?" if item.seq is None else f"seq {item.seq}"]
    if "ACK" in item.flags:
        parts.append("ack ?" if item.ack is None else f"ack {item.ack}")
    if item.length:
        parts.append(f"len {item.length}")
    return " ".join(parts)


def icmp(error: lm.Icmp) -> str:
    """An ICMP error in a few words."""
    what = f"type {error.type}"
    if error.type == (1 if error.v6 else 3):
        what = "unreachable" if error.v6 else f"{UNREACHABLE.get(error.code, '')} unreachable".strip()
        if error.code == 13 and not error.v6:
            what = "prohibited"
    return f"ICMP{'v6' if error.v6 else ''} {what} ({error.type}/{error.code})"


def mark(m: lm.Mark) -> str:
    """What is remarkable, in brackets behind the label."""
    text = SHORT[m.kind]
    if m.kind in (tr.AGAIN, tr.FILLS_GAP):
        text = f"repeats {m.frame}" if m.frame is not None else text
        return f"{text}, {WHY[m.why]}" if m.why else text
    if m.kind == tr.ANSWERS:
        return f"{text} {m.frame}"
    if m.kind == tr.UNANSWERED:
        return f"{text}, {m.frame} repeats it"
    if m.kind == tr.UNHEEDED:
        return f"{text}, {m.frame} repeats"
    if m.bytes is not None:
        what = "bytes missing before" if m.kind == tr.GAP else "bytes not captured"
        return f"{number(m.bytes)} {what}" if m.kind == tr.GAP else f"acknowledges {number(m.bytes)} {what}"
    return text


def marks(item: lm.FrameItem) -> str:
    """All of a frame."""
    return " ".join(f"[{mark(m)}]" for m in item.marks)


def is_lost(item: lm.FrameItem) -> bool:
    """Whether it had no effect that can be seen."""
    return any(m.kind in LOST for m in item.marks)


def folded(item: lm.FoldItem, right: str, left: str) -> str:
    """Frames that are only counted; ``right`` and ``left`` are arrows."""
    parts = []
    for arrow, data, size, acks in (
        (right, item.client_data, item.client_bytes, item.client_acks),
        (left, item.server_data, item.server_bytes, item.server_acks),
    ):
        if data:
            parts.append(f"{arrow} {number(data)} with {count(size, 'byte')}")
        if acks:
            parts.append(f"{arrow} {count(acks, 'ACK')}")
    parts += [
        count(n, SHORT[kind], PLURAL.get(kind, SHORT[kind]))
        for kind, n in sorted(item.marks.items(), key=lambda pair: pair[0] in LOST)
    ]
    if item.lost:
        parts[-1] += f" ({', '.join(map(str, item.lost))})"
    what = "frames not shown" if item.cut else "frames"
    lasting = int((item.end - item.start).scaleb(9))
    more = f", {duration(lasting)}" if lasting else ""
    return f"{number(item.frames)} {what}{more}: {', '.join(parts)}"


def entered(item: lm.StateItem) -> str:
    """A state with what it rests on."""
    return f"{item.state}{evidence(item)}"


def evidence(item: lm.StateItem) -> str:
    """Behind the state: nothing where it is proven."""
    if item.refuted_by is not None:
        return f" (assumed, refuted by {item.refuted_by})"
    if item.evidence == "proven":
        return ""
    if item.confirmed_by is not None:
        return f" ({item.evidence}, {item.confirmed_by} confirms)"
    return f" ({item.evidence})"


def retracted(item: lm.RetractionItem) -> str:
    """What is taken back."""
    of = "" if item.suggested_by is None else f" of frame {item.suggested_by}"
    was = "" if item.instead == item.state else f"it was in {item.instead}. "
    return f"{item.endpoint} retracts {item.state}{of}: {was}{item.why[:1].upper()}{item.why[1:]}"


def told(item: lm.FindingItem) -> str:
    """A finding."""
    return f"{item.severity} {item.rule}: {item.message}"


def idle(item: lm.IdleItem) -> str:
    """Time in which nothing passed."""
    return f"{duration(int(item.duration.scaleb(9)))} {'of silence to the end' if item.until_end else 'idle'}"


def legend(ladder: lm.Ladder, lost: str) -> list[str]:
    """What the signs mean that this ladder has.  ``lost``: the arrowhead of a frame without effect."""
    items = [*ladder.before, *ladder.items]
    frames = [i for i in items if isinstance(i, lm.FrameItem)]
    evidence = {i.evidence for i in items if isinstance(i, lm.StateItem)}
    outside = [i for i in frames if i.icmp is None and (i.seq is None or ("ACK" in i.flags and i.ack is None))]
    lines = {
        "(assumed): what would cause it passed towards the endpoint, and it need not have arrived": "assumed"
        in evidence,
        "(timer): only time passed": "timer" in evidence,
        "?: a number outside of all that this connection has sent": outside,
        f"{lost} passed here, and had no effect that can be seen: lost further on, or ignored": any(
            map(is_lost, frames)
        ),
    }
    return [text for text, is_used in lines.items() if is_used]


def foot(ladder: lm.Ladder) -> list[str]:
    """How it stands at the end."""
    lines = []
    for side in ("client", "server"):
        e: model.Endpoint = getattr(ladder.connection.endpoints, side)
        others = [state for state in e.possible if state != e.state]
        perhaps = f"; possible too: {', '.join(others)}" if others else ""
        lines.append(f"{side} {e.state} ({e.evidence}{perhaps})")
    return lines
