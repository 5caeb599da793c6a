"""A capture that grows while it is read: the stream that waits for it, and lets others work while nothing comes.

Every wait for bytes is in ``Growing.fill``, as with any other stream; there all packets that came have been analysed.  So
this is where the clock is looked at, connections are examined, and a table is drawn: ``pulse`` does that, and says for
how long it has nothing more to do.  The loop and the readers know nothing of it.

Never compiled: an interrupt is noticed only in interpreted code.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tcptrace_py.capture.keep import Keeper
from tcptrace_py.capture.live import GRACE, Child
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.opening import Opener
from tcptrace_py.capture.reader import Reader
from tcptrace_py.capture.tap import Tap
from tcptrace_py.words import PADDING

if TYPE_CHECKING:
    from tcptrace_py.capture.filtering import CaptureFilter

PIECE = 1 << 18
"""Bytes to read, and to analyse, at a time."""
BACKLOG = 256 << 20
"""Bytes kept when packets come faster than they are analysed: some seconds of a burst, which would else be lost."""
CALM = 0.002
"""Seconds to wait before the next read when packets come one by one, but many of them: they are then taken together."""
MANY = 300
"""Reads within a second that are many."""


class Wishes(Protocol):
    """What the stream is told by those who watch."""

    should_stop: bool
    """Nothing more is wanted: the capture is to end."""
    fd: int
    """Becomes readable when that has changed."""

    def pulse(self) -> float:
        """All that came has been analysed: do what is due.  Returns for how many seconds nothing more will be."""
        ...

    def ended(self, *, cut: bool) -> int:
        """Nothing more comes.  Returns until when the observation lasted (ns), or -1: until the last packet (``cut``)."""
        ...


class Growing:
    """A Stream of pcapng blocks."""

    def __init__(
        self,
        fd: int,
        child: Child | None,
        tap: Tap,
        keeper: Keeper | None,
        wishes: Wishes,
        also: Callable[[bytes], None] | None = None,
    ) -> None:
        """``also``: who else gets the blocks."""
        self.defect = ""
        self.defect_kind = "corrupt"
        self._fd = fd
        self._child = child
        self._tap = tap
        self._keeper = keeper
        self._wishes = wishes
        self._also = also
        self._consumed = 0
        self._backlog: deque[bytes] = deque()
        self._waiting = 0  # bytes in it
        self._is_dry = False  # nothing more will come in
        self._has_ended = False
        self._told_at = 0.0  # when the child was told to stop; 0: not yet
        self._second = 0
        self._reads = 0

    def fill(self, base: int, tail: bytes, need: int) -> bytes:
        """See Stream.  Whole blocks only."""
        pieces = [tail]
        have = len(tail)
        while have < need and not self._has_ended:
            piece = self._next()
            pieces.append(piece)
            have += len(piece)
        return b"".join((*pieces, PADDING))

    def consumed(self) -> int:
        """Bytes that came in."""
        return self._consumed

    def close(self) -> None:
        """Let go of the child and of the file."""
        if self._child is not None:
            self._child.close()
        if self._keeper is not None:
            self._keeper.close()

    @property
    def behind(self) -> int:
        """Bytes that have come and wait to be analysed: while there are any, it is not now, for the analysis."""
        return self._waiting

    # -- waiting -- #

    def _next(self) -> bytes:
        """The next blocks; at the end, those that say how it ended."""
        piece = self._wait()
        if not piece:
            return self._end(cut=bool(self._waiting))
        keeper = self._keeper
        if keeper is not None and not keeper.trouble and keeper.is_full():
            keeper.begin_next(self._tap.header)
            self._tap.begin_file()
        blocks = self._tap.feed(piece)
        self._keep(blocks)
        if self._also is not None:
            self._also(blocks)
        if self._tap.defect:
            self.defect = self._tap.defect
            return blocks + self._end(cut=True)
        return blocks + self._end(cut=True) if self._tap.is_full else blocks

    def _wait(self) -> bytes:
        """The next bytes, waiting for them; none: no more come, or are wanted."""
        wishes = self._wishes
        while True:
            self._fetch()
            patience = wishes.pulse()
            if wishes.should_stop and not self._told_at:
                self._told_at = time.monotonic()
                if self._child is None:
                    self._fetch()
                    return b""  # what is there is of after the end
                self._child.stop()
            if self._backlog:
                piece = self._backlog.popleft()
                self._waiting -= len(piece)
                return piece
            if self._is_dry or (self._told_at and time.monotonic() - self._told_at > GRACE):
                return b""
            self._calm_down()
            ready = select.select([self._fd, wishes.fd], [], [], 0.05 if self._told_at else patience)[0]
            if wishes.fd in ready:
                os.read(wishes.fd, 4096)  # a signal: the next pulse knows of it

    def _fetch(self) -> None:
        """Take in what is there, without waiting: the pipe holds little."""
        while not self._is_dry and self._waiting < BACKLOG and select.select([self._fd], [], [], 0)[0]:
            piece = self._read()
            if piece:
                self._backlog.append(piece)
                self._waiting += len(piece)
                self._consumed += len(piece)
            self._is_dry = not piece
        if self._child is not None:
            self._child.listen()

    def _calm_down(self) -> None:
        """Where many packets come one by one, let some of them gather: the reader before us holds them meanwhile."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._reads = 0
        self._reads += 1
        if self._reads > MANY:
            time.sleep(CALM)

    def _read(self) -> bytes:
        try:
            return self._child.read(PIECE) if self._child is not None else os.read(self._fd, PIECE)
        except BlockingIOError:
            return b""
        except OSError as e:
            self.defect = f"cannot be read further ({e.strerror or e})"
            self.defect_kind = "read_error"
            return b""

    def _keep(self, blocks: bytes) -> None:
        """Put them in the file; when that cannot be written, the capture ends."""
        if self._keeper is not None:
            self._keeper.write(blocks)
            if self._keeper.trouble:
                self._wishes.should_stop = True

    def _end(self, *, cut: bool) -> bytes:
        """Nothing more comes, or (``cut``) is wanted."""
        self._has_ended = True
        tap = self._tap
        until = self._wishes.ended(cut=cut)
        drops = None
        if self._child is not None:
            if cut and not self._told_at:
                self._child.stop()
                self._drain()
            self._child.close()
            drops = self._child.dropped
        rest = tap.rest()
        if tap.pending and not rest and not self.defect:
            self.defect = f"the capture ended within it, after {tap.pending} bytes"
            self.defect_kind = "truncated"
        self._keep(rest or tap.ending(until, drops, of_file=True))
        if self._keeper is not None:
            self._keeper.close()
        return rest or tap.ending(until, drops)

    def _drain(self) -> None:
        """Let the child write what it still holds, so that it ends in peace and says what was dropped."""
        assert self._child is not None
        deadline = time.monotonic() + GRACE
        while not self._is_dry and time.monotonic() < deadline:
            if select.select([self._fd], [], [], 0.1)[0] and not self._read():
                return


class LiveOpener(Opener):
    """Opens the one capture that is being taken."""

    def __init__(self, name: str, stream: Growing, capture_filter: CaptureFilter | None = None) -> None:
        super().__init__([name], None, capture_filter)
        self._growing = stream

    def open(self, index: int, notes: Notes) -> Reader:
        """A reader of it, once it has begun.  Raises CaptureError."""
        try:
            return self._reader(self._growing, Source(self.paths[index]), index, notes)
        except BaseException:
            self._growing.close()
            raise
