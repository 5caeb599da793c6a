"""Why the two differ: a table, each row with the sentence, and the question by which a frame is known to be a case of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tcptrace_py.crosscheck.case import KEEP_ALIVE, OUT_OF_ORDER, RETRANSMISSION, REUSE, WINDOW_PROBE, Case, Kinds
from tcptrace_py.machine import marks as mk
from tcptrace_py.packet import ACK, FIN, SYN


class Reason(NamedTuple):
    """One row."""

    name: str
    ours: str
    """What we say; empty: nothing."""
    theirs: str
    """What Wireshark says; empty: nothing."""
    text: str
    explains: Callable[[Case], bool]


def _is_syn(case: Case) -> bool:
    return case.flags & (SYN | ACK) == SYN


def _is_syn_ack(case: Case) -> bool:
    return case.flags & (SYN | ACK) == SYN | ACK


REASONS = (
    Reason(
        "copy",
        "",
        "retransmission, out-of-order, keep-alive or zero-window",
        "A copy of a frame that passed before, made by the capture or by the network: its IP id is not a new one, or it came at"
        " once. Its sender sent it once, so nothing was sent again. Wireshark compares sequence numbers only.",
        lambda case: bool(case.marks & (mk.DUPLICATE | mk.COPIED)),
    ),
    Reason(
        "passed-before",
        RETRANSMISSION,
        OUT_OF_ORDER,
        "Its data, its SYN or its FIN had passed here before, so it was sent again. Wireshark goes by the time alone: data below the highest sequence"
        " number is out of order to it if it comes within 3 ms, or the first round trip, of what overtook it.",
        lambda case: (
            bool(case.marks & (mk.RETRANSMISSION | mk.SYN_AGAIN | mk.FIN_AGAIN)) and OUT_OF_ORDER in case.theirs
        ),
    ),
    Reason(
        "repaired",
        RETRANSMISSION,
        OUT_OF_ORDER,
        "It fills a hole, and was sent after what lies beyond it, as its IP id, its timestamp or the duplicate ACKs before it show:"
        " the first one was lost before the capture. Wireshark goes by the time alone.",
        lambda case: bool(case.marks & mk.LOST_BEFORE) and OUT_OF_ORDER in case.theirs,
    ),
    Reason(
        "delayed",
        OUT_OF_ORDER,
        RETRANSMISSION,
        "It fills a hole, and was sent before what lies beyond it, as its IP id or its timestamp show: it was delayed, not sent"
        " again. To Wireshark it comes too late for that.",
        lambda case: OUT_OF_ORDER in case.ours and RETRANSMISSION in case.theirs,
    ),
    Reason(
        "overtaken-by-ack",
        "",
        f"{RETRANSMISSION} or {OUT_OF_ORDER}",
        "Data or a FIN that passes here for the first time, and in its order. Only an empty ACK that its sender sent later came"
        " before it, and to Wireshark that is the highest sequence number.",
        lambda case: (
            not case.ours
            and bool(case.theirs & {RETRANSMISSION, OUT_OF_ORDER})
            and not case.flags & SYN
            and (case.length > 0 or bool(case.flags & FIN))
        ),
    ),
    Reason(
        "small-probe",
        WINDOW_PROBE,
        KEEP_ALIVE,
        "Its peer's window is closed: it asks whether that has opened, as Linux does, with an empty segment one below SND.NXT."
        " Wireshark takes only a new byte for a window probe.",
        lambda case: WINDOW_PROBE in case.ours and KEEP_ALIVE in case.theirs,
    ),
    Reason(
        "unseen-before",
        f"{KEEP_ALIVE} or {WINDOW_PROBE}",
        "",
        "It lies one below what its peer has acknowledged. Wireshark goes by the segments of its sender alone, and has seen none"
        " yet of the data before it.",
        lambda case: case.is_fresh and bool(case.ours & {KEEP_ALIVE, WINDOW_PROBE}) and not case.theirs,
    ),
    Reason(
        "old-ack",
        "",
        KEEP_ALIVE,
        "An ACK that was overtaken, by a FIN or a single byte of its own sender: it lies one below SND.NXT because it is old, not"
        " to ask for an answer.",
        lambda case: KEEP_ALIVE in case.theirs and not case.ours and case.length == 0,
    ),
    Reason(
        "one-byte",
        RETRANSMISSION,
        f"{KEEP_ALIVE} or nothing",
        "A single byte that had passed before and had not been acknowledged: it is sent again because it must arrive, first perhaps"
        " as a window probe. Wireshark leaves probes out, and takes a byte one below SND.NXT for a keep-alive.",
        lambda case: (
            RETRANSMISSION in case.ours and case.length == 1 and not case.theirs & {RETRANSMISSION, OUT_OF_ORDER}
        ),
    ),
    Reason(
        "set-back",
        f"{RETRANSMISSION} or {OUT_OF_ORDER}",
        "",
        "It fills a hole. A late copy of the SYN had come before it, which sets back what Wireshark expects next, so that to it this"
        " is in order.",
        lambda case: case.has_late_syn and bool(case.ours & {RETRANSMISSION, OUT_OF_ORDER}) and not case.theirs,
    ),
    Reason(
        "both-opened",
        "",
        RETRANSMISSION,
        "In a simultaneous open a side sends a SYN, and a SYN-ACK in answer to its peer's SYN (RFC 9293, 3.5, figure 7). Each is"
        " sent once; Wireshark takes the second that passes for the first sent again.",
        lambda case: (case.answers_syn or (_is_syn(case) and case.is_other_half)) and RETRANSMISSION in case.theirs,
    ),
    Reason(
        "other-half",
        "",
        REUSE,
        "A bare SYN of the side that was asked: both open at once, or it answers in two steps. It is the second half of the same"
        " opening, not another connection.",
        lambda case: _is_syn(case) and case.is_other_half and REUSE in case.theirs,
    ),
    Reason(
        "answer",
        "",
        REUSE,
        "A SYN-ACK. The ports are used again from the SYN on, which is the frame that says so here; or it answers a SYN that its"
        " sender no longer stands by, and no connection comes of it.",
        lambda case: (
            _is_syn_ack(case) and REUSE in case.theirs and REUSE not in case.ours and not case.marks & mk.SYN_AGAIN
        ),
    ),
    Reason(
        "answered-anew",
        RETRANSMISSION,
        REUSE,
        "A second SYN-ACK to the same SYN, with another ISN: the server had forgotten the first, or the SYN was an old one. It is"
        " an answer given again; the connection is the same.",
        lambda case: _is_syn_ack(case) and bool(case.marks & mk.SYN_AGAIN) and REUSE in case.theirs,
    ),
    Reason(
        "not-believed",
        "",
        REUSE,
        "A SYN on a connection that lives. Anybody can send one (RFC 5961, 4), so it is believed to begin a new one only when an"
        " answer, or the end of the older one, shows it; here nothing did.",
        lambda case: _is_syn(case) and REUSE in case.theirs and case.is_rival and not case.begins,
    ),
    Reason(
        "not-believed-again",
        "",
        RETRANSMISSION,
        "It repeats a SYN on a connection that lives, which is not believed to begin another one, and so is not counted for one"
        " that is sent again, either.",
        lambda case: _is_syn(case) and RETRANSMISSION in case.theirs and case.is_rival and not case.ours,
    ),
    Reason(
        "long-over",
        "",
        REUSE,
        "The last connection on these ports had ended for longer than TIME_WAIT lasts: nothing of it is left to be reused, and the"
        " new one is the first of its own.",
        lambda case: _is_syn(case) and REUSE in case.theirs and case.begins and case.incarnation == 1,
    ),
    Reason(
        "syn-of-the-new",
        REUSE,
        RETRANSMISSION,
        "The SYN begins another connection, as its answer shows; Wireshark has seen the same sequence number before.",
        lambda case: _is_syn(case) and REUSE in case.ours and REUSE not in case.theirs,
    ),
    Reason(
        "ports-again",
        REUSE,
        "",
        "It begins another connection on ports that were used before. Wireshark keeps that to SYNs, and to ports on which it has"
        " not seen the last one end.",
        lambda case: REUSE in case.ours and not case.theirs,
    ),
)

NONE = Reason(
    "unexplained",
    "",
    "",
    "No reason is known: one of the two is mistaken. Look at the frame, and tell us.",
    lambda _case: True,
)


def reason_for(case: Case) -> Reason:
    """The first that explains why they differ."""
    return next((reason for reason in REASONS if reason.explains(case)), NONE)


def agreed(case: Case) -> Kinds:
    """What both say."""
    return case.ours & case.theirs
