"""What an analysis asks Wireshark before it reads: which frames match a display filter, which application a frame shows.

tshark reads the same files, and numbers their frames as we do; so the connections of those frames are found on the way.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from tcptrace_py.capture import compressed
from tcptrace_py.capture.listed import Listed
from tcptrace_py.capture.notes import Source
from tcptrace_py.capture.opening import plain_or_compressed
from tcptrace_py.capture.streams import RawBytes
from tcptrace_py.config import Config
from tcptrace_py.errors import CaptureError, ConfigError
from tcptrace_py.machine.connection import Connection
from tcptrace_py.pipeline import Filter
from tcptrace_py.wireshark import Wireshark
from tcptrace_py.words import PADDING

DIRECT = ("gzip",)
"""Compressions that every tshark undoes itself."""


class Matching:
    """A Filter: connections with a frame that matches, and of which another filter holds if there is one."""

    def __init__(self, listed: Listed, where: Filter | None, *, is_late: bool = False) -> None:
        """``is_late``: that a frame matches may be known only some time after it has passed."""
        self._listed = listed
        self._where = where
        self._is_late = is_late

    def holds(self, c: Connection) -> bool:
        """Of a connection that can no longer change."""
        return c.number in self._listed.numbers and (self._where is None or self._where.holds(c))

    def may_hold(self, c: Connection) -> bool:
        """Of one that has closed; should it go on, with a frame that matches, it is asked again."""
        may_match = self._is_late or c.number in self._listed.numbers
        return may_match and (self._where is None or self._where.may_hold(c))


def ask(paths: Sequence[str], config: Config, names: dict[int, str] | None) -> Listed:
    """Have tshark read the captures.  ``names`` is filled with the applications of connections, by number, on the way.

    Raises ConfigError, CaptureError and HelperError.
    """
    tshark = Wireshark("--display-filter" if config.display_filter else "--labels")
    if config.display_filter:
        tshark.check_filter(config.display_filter)
    frames: list[list[int]] = []
    labels: list[list[str]] = []
    wanted: list[list[bool]] = []
    for path in paths:
        with readable(path, tshark.what) as file:
            matching = set(tshark.matching(file, config.display_filter)) if config.display_filter else set()
            shown = dict(zip(*tshark.applications(file), strict=True)) if config.labels else {}
        frames.append(sorted(matching | shown.keys()))
        labels.append([shown.get(frame, "") for frame in frames[-1]])
        wanted.append([frame in matching for frame in frames[-1]])
    listed = Listed(frames, labels, wanted)
    if names is not None:
        listed.names = names
    return listed


@contextmanager
def readable(path: str, what: str) -> Iterator[str]:
    """The path of a file that tshark can read: of one that is compressed in its own way, a copy that is not.

    Raises ConfigError for what can be read only once, CaptureError for what cannot be read.
    """
    try:
        if path == "-" or not stat.S_ISREG(os.stat(path).st_mode):
            name = "standard input" if path == "-" else path
            raise ConfigError(f"{what}: {name} can be read only once: save the capture to a file first")
        with open(path, "rb", buffering=0) as file:
            compression = compressed.compression_of(file.read(compressed.MAGIC_LENGTH))
            if compression is None or compression.name in DIRECT:
                yield path
                return
            file.seek(0)
            with tempfile.NamedTemporaryFile(prefix="tcpfsm-", suffix=".cap") as copy:
                undo(file, path, copy.file)  # type: ignore[arg-type]  # typeshed's name for the same
                copy.flush()
                yield copy.name
    except OSError as e:
        raise CaptureError(f"{path}: cannot be read ({e.strerror or e})") from e


def undo(file: BinaryIO, path: str, copy: BinaryIO) -> None:
    """Write a compressed file as it was."""
    stream = plain_or_compressed(RawBytes(file, owned=False), Source(path))
    at = 0
    while True:
        piece = stream.fill(at, b"", 1)
        if len(piece) == len(PADDING):
            return
        copy.write(piece[: -len(PADDING)])
        at += len(piece) - len(PADDING)
