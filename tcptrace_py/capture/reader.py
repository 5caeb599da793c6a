"""What the readers of all capture formats share: counting, the bound on a record's length, and how reading ends.

A reader is given a window that stands behind the file's magic, and fills the one Record of the run.  It stops at the
first defect, which it notes with its frame and offset; whatever comes before a defect has been delivered.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.buffer import Window
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.packet import Record

MAX_CAPLEN: Final = 262144
"""The longest packet that Wireshark and libpcap believe in for nearly every link type.  A larger length is a defect."""

# Link types with larger packets: USBPcap, D-Bus, EBHSCR.  None carries TCP, so only their beginning is kept.
LINK_USBPCAP: Final = 249
LINK_DBUS: Final = 231
LINK_EBHSCR: Final = 279
MAX_CAPLEN_LARGE: Final = 128 * 1024 * 1024

MAX_TIME: Final = 1 << 62
"""Times are kept within 0 ... 2^62 ns (the year 2116), so that arithmetic on them cannot overflow."""


@mypyc_attr(acyclic=True)
class Reader:
    """Base of all readers.  ``start`` must be called before the first ``next``."""

    def __init__(self, window: Window, source: Source, index: int, notes: Notes) -> None:
        self.window = window
        self.source = source
        self.index: i64 = index
        self.notes = notes
        self.frame: i64 = 0  # number of the last frame, over all files
        self.first_interface: i64 = 0  # what the interfaces of the files before count
        self.packets: i64 = 0
        self.bytes: i64 = 0

    def start(self, frame: i64, interface: i64) -> None:
        """Continue the counts of the files before: the last frame number, and the number of interfaces."""
        self.frame = frame
        self.first_interface = interface

    def next(self, record: Record) -> bool:
        """Fill ``record`` with the next packet; False at the end, and at a defect, which is then in the notes."""
        raise NotImplementedError

    def interfaces(self) -> i64:
        """How many interfaces this file has had so far."""
        return 1

    def dropped(self) -> i64:
        """How many packets the file says were dropped while capturing; -1 if it does not tell."""
        return -1

    def until(self) -> i64:
        """When the capture ended, if the file tells: perhaps long after its last packet.  -1: it does not tell."""
        return -1

    def cut(self) -> bool:
        """Note why the stream ended where a record was expected, if that is not a record's border.  Returns False."""
        self.ended(self.window.offset())
        return False

    def pass_over(self, size: i64) -> bool:
        """Move behind a record of ``size`` bytes, not all of which need be in memory; False if it is cut short."""
        offset: i64 = self.window.offset()
        if self.window.skip(size):
            return True
        self.ended(offset)
        return False

    def corrupt(self, what: str) -> bool:
        """Note that the record at the window's place contradicts itself.  Returns False."""
        self.note("corrupt", what, self.window.offset())
        return False

    def ended(self, offset: i64) -> None:
        """Note why the stream ended in the record that starts at ``offset``, unless it ended right there, as it should."""
        window = self.window
        stream = window.stream
        present: i64 = window.base + window.end - offset
        if stream.defect:
            self.note(stream.defect_kind, stream.defect, offset)
        elif present > 0:
            self.note("truncated", f"the file is cut short, with only {present} bytes of it", offset)

    def note(self, kind: str, what: str, offset: i64) -> None:
        """Note a problem with the record that starts at ``offset`` and would be the next frame."""
        frame: i64 = self.frame + 1
        message = f"{self.source.title}: frame {frame} at byte {offset}: {what}; what comes before it was read"
        self.notes.problem(kind, message, frame, offset, self.index)


def max_caplen(link: i64) -> i64:
    """The longest packet to believe in, for a link type."""
    if link in (LINK_USBPCAP, LINK_DBUS, LINK_EBHSCR):
        return MAX_CAPLEN_LARGE
    return MAX_CAPLEN
