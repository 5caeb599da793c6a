"""What ``tcpfsm extract`` says when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.extraction.files import LIST, StreamFiles
from tcptrace_py.report.phrases import count, number, quoted
from tcptrace_py.report.text import printable

if TYPE_CHECKING:
    from tcptrace_py.capture.writer import Writer


def told(
    total: int,
    chosen: int,
    along: int,
    files: StreamFiles | None,
    folder: str | None,
    writer: Writer | None,
    path: str | None,
) -> list[str]:
    """The lines.  ``along``: connections whose frames were taken along."""
    lines = []
    if not chosen:
        lines.append(f"No connection was chosen, of {number(total)}.")
    if files is not None and folder is not None:
        lines += of_streams(files, folder)
    if writer is not None and path is not None:
        where = "standard output" if path == "-" else printable(path)
        more = f", and of {number(along)} before or after on the same ports," if along else ""
        lines.append(f"{count(writer.count, 'frame')} of {count(chosen, 'connection')}{more} in {where}")
        if path != "-":
            lines.append(f"  tcpfsm analyze {quoted(path)}")
    return lines


def of_streams(files: StreamFiles, folder: str) -> list[str]:
    """What was written, and what is missing."""
    t = files.totals
    lines = [
        f"{count(t.streams, 'stream')} of {count(t.connections, 'connection')}, {count(t.bytes, 'byte')}, in {printable(folder)}"
    ]
    if t.holes:
        unknown = t.missing_bytes - t.unacknowledged_bytes
        parts = []
        if unknown:
            parts.append(f"{number(unknown)} acknowledged: the capture misses them")
        if t.unacknowledged_bytes:
            parts.append(f"{number(t.unacknowledged_bytes)} not acknowledged")
        lines.append(f"{count(t.missing_bytes, 'byte')} missing in {count(t.holes, 'hole')} ({'; '.join(parts)})")
    else:
        lines.append(
            "No byte is missing." if t.complete == 2 * t.connections else "No byte is missing in what was seen."
        )
    remarks = (
        (t.conflicts, "segment", "{} brought other bytes than had passed before: the first copy is kept"),
        (t.late_bytes, "byte", "{} came after their hole had been given up"),
        (t.given_up_bytes, "byte", "{} given up for want of memory, which might have come"),
        (t.cut_bytes, "byte", "{} cut by the capture length"),
        (t.outside_bytes, "byte", "{} left out, beyond every window"),
        (t.urgent_segments, "segment", "{} with urgent data"),
        (t.bad_checksums, "segment", "{} left out for a wrong checksum"),
        (t.unfilled_bytes, "byte", "{} of holes not filled: too many"),
    )
    lines += [sentence.format(count(n, unit)) for n, unit, sentence in remarks if n]
    lines.append(f"Holes, conflicts and more figures: {printable(folder)}/{LIST}")
    return lines
