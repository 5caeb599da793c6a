"""From a path to a reader: opening, decompressing, recognising, and saying in one line what is wrong."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from tcptrace_py.capture import compressed
from tcptrace_py.capture.buffer import Window
from tcptrace_py.capture.formats import FORMATS, NAMES, format_of, packed_as
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.reader import Reader
from tcptrace_py.capture.sieve import Sieve
from tcptrace_py.capture.streams import FileStream, PipeStream, RawBytes, Stream
from tcptrace_py.errors import CaptureError

if TYPE_CHECKING:
    from tcptrace_py.capture.filtering import CaptureFilter

STDIN = "-"

# What to do about the errors that users meet; the others speak for themselves
ADVICE = {
    errno.ENOENT: "no such file: check the path",
    errno.ENOTDIR: "no such file: check the path",
    errno.EISDIR: "is a directory: name the capture files in it",
    errno.EACCES: "no permission to read it: ask its owner, or run as a user who may",
    errno.EPERM: "no permission to read it: ask its owner, or run as a user who may",
    errno.EMFILE: "too many open files: raise the limit with ulimit -n",
}


class Opener:
    """Opens the files of one observation, each at its turn."""

    def __init__(
        self, paths: Sequence[str], stdin: BinaryIO | None, capture_filter: CaptureFilter | None = None
    ) -> None:
        """``stdin`` is what "-" stands for; None: the standard input of this process.

        Of packets that do not pass ``capture_filter`` nobody learns but by their number.
        """
        if not paths:
            raise CaptureError("no capture named: name at least one file, or - for standard input")
        if list(paths).count(STDIN) > 1:
            raise CaptureError("standard input (-) is named more than once, and can be read only once")
        self.paths = list(paths)
        self._stdin = stdin
        self._filter = capture_filter

    def open(self, index: int, notes: Notes) -> Reader:
        """A reader of the file with this index, behind its file header.  Raises CaptureError."""
        name = self.paths[index]
        source = Source(name)
        try:
            stream = self._stream(source)
        except (OSError, ValueError) as e:  # ValueError: a NUL in the path, a closed file
            raise CaptureError(f"{source.title}: {advice(e)}") from e
        try:
            return self._reader(stream, source, index, notes)
        except BaseException:
            stream.close()
            raise

    def check(self, first: int) -> None:
        """Raise CaptureError if a file from index ``first`` on cannot be read; a pipe or device is not tried.

        So that a misspelt name is known before the work starts, not after it.
        """
        for index in range(first, len(self.paths)):
            if self.paths[index] == STDIN:
                continue
            try:
                mode = os.stat(self.paths[index]).st_mode
                waits = not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
            except (OSError, ValueError):
                waits = False  # the attempt to open it tells what is wrong
            if not waits:
                self.open(index, Notes()).window.close()

    @property
    def left_out(self) -> int:
        """Packets that did not pass the filter, of the files that are done with."""
        return 0 if self._filter is None else self._filter.left_out

    def _stream(self, source: Source) -> Stream:
        """The bytes of a file, decompressed if need be."""
        if source.name == STDIN:
            if self._stdin is None and sys.stdin is None:  # as after <&-
                raise ValueError("it is closed")
            file = self._stdin or sys.stdin.buffer
            return plain_or_compressed(RawBytes(file, owned=False), source)
        file = open(source.name, "rb", buffering=0)  # noqa: SIM115 - the stream closes it
        try:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return plain_or_compressed(RawBytes(file, owned=True), source)
            source.size = status.st_size
            head = file.read(compressed.MAGIC_LENGTH)
            if hasattr(os, "pread") and compressed.compression_of(head) is None:
                return FileStream(file)
            file.seek(0)
            return plain_or_compressed(RawBytes(file, owned=True), source)
        except BaseException:
            file.close()
            raise

    def _reader(self, stream: Stream, source: Source, index: int, notes: Notes) -> Reader:
        """The reader for what the stream holds."""
        window = Window(stream)
        # First the four bytes that every magic has, then, as a pipe must not be waited for in vain, the longer ones
        window.ensure(4)
        if window.end < 8 and window.buf[:4] == b"snoo":
            window.ensure(8)
        head = window.buf[: window.end]
        row = format_of(head)
        if row is not None:
            source.format = row.name
            reader = row.open(window, source, index, notes)
            return reader if self._filter is None else Sieve(reader, self._filter)
        if stream.defect:
            raise CaptureError(f"{source.title}: {stream.defect}: copy it again")
        if not head:
            raise CaptureError(f"{source.title}: is empty, not even a file header: was the capture started?")
        if any(magic.startswith(head) for row in FORMATS for magic in row.magics):
            raise CaptureError(
                f"{source.title}: is cut short inside its file header ({len(head)} bytes): copy it again"
            )
        what = packed_as(head)
        if what is not None:
            raise CaptureError(f"{source.title}: is {what}: unpack it first")
        raise CaptureError(
            f"{source.title}: is not a capture that can be read ({NAMES}), it starts with {head[:4].hex(' ')}: "
            f"if Wireshark opens it, convert it with editcap -F pcap"
        )


def plain_or_compressed(raw: RawBytes, source: Source) -> Stream:
    """The stream for what ``raw`` turns out to be."""
    compression = compressed.compression_of(raw.peek(2))
    if compression is None:
        # The longer magics.  No capture is shorter than this, so nothing is waited for in vain.
        compression = compressed.compression_of(raw.peek(compressed.MAGIC_LENGTH))
    if compression is None:
        return PipeStream(raw)
    source.compression = compression.name
    return compressed.CompressedStream(raw, compression, source.title)


def advice(error: OSError | ValueError) -> str:
    """What is wrong with a file, and what to do, in a few words."""
    if isinstance(error, OSError):
        return ADVICE.get(error.errno or 0) or f"cannot be opened ({error.strerror or error})"
    return f"cannot be opened ({error})"
