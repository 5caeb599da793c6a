"""The process that reads the captures: how it begins, what it says, and how both sides end, however that comes about.

::

    message   kind 1, length 4, bytes read so far 8 (little-endian), then ``length`` bytes

Errors of the child are raised here, where they would have been without it, and say the same.  It ignores Ctrl-C, which
reaches this process too; when this one ends in any way, its next message finds nobody, and it ends.  When it is killed,
there is no END, and that is an error.

Never compiled: it starts a process and waits for it, and an interrupt is only noticed in interpreted code.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import warnings
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.streams import widen_pipe
from tcptrace_py.errors import HelperError
from tcptrace_py.relay.pack import Packer
from tcptrace_py.words import PADDING, BytesWriter

RECORDS, NEAR, FAILED, END = range(4)
HEAD = struct.Struct("<BIQ")

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
        ours, theirs = os.pipe()
        widen_pipe(ours)
        # until the child minds signals in its own way, they wait
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            with warnings.catch_warnings():
                # of threads, of which ``pay`` makes sure; as an error it would leave a child that nobody knows
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
            if not self.pid:
                _become(captures, ours, theirs, mask)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        captures.close()
        self._ended = False
        self._file = os.fdopen(ours, "rb", buffering=4096)  # what is larger is read without a copy

    def chunk(self) -> bytes:
        """The next entries, padded; empty when there are no more.

        Raises what the child met: CaptureError, ConfigError, HelperError.  HelperError also when it was killed.
        """
        while not self._ended:
            kind, length, self.bytes_read = HEAD.unpack(self._read(HEAD.size))
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
        self._file.close()
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


def _become(captures: Captures, theirs: int, ours: int, mask: set[int | signal.Signals]) -> NoReturn:
    """Be the child.  Nothing of the parent's runs here any more: no buffer is written, nothing is tidied."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(theirs)
        gc.disable()
        bytes(ROOM)
        Reading(captures, ours).run()
        status = 0
    finally:
        os._exit(status)  # also where nobody listens any more


class Reading:
    """The work of the child."""

    def __init__(self, captures: Captures, fd: int) -> None:
        self._captures = captures
        self._fd = fd
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
        if len(self._chunk):
            self._send(RECORDS, self._chunk.getvalue(), PADDING)
            self._chunk.truncate(0)

    def _send(self, kind: int, *parts: bytes) -> None:
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
