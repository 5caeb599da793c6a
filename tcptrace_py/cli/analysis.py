"""One analysis, wired together from its configuration: captures, decoder, tracker, rules, report."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from msgspec import UNSET

import tcptrace_py
from tcptrace_py.capture import Observation, open_captures
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder, link_name
from tcptrace_py.engine import ENGINE
from tcptrace_py.machine import states as st
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.story import OUTCOMES
from tcptrace_py.machine.timing import Timers
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.pipeline import Filter, Pipeline, Tally
from tcptrace_py.reassembly.comparison import Comparison
from tcptrace_py.relay.pay import relayed
from tcptrace_py.report import model
from tcptrace_py.report.sink import Ending, Sink
from tcptrace_py.report.text import maybe_seconds, storable
from tcptrace_py.rules.judge import Judge
from tcptrace_py.where.filter import filter_of

SECOND = 1_000_000_000
FILTERED = "filtered"
"""In ``capture.skipped``: left out by the capture filter."""

KEPT: list[Pipeline] = []
"""The last analysis, with all that it knows of connections: mostly the process ends, and none of it need be freed."""


class Result(NamedTuple):
    """What the command needs to know when the report has been written."""

    tally: Tally
    capture: model.Capture
    summary: model.Summary


def analyze(
    paths: Sequence[str],
    config: Config,
    sink: Sink,
    progress: Callable[[Observation], None] | None = None,
    stdin: BinaryIO | None = None,
    labels: dict[int, str] | None = None,
) -> Result:
    """Read captures, and write the report to ``sink``.

    ``progress`` is called now and then.  ``labels`` is filled with the application protocols of connections, by number, if
    the configuration wants them.  Raises CaptureError, ConfigError and HelperError.
    """
    judge = Judge(config)
    where = filter_of(config)
    opened = open_captures(paths, stdin, config.bpf)
    captures: Observation = opened
    try:
        detailed = sink.detailed or (where is not None and where.detailed)
        wanted: Filter | None = where
        listed = None
        if config.display_filter or config.labels:
            from tcptrace_py.cli.bridging import Matching, ask

            listed = ask(paths, config, labels)
            wanted = Matching(listed, where) if config.display_filter else where
        captures = relayed(opened, paths, config)
        decoder = Decoder(config.verify_checksums)
        tracker = Tracker(timers(config), Limits(config.max_connections, round(config.thresholds.stuck * SECOND)))
        tracker.detailed = detailed
        tick = None if progress is None else lambda: progress(captures)
        pipeline = Pipeline(
            captures,
            decoder,
            tracker,
            judge,
            sink.connection,
            sink.wants_first,
            tick,
            wanted,
            comparison_for(config),
            listed,
        )
        KEPT[:] = [pipeline]
        with without_collector():
            pipeline.run()
    finally:
        captures.close()
    capture = describe_capture(captures, decoder, tracker, pipeline.tally, config)
    summary = summarize(pipeline.tally, config)
    tool = model.Tool("tcpfsm", tcptrace_py.__version__, ENGINE)
    sink.finish(Ending(tool, capture, summary, pipeline.capture_findings))
    return Result(pipeline.tally, capture, summary)


def comparison_for(config: Config) -> Comparison | None:
    """What compares payload, if that is wanted."""
    return Comparison() if config.compare_payload else None


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the cyclic collector from looking at every connection again and again: the engine makes no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def timers(config: Config) -> Timers:
    """The configured timers, in the engine's nanoseconds."""
    t = config.timers
    return Timers(
        round(t.time_wait * SECOND),
        round(t.fin_wait_2 * SECOND),
        round(t.syn_give_up * SECOND),
        round(t.synack_give_up * SECOND),
        round(t.fin_give_up * SECOND),
        round(t.slop * SECOND),
    )


def describe_capture(
    captures: Observation, decoder: Decoder, tracker: Tracker, tally: Tally, config: Config
) -> model.Capture:
    """What was read."""
    checksums = None
    if config.verify_checksums:
        checksums = model.Checksums(
            checked=decoder.checked,
            bad=decoder.bad_checksums,
            partial=decoder.partial_checksums,
            bad_ip=decoder.bad_ip_checksums,
        )
    return model.Capture(
        sources=[
            model.Source(storable(s.name), s.format or None, s.compression, s.size, s.packets, s.bytes)
            for s in captures.sources
        ],
        packets=tally.packets + captures.left_out,
        bytes=tally.bytes,
        tcp_segments=tally.segments,
        start=maybe_seconds(tally.start),
        end=maybe_seconds(tally.end),
        link_types=[link_name(link) for link in captures.link_types],
        skipped={**decoder.skipped(), **({FILTERED: captures.left_out} if captures.left_out else {})},
        problems=[model.Problem(p.kind, storable(p.message), p.frame, p.offset, p.source) for p in captures.problems],
        dropped=captures.dropped,
        quoted=tally.quotations,
        duplicates=tracker.duplicates,
        truncated_segments=decoder.truncated_segments,
        fragments=decoder.fragment_counts(),
        checksums=checksums,
    )


def summarize(tally: Tally, config: Config) -> model.Summary:
    """The figures of the whole, the most frequent first."""
    pairs = {
        f"{st.NAMES[i // st.COUNT]}/{st.NAMES[i % st.COUNT]}": count for i, count in enumerate(tally.pairs) if count
    }
    outcomes = {name: count for name, count in zip(OUTCOMES, tally.outcomes, strict=True) if count}
    return model.Summary(
        connections=tally.connections,
        outcomes=by_count(outcomes),
        states=by_count(pairs),
        findings=by_count(tally.findings),
        severities={name: tally.severities.get(name, 0) for name in ("error", "warning", "info")},
        fine=tally.fine,
        unfinished=tally.unfinished,
        midstream=tally.midstream,
        evicted=tally.evicted,
        where=config.where or None,
        display_filter=config.display_filter or UNSET,
        others=tally.others,
    )


def by_count(counts: dict[str, int]) -> dict[str, int]:
    """Largest first, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
