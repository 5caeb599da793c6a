"""What a topic is: a few paragraphs for people who learn TCP, and the sample in which it can be seen.

A topic says what the ladder of its sample shows, frame by frame.  Nothing of that is believed: a test draws the ladders, and
compares every row.
"""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """What the ladder shows at a frame: who sent what, and in which states both sides then are, as it turned out."""

    frame: int
    """0: none, only time has passed."""
    seconds: str
    """Since the connection's first frame, to the hundredth."""
    segment: str
    """Sender and flags; behind a comma what becomes of it: ``again`` (the ladder has where it was sent before), ``lost``,
    ``ignored`` or ``in vain``, as nobody is there (the ladder has that it had no effect; which of them, only the sample's
    makers know)."""
    client: str
    """``?`` behind a state: assumed, and nothing later confirms it.  ``timer``: it follows from the clock."""
    server: str


class TakenBack(NamedTuple):
    """A state that was assumed, and that a later frame refuted."""

    by: int
    side: str
    state: str
    frame: int


class Example(NamedTuple):
    """A connection of a sample."""

    sample: str
    connection: int
    steps: tuple[Step, ...]
    taken_back: tuple[TakenBack, ...] = ()
    findings: tuple[str, ...] = ()
    """All of the connection, in their order."""

    @property
    def command(self) -> str:
        """How to see it."""
        return f"tcpfsm show samples/{self.sample}.pcap {self.connection}"


class Topic(NamedTuple):
    """A topic, a screenful."""

    name: str
    title: str
    text: str
    """Paragraphs, an empty line between them; plain text with `commands` in backquotes."""
    examples: tuple[Example, ...]
    see: tuple[str, ...]
    """Rules, states, transitions and other topics that it is about."""
    references: tuple[str, ...]

    @property
    def paragraphs(self) -> list[str]:
        """Each in one line."""
        return [" ".join(paragraph.split()) for paragraph in self.text.strip().split("\n\n")]
