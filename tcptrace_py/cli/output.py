"""Where a report goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from tcptrace_py.errors import ConfigError
from tcptrace_py.report.text import printable


@contextmanager
def open_output(path: str | None) -> Iterator[BinaryIO]:
    """A binary file for the report; None: standard output.  Raises ConfigError when ``path`` cannot be written.

    An OSError while it is written names it.
    """
    if path == "":
        raise ConfigError("the name of an output file is missing")
    with naming(path):
        if path is None or path == "-":
            if sys.stdout is None:
                raise ConfigError("standard output is closed: name a file with --output")
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif _is_special(path):
            with _special_file(path) as file:
                yield file
        else:
            with _whole_file(path) as file:
                yield file


@contextmanager
def naming(path: str | None) -> Iterator[None]:
    """Give an OSError that names no file the name of what is being written (a full disk has none of its own)."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as e:
        if e.filename is None and e.strerror:
            e.filename = "standard output" if path in (None, "-") else path
        raise


def spare(captures: Iterable[str], path: str | None) -> None:
    """Raises ConfigError where a report would take the place of one of the captures that it is about."""
    if path is None:
        return
    for capture in captures:
        with suppress(OSError, ValueError):
            if os.path.samefile(capture, path) and not _is_special(path):
                raise ConfigError(f"{printable(path)}: is a capture that is to be read: name another file to write")


def _is_special(path: str) -> bool:
    """A pipe, terminal or device: it is written to, not replaced."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


@contextmanager
def _special_file(path: str) -> Iterator[BinaryIO]:
    try:
        file = open(path, "wb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise ConfigError(f"{printable(path)}: cannot be written ({e.strerror})") from e
    with file:
        yield file


@contextmanager
def _whole_file(path: str) -> Iterator[BinaryIO]:
    """Write beside the target, and put it in the target's place when it is complete."""
    import tempfile

    target = os.path.realpath(path)  # a symbolic link goes on pointing to the report
    try:
        fd, name = tempfile.mkstemp(prefix=".tcpfsm-", suffix=".part", dir=os.path.dirname(target))
    except OSError as e:
        raise ConfigError(f"{printable(path)}: cannot be written ({e.strerror}): check its folder") from e
    try:
        with open(fd, "wb") as file:
            yield file
        with suppress(OSError):
            os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _mode(target: str) -> int:
    """The permissions of the file that is replaced; of a new one, those that the umask leaves."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
