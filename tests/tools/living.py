"""A recorded capture, lived through again: its packets come one by one, and in the silence between them the clock goes on."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import tcptrace_py.live.observer as observing
from tcptrace_py.capture.captures import Captures
from tcptrace_py.capture.notes import Notes, Source
from tcptrace_py.capture.opening import Opener
from tcptrace_py.capture.reader import Reader
from tcptrace_py.capture.streams import PipeStream
from tcptrace_py.capture.tap import Tap
from tcptrace_py.cli.analysis import SECOND, describe_capture, summarize, timers
from tcptrace_py.cli.living import waits
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.engine import ENGINE
from tcptrace_py.live.clock import Clock
from tcptrace_py.live.observer import Observer
from tcptrace_py.live.provisional import ProvisionalJudge
from tcptrace_py.live.view import View
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.watched import WatchedTracker
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.report import model
from tcptrace_py.report.formats import sink_class
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge

STEPS = 2
"""Looks in a silence of some length."""


class _At(Clock):
    """A clock that shows what it is told."""

    def __init__(self) -> None:
        super().__init__(lambda: -1, is_local=False)
        self.time = -1

    def now(self) -> int:
        return self.time


class Bytes:
    """What a PipeStream reads: one packet at a time, and before each of them ``before(time of the packet)``."""

    def __init__(self, pieces: list[tuple[int, bytes]], before: Callable[[int], None]) -> None:
        self.pieces = iter(pieces)
        self.before = before
        self.consumed = 0

    def read(self, _count: int) -> bytes:
        time, piece = next(self.pieces, (-1, b""))
        self.before(time)
        return piece

    def close(self) -> None:
        pass


class _Opener(Opener):
    def __init__(self, stream: PipeStream) -> None:
        super().__init__(["-"], None)
        self.stream = stream

    def open(self, index: int, notes: Notes) -> Reader:
        return self._reader(self.stream, Source("-"), index, notes)


def pieces_of(data: bytes) -> list[tuple[int, bytes]]:
    """A classic pcap file (microseconds or nanoseconds, of this machine's byte order), packet by packet, as pcapng."""
    unit = 1 if data[:4] == b"\x4d\x3c\xb2\xa1" else 1000
    tap = Tap("lo")
    found = [(-1, tap.feed(data[:24]))]
    at = 24
    while at < len(data):
        seconds, fraction, caplen = (int.from_bytes(data[at + n : at + n + 4], "little") for n in (0, 4, 8))
        found.append((seconds * SECOND + fraction * unit, tap.feed(data[at : at + 16 + caplen])))
        at += 16 + caplen
    return found


def live_again(
    data: bytes, name: str, view: View, *, config: Config | None = None, ahead: int = 0, step: int = 0
) -> tuple[bytes, Observer]:
    """The report in the format ``name`` on a pcap file, with somebody watching all the time.

    ``ahead``: the watchers' clock is so many ns fast, but nothing expires by it.  ``step``: in a silence, look at least so often.
    """
    config = config or Config()
    out = io.BytesIO()
    sink = sink_class(name)(out, Style(captures=("some.pcap",)))
    clock = _At()
    holder: list[Observer] = []

    def before(time: int) -> None:
        if holder:
            then = clock.time if clock.time >= 0 else time
            gap = time - then
            steps = max(STEPS, gap // step if step else 0) if gap > 0 else 0
            for n in range(steps):
                clock.time = then + gap * (n + 1) // (steps + 1) + ahead
                holder[0].pulse()
            clock.time = max(time, then)

    captures = Captures(_Opener(PipeStream(Bytes(pieces_of(data), before))))  # type: ignore[arg-type]
    provisional = ProvisionalJudge(config)
    limits = Limits(config.max_connections, round(config.thresholds.stuck * SECOND))
    tracker = WatchedTracker(timers(config), limits, provisional.facts, waits(config), view.tells_touched)
    tracker.detailed = sink.detailed

    def take(c: Connection, findings: list[Finding]) -> None:
        view.left(c, findings)
        sink.connection(c, findings)

    decoder = Decoder()
    pipeline = Pipeline(captures, decoder, tracker, Judge(config), take, max(sink.wants_first, view.wants_first), None)
    observer = Observer(provisional, view, clock, 1e9)
    observer.watch(pipeline, tracker)
    holder.append(observer)
    usual = observing.LOOK, observing.SHARE, observing.IDLE
    observing.LOOK = observing.SHARE = 0
    if ahead:
        observing.IDLE = 1 << 62
    try:
        pipeline.run()
    finally:
        observing.LOOK, observing.SHARE, observing.IDLE = usual
    capture = describe_capture(captures, decoder, tracker, pipeline.tally, replace(config))
    tool = model.Tool("tcpfsm", "0", ENGINE)
    sink.finish(Ending(tool, capture, summarize(pipeline.tally, config), pipeline.capture_findings))
    sink.close()
    return out.getvalue(), observer
