"""What ``tcpfsm check`` concludes, as frozen types: findings with what was decided about them, and expectations with what came of them."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from tcptrace_py.report import build, model
from tcptrace_py.report.model import says
from tcptrace_py.rules.finding import Finding

Decision = Literal["fails", "reported", "baselined", "ignored"]
Result = Literal["passed", "failed", "skipped"]


class Place(Struct, frozen=True, gc=False):
    """The connection that a finding is about."""

    connection: Annotated[int, says("id of the connection")]
    client: Annotated[str, says("address and port", "10.0.0.1:40000")]
    server: Annotated[str, says("address and port", "10.0.0.2:80")]
    community_id: Annotated[str, says("Community ID version 1, seed 0")]


class Reported(Struct, frozen=True, gc=False):
    """One finding, and what was decided about it."""

    finding: Finding
    place: Place | None
    """None: it is about the capture as a whole."""
    fingerprint: str
    """Rule, Community ID and ordinal: the same in every run over the same connections."""
    decision: Decision
    reason: str
    """Why it is ignored."""
    source: int
    """Index in capture.sources."""
    endpoints: model.Endpoints | None = None
    """Both sides' states, where the format asks for them."""


class Miss(Struct, frozen=True, gc=False):
    """A connection that is not as expected."""

    place: Place
    frame: int
    message: str


class Case(Struct, frozen=True, gc=False):
    """An expectation, and what came of it."""

    name: Annotated[str, says("as the configuration calls it")]
    result: Annotated[Result, says("skipped: no connection was of this kind")]
    message: Annotated[str, says("why it failed or was skipped; empty: it passed")]
    connections: Annotated[int, says("connections that it is about")]
    missed: Annotated[int, says("of these, those that are not as expected")]
    misses: Annotated[list[Miss], says("the first few of them")]


class Verdict(Struct, frozen=True):
    """All that a format may tell."""

    tool: model.Tool
    capture: model.Capture
    summary: model.Summary
    reported: list[Reported]
    """In the order of their frames."""
    cases: list[Case]
    rules: tuple[str, ...]
    """Those that were asked."""
    has_baseline: bool
    gone: list[str]
    """Fingerprints of the baseline that were not found again."""
    failed: bool

    def count(self, decision: Decision) -> int:
        """Findings about which it was so decided."""
        return sum(r.decision == decision for r in self.reported)

    def file_of(self, reported: Reported) -> str:
        """The capture in which it is, as given on the command line."""
        return file_name(self, reported.source)


def file_name(verdict: Verdict, source: int) -> str:
    """A capture as given on the command line."""
    sources = verdict.capture.sources
    name = sources[source].name if source < len(sources) else "-"
    return "<stdin>" if name == "-" else name


def checkout_path(name: str) -> str:
    """A file name as CI servers know files: from the current folder, which is the checkout, without ``./``; else as it is."""
    if name == "<stdin>":
        return name
    try:
        path = os.path.relpath(name) if os.path.isabs(name) else os.path.normpath(name)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return name
    return (name if path.split(os.sep)[0] == os.pardir else path).replace(os.sep, "/")


def source_of(capture: model.Capture, frame: int) -> int:
    """Index of the source that holds a frame; frames are counted over all of them."""
    last = 0
    for i, source in enumerate(capture.sources):
        last += source.packets
        if frame <= last:
            return i
    return 0


def as_dict(verdict: Verdict, reported: Reported) -> dict[str, Any]:
    """A finding with all that is known of it, for JSON."""
    return {
        **asdict(build.finding(reported.finding)),
        "file": verdict.file_of(reported),
        "decision": reported.decision,
        "reason": reported.reason or None,
        "fingerprint": reported.fingerprint,
        "client": reported.place.client if reported.place else None,
        "server": reported.place.server if reported.place else None,
        "community_id": reported.place.community_id if reported.place else None,
    }
