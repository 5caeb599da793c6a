"""BYTES → RECORD: captures in any format, compressed or not, from files or pipes, as one stream of records.

::

    paths ─ opening ─▶ Stream (streams, compressed) ─▶ Window (buffer) ─▶ Reader (pcap, pcapng, snoop) ─▶ Captures ─▶ Record

``formats`` is the table of capture formats by magic, ``compressed`` holds that of compressions.  What a capture says
about itself besides its packets is in ``notes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.notes import Problem, Source
from tcptrace_py.capture.opening import Opener

__all__ = ["Captures", "Problem", "Source", "open_captures"]


def open_captures(paths: Sequence[str], stdin: BinaryIO | None = None) -> Captures:
    """Open captures, to be read in the order given as one observation.

    A path "-" is standard input: ``stdin`` if given, else that of the process.  Raises CaptureError when one of them
    cannot be read at all: pipes and devices behind the first one are only tried at their turn, the others now.
    """
    opener = Opener(paths, stdin)
    opener.check(1)
    return Captures(opener)
