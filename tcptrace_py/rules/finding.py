"""A finding: what a rule concludes of a connection, with the frames that show it."""

from __future__ import annotations

from dataclasses import dataclass, field

SEVERITIES = ("info", "warning", "error")
"""In rising order."""

CONFIDENCES = ("possible", "likely", "certain")


@dataclass(frozen=True)
class Finding:
    """One finding.  Times are nanoseconds; ``evidence`` holds figures by name (seconds as Decimal, counts as int)."""

    rule: str
    family: str
    severity: str
    confidence: str
    connection: int | None
    """The number of the connection; None: of the capture as a whole."""
    endpoint: str | None
    """client, server, or None."""
    time: int
    frame: int
    message: str
    related_frames: tuple[int, ...] = ()
    evidence: dict[str, object] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()
