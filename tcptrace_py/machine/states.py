"""What an endpoint can be: the eleven states of RFC 9293, 3.3.2, as small integers, and sets of them as bit masks.

An endpoint's ``possible`` states are a mask: bit *n* stands for state *n*.  Names for people come from NAMES.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

CLOSED: Final = 0
LISTEN: Final = 1
SYN_SENT: Final = 2
SYN_RECEIVED: Final = 3
ESTABLISHED: Final = 4
FIN_WAIT_1: Final = 5
FIN_WAIT_2: Final = 6
CLOSE_WAIT: Final = 7
CLOSING: Final = 8
LAST_ACK: Final = 9
TIME_WAIT: Final = 10

COUNT: Final = 11

NAMES: Final = (
    "CLOSED",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECEIVED",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
)

# Sets of states, as masks
IN_CLOSED: Final = 1 << 0
IN_LISTEN: Final = 1 << 1
IN_SYN_SENT: Final = 1 << 2
IN_SYN_RECEIVED: Final = 1 << 3
IN_ESTABLISHED: Final = 1 << 4
IN_FIN_WAIT_1: Final = 1 << 5
IN_FIN_WAIT_2: Final = 1 << 6
IN_CLOSE_WAIT: Final = 1 << 7
IN_CLOSING: Final = 1 << 8
IN_LAST_ACK: Final = 1 << 9
IN_TIME_WAIT: Final = 1 << 10
ANY: Final = (1 << 11) - 1

NO_CONNECTION: Final = IN_CLOSED | IN_LISTEN
"""No state is held for this connection."""

SYNCHRONIZED: Final = (
    IN_ESTABLISHED | IN_FIN_WAIT_1 | IN_FIN_WAIT_2 | IN_CLOSE_WAIT | IN_CLOSING | IN_LAST_ACK | IN_TIME_WAIT
)
"""RFC 9293, 3.5.2, group 3."""

FIN_SENT: Final = IN_FIN_WAIT_1 | IN_FIN_WAIT_2 | IN_CLOSING | IN_LAST_ACK | IN_TIME_WAIT
FIN_UNACKNOWLEDGED: Final = IN_FIN_WAIT_1 | IN_CLOSING | IN_LAST_ACK
FIN_RECEIVED: Final = IN_CLOSE_WAIT | IN_LAST_ACK | IN_CLOSING | IN_TIME_WAIT
MAY_SEND_DATA: Final = IN_ESTABLISHED | IN_CLOSE_WAIT


def mask_names(mask: i64) -> list[str]:
    """The names of the states in a set, in the order of NAMES."""
    return [NAMES[i] for i in range(COUNT) if mask >> i & 1]
