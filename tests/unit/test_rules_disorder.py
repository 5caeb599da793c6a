"""Times that run backwards (G8): no finding tells of a negative one, and none rests on it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.rules.phrases import duration, figure, intervals
from tools.captures import SECOND, Frame, pcap
from tools.conversation import SCENARIOS, load
from tools.program import report as report_of
from tools.reading import read_bytes
from tools.stories import EXPECTED, capture, report

NEGATIVE = re.compile(r"(?<![\w.:)])-\d")
SECONDS = {"after", "after_fin", "age", "apart", "first_gap", "idle", "lasted", "span", "until_reset", "waited"}
STORIES = [path.stem for path in sorted((SCENARIOS / "rules").glob("*.fires.txt"))]
SMALL = [name for name in EXPECTED if capture(name).stat().st_size < 40_000]


def frames_of(name: str) -> list[Frame]:
    path = SCENARIOS / "rules" / f"{name}.txt"
    return read_bytes(load(path).capture() if path.exists() else capture(name).read_bytes()).frames


def disordered(name: str) -> Iterator[list[Frame]]:
    """Its second half before the first, as when captures are named in the wrong order; and a clock that jumps about."""
    frames = frames_of(name)
    middle = len(frames) // 2
    yield frames[middle:] + frames[:middle]
    times = [time for time, _ in frames]
    random.Random(name).shuffle(times)
    yield [(time, data) for time, (_, data) in zip(times, frames, strict=True)]


def numbers(value: object) -> Iterator[float]:
    """All numbers in a report."""
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("name", [*STORIES, *SMALL])
def test_no_time_is_negative(name: str) -> None:
    for frames in disordered(name):
        made = report(pcap(frames, nano=True))
        for finding in made["findings"]:
            told = finding["message"], *finding["alternatives"]
            assert not any(NEGATIVE.search(text) for text in told), told
            finding["evidence"].pop("off_by", None)  # a distance in sequence space, which has two directions
        assert min(numbers(made), default=0) >= 0


def test_the_seconds_that_are_looked_at_are_there() -> None:
    """Else the test above would not see much."""
    names = {name for story in STORIES for finding in found(story) for name in finding["evidence"]}
    assert names >= SECONDS


def found(name: str) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = report(pcap(frames_of(name), nano=True))["findings"]
    return findings


def test_captures_in_the_wrong_order_make_no_reuse(tmp_path: Path) -> None:
    """The newer connection, read first, had not ended when the older one began."""
    frames = frames_of("time-wait-reuse.fires")
    whole = report(pcap(frames, nano=True))
    [reuse] = [f for f in whole["findings"] if f["rule"] == "time-wait-reuse"]
    early, late = tmp_path / "early.pcap", tmp_path / "late.pcap"
    early.write_bytes(pcap(frames[: reuse["frame"] - 1], nano=True))
    late.write_bytes(pcap(frames[reuse["frame"] - 1 :], nano=True))
    assert [f["message"] for f in report_of(early, late)["findings"]] == [f["message"] for f in whole["findings"]]
    assert all(f["rule"] != "time-wait-reuse" for f in report_of(late, early)["findings"])


def test_what_is_said_of_a_time_that_is_not_known() -> None:
    assert duration(-1) == "an unknown time"
    assert figure(-1) is None
    assert intervals([-1]) == "after an unknown time"
    assert intervals([SECOND, -1, 2 * SECOND]) == "after 1.0, ?, 2.0 s"
