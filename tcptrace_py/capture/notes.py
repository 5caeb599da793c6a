"""What a capture says about itself besides its packets: where they came from, what is wrong, and comments."""

from __future__ import annotations

from dataclasses import dataclass

MAX_COMMENTS = 1000
MAX_COMMENT_BYTES = 1 << 20
"""Bounds on the comments kept: their number, and their length taken together."""

MAX_NEAR = 256
"""Addresses kept of hosts that captures were taken at."""

MAX_PROBLEMS = 10_000
"""Bound on the problems kept: a file has at most a few, but there may be many files."""


@dataclass(frozen=True)
class Problem:
    """Something that makes a capture less than a complete observation."""

    kind: str
    """One of: truncated (the file ends too early), corrupt (it contradicts itself), read_error (the system could not
    read on), capture_drops (the capture says that packets were dropped while capturing)."""
    message: str
    """One line that names the file, the offset and the frame."""
    frame: int | None
    """Number of the frame that could not be read, or None if the problem concerns no single frame."""
    offset: int | None
    """Where the damaged record starts, in bytes of the uncompressed file, or None."""
    source: int
    """Index of the file in ``Captures.sources``."""


@dataclass
class Source:
    """One file (or pipe) of the observation."""

    name: str
    """As given: a path, or "-" for standard input."""
    format: str = ""
    """Name in the table of formats: pcap, pcapng, snoop; empty until the file has been opened."""
    compression: str | None = None
    """gzip, bzip2, xz or zstd; None when the file is not compressed."""
    size: int | None = None
    """Bytes of the file on disk; None for a pipe."""
    packets: int = 0
    """Packets delivered so far."""
    bytes: int = 0
    """Their bytes on the wire."""

    @property
    def title(self) -> str:
        """The name to use in a sentence."""
        return "standard input" if self.name == "-" else self.name


class Notes:
    """What the readers note on their way, over all files; bounded, however hostile these are."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.comments: list[tuple[int | None, str]] = []
        self.near: list[bytes] = []
        self.observed_until = -1
        self._comment_bytes = 0

    def near_address(self, address: bytes) -> None:
        """A capture says that it was taken at this address."""
        if address not in self.near and len(self.near) < MAX_NEAR:
            self.near.append(address)

    def problem(self, kind: str, message: str, frame: int | None, offset: int | None, source: int) -> None:
        """Keep a problem (see ``Problem`` for the meaning of each argument)."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(kind, message, frame, offset, source))

    def comment(self, frame: int | None, text: bytes) -> None:
        """Keep a comment on a frame; frame None: on a file, section or interface."""
        self._comment_bytes += len(text)
        if len(self.comments) < MAX_COMMENTS and self._comment_bytes <= MAX_COMMENT_BYTES:
            self.comments.append((frame, text.rstrip(b"\0").decode("utf-8", "replace")))
