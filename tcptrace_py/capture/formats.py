"""The capture formats, by magic.  A new format is one reader and one row here."""

from __future__ import annotations

from dataclasses import dataclass

from tcptrace_py.capture.buffer import Window
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.pcap import PcapReader
from tcptrace_py.capture.pcapng import PcapngReader
from tcptrace_py.capture.reader import Reader
from tcptrace_py.capture.snoop import SnoopReader


@dataclass(frozen=True)
class Format:
    """One row of the table."""

    name: str
    magics: tuple[bytes, ...]
    reader: type[PcapReader] | type[PcapngReader] | type[SnoopReader]

    def open(self, window: Window, source: Source, index: int, notes: Notes) -> Reader:
        """A reader of the file whose magic stands at the window's place.  Raises CaptureError."""
        return self.reader(window, source, index, notes)


FORMATS = (
    Format(
        "pcap",
        (
            b"\xd4\xc3\xb2\xa1",  # microseconds, little-endian
            b"\xa1\xb2\xc3\xd4",
            b"\x4d\x3c\xb2\xa1",  # nanoseconds
            b"\xa1\xb2\x3c\x4d",
            b"\x34\xcd\xb2\xa1",  # Kuznetzov's longer record headers
            b"\xa1\xb2\xcd\x34",
        ),
        PcapReader,
    ),
    Format("pcapng", (b"\n\r\r\n",), PcapngReader),
    Format("snoop", (b"snoop\0\0\0",), SnoopReader),
)

MAGIC_LENGTH = max(len(magic) for row in FORMATS for magic in row.magics)

NAMES = ", ".join(row.name for row in FORMATS)

# What users take for captures and we do not unpack: magic, what it is
PACKED = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x9d", "compressed with compress (.Z)"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
)


def format_of(head: bytes) -> Format | None:
    """The format whose magic ``head`` starts with, or None."""
    for row in FORMATS:
        if head.startswith(row.magics):
            return row
    return None


def packed_as(head: bytes) -> str | None:
    """What kind of package ``head`` is the beginning of, if it must be unpacked before we can read it."""
    for magic, what in PACKED:
        if head.startswith(magic):
            return what
    return None
