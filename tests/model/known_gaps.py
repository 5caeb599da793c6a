"""Where the inference is known to fall short of the truth: the smallest programs that show it, each with the reason.

A gap that is closed makes its test pass, and that is a failure too (strict), so that this list stays true.
"""

from __future__ import annotations

from typing import NamedTuple

from model.host import MS, Habits
from model.wire import AFTER, BEFORE, BOTH, CLIENT, SERVER, USUAL, Action, Fault, Program


class Gap(NamedTuple):
    """A program whose verdict is not clean, and why."""

    name: str
    program: Program
    reason: str


GAPS: tuple[Gap, ...] = (
    Gap(
        "closed-in-syn-received",
        Program((*BOTH, Action(60, SERVER, "close")), (Fault(SERVER, 0, BEFORE, "lose"),), to_tap=1, from_tap=40),
        "an active opener whose SYN was not seen looks passive, and its FIN takes ESTABLISHED for proven: it never was",
    ),
    Gap(
        "old-syn-after-refusal",
        Program(USUAL[1:], (Fault(CLIENT, 0, BEFORE, "delay", 1200),)),
        "a SYN that the network held back looks like one sent again, and takes back that it was refused (figure 8)",
    ),
    Gap(
        "old-data-after-fin",
        Program(
            (*USUAL, Action(2, CLIENT, "write", 1), Action(2, CLIENT, "write", 1), Action(60, CLIENT, "shutdown")),
            (Fault(CLIENT, 2, BEFORE, "delay", 1200),),
        ),
        "data that the network held back looks like data sent again, and takes back that the FIN was acknowledged",
    ),
    Gap(
        "old-ack-of-old-data",
        Program(
            (*USUAL, Action(30, SERVER, "shutdown"), Action(100, CLIENT, "shutdown")),
            (Fault(CLIENT, 3, AFTER, "lose"), Fault(CLIENT, 2, BEFORE, "delay", 1200)),
        ),
        "an ACK that the network held back shows its sender alive after LAST_ACK",
    ),
    Gap(
        "reset-beside-fin",
        Program(
            (
                *USUAL,
                Action(2, CLIENT, "write", 1),
                Action(30, SERVER, "write", 2500),
                Action(30, SERVER, "close"),
                Action(30, CLIENT, "write", 1),
                Action(30, CLIENT, "shutdown"),
            ),
            (Fault(SERVER, 4, BEFORE, "delay", 3),),
            to_tap=0,
            from_tap=1,
            habits=Habits(delayed_ack=40 * MS),
        ),
        "a RST below RCV.NXT counts as exact while its receiver's ACK is delayed, and then hides what a FIN does",
    ),
    Gap(
        "fin-crosses-reset",
        Program(
            (*USUAL, Action(2, CLIENT, "write", 1), Action(110, CLIENT, "abort"), Action(125, SERVER, "shutdown")),
        ),
        "a FIN that crosses a RST takes CLOSED for refuted, though the RST reaches its sender right afterwards",
    ),
    Gap(
        "reset-before-its-syn-ack",
        Program(
            (*USUAL, Action(2, CLIENT, "shutdown"), Action(30, SERVER, "abort")),
            (Fault(SERVER, 0, BEFORE, "delay", 15),),
        ),
        "a SYN-ACK that an abort's RST overtook reopens what was reset",
    ),
)
