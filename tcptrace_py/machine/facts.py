"""The oddities that the engine may note: each a bit, a name, a meaning, and where it comes from.

A fact is what was seen and nothing more; whether it deserves a finding is a rule's judgement.  A connection
keeps the bits it met (``facts``) and, for a bounded number of them, a Note with frame and time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mypy_extensions import i64, mypyc_attr

# opening
SYN_AGAIN: Final = 1 << 0
SYN_ACK_AGAIN: Final = 1 << 1
SYN_UNANSWERED: Final = 1 << 2
SYN_NEW_ISN: Final = 1 << 3
REFUSED: Final = 1 << 4
RST_FROM_SYN_SENT: Final = 1 << 5
ICMP_ERROR: Final = 1 << 6
THIRD_ACK_IGNORED: Final = 1 << 7
HALF_OPEN: Final = 1 << 8
SYN_ACK_BAD_ACK: Final = 1 << 9
SYN_ACK_CHANGED: Final = 1 << 10
RST_ANSWERS_BAD_ACK: Final = 1 << 11
SYN_CHALLENGED: Final = 1 << 12
SIMULTANEOUS_OPEN: Final = 1 << 13
SPLIT_HANDSHAKE: Final = 1 << 14
FAST_OPEN: Final = 1 << 15
DATA_ON_SYN: Final = 1 << 16
DATA_ON_THIRD_SEGMENT: Final = 1 << 17
REUSE_TIME_WAIT: Final = 1 << 18
REUSE_OPEN: Final = 1 << 19
OLD_SYN: Final = 1 << 20
# resets
RST_SENT: Final = 1 << 21
RST_NOT_EXACT: Final = 1 << 22
TRAFFIC_AFTER_RST: Final = 1 << 23
TIME_WAIT_KILLED: Final = 1 << 24
# closing
FIN_AGAIN: Final = 1 << 25
FINAL_ACK_LOST: Final = 1 << 26
DATA_AFTER_PEER_FIN: Final = 1 << 27
DATA_AFTER_FIN: Final = 1 << 28
SIMULTANEOUS_CLOSE: Final = 1 << 29
TIME_WAIT_RESTARTED: Final = 1 << 30
ORPHAN_FIN: Final = 1 << 31
# how it stands at the end of the connection or of the capture
UNFINISHED: Final = 1 << 32
IN_TIME_WAIT: Final = 1 << 33
# the open phase and the capture itself
RETRANSMISSION: Final = 1 << 34
ZERO_WINDOW: Final = 1 << 35
ACK_OF_UNSEEN: Final = 1 << 36
DUPLICATE_CAPTURE: Final = 1 << 37
MIDSTREAM: Final = 1 << 38
ONE_WAY: Final = 1 << 39
CHALLENGE_ACK: Final = 1 << 40
REUSE_REFUSED: Final = 1 << 41
SYN_ON_OPEN: Final = 1 << 42
DISORDER: Final = 1 << 43
UNANSWERED: Final = 1 << 44
TIMESTAMP_BACKWARDS: Final = 1 << 45
BAD_FLAGS: Final = 1 << 46
ACK_OF_UNSENT: Final = 1 << 47
WINDOW_SHRUNK: Final = 1 << 48
RST_UNLIKE: Final = 1 << 49
OVERLAP_CONFLICT: Final = 1 << 50


class Fact(NamedTuple):
    """One oddity: its bit, its name, what it means, and the section it is read from."""

    bit: int
    name: str
    meaning: str
    section: str


FACTS: Final[tuple[Fact, ...]] = (
    Fact(SYN_AGAIN, "syn_again", "a SYN was sent again with the same ISN", "RFC 9293, 3.8.1"),
    Fact(SYN_ACK_AGAIN, "syn_ack_again", "a SYN-ACK was sent again with the same ISN", "RFC 9293, 3.8.1"),
    Fact(SYN_UNANSWERED, "syn_unanswered", "no segment answered the SYN", "RFC 9293, 3.5"),
    Fact(SYN_NEW_ISN, "syn_new_isn", "a SYN with another ISN replaced an unanswered one", "RFC 9293, 3.4.1"),
    Fact(REFUSED, "refused", "an acceptable RST answered the SYN", "RFC 9293, 3.10.7.3, second check"),
    Fact(RST_FROM_SYN_SENT, "rst_from_syn_sent", "the opener aborted before an answer came", "RFC 9293, 3.10.5"),
    Fact(ICMP_ERROR, "icmp_error", "an ICMP error quotes a segment of this connection", "RFC 9293, 3.9.2.2"),
    Fact(THIRD_ACK_IGNORED, "third_ack_ignored", "the SYN-ACK came again after the ACK of it had passed", "Linux"),
    Fact(HALF_OPEN, "half_open", "the SYN-ACK was never acknowledged", "RFC 9293, 3.5"),
    Fact(SYN_ACK_BAD_ACK, "syn_ack_bad_ack", "a SYN-ACK acknowledges another SYN", "RFC 9293, 3.10.7.3, first check"),
    Fact(SYN_ACK_CHANGED, "syn_ack_changed", "a second SYN-ACK carries another ISN", "RFC 9293, 3.4.1"),
    Fact(RST_ANSWERS_BAD_ACK, "rst_answers_bad_ack", "a RST only answers a bad ACK", "RFC 9293, 3.10.7.3, first check"),
    Fact(SYN_CHALLENGED, "syn_challenged", "an ACK that does not cover it answered the SYN", "RFC 5961, 4"),
    Fact(SIMULTANEOUS_OPEN, "simultaneous_open", "SYN met SYN", "RFC 9293, 3.5, figure 7"),
    Fact(SPLIT_HANDSHAKE, "split_handshake", "the SYN was answered by a bare SYN", "RFC 9293, 3.5"),
    Fact(FAST_OPEN, "fast_open", "TCP Fast Open was offered", "RFC 7413"),
    Fact(DATA_ON_SYN, "data_on_syn", "a SYN carries data", "RFC 9293, 3.4; RFC 7413"),
    Fact(DATA_ON_THIRD_SEGMENT, "data_on_third_segment", "the ACK of the SYN-ACK carries data", "RFC 9293, 3.5"),
    Fact(REUSE_TIME_WAIT, "reuse_time_wait", "a SYN reused ports still in TIME_WAIT", "RFC 6191"),
    Fact(REUSE_OPEN, "reuse_open", "a new connection replaced one that had not ended", "RFC 9293, 3.5.1"),
    Fact(OLD_SYN, "old_syn", "a duplicate of the SYN came after the handshake", "RFC 9293, 3.5, figure 8"),
    Fact(RST_SENT, "rst_sent", "an endpoint sent a RST", "RFC 9293, 3.5.2"),
    Fact(RST_NOT_EXACT, "rst_not_exact", "a RST does not stand at RCV.NXT", "RFC 5961, 3.2"),
    Fact(TRAFFIC_AFTER_RST, "traffic_after_rst", "the endpoint that was reset went on", "RFC 5961, 3.2"),
    Fact(TIME_WAIT_KILLED, "time_wait_killed", "a RST ended TIME_WAIT", "RFC 1337"),
    Fact(FIN_AGAIN, "fin_again", "a FIN was sent again", "RFC 9293, 3.8.1"),
    Fact(FINAL_ACK_LOST, "final_ack_lost", "the ACK of the last FIN passed, yet the FIN came again", "RFC 9293, 3.6"),
    Fact(DATA_AFTER_PEER_FIN, "data_after_peer_fin", "data was sent after the peer's FIN had passed", "RFC 9293, 3.6"),
    Fact(DATA_AFTER_FIN, "data_after_fin", "an endpoint sent data beyond its own FIN", "RFC 9293, 3.10.2"),
    Fact(SIMULTANEOUS_CLOSE, "simultaneous_close", "both FINs were sent before either arrived", "RFC 9293, figure 13"),
    Fact(TIME_WAIT_RESTARTED, "time_wait_restarted", "TIME_WAIT acknowledged the FIN again", "RFC 9293, 3.10.7.4"),
    Fact(ORPHAN_FIN, "orphan_fin", "only the tail of the connection was seen", "RFC 9293, 3.6"),
    Fact(UNFINISHED, "unfinished", "an endpoint has begun to open or to close and not finished", "RFC 9293, 3.3.2"),
    Fact(IN_TIME_WAIT, "in_time_wait", "an endpoint is in TIME_WAIT", "RFC 9293, 3.6.1"),
    Fact(RETRANSMISSION, "retransmission", "data was sent again", "RFC 9293, 3.8.1"),
    Fact(ZERO_WINDOW, "zero_window", "a window of zero was announced", "RFC 9293, 3.8.6.1"),
    Fact(ACK_OF_UNSEEN, "ack_of_unseen", "an ACK covers bytes that the capture does not hold", "RFC 9293, 3.4"),
    Fact(DUPLICATE_CAPTURE, "duplicate_capture", "the same frame was captured twice", "capture"),
    Fact(MIDSTREAM, "midstream", "the opening of the connection was not seen", "capture"),
    Fact(ONE_WAY, "one_way", "only one direction was seen", "capture"),
    Fact(CHALLENGE_ACK, "challenge_ack", "an ACK that acknowledges nothing new answered a SYN or RST", "RFC 5961"),
    Fact(REUSE_REFUSED, "reuse_refused", "a SYN in TIME_WAIT was not accepted", "RFC 6191"),
    Fact(SYN_ON_OPEN, "syn_on_open", "a SYN arrived on a live connection and did not replace it", "RFC 5961, 4"),
    Fact(DISORDER, "disorder", "the capture's times run backwards", "capture"),
    Fact(
        UNANSWERED,
        "unanswered",
        "an endpoint repeated itself, and its peer is not heard of any more",
        "RFC 9293, 3.8.3",
    ),
    Fact(TIMESTAMP_BACKWARDS, "timestamp_backwards", "a timestamp lies before that of the SYN", "RFC 7323, 5.3"),
    Fact(BAD_FLAGS, "bad_flags", "a segment bears flags that no state sends together", "RFC 9293, 3.1"),
    Fact(
        ACK_OF_UNSENT, "ack_of_unsent", "an ACK covers bytes that had not been sent", "RFC 9293, 3.10.7.4, fifth check"
    ),
    Fact(WINDOW_SHRUNK, "window_shrunk", "the right edge of the window moved back", "RFC 9293, 3.8.6"),
    Fact(OVERLAP_CONFLICT, "overlap_conflict", "bytes came again and were others", "RFC 9293, 3.10.7.4, seventh check"),
    Fact(RST_UNLIKE, "rst_unlike", "a RST has another TTL than its sender's SYN", "RFC 5961, 3"),
)


@mypyc_attr(acyclic=True)
class Note:
    """One fact as it was seen: which, by which endpoint (0 client, 1 server), in which frame, and when."""

    def __init__(self, fact: i64, side: i64, frame: i64, time: i64, related: i64, value: i64, state: i64) -> None:
        self.fact = fact
        self.side = side
        self.frame = frame
        self.time = time
        self.related = related  # the frame it refers to, or -1
        self.value = value  # a figure whose meaning depends on the fact, or -1
        self.state = state  # the state of the endpoint when it happened


MAX_NOTES: Final = 64
"""Notes kept a connection; further ones are counted (``Connection.notes_lost``) and their bits still set."""
