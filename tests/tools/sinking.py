"""An analysis in this process, into any format."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tcptrace_py.cli.analysis import Result, analyze
from tcptrace_py.config import Config
from tcptrace_py.report.formats import sink_class
from tcptrace_py.report.sink import Style
from tools.captures import Frame, pcap

STYLE = Style(captures=("some.pcap",))


def write(frames: Iterable[Frame] | bytes | Path, name: str, config: Config | None = None, **style: object) -> bytes:
    """The report on frames, on the bytes of a capture, or on a file, in the format called ``name``."""
    return analysed(frames, name, config, **style)[0]


def analysed(
    frames: Iterable[Frame] | bytes | Path, name: str, config: Config | None = None, **style: object
) -> tuple[bytes, Result]:
    """Likewise, with the figures."""
    out = io.BytesIO()
    sink = sink_class(name)(out, msgspec.structs.replace(STYLE, **style))
    if isinstance(frames, Path):
        frames = frames.read_bytes()
    data = frames if isinstance(frames, bytes) else pcap(frames, nano=True)
    try:
        result = analyze(["-"], config or Config(), sink, stdin=io.BytesIO(data))
    finally:
        sink.close()
    return out.getvalue(), result
