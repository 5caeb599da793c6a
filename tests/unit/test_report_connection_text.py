"""The compiled writer of JSON and CSV gives what the report's types give, byte by byte, whatever the connection."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from model.judge import Judge
from model.programs import programs
from model.wire import Program
from tcptrace_py.cli.analysis import analyze
from tcptrace_py.config import Config
from tcptrace_py.errors import CaptureError
from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import states as st
from tcptrace_py.machine import story
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint, Retraction, Step
from tcptrace_py.machine.figures import Detail, Spread
from tcptrace_py.machine.recovery import WHY_SPURIOUS, Again, Recovery
from tcptrace_py.report import model
from tools.both_texts import Both
from tools.captures import pcap
from tools.conversation import SCENARIOS, load
from tools.properties import REPEATABLE
from tools.segments import START, TO_CLIENT, TO_SERVER, segment
from tools.stories import EXPECTED, capture
from tools.talk import Talk
from tools.twins import attributes

CORPUS = Path(os.environ.get("TCPFSM_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
STRANGE = [
    '=1+1,"quoted"',
    "\\back\\slash\n\t\x00\x1b[31m",
    "naïve ☃ \U0001f600 \u202e",
    "",
    "a,b",
    "\u2028</script>",
    " ",
]


def compared(data: bytes, config: Config | None = None, labels: dict[int, str] | None = None) -> list[dict[str, Any]]:
    """The connections of a capture, none of which was written in two ways."""
    both = Both(labels)
    analyze(["-"], config or Config(), both, stdin=io.BytesIO(data))
    return [json.loads(text) for text in both.texts]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_samples(name: str) -> None:
    assert compared(capture(name).read_bytes())


def test_the_scenarios() -> None:
    found = [c for path in sorted(SCENARIOS.rglob("*.txt")) for c in compared(load(path).capture())]
    sides = [e for c in found for e in c["endpoints"].values()]
    assert sum(len(e["retracted"]) for e in sides) > 20
    assert sum(len(e["sent"]["retransmissions"]) for e in sides) > 20
    assert {c["opening"] for c in found} == set(story.OPENINGS)
    assert {c["closing"] for c in found} == set(story.CLOSINGS)
    assert sum(len(c["findings"]) for c in found) > 50


def test_what_is_dropped_from_memory_and_what_is_ipv6() -> None:
    frames = []
    for n in range(20):
        talk = Talk(client=("2001:db8::1", 1024 + n), server=("::ffff:10.0.0.1", 443), time=START + n)
        frames += talk.handshake().frames
    found = compared(pcap(sorted(frames), nano=True), Config(max_connections=3))
    assert sum(c["evicted"] for c in found) > 10
    assert found[0]["client"]["address"] == "2001:db8::1"


def test_labels() -> None:
    data = capture("demo").read_bytes()
    assert compared(data, labels={})[0]["application"] is None
    labels = dict(enumerate(STRANGE, 1))
    found = {c["id"]: c["application"] for c in compared(data, labels=labels)}
    assert {number: found[number] for number in labels} == labels


@REPEATABLE
@given(some.text(some.characters(codec="utf-8")))
def test_any_label(label: str) -> None:
    both = Both({1: label})
    both.connection(some_connection(random.Random(1)), [])
    assert json.loads(both.texts[0])["application"] == label


@settings(REPEATABLE, max_examples=150)
@given(programs(("usual", "refused", "simultaneous", "midstream")))
def test_whatever_two_hosts_do(program: Program) -> None:
    judge = Judge(program)
    judge.tracker.detailed = True
    judge.run()
    both = Both()
    for c in judge.tracker.finished:
        both.connection(c, [])
    assert len(both.texts) == len(judge.tracker.finished)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of captures: set TCPFSM_CORPUS to its folder")
def test_captures_of_others() -> None:
    count = 0
    small = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.stat().st_size < 20_000)
    for path in small[::8]:
        both = Both()
        try:
            analyze([str(path)], Config(), both)
        except CaptureError:
            continue
        count += len(both.texts)
    assert count > 20


# -- any figures whatever -- #

NUMBERS = (
    -1,
    0,
    1,
    2,
    9,
    10,
    99,
    100,
    999,
    1000,
    1001,
    65535,
    999_999,
    10**6,
    123_456_789,
    10**9,
    10**9 + 1,
    10**15 + 7,
)
TIMES = (0, 5, 45, 999, 1000, 123_456, 10**9 - 1, 10**9, 1_700_000_000_123_456_789)


def fill(thing: object, dice: random.Random, keep: frozenset[str] = frozenset()) -> None:
    """Give every number, time and truth that it has some value."""
    for name in attributes(thing):
        value = getattr(thing, name)
        if name in keep or value is None:
            continue
        if isinstance(value, bool):
            setattr(thing, name, dice.random() < 0.5)
        elif isinstance(value, float):
            setattr(thing, name, dice.choice((0.0, 1.5, 2e9, 7e15)))
        elif isinstance(value, int):
            setattr(thing, name, dice.choice(NUMBERS))


def some_step(dice: random.Random) -> Step:
    step = Step(dice.randrange(st.COUNT), dice.choice(TIMES), dice.choice(NUMBERS), 0, dice.choice(STRANGE))
    step.evidence = dice.randrange(len(EVIDENCE_NAMES))
    step.confirmed_by = dice.choice(NUMBERS)
    return step


def some_repetition(dice: random.Random) -> Again:
    again = Again(segment(9, dice.choice(TIMES), TO_SERVER, ".", 1, 1, 10), 1, 11, oldest=True)
    again.mark = dice.choice((0, mk.TIMEOUT, mk.FAST, mk.SACK, mk.TAIL_PROBE))
    again.spurious = dice.randrange(len(WHY_SPURIOUS))
    again.original, again.bytes = dice.choice(NUMBERS), abs(dice.choice(NUMBERS))
    return again


def some_spread(dice: random.Random) -> Spread:
    spread = Spread()
    for _ in range(dice.randrange(4)):
        spread.add(dice.choice(TIMES))
    return spread


def some_side(dice: random.Random) -> Endpoint:
    e = Endpoint(st.CLOSED, 0, 1, "here")
    fill(e, dice)
    e.state = dice.randrange(st.COUNT)
    e.possible = dice.randrange(st.ANY + 1)
    e.steps = [some_step(dice) for _ in range(dice.randrange(1, 9))]
    e.step = e.steps[-1]
    e.retracted = [Retraction(some_step(dice), 7, dice.choice(STRANGE)) for _ in range(dice.randrange(3))]
    if dice.random() < 0.8:
        e.detail = d = Detail()
        fill(d, dice)
        d.idle_from = max(d.idle_from, 1)  # a frame wherever there is a silence
        d.rtt, d.waits = some_spread(dice), some_spread(dice)
        d.again = [some_repetition(dice) for _ in range(dice.randrange(4))]
        d.worst = [dice.choice((-1, *TIMES)) for _ in range(dice.randrange(4))]
    if dice.random() < 0.8:
        e.recovery = Recovery()
        fill(e.recovery, dice)
    return e


def some_connection(dice: random.Random) -> Connection:
    c = Connection(1, TO_CLIENT, some_side(dice), some_side(dice), 0, 1)
    fill(c, dice, frozenset(("number",)))
    c.written, c.letters = 0, 0
    for _ in range(dice.randrange(12)):
        c.write_history(dice.randrange(8), dice.randrange(2))
    c.start, c.end, c.observed_until = (dice.choice(TIMES) for _ in range(3))
    c.opening = dice.randrange(len(story.OPENINGS))
    c.closing = dice.randrange(len(story.CLOSINGS))
    c.outcome = dice.randrange(len(story.OUTCOMES))
    return c


def test_any_figures() -> None:
    dice = random.Random(1)
    both = Both()
    seen: dict[str, set[str]] = {}
    for _ in range(400):
        both.connection(some_connection(dice), [])
        c = json.loads(both.texts[-1])
        for e in c["endpoints"].values():
            for name, value in e["sent"].items():
                seen.setdefault(name, set()).add(json.dumps(value))
    assert set(seen) == set(model.Sent.__struct_fields__)
    assert {name for name, values in seen.items() if len(values) < 3} <= {"window_scaled"}, "each had several values"


def test_each_figure_alone() -> None:
    """What is written of a side of which there is nothing to say is kept: it must not stand for one that has something."""
    both = Both()
    quiet = bare_connection()
    both.connection(quiet, [])
    for of in ("endpoint", "detail", "recovery"):
        for name in attributes(part(quiet, of)):
            value = getattr(part(quiet, of), name)
            if isinstance(value, int) and not isinstance(value, bool) and name != "possible":
                c = bare_connection()
                setattr(part(c, of), name, value + 3)
                both.connection(c, [])
    assert len(both.texts) > 100
    assert len(set(both.texts)) > 50, "most of them are told"
    for waited in (0, 5):
        c = bare_connection()
        assert c.client.detail is not None
        c.client.detail.waited(waited)
        both.connection(c, [])


def bare_connection() -> Connection:
    sides = [Endpoint(st.CLOSED, 0, 1, "here") for _ in range(2)]
    for e in sides:
        e.detail = Detail()
        e.detail.idle_from = e.detail.idle_to = 1  # frames wherever there is a silence
    return Connection(1, TO_CLIENT, sides[0], sides[1], 0, 1)


def part(c: Connection, of: str) -> object:
    """A part of a side's figures; one that is not there is made."""
    e = c.client
    assert e.detail is not None
    return e.losses() if of == "recovery" else {"endpoint": e, "detail": e.detail}[of]


def test_rates_beyond_any_word() -> None:
    e = Endpoint(st.CLOSED, 0, 1, "here")
    e.detail = Detail()
    e.detail.first_data, e.detail.last_data, e.data_packets = 0, 1, 1
    e.payload_bytes, e.unique_bytes = 1 << 40, 1 << 30
    both = Both()
    both.connection(Connection(1, TO_CLIENT, e, Endpoint(st.CLOSED, 0, 1, "here"), 0, 1), [])
    sent = json.loads(both.texts[0])["endpoints"]["client"]["sent"]
    assert (sent["throughput"], sent["goodput"]) == (10**9 << 40, 10**9 << 30)
