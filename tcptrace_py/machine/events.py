"""What can happen to an endpoint: it sends, something for it passes the observer, or time runs out.

``SEND_`` events are proven: the endpoint itself emitted the segment.  ``RECEIVE_`` events are assumed when a
segment that would cause them passes the observer towards the endpoint.  ``CLOSE_UNSEEN`` and the timeouts
leave no frame at all.  ``RECEIVE_ICMP`` is a hard error (RFC 9293, 3.9.2.2) that quotes the endpoint's segment.
"""

from __future__ import annotations

from typing import Final

SEND_SYN: Final = 0
SEND_SYN_ACK: Final = 1
SEND_FIN: Final = 2
SEND_RST: Final = 3
RECEIVE_SYN: Final = 4
RECEIVE_SYN_ACK: Final = 5
RECEIVE_ACK_OF_SYN: Final = 6
RECEIVE_FIN: Final = 7
RECEIVE_ACK_OF_FIN: Final = 8
RECEIVE_RST: Final = 9
TIMEOUT_2MSL: Final = 10
TIMEOUT_GIVE_UP: Final = 11
CLOSE_UNSEEN: Final = 12
RECEIVE_ICMP: Final = 13

COUNT: Final = 14

NAMES: Final = (
    "send SYN",
    "send SYN-ACK",
    "send FIN",
    "send RST",
    "receive SYN",
    "receive SYN-ACK",
    "receive ACK of SYN",
    "receive FIN",
    "receive ACK of FIN",
    "receive RST",
    "timeout: 2 MSL",
    "timeout: gives up",
    "close, nothing sent",
    "receive ICMP error",
)
