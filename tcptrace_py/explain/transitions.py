"""All transitions of ``machine.table``, told one by one, and steps of the RFC that are none there."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.explain.told import Told
from tcptrace_py.explain.transitions_closing import CLOSING
from tcptrace_py.explain.transitions_ending import ENDING
from tcptrace_py.explain.transitions_opening import OPENING
from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.table import ARROWS, Arrow

Pair = tuple[str, str]

TRANSITIONS: dict[Pair, Told] = {**OPENING, **CLOSING, **ENDING}
"""By names of states: from, to."""


class Aside(NamedTuple):
    """A step that people know of, and that is no arrow of the table."""

    text: str
    references: tuple[str, ...]
    instead: tuple[Pair, ...] = ()
    """The arrows it is made of."""


ASIDES: dict[Pair, Aside] = {
    ("FIN_WAIT_1", "TIME_WAIT"): Aside(
        "One segment brings the peer's FIN and the ACK of this side's: the three-segment close. These are two steps in one"
        " moment, the ACK (fifth check) before the FIN (eighth), and they are reported as such.",
        ("RFC 9293, 3.3.2, figure 5, note 2", "RFC 9293, 3.10.7.4, eighth check"),
        (("FIN_WAIT_1", "FIN_WAIT_2"), ("FIN_WAIT_2", "TIME_WAIT")),
    ),
    ("ESTABLISHED", "LAST_ACK"): Aside(
        "A FIN that acknowledges the peer's: the application closed so soon that one segment does for both. The endpoint"
        " passed through CLOSE_WAIT, and it is reported with that.",
        ("RFC 9293, 3.6", "RFC 9293, 3.10.4"),
        (("ESTABLISHED", "CLOSE_WAIT"), ("CLOSE_WAIT", "LAST_ACK")),
    ),
    ("SYN_RECEIVED", "LISTEN"): Aside(
        "By the RFC a passive open that is reset returns to LISTEN. It is reported as CLOSED: no connection is left, and"
        " whether a listener remains does not show.",
        ("RFC 9293, 3.10.7.4, second check",),
        (("SYN_RECEIVED", "CLOSED"),),
    ),
    ("CLOSED", "LISTEN"): Aside(
        "The passive open: a program calls listen(). No segment is sent, so no capture shows it; an endpoint that is"
        " called is taken to be in LISTEN from the beginning.",
        ("RFC 9293, 3.10.1",),
    ),
    ("LISTEN", "CLOSED"): Aside(
        "A program closes its listening socket. No segment is sent, so no capture shows it; the next SYN draws a RST.",
        ("RFC 9293, 3.10.4",),
    ),
    ("TIME_WAIT", "SYN_RECEIVED"): Aside(
        "A SYN that TIME_WAIT admits, by its timestamp or its sequence number, opens a new connection on the same ports. It is"
        " reported as a connection of its own, and the old one as CLOSED.",
        ("RFC 9293, 3.6.1", "RFC 6191"),
        (("TIME_WAIT", "CLOSED"), ("LISTEN", "SYN_RECEIVED")),
    ),
}

PROVEN = "proven: the endpoint itself sends it"
ASSUMED = "assumed when it passes towards the endpoint, until its own segments confirm or refute it"
UNSEEN = "leaves no frame: it can only be bounded in time"


def arrows(pair: Pair) -> list[Arrow]:
    """Every event that leads from one to the other."""
    return [a for a in ARROWS if (st.NAMES[a.from_state], st.NAMES[a.to_state]) == pair]


def ways(state: str) -> list[str]:
    """Where an endpoint in ``state`` may go."""
    return list(dict.fromkeys(st.NAMES[a.to_state] for a in ARROWS if st.NAMES[a.from_state] == state))


def evidence(arrow: Arrow) -> str:
    """What a capture can say of an event."""
    name = ev.NAMES[arrow.event]
    return PROVEN if name.startswith("send") else ASSUMED if name.startswith("receive") else UNSEEN


def source(section: str) -> str:
    """Where the table's section is."""
    return f"RFC 9293, {section}" if section[:1].isdigit() else section
