"""A ladder as data: what the formats draw, and what ``--format json`` prints.  Times as in the report: exact seconds."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from tcptrace_py.report import model


class Mark(Struct, frozen=True, omit_defaults=True):
    """What is remarkable of a frame (the names are listed in docs/show.md)."""

    kind: str
    frame: int | None = None
    bytes: int | None = None
    why: str | None = None
    """Of a repetition: what made its sender repeat it (timeout, fast, sack, tail_probe), or that it was spurious."""


class Icmp(Struct, frozen=True):
    """The ICMP error that quotes a segment of the sender."""

    type: int
    code: int
    v6: bool


class FrameItem(Struct, frozen=True, tag="frame", tag_field="type"):
    """A segment, from its sender to the other side; or, with ``icmp``, an error that tells ``sender`` of its segment."""

    frame: int
    time: Decimal
    sender: model.Side
    flags: list[str]
    seq: int | None
    """Relative to the sender's ISN; null: far from all that is known."""
    ack: int | None
    length: int
    window: int
    """As in the header, unscaled."""
    marks: list[Mark]
    icmp: Icmp | None


class FoldItem(Struct, frozen=True, tag="fold", tag_field="type"):
    """Frames that are counted and not shown: an even transfer, or the middle of a very long connection (``cut``)."""

    first_frame: int
    last_frame: int
    start: Decimal
    end: Decimal
    frames: int
    client_data: int
    client_bytes: int
    client_acks: int
    server_data: int
    server_bytes: int
    server_acks: int
    marks: dict[str, int]
    lost: list[int]
    """The first of those frames that had no effect that can be seen."""
    cut: bool


class IdleItem(Struct, frozen=True, tag="idle", tag_field="type"):
    """Nothing happened for a while."""

    duration: Decimal
    until_end: bool
    """The silence between the last frame and the end of observation."""


class StateItem(Struct, frozen=True, tag="state", tag_field="type"):
    """An endpoint enters a state.  Of one that it was later found not to have entered, ``refuted_by`` is the frame."""

    endpoint: model.Side
    state: str
    time: Decimal
    frame: int | None
    evidence: model.Evidence
    confirmed_by: int | None
    refuted_by: int | None
    why: str


class RetractionItem(Struct, frozen=True, tag="retraction", tag_field="type"):
    """An endpoint's own ``frame`` shows that it had not entered ``state``, which ``suggested_by`` had suggested."""

    endpoint: model.Side
    state: str
    frame: int
    suggested_by: int | None
    instead: str
    """The state it is known to have been in."""
    why: str


class FindingItem(Struct, frozen=True, tag="finding", tag_field="type"):
    """What a rule concludes, at the frame that shows it."""

    rule: str
    severity: model.Severity
    confidence: model.Confidence
    endpoint: model.Side | None
    frame: int | None
    message: str


Item = FrameItem | FoldItem | IdleItem | StateItem | RetractionItem | FindingItem


class Ladder(Struct, frozen=True, tag="ladder", tag_field="type"):
    """One connection."""

    schema: int
    tool: model.Tool
    sources: list[str]
    connection: model.Connection
    findings: list[model.Finding]
    before: list[StateItem]
    """The states of client and server before the first frame."""
    items: list[Item]
