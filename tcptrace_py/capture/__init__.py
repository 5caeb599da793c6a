"""BYTES → RECORD: captures in any format, compressed or not, from files or pipes, as one stream of records.

::

    paths ─ opening ─▶ Stream (streams, compressed) ─▶ Window (buffer) ─▶ Reader (pcap, pcapng, snoop) ─▶ Captures ─▶ Record

``formats`` is the table of capture formats by magic, ``compressed`` holds that of compressions.  What a capture says
about itself besides its packets is in ``notes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.notes import Problem, Source
from tcptrace_py.capture.observation import Observation
from tcptrace_py.capture.opening import Opener

if TYPE_CHECKING:
    from tcptrace_py.capture.filtering import CaptureFilter

__all__ = ["Captures", "Observation", "Problem", "Source", "open_captures"]


def open_captures(paths: Sequence[str], stdin: BinaryIO | None = None, bpf: str = "") -> Captures:
    """Open captures, to be read in the order given as one observation.

    With ``bpf``, a capture filter, only of packets that pass it (HelperError and ConfigError where it cannot be compiled).

    A path "-" is standard input: ``stdin`` if given, else that of the process.  Raises CaptureError when one of them
    cannot be read at all: pipes and devices behind the first one are only tried at their turn, the others now.
    """
    opener = Opener(paths, stdin, filter_for(bpf))
    opener.check(1)
    return Captures(opener)


def filter_for(bpf: str) -> CaptureFilter | None:
    """The capture filter, if one is wanted.  Raises HelperError and ConfigError."""
    if not bpf:
        return None
    from tcptrace_py.capture.filtering import CaptureFilter

    return CaptureFilter(bpf)
