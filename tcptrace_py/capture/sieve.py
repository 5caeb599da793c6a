"""A reader of what passes a capture filter.  Frames keep their numbers: those that do not pass are only not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.bpf import Program
from tcptrace_py.capture.reader import Reader
from tcptrace_py.packet import Record

if TYPE_CHECKING:
    from tcptrace_py.capture.filtering import CaptureFilter


@mypyc_attr(acyclic=True)
class Sieve(Reader):
    """Another reader, less what a filter does not take."""

    def __init__(self, inner: Reader, capture_filter: CaptureFilter) -> None:
        super().__init__(inner.window, inner.source, inner.index, inner.notes)
        self.inner = inner
        self.filter = capture_filter
        self.link: i64 = -1
        self.program: Program | None = None
        self.left_out: i64 = 0

    def start(self, frame: i64, interface: i64) -> None:
        super().start(frame, interface)
        self.inner.start(frame, interface)

    def next(self, record: Record) -> bool:
        """The next packet that passes.  Raises HelperError and ConfigError when the filter cannot be compiled for it."""
        inner = self.inner
        while inner.next(record):
            if record.link != self.link:
                self.program = self.filter.program(record.link)
                self.link = record.link
            program = self.program
            if program is not None and program.takes(record):
                self.frame = inner.frame
                self.packets += 1
                self.bytes += record.wirelen
                return True
            self.left_out += 1
        self.frame = inner.frame
        self.filter.left_out += self.left_out
        self.left_out = 0
        return False

    def interfaces(self) -> i64:
        return self.inner.interfaces()

    def dropped(self) -> i64:
        return self.inner.dropped()

    def until(self) -> i64:
        return self.inner.until()
