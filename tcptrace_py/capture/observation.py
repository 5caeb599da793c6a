"""What is read as one observation, whoever reads it: records, one after the other, and what is known of where they are from."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tcptrace_py.capture.notes import Notes, Problem, Source
from tcptrace_py.packet import Record


@mypyc_attr(acyclic=True)
class Observation:
    """Base of ``Captures``, which reads files, and of what gets their records from a process that does."""

    def __init__(self, sources: list[Source]) -> None:
        self._notes = Notes()
        self._sources = sources
        self._links: list[int] = []
        self.frames_before: i64 = 0  # of the files before the one that is being read

    def next(self, record: Record) -> bool:
        """Fill ``record``, the same one each time, with the next packet.  False at the end of the last file.

        ``record`` points into a buffer that is only valid until the next call.  Raises CaptureError when a file that
        could not be checked beforehand (a pipe) turns out not to be a capture.
        """
        raise NotImplementedError

    @property
    def notes(self) -> Notes:
        """All that the readers noted."""
        return self._notes

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the captures, as far as they have been read."""
        return self._notes.problems

    @property
    def comments(self) -> list[tuple[int | None, str]]:
        """Comments in the captures: the frame each is on (None: on a file or interface), and its text."""
        return self._notes.comments

    @property
    def observed_until(self) -> int:
        """Nanoseconds: until when nothing but what was read has passed, if a capture says so; -1 otherwise."""
        return self._notes.observed_until

    @property
    def near(self) -> list[bytes]:
        """Addresses of hosts that the captures say they were taken at."""
        return self._notes.near

    @property
    def sources(self) -> list[Source]:
        """The files, in order; format and sizes are known of those that have been opened."""
        return self._sources

    @property
    def link_types(self) -> list[int]:
        """The LINKTYPE_ values of the packets read so far, in order of first appearance."""
        return self._links

    @property
    def left_out(self) -> int:
        """Packets that did not pass the capture filter, of the files that are done with."""
        return 0

    @property
    def bytes_read(self) -> int:
        """Bytes of the files, as stored, that have been read so far."""
        return 0

    @property
    def dropped(self) -> int | None:
        """Packets that were dropped while capturing, as far as the captures tell; None if none of them tells."""
        return None

    def close(self) -> None:
        """Close the file that is being read, if any.  ``next`` will say that there is nothing more."""
