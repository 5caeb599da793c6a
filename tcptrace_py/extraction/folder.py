"""A folder that files are written into: no name leads out of it, no link is followed, nothing of others is overwritten."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence

from tcptrace_py.errors import ConfigError

_FLAGS = (
    os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_AT_ONCE = 512
"""Buffers of one write: systems take at least 1,024 (IOV_MAX), or only one."""
_RELATIVE = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd


class Folder:
    """Files of our own in a folder, which is made if it is not there."""

    def __init__(self, path: str) -> None:
        """Raises ConfigError."""
        self.path = path
        self._made: dict[str, tuple[int, int]] = {}  # which file a name stands for, so that no other is appended to
        self._fd: int | None = None
        try:
            os.makedirs(path, exist_ok=True)
            if _RELATIVE:
                self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
        except OSError as e:
            raise ConfigError(f"{path}: cannot be made or entered ({e.strerror}): name a folder") from e

    def clear(self, names: Iterable[str], *, force: bool) -> None:
        """See to it that none of these names is taken; ``force``: by removing files.  Raises ConfigError."""
        there = set(os.listdir(self.path if self._fd is None or os.listdir not in os.supports_fd else self._fd))
        for name in names:
            if name in there:
                if not force:
                    raise ConfigError(
                        f"{os.path.join(self.path, name)} exists: choose another folder, or replace it with --force"
                    )
                try:
                    os.unlink(self._at(name), dir_fd=self._fd)
                except OSError as e:
                    raise ConfigError(f"{os.path.join(self.path, name)}: cannot be replaced ({e.strerror})") from e

    def append(self, name: str, buffers: Sequence[bytes], gap: int = 0) -> None:
        """Write at the end of a file of ours, ``gap`` zero bytes behind what is there.

        Raises ConfigError when somebody else has put something in its place, OSError when the disk is full.
        """
        fd = self.open(name)
        try:
            if gap:
                os.ftruncate(fd, os.fstat(fd).st_size + gap)
            for at in range(0, len(buffers), _AT_ONCE):
                write_all(fd, buffers[at : at + _AT_ONCE])
        finally:
            os.close(fd)

    def open(self, name: str) -> int:
        """A descriptor for a file of ours, which is made when it is opened first."""
        made = self._made.get(name)
        flags = _FLAGS if made else _FLAGS | os.O_CREAT | os.O_EXCL
        try:
            fd = os.open(self._at(name), flags, 0o666, dir_fd=self._fd)
        except OSError as e:
            raise ConfigError(f"{os.path.join(self.path, name)}: cannot be written ({e.strerror})") from e
        status = os.fstat(fd)
        identity = (status.st_dev, status.st_ino)
        if made is not None and (made != identity or not stat.S_ISREG(status.st_mode)):
            os.close(fd)
            raise ConfigError(f"{os.path.join(self.path, name)}: somebody has replaced it meanwhile")
        self._made[name] = identity
        return fd

    def forget(self, name: str) -> None:
        """A file of ours is complete."""
        self._made.pop(name, None)

    def close(self) -> None:
        """Nothing more is written."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _at(self, name: str) -> str:
        """What to open: the name alone, where the folder is held open."""
        return name if self._fd is not None else os.path.join(self.path, name)


def write_all(fd: int, buffers: Sequence[bytes]) -> None:
    """Write all of it, however little the system takes at a time."""
    if hasattr(os, "writev"):
        written = os.writev(fd, buffers)
        if written == sum(map(len, buffers)):
            return
    else:
        written = 0
    rest = memoryview(b"".join(buffers))[written:]
    while rest:
        rest = rest[os.write(fd, rest) :]
