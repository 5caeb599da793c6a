"""Several captures as one observation: frame numbers, interfaces and notes go on from file to file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.notes import Source
from tcptrace_py.capture.observation import Observation
from tcptrace_py.capture.reader import Reader
from tcptrace_py.packet import Record

if TYPE_CHECKING:
    from tcptrace_py.capture.opening import Opener

MAX_DROPS: Final = 1 << 62
"""The sum of what was dropped is kept within this, as files may claim anything."""


@mypyc_attr(acyclic=True)
class Captures(Observation):
    """Reads captures one after the other.  Made by ``open_captures``."""

    def __init__(self, opener: Opener) -> None:
        """Opens the first file.  Raises CaptureError."""
        super().__init__([Source(name) for name in opener.paths])
        self._opener = opener
        self._count: i64 = len(opener.paths)
        self._index: i64 = 0
        self._last_link: i64 = -1
        self._bytes_before: i64 = 0  # on disk, of the files that are done with
        self._drops_before: i64 = -1
        reader: Reader = opener.open(0, self._notes)
        self._sources[0] = reader.source
        self._reader: Reader | None = reader

    def next(self, record: Record) -> bool:
        while True:
            reader = self._reader
            if reader is None:
                return False
            if reader.next(record):
                record.source = self._index
                if record.link != self._last_link:
                    self._note_link(record.link)
                return True
            self._next_file(reader)

    def _note_link(self, link: i64) -> None:
        self._last_link = link
        if int(link) not in self._links:
            self._links.append(int(link))

    def _next_file(self, reader: Reader) -> None:
        """Close a file and open the one after it."""
        self._leave(reader)
        self._index += 1
        if self._index >= self._count:
            return
        following: Reader = self._opener.open(self._index, self._notes)
        self._sources[self._index] = following.source
        self.frames_before = reader.frame
        following.start(reader.frame, reader.first_interface + reader.interfaces())
        self._reader = following

    def _leave(self, reader: Reader) -> None:
        """Settle the accounts of a file, and close it."""
        self._reader = None
        self._settle(reader)
        self._bytes_before += reader.window.stream.consumed()
        self._notes.observed_until = max(self._notes.observed_until, int(reader.until()))
        drops: i64 = reader.dropped()
        if drops >= 0:
            self._drops_before = min(max(self._drops_before, 0) + drops, MAX_DROPS)
        if drops > 0:
            title = reader.source.title
            message = f"{title}: {drops} packets were dropped while capturing, by the capture's own count"
            self._notes.problem("capture_drops", message, None, None, self._index)
        reader.window.close()

    def _settle(self, reader: Reader) -> None:
        reader.source.packets = reader.packets
        reader.source.bytes = reader.bytes

    @property
    def sources(self) -> list[Source]:
        if self._reader is not None:
            self._settle(self._reader)
        return self._sources

    @property
    def left_out(self) -> int:
        return self._opener.left_out

    @property
    def bytes_read(self) -> int:
        total: i64 = self._bytes_before
        if self._reader is not None:
            total += self._reader.window.stream.consumed()
        return total

    @property
    def dropped(self) -> int | None:
        drops: i64 = self._drops_before
        if self._reader is not None:
            here: i64 = self._reader.dropped()
            if here >= 0:
                drops = max(drops, 0) + here
        if drops < 0:
            return None
        return drops

    def close(self) -> None:
        if self._reader is not None:
            self._leave(self._reader)
