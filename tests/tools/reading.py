"""Reading captures in tests: everything that came out, in a form that can be compared."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import BinaryIO

from tcptrace_py.capture import Captures, Problem, open_captures
from tcptrace_py.errors import CaptureError
from tcptrace_py.packet import Record


@dataclass
class Copy:
    """A record, copied out of the reused one."""

    number: int
    time: int
    data: bytes
    wirelen: int
    link: int
    interface: int
    offset: int
    source: int
    timeless: bool


@dataclass
class Reading:
    """All that a run over some captures gave."""

    captures: Captures
    records: list[Copy] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        return self.captures.problems

    @property
    def kinds(self) -> list[str]:
        return [problem.kind for problem in self.captures.problems]

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """As (time, bytes), the form that captures are built from."""
        return [(record.time, record.data) for record in self.records]

    @property
    def numbers(self) -> list[int]:
        return [record.number for record in self.records]


def copy(record: Record) -> Copy:
    """What stands in the record now.  Fails if it does not obey the contract of ``Record``."""
    assert record.at >= 0
    assert record.at + record.caplen + 64 <= len(record.buf), "not padded"
    return Copy(
        record.number,
        record.time,
        record.buf[record.at : record.at + record.caplen],
        record.wirelen,
        record.link,
        record.interface,
        record.offset,
        record.source,
        record.timeless,
    )


def read_paths(paths: list[str], stdin: BinaryIO | None = None) -> Reading:
    """Read some captures to their end."""
    reading = Reading(open_captures(paths, stdin))
    record = Record()
    while reading.captures.next(record):
        reading.records.append(copy(record))
    assert not reading.captures.next(record), "something came after the end"
    reading.captures.close()
    return reading


def read_bytes(data: bytes) -> Reading:
    """Read one capture, from a file-like object."""
    return read_paths(["-"], io.BytesIO(data))


def read_or_error(data: bytes) -> Reading | None:
    """Read any bytes to their end.  The only exception allowed is a CaptureError of one line: then there is no reading."""
    message = ""
    reading = None
    try:
        reading = read_bytes(data)
    except CaptureError as e:
        message = str(e)
    if reading is None:
        assert "\n" not in message
        assert message.startswith("standard input: ")
        return None
    assert len(reading.kinds) <= 2
    numbers = reading.numbers
    assert numbers == sorted(set(numbers))
    assert all(0 <= r.time <= 2**62 for r in reading.records)
    return reading
