"""What ``tcpfsm live --format ndjson`` writes beside the lines of the report: events, as they happen.

They are said of what is known at that moment; the line of a connection, when it comes, has the last word.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from tcptrace_py.report.model import Address, Duration, Evidence, Finding, Side, State, Time, says


class Opened(Struct, frozen=True, gc=False, tag_field="type", tag="opened"):
    """A connection began."""

    time: Annotated[Time, says("of its first frame")]
    connection: Annotated[int, says("its number, id in its own line")]
    frame: Annotated[int, says("its first frame")]
    client: Annotated[Address, says("the active opener; midstream, a guess")]
    server: Annotated[Address, says("the passive opener")]
    midstream: Annotated[bool, says("it was there before the capture")]


class Transition(
    Struct, frozen=True, gc=False, tag_field="type", tag="transition", rename={"before": "from", "after": "to"}
):
    """An endpoint went from one state to another, or is found not to have done so."""

    time: Annotated[Time, says("when")]
    connection: Annotated[int, says("number of the connection")]
    endpoint: Annotated[Side, says("which side")]
    before: Annotated[State, says("the state it left; where steps are taken back, the one that was wrong")]
    after: Annotated[State, says("the state it entered")]
    evidence: Annotated[Evidence, says("how it is known")]
    frame: Annotated[int | None, says("the frame with which it happened; null: nothing but time")]
    why: Annotated[str, says("what happened")]
    retracts: Annotated[bool, says("it takes back what was said before")]


class Found(Finding, frozen=True, gc=False, tag_field="type", tag="finding"):
    """A finding about a connection that still goes on, or about many of them."""

    provisional: Annotated[
        Literal[True], says("it is said of a connection that may yet change; the last word has no such field")
    ]


class Resolved(Struct, frozen=True, gc=False, tag_field="type", tag="resolved"):
    """A finding that was told of holds no longer."""

    time: Annotated[Time, says("when that was seen")]
    connection: Annotated[int | None, says("number of the connection; null: of many")]
    rule: Annotated[str, says("name of the rule")]
    endpoint: Annotated[Side | None, says("the side it was about")]
    frame: Annotated[int | None, says("the frame that it named")]


class Closed(Struct, frozen=True, gc=False, tag_field="type", tag="closed"):
    """Nothing more is expected of either side: each is in CLOSED or TIME_WAIT."""

    time: Annotated[Time, says("of its last frame so far")]
    connection: Annotated[int, says("its number")]
    frame: Annotated[int, says("its last frame so far")]
    client_state: Annotated[State, says("state of the client")]
    server_state: Annotated[State, says("state of the server")]
    packets: Annotated[int, says("segments of both sides")]
    history: Annotated[str, says("what happened, a letter an event")]


class Tick(Struct, frozen=True, gc=False, tag_field="type", tag="tick"):
    """Figures, once in an interval, whether or not anything happened."""

    time: Annotated[Time | None, says("now, by the clock of the capture; null: nothing has come yet")]
    elapsed: Annotated[Duration, says("since the capture began")]
    packets: Annotated[int, says("so far")]
    bytes: Annotated[int, says("so far, on the wire")]
    tcp_segments: Annotated[int, says("so far")]
    connections: Annotated[int, says("so far")]
    open: Annotated[int, says("connections that may still change")]
    backlog: Annotated[int, says("bytes that have come and wait to be analysed; 0 when it keeps up")]
    packets_per_second: Annotated[float, says("since the last tick")]
    bytes_per_second: Annotated[float, says("since the last tick")]
    connections_per_second: Annotated[float, says("since the last tick")]
    errors: Annotated[int, says("findings of severity error about connections that may still change")]
    warnings: Annotated[int, says("likewise, warning")]


EVENTS = (Opened, Transition, Found, Resolved, Closed, Tick)
"""What a line of ``live`` may be, besides those of the report."""
