"""Captures that were cut short anywhere, and captures that other people collected: only what is specified may happen."""

from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path

import pytest

from tcptrace_py.cli.analysis import Result
from tcptrace_py.errors import CaptureError
from tools.captures import pcapng
from tools.reading import read_bytes
from tools.sinking import analysed
from tools.stories import capture

SAMPLE = capture("thirty-packets").read_bytes()
CHECKOUT = Path(__file__).resolve().parents[1]
CORPUS = Path(os.environ.get("TCPFSM_CORPUS") or CHECKOUT.parent / "shared" / "corpus")
NO_CORPUS = "no corpus of captures: set TCPFSM_CORPUS to its folder, or put it at ../shared/corpus"


def attempt(data: bytes) -> Result | str:
    """The result of an analysis, or the message of the one error that is allowed."""
    try:
        return analysed(data, "json")[1]
    except CaptureError as e:
        return str(e)


def check_cut(data: bytes, head: int, ends: list[int], packets: int) -> None:
    """Data is the beginning of a capture: its head is as long as that, its records (or blocks) end there."""
    result = attempt(data)
    if isinstance(result, str):
        assert len(data) < head, f"refused at {len(data)}: {result}"
        assert "\n" not in result
        assert result.startswith("standard input: ")
        return
    assert len(data) >= head, f"accepted at {len(data)}"
    assert result.tally.packets == packets, f"cut at {len(data)}"
    whole = len(data) in ends
    kinds = [problem.kind for problem in result.capture.problems]
    assert len(kinds) == (0 if whole else 1), f"cut at {len(data)}: {kinds}"
    assert all(problem.offset is not None and problem.message for problem in result.capture.problems)
    assert balanced(result)


def balanced(result: Result) -> bool:
    """Every record was a segment, quoted one, or was skipped for a reason."""
    made = result.capture
    return made.packets == made.tcp_segments + (made.quoted or 0) + sum(made.skipped.values())


def test_a_pcap_cut_at_every_offset() -> None:
    ends = list(accumulate((16 + len(data) for _, data in read_bytes(SAMPLE).frames), initial=24))
    assert ends[-1] == len(SAMPLE)
    assert len(ends) == 31
    for size in range(len(SAMPLE) + 1):
        check_cut(SAMPLE[:size], 24, ends, sum(size >= end for end in ends[1:]))


def test_a_pcapng_cut_at_every_offset() -> None:
    frames = read_bytes(SAMPLE).frames
    whole = pcapng(frames)
    head = len(pcapng([]))
    ends = [28, head, *(len(pcapng(frames[:n])) for n in range(1, len(frames) + 1))]
    assert ends[-1] == len(whole)
    for size in range(len(whole) + 1):
        check_cut(whole[:size], 28, ends, sum(size >= end for end in ends[2:]))


def corpus() -> list[Path]:
    """The ten largest and fifty smallest files of one collection, all compressed ones of the other."""
    if not CORPUS.is_dir():
        return []
    files = [path for path in (CORPUS / "tcpdump-tests").rglob("*") if path.is_file()]
    files.sort(key=lambda path: (path.stat().st_size, path.name))
    return sorted({*files[:50], *files[-10:]}) + sorted((CORPUS / "tcptrace").glob("*.gz"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=NO_CORPUS)
def test_the_corpus_is_complete() -> None:
    assert len(corpus()) > 60


@pytest.mark.parametrize(
    "path",
    corpus() or [pytest.param(None, marks=pytest.mark.skip(NO_CORPUS))],
    ids=lambda path: path.name if path else "none",
)
def test_a_capture_of_the_corpus_is_analysed_or_refused(path: Path) -> None:
    result = attempt(path.read_bytes())
    if isinstance(result, str):
        assert result.startswith("standard input: ")
        assert "\n" not in result
    else:
        assert balanced(result)
