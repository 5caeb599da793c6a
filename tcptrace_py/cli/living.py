"""``tcpfsm live`` from its options to the exit status: capture, observation, report, and every way in which they end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, BinaryIO

import tcptrace_py
from tcptrace_py.capture import Captures, filter_for
from tcptrace_py.capture import live as capture
from tcptrace_py.capture.growing import Growing, LiveOpener
from tcptrace_py.capture.keep import Keeper, Ring
from tcptrace_py.capture.live import Child, Plan
from tcptrace_py.capture.tap import Tap
from tcptrace_py.cli import exits
from tcptrace_py.cli.analysis import (
    SECOND,
    Result,
    comparison_for,
    describe_capture,
    summarize,
    timers,
    without_collector,
)
from tcptrace_py.cli.choosing import Choosing
from tcptrace_py.cli.options import config_from
from tcptrace_py.cli.output import open_output
from tcptrace_py.cli.picturing import pictures_of
from tcptrace_py.cli.running import status_of, wants_color, warn
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.engine import ENGINE
from tcptrace_py.errors import CaptureError, ConfigError
from tcptrace_py.gate.settings import Settings
from tcptrace_py.live.clock import Clock
from tcptrace_py.live.events import Events
from tcptrace_py.live.lines import Lines
from tcptrace_py.live.observer import Observer
from tcptrace_py.live.provisional import ProvisionalJudge
from tcptrace_py.live.screen import Screen
from tcptrace_py.live.view import View
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.watched import WatchedTracker
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.report import model
from tcptrace_py.report.formats import sink_class
from tcptrace_py.report.sink import Ending, Sink, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge

STDIN = "-"
MOST_CONNECTIONS = 50_000
"""Kept in memory at once, unless the options say otherwise: what runs for days must be bounded."""


def run_live(interface: str, options: dict[str, Any], settings: Settings) -> int:
    """Capture, observe, report; returns the exit status.  Raises TcpfsmError and OSError."""
    config = live_config(options, settings)
    judge = Judge(config)  # a misspelt rule is known before anything is captured
    with ExitStack() as stack:
        stop = stack.enter_context(listening_to_signals())
        out = stack.enter_context(open_output(options["output"]))
        live = Live(interface, options, config, stop)
        stack.callback(live.close)
        return live.run(out, judge)


def live_config(options: dict[str, Any], settings: Settings) -> Config:
    """The configuration, in which memory has a bound."""
    from dataclasses import replace

    config = config_from(options, settings)
    if options["max_connections"] is None and not settings.max_connections:
        return replace(config, max_connections=MOST_CONNECTIONS)
    return config


class Stop:
    """Whether the run is to end, and why."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        """Becomes readable when a signal has come."""
        self.signal = 0
        """The one that ends the run."""


@contextmanager
def listening_to_signals() -> Iterator[Stop]:
    """Signals end the run in good order: the report is still to be written.  The second one ends it at once."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    stop = Stop(reading)

    def note(number: int, _frame: FrameType | None) -> None:
        if stop.signal:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(exits.TERMINATED)
        stop.signal = number

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, note) for number in numbers}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


class Live:
    """One run.  It is what the stream asks for its wishes."""

    def __init__(self, interface: str, options: dict[str, Any], config: Config, stop: Stop) -> None:
        """Raises TcpfsmError when nothing can be captured."""
        self.interface = interface
        self.options = options
        self.config = config
        self.stop = stop
        self.fd = stop.fd
        self.should_stop = False
        self.child: Child | None = None
        self.keeper: Keeper | None = None
        self.observer: Observer | None = None
        self.tracker: WatchedTracker | None = None
        self.view = View()
        self._deadline = 0.0
        self._stack = ExitStack()
        ring = ring_of(options)
        self._filter = filter_for(config.bpf) if interface == STDIN else None
        self.choosing = Choosing(config)
        self._stack.callback(self.choosing.close)
        try:
            if interface == STDIN:
                fd = piped()
            else:
                self.child = self._stack.enter_context(capture.start(plan_of(interface, options, config)))
                fd = self.child.fd
            if options["write"]:
                self.keeper = Keeper(options["write"], ring)
                self._stack.callback(self.keeper.close)
        except BaseException:
            self._stack.close()
            raise
        tap = Tap(interface, options["count"] or 0)
        self.growing = Growing(fd, self.child, tap, self.keeper, self, self.choosing.feed)

    def close(self) -> None:
        """Leave nothing behind: no child, no open file, no changed terminal."""
        try:
            self.view.close()
        finally:
            self._stack.close()

    # -- what the stream asks -- #

    def pulse(self) -> float:
        """See growing.Wishes."""
        patience = 60.0
        if self.tracker is not None and self.observer is not None:
            self.choosing.poll(self.tracker)
            patience = self.observer.pulse()
        if self._deadline:
            patience = min(patience, max(self._deadline - time.monotonic(), 0.0))
        if self.stop.signal or (self._deadline and time.monotonic() >= self._deadline):
            self.should_stop = True
        return patience

    def ended(self, *, cut: bool) -> int:
        """See growing.Wishes."""
        if self.observer is None:
            return -1
        until = -1 if cut else self.observer.clock.now()
        self.choosing.finish(self.tracker)
        self.observer.finish()
        return until

    # -- the run -- #

    def run(self, out: BinaryIO, judge: Judge) -> int:
        """From the first packet to the report."""
        options = self.options
        if options["duration"]:
            self._deadline = time.monotonic() + options["duration"]
        style = style_of(options, self.config)
        sink = sink_class(options["format_name"])(out, style)
        self._stack.callback(sink.close)
        if not options["quiet"]:
            self._announce()
        try:
            captures = Captures(LiveOpener(self.interface, self.growing, self._filter))
        except CaptureError:
            return self._end_without_any()
        self._stack.callback(captures.close)
        self.view = self._choose_view(out)
        decoder = Decoder(self.config.verify_checksums)
        pipeline = self._wire(captures, decoder, judge, sink)
        with without_collector():
            pipeline.run()
        self.view.close()
        tracker, tally = pipeline.tracker, pipeline.tally
        described = describe_capture(captures, decoder, tracker, tally, self.config)
        summary = summarize(tally, self.config)
        tool = model.Tool("tcpfsm", tcptrace_py.__version__, ENGINE)
        sink.finish(Ending(tool, described, summary, pipeline.capture_findings))
        out.flush()
        return self._status(Result(tally, described, summary))

    def _wire(self, captures: Captures, decoder: Decoder, judge: Judge, sink: Sink) -> Pipeline:
        """The pipeline of an analysis, with somebody who watches."""
        config, view = self.config, self.view
        provisional = ProvisionalJudge(config)
        limits = Limits(config.max_connections, round(config.thresholds.stuck * SECOND))
        tracker = WatchedTracker(timers(config), limits, provisional.facts, waits(config), view.tells_touched)
        tracker.detailed = sink.detailed or self.choosing.detailed

        def take(c: Connection, findings: list[Finding]) -> None:
            view.left(c, findings)
            sink.connection(c, findings)

        first = max(sink.wants_first, view.wants_first)
        pipeline = Pipeline(
            captures, decoder, tracker, judge, take, first, None, self.choosing.filter, comparison_for(config)
        )
        growing = self.growing
        clock = Clock(
            lambda: int(pipeline.tally.end),
            is_local=self.child is not None,
            is_behind=lambda: growing.behind > 0,
        )
        terminal = isinstance(view, Screen)
        interval = self.options["interval"] or (1.0 if terminal or view.tells_touched else 10.0)
        observer = Observer(provisional, view, clock, interval, lambda: growing.behind, self.choosing.wants)
        observer.watch(pipeline, tracker)
        observer.flush = sys.stdout.buffer.flush
        observer.tidy = lambda: self.choosing.tidy(tracker)
        self.observer, self.tracker = observer, tracker
        return pipeline

    def _choose_view(self, out: BinaryIO) -> View:
        """How to show what is going on, on standard output, unless a report for programs goes there."""
        options = self.options
        if options["quiet"]:
            return View() if options["format_name"] != "ndjson" else Events(out)
        if options["format_name"] == "ndjson":
            return Events(out)
        if options["output"] is None and options["format_name"] not in ("table", "markdown"):
            return View()
        encoding = sys.stdout.encoding or "utf-8"
        if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            title = f"tcpfsm live {printable(self.interface)}"
            return Screen(sys.stdout.buffer, encoding, title, color=wants_color(options["color"], None))
        return Lines(sys.stdout.buffer, encoding)

    def _announce(self) -> None:
        """Say that it has begun, where somebody looks."""
        if sys.stderr.isatty():
            how = f" with {self.child.name}" if self.child is not None else ""
            name = "standard input" if self.interface == STDIN else printable(self.interface)
            print(f"tcpfsm: capturing on {name}{how}; Ctrl-C ends it with the report", file=sys.stderr)

    # -- how it ends -- #

    def _end_without_any(self) -> int:
        """The capture has ended before its file header; the error that is being handled says what it was instead."""
        if self.stop.signal:
            return self._stopped()
        if self.child is not None and self.child.trouble:
            raise CaptureError(f"{self.interface}: {self.child.trouble}") from None
        raise  # noqa: PLE0704 - called while it is handled

    def _stopped(self) -> int:
        return exits.INTERRUPTED if self.stop.signal == signal.SIGINT else exits.TERMINATED

    def _status(self, result: Result) -> int:
        """Say what went wrong; the exit status."""
        if not self.options["quiet"]:
            warn(result)
        trouble = (self.keeper.trouble if self.keeper is not None else "") or self.choosing.trouble
        if not trouble and self.child is not None and self.child.trouble:
            trouble = f"{self.interface}: {self.child.trouble}; the report tells of what came before"
        if trouble:
            print(f"tcpfsm: {printable(trouble)}", file=sys.stderr)
            return exits.USAGE
        if self.stop.signal:
            return self._stopped()
        return status_of(result, self.config, strict=self.options["strict"])


def plan_of(interface: str, options: dict[str, Any], config: Config) -> Plan:
    """What to capture: with a display filter the whole of each packet, as it looks at what is in there."""
    snaplen = options["snaplen"]
    if snaplen is None:
        snaplen = 0 if config.display_filter else capture.SNAPLEN
    return Plan(interface, config.bpf, snaplen, options["buffer"], not options["no_promiscuous"])


def ring_of(options: dict[str, Any]) -> Ring:
    """The options of --write.  Raises ConfigError."""
    ring = Ring(
        size=(options["rotate_size"] or 0) << 20,
        seconds=options["rotate_time"] or 0.0,
        files=options["keep_files"] or 0,
    )
    if ring != Ring() and not options["write"]:
        raise ConfigError("--rotate-size, --rotate-time and --keep-files are about the file of --write: name one")
    if ring.files and not (ring.size or ring.seconds):
        raise ConfigError("--keep-files needs --rotate-size or --rotate-time: else there is only one file")
    return ring


def piped() -> int:
    """The descriptor of a capture that is piped in.  Raises CaptureError."""
    try:
        fd = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        raise CaptureError("standard input: it is closed: pipe a capture into it") from None
    if os.isatty(fd):
        raise CaptureError("standard input is a terminal: pipe a capture into it, or name an interface")
    return fd


def style_of(options: dict[str, Any], config: Config) -> Style:
    """Of the report at the end."""
    path: str | None = options["output"]
    kept = (
        (options["write"],)
        if options["write"] and not options["rotate_size"] and not options["rotate_time"]
        else (STDIN,)
    )
    return Style(
        color=wants_color(options["color"], path),
        verbose=options["verbose"],
        encoding="utf-8" if path else sys.stdout.encoding or "utf-8",
        captures=kept,
        pictures=pictures_of(kept, config) if options["format_name"] == "html" else None,
        restricted=bool(config.select or config.ignore),
    )


def waits(config: Config) -> list[int]:
    """After so many ns of waiting, rules may speak, or timers run out."""
    t, limits = config.timers, config.thresholds
    seconds = {
        *(limits.zero_window, limits.unanswered, limits.half_open, limits.idle, limits.stuck, 1.0, 4.0),
        *(t.time_wait, t.fin_wait_2, 2 * t.fin_wait_2, t.syn_give_up, t.synack_give_up, t.fin_give_up),
    }
    return sorted(round(s * SECOND) + 1 for s in seconds if s > 0)
