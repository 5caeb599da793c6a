"""The process that reads the captures: how it begins, what it says, and how both sides end, however that comes about.

::

    message   kind 1, length 4, bytes read so far 8 (little-endian), then ``length`` bytes; of SHARED they are in the ring

Chunks go through a ring of memory that both processes share, which is less work than a pipe: the child fills slots in turn,
and may fill one again when it has heard that its bytes have been taken.

Errors of the child are raised here, where they would have been without it, and say the same.  It ignores Ctrl-C, which
reaches this process too; when this one ends in any way, its next message finds nobody, and it ends.  When it is killed,
there is no END, and that is an error.

Never compiled: it starts a process and waits for it, and an interrupt is only noticed in interpreted code.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import signal
import struct
import warnings
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.errors import HelperError
from tcptrace_py.relay.pack import Packer
from tcptrace_py.words import PADDING, BytesWriter

SHARED, RECORDS, NEAR, FAILED, END = range(5)
HEAD = struct.Struct("<BIQ")

SLOT = 64 * 1024
"""Bytes for a chunk and its padding; the rare one that is longer goes through the pipe."""
SLOTS = 16
"""A megabyte in all: enough for either side to go on while the other waits, and little enough for a processor's cache."""
AT_ONCE = 4
"""Slots to tell of in one message, either way: each wakes the other side, which on a busy machine may push this one out."""

ROOM = 8 << 20
"""Freeing a block of this size teaches glibc to keep what is freed, up to twice as much, instead of giving it back to the
system at each chunk and faulting it in again: a seventh of the child's time."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Account(NamedTuple):
    """What is known of captures once they have been read."""

    notes: Notes
    sources: list[Source]
    link_types: list[int]
    left_out: int
    dropped: int | None


class Child:
    """A process that reads captures, seen from the one that wants their records."""

    def __init__(self, captures: Captures) -> None:
        """Fork.  ``captures`` are then the child's, and closed here.  Raises OSError where that cannot be done."""
        self.sources = captures.sources
        self.near: list[bytes] = []
        self.account = Account(Notes(), self.sources, [], 0, None)
        """Empty until the end."""
        self.bytes_read = 0
        self._ring = mmap.mmap(-1, SLOT * SLOTS)
        self._slot = 0
        self._taken = 0  # slots that it has not been told of
        ours, theirs = os.pipe()
        try:
            hears, self._says = os.pipe()
        except OSError:
            os.close(ours)
            os.close(theirs)
            raise
        # until the child minds signals in its own way, they wait
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            with warnings.catch_warnings():
                # of threads, of which ``pay`` makes sure; as an error it would leave a child that nobody knows
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
            if not self.pid:
                _become(Reading(captures, self._ring, theirs, hears), (ours, self._says), mask)
        except OSError:
            os.close(ours)
            os.close(self._says)
            raise
        finally:
            os.close(theirs)
            os.close(hears)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        captures.close()
        self._ended = False
        self._file = os.fdopen(ours, "rb")

    def chunk(self) -> bytes:
        """The next entries, padded; empty when there are no more.

        Raises what the child met: CaptureError, ConfigError, HelperError.  HelperError also when it was killed.
        """
        while not self._ended:
            kind, length, self.bytes_read = HEAD.unpack(self._read(HEAD.size))
            if kind == SHARED:
                return self._take(length)
            body = self._read(length)
            if kind == RECORDS:
                return body
            said: Any = pickle.loads(body)  # noqa: S301 - by our own child, through a pipe that nobody else has
            if kind == NEAR:
                self.near = said
            elif kind == FAILED:
                raise said
            else:
                self.account = said
                self._ended = True
        return b""

    def _take(self, length: int) -> bytes:
        """The bytes of the next slot, which is then free again."""
        at = self._slot * SLOT
        self._slot = (self._slot + 1) % SLOTS
        body = self._ring[at : at + length]
        self._taken += 1
        if self._taken == AT_ONCE:
            self._taken = 0
            with suppress(BrokenPipeError):  # it has ended, and perhaps all is well
                os.write(self._says, bytes(AT_ONCE))
        return body

    def _read(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            self._died()
        return data

    def _died(self) -> NoReturn:
        """The pipe is closed, and nothing was said of an end."""
        pid, self.pid = self.pid, 0
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        how = f"was killed ({_name(-status)})" if status < 0 else f"ended with status {status}"
        raise HelperError(
            f"the process that reads the captures {how} before their end, so nothing can be said of them: "
            "try again with --jobs 1"
        )

    def close(self) -> None:
        """End the child, if it has not ended, and let go of it."""
        if not self._file.closed:
            self._file.close()
            os.close(self._says)
            self._ring.close()
        if self.pid:
            pid, self.pid = self.pid, 0
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ---- in the child


def _become(reading: Reading, theirs: tuple[int, int], mask: set[int | signal.Signals]) -> NoReturn:
    """Be the child, which ``theirs``, the parent's ends of the pipes, do not concern.  Nothing of the parent's runs here any more: no buffer is written, nothing is tidied."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for fd in theirs:
            os.close(fd)
        gc.disable()
        bytes(ROOM)
        reading.run()
        status = 0
    finally:
        os._exit(status)  # also where nobody listens any more


class Reading:
    """The work of the child."""

    def __init__(self, captures: Captures, ring: mmap.mmap, fd: int, hears: int) -> None:
        """``fd``: where messages go; ``hears``: where it is told of slots whose bytes were taken."""
        self._captures = captures
        self._ring = ring
        self._slot = 0
        self._free = SLOTS
        self._untold = b""  # messages about slots that are filled
        self._fd = fd
        self._hears = hears
        self._packer = Packer(captures)
        self._chunk = BytesWriter()

    def run(self) -> None:
        """Send all records, and then what is known of them, or the error that ended it.  Raises BrokenPipeError."""
        more = True
        while more:
            error: Exception | None = None
            try:
                more = self._packer.fill(self._chunk)
            except Exception as e:  # noqa: BLE001 - it is raised where it would have been without this process
                error, more = e, False
                self._chunk.truncate(self._packer.complete)
            self._send_records()
            if error is not None:
                self._send(FAILED, packed_error(error))
                return
        captures = self._captures
        account = Account(
            captures.notes,
            captures.sources,
            captures.link_types,
            captures.left_out,
            captures.dropped,
        )
        self._send(END, pickle.dumps(account))

    def _send_records(self) -> None:
        packer = self._packer
        if packer.near:
            self._send(NEAR, pickle.dumps(packer.near))
            packer.near = []
        size = len(self._chunk)
        if not size:
            return
        body = self._chunk.getvalue()
        self._chunk.truncate(0)
        if size + len(PADDING) > SLOT:
            self._send(RECORDS, body, PADDING)
            return
        if not self._free:
            self._tell()
        while not self._free:
            taken = os.read(self._hears, SLOTS)
            if not taken:  # nobody listens any more
                raise BrokenPipeError
            self._free += len(taken)
        self._free -= 1
        at = self._slot * SLOT
        self._slot = (self._slot + 1) % SLOTS
        self._ring[at : at + size] = body
        self._untold += HEAD.pack(SHARED, size + len(PADDING), self._captures.bytes_read)
        if len(self._untold) == AT_ONCE * HEAD.size:
            self._tell()

    def _tell(self) -> None:
        """Say which slots are filled: so few bytes are written whole, or not at all."""
        if self._untold:
            os.write(self._fd, self._untold)
            self._untold = b""

    def _send(self, kind: int, *parts: bytes) -> None:
        self._tell()
        left = [HEAD.pack(kind, sum(map(len, parts)), self._captures.bytes_read), *parts]
        written = os.writev(self._fd, left)
        if written < sum(map(len, left)):  # a signal came between
            rest = memoryview(b"".join(left))[written:]
            while rest:
                rest = rest[os.write(self._fd, rest) :]


def packed_error(error: Exception) -> bytes:
    """An exception for the other side; one that cannot be passed on is described."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever it may be
        return pickle.dumps(RuntimeError(repr(error)))
    return packed
