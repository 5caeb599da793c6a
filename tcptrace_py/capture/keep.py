"""Keeps what is captured: in one file, or in a ring of files of which the oldest give way."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tcptrace_py.errors import ConfigError


@dataclass(frozen=True)
class Ring:
    """When a file is full, and how many are kept; 0: no bound."""

    size: int = 0
    """Bytes."""
    seconds: float = 0.0
    files: int = 0


class Keeper:
    """Writes whole pcapng blocks to a file, or to one after the other."""

    def __init__(self, path: str, ring: Ring | None = None) -> None:
        """Raises ConfigError when it cannot be written."""
        self.path = path
        self.paths: deque[str] = deque()
        """The files there are, the oldest first."""
        self.trouble = ""
        """Why it writes no more; empty if nothing is wrong."""
        self._ring = ring or Ring()
        self._is_ring = self._ring != Ring()
        self._number = 0
        self._size = 0
        self._begun = 0.0
        self._file: BinaryIO
        try:
            self._open()
        except OSError as e:
            raise ConfigError(f"{path}: cannot be written ({e.strerror}): check its folder") from e

    def _open(self) -> None:
        """Begin the next file."""
        self._number += 1
        path = self.path
        if self._is_ring:
            whole = Path(path)
            path = str(whole.with_name(f"{whole.stem}_{self._number:05d}{whole.suffix or '.pcapng'}"))
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by close()
        self.paths.append(path)
        self._size = 0
        self._begun = time.monotonic()

    def is_full(self) -> bool:
        """Whether the next blocks belong in another file."""
        ring = self._ring
        if ring.size and self._size >= ring.size:
            return True
        return bool(ring.seconds) and time.monotonic() - self._begun >= ring.seconds

    def begin_next(self, header: bytes) -> None:
        """Go on in another file, which begins with ``header``; the oldest gives way."""
        with self._trying():
            self._file.close()
            while self._ring.files and len(self.paths) >= self._ring.files:
                with suppress(FileNotFoundError):
                    os.unlink(self.paths.popleft())
            self._open()
            self._put(header)

    def write(self, blocks: bytes) -> None:
        """Keep whole blocks."""
        if blocks and not self.trouble:
            with self._trying():
                self._put(blocks)

    @contextmanager
    def _trying(self) -> Iterator[None]:
        """What the system refuses is noted, and the file ends where it was whole."""
        try:
            yield
        except OSError as e:
            reason = e.strerror or str(e)
            self.trouble = f"{self.path}: cannot be written further ({reason}); what was written until then is whole"
            with suppress(OSError):  # the part of a block that still went in
                self._file.truncate(self._size)

    def _put(self, data: bytes) -> None:
        """All of it, however the system cuts it up."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._size += len(data)

    def close(self) -> None:
        """Nothing more comes."""
        with suppress(OSError):
            self._file.close()
