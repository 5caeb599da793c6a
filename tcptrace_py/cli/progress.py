"""How far it is: a bar on stderr, on a terminal only, and only for work that takes a while."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcptrace_py.capture import Observation

PATIENCE = 0.5
"""Seconds before a bar appears."""


class Progress:
    """Bytes of the captures read, of all they have."""

    def __init__(self, paths: Sequence[str], *, enabled: bool) -> None:
        self.total = total_size(paths) if enabled and sys.stderr.isatty() else None
        self.visible = self.total is not None
        self._bar: Any = None
        self._shown = 0
        self._begun = time.monotonic()

    def update(self, captures: Observation) -> None:
        """Draw what has been read so far."""
        read = captures.bytes_read
        if self._bar is None:
            if time.monotonic() - self._begun < PATIENCE:
                return
            import click

            self._bar = click.progressbar(length=self.total, label="Reading", file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(max(read - self._shown, 0))
        self._shown = read

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if kind is None and self.total is not None:
                self._bar.update(max(self.total - self._shown, 0))
            self._bar.__exit__(kind, error, trace)


def total_size(paths: Sequence[str]) -> int | None:
    """Bytes of all captures together; None when one of them is no regular file: then nobody knows."""
    total = 0
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        total += status.st_size
    return total or None
