"""The side list of extracted streams: what a line of ``streams.ndjson`` says, as frozen types."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from tcptrace_py.report.model import Address, says

Sender = Literal["client", "server"]


class HoleRow(Struct, frozen=True, gc=False, tag_field="type", tag="hole"):
    """Bytes of a stream that are not in the capture."""

    connection: Annotated[int, says("id in the report")]
    sender: Annotated[Sender, says("whose stream")]
    offset: Annotated[int, says("where the hole begins, in bytes of the stream, holes counted")]
    length: Annotated[int, says("how many bytes are missing")]
    position: Annotated[int, says("how many bytes of the stream are in the file before it, where holes are not filled")]
    acknowledged: Annotated[bool, says("the receiver has acknowledged them: they arrived, and the capture misses them")]
    cut: Annotated[bool, says("the segments passed, but the capture length cut them")]


class LateRow(Struct, frozen=True, gc=False, tag_field="type", tag="late"):
    """Bytes that came after their hole had been given up: they are not in the file."""

    connection: Annotated[int, says("id in the report")]
    sender: Annotated[Sender, says("whose stream")]
    offset: Annotated[int, says("where they belong")]
    length: Annotated[int, says("how many")]
    frame: Annotated[int, says("the frame that brought them")]


class ConflictRow(Struct, frozen=True, gc=False, tag_field="type", tag="conflict"):
    """The same bytes came again, and were not the same: the file has the first copy."""

    connection: Annotated[int, says("id in the report")]
    sender: Annotated[Sender, says("in whose name both copies were sent")]
    offset: Annotated[int, says("the first byte that differs")]
    first_frame: Annotated[int, says("the frame of the first copy")]
    frame: Annotated[int, says("the frame of the other one")]
    first: Annotated[str, says("up to 16 bytes of the first copy, in hexadecimal")]
    other: Annotated[str, says("the same bytes of the other copy")]


class StreamRow(Struct, frozen=True, gc=False, tag_field="type", tag="stream"):
    """One direction of one connection."""

    connection: Annotated[int, says("id in the report")]
    sender: Annotated[Sender, says("which side sent it")]
    source: Annotated[Address, says("the sender")]
    target: Annotated[Address, says("the receiver")]
    file: Annotated[str | None, says("its file in the folder; null: it has no bytes")]
    bytes: Annotated[int, says("bytes in the file, where holes are not filled")]
    begun: Annotated[bool, says("the beginning is known: its SYN was seen, or the SYN-ACK that answers it")]
    ended: Annotated[Literal["fin", "reset"] | None, says("how it ended, as far as seen; null: it did not")]
    complete: Annotated[bool, says("from its beginning to its FIN without a hole")]
    holes: Annotated[int, says("lines of type hole")]
    missing_bytes: Annotated[int, says("bytes in them")]
    unacknowledged_bytes: Annotated[int, says("of these, bytes that the receiver did not acknowledge")]
    given_up_bytes: Annotated[int, says("of these, bytes that might still have come when too much waited behind them")]
    may_end_in_fin: Annotated[bool, says("the last missing byte may be a FIN, which is none")]
    repeated_bytes: Annotated[int, says("bytes that came again")]
    conflicts: Annotated[int, says("lines of type conflict")]
    late_bytes: Annotated[int, says("bytes in lines of type late")]
    outside_bytes: Annotated[int, says("bytes left out because no window of the receiver reached so far")]
    cut_bytes: Annotated[int, says("bytes that the capture length cut from segments")]
    urgent_segments: Annotated[int, says("segments with an urgent pointer; their bytes are in the file (RFC 6093, 3)")]


ROWS = (StreamRow, HoleRow, ConflictRow, LateRow)
