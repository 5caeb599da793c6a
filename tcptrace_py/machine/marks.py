"""What a segment was to its direction: a bit each, in ``Segment.marks`` once the tracker has had the segment.

A mark is what could be said when the segment passed.  What a later segment shows of it (a duplicate SACK, an echoed
timestamp) changes the counters and the record of the retransmission, not the mark.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# data that passed before
RETRANSMISSION: Final = 1 << 0
# ... and what made its sender repeat it: one of these, or none where that does not show
TIMEOUT: Final = 1 << 1
FAST: Final = 1 << 2
SACK: Final = 1 << 3
TAIL_PROBE: Final = 1 << 4
# ... and that it was needless
SPURIOUS: Final = 1 << 5
# data that did not pass before, out of its order
OUT_OF_ORDER: Final = 1 << 6
LOST_BEFORE: Final = 1 << 7
GAP_BEFORE: Final = 1 << 8
# no news at all
DUPLICATE: Final = 1 << 9
KEEP_ALIVE: Final = 1 << 10
WINDOW_PROBE: Final = 1 << 11
SYN_AGAIN: Final = 1 << 12
FIN_AGAIN: Final = 1 << 13
# what it acknowledges
DUPLICATE_ACK: Final = 1 << 14
WINDOW_UPDATE: Final = 1 << 15
PROBE_ANSWER: Final = 1 << 16
ACK_OF_UNSEEN: Final = 1 << 17
ZERO_WINDOW: Final = 1 << 18
DSACK: Final = 1 << 19
COPIED: Final = 1 << 21
# that it takes all that the peer's window allows; only where detailed figures are kept
WINDOW_FULL: Final = 1 << 20

OF_ACKS: Final = DUPLICATE_ACK | WINDOW_UPDATE | PROBE_ANSWER | ACK_OF_UNSEEN | ZERO_WINDOW | DSACK
"""What is said of its ACK and its window; all others are about what it carries."""
OF_DATA: Final = ~OF_ACKS
REASONS: Final = TIMEOUT | FAST | SACK | TAIL_PROBE


class Mark(NamedTuple):
    """One mark: its bit, its name, and what it means."""

    bit: int
    name: str
    meaning: str


MARKS: Final[tuple[Mark, ...]] = (
    Mark(RETRANSMISSION, "retransmission", "all or some of its data had passed before, and was sent again"),
    Mark(LOST_BEFORE, "lost_before_capture", "it fills a hole, and was sent again: the first one did not pass here"),
    Mark(TIMEOUT, "timeout", "... because the retransmission timer ran out"),
    Mark(FAST, "fast", "... because of at least three duplicate ACKs"),
    Mark(SACK, "sack", "... because the peer reported data beyond it as received (SACK)"),
    Mark(TAIL_PROBE, "tail_probe", "... to ask for an ACK when the end of the data goes unanswered (RFC 8985, 7)"),
    Mark(SPURIOUS, "spurious", "... although the peer had already acknowledged it"),
    Mark(OUT_OF_ORDER, "out_of_order", "it fills a hole, and was not sent again: the network put it behind later ones"),
    Mark(GAP_BEFORE, "gap_before", "data before it has not passed"),
    Mark(DUPLICATE, "captured_twice", "a copy of a frame that passed less than a millisecond before: captured twice"),
    Mark(COPIED, "copied", "data that had passed, with an IP id that is not new: copied on its way, not sent again"),
    Mark(KEEP_ALIVE, "keep_alive", "nothing new one below SND.NXT, so that the peer answers"),
    Mark(WINDOW_PROBE, "window_probe", "the same, or one byte, at a peer whose window is closed"),
    Mark(SYN_AGAIN, "syn_again", "a SYN or SYN-ACK that was sent again"),
    Mark(FIN_AGAIN, "fin_again", "a FIN that was sent again"),
    Mark(DUPLICATE_ACK, "duplicate_ack", "a duplicate ACK (RFC 5681, 2)"),
    Mark(WINDOW_UPDATE, "window_update", "an ACK of nothing new with another window"),
    Mark(PROBE_ANSWER, "probe_answer", "the answer to a keep-alive or window probe"),
    Mark(ACK_OF_UNSEEN, "acks_unseen", "it acknowledges bytes that did not pass"),
    Mark(ZERO_WINDOW, "zero_window", "it announces a window of zero"),
    Mark(DSACK, "dsack", "its first SACK block reports data that came twice (RFC 2883)"),
    Mark(WINDOW_FULL, "window_full", "it takes all that the peer's window allows"),
)


def names(marks: int) -> list[str]:
    """The marks of a segment by name."""
    return [mark.name for mark in MARKS if marks & mark.bit]
