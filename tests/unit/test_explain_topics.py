"""tcptrace_py.explain.topics: what a topic says of its sample is what the ladder of that sample shows, row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from tcptrace_py.config import PROFILES
from tcptrace_py.explain.names import find
from tcptrace_py.explain.topic import Example, Step, Topic
from tcptrace_py.explain.topics import GROUPS, TOPICS, about
from tcptrace_py.explain.transitions import TRANSITIONS
from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import trail as tr
from tcptrace_py.ladder import words
from tcptrace_py.machine.states import NAMES
from tools.ladders import drawn
from tools.stories import EXPECTED, capture

EXAMPLES = [
    pytest.param(example, id=f"{topic.name}-{example.sample}-{example.connection}")
    for topic in TOPICS.values()
    for example in topic.examples
]
every_topic = pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
every_example = pytest.mark.parametrize("example", EXAMPLES)

WANTED = """why-three-segments who-knows-what data-on-third-segment listen-queues syn-cookies why-four-segments half-closed
    why-time-wait why-2-msl lost-syn lost-syn-ack lost-third-ack lost-fin lost-fin-ack lost-second-fin lost-last-ack"""


@cache
def ladder_of(example: Example) -> lm.Ladder:
    return drawn(capture(example.sample), str(example.connection))


def said(item: lm.StateItem) -> str:
    """A state as topics write it."""
    if item.evidence == "timer":
        return f"{item.state} timer"
    return item.state + ("?" if item.evidence == "assumed" and item.confirmed_by is None else "")


class Row:
    """A frame of the ladder, or what time alone has done, and the states behind it."""

    def __init__(self, item: lm.FrameItem | lm.StateItem, states: dict[str, str]) -> None:
        self.item = item
        self.states = states


def rows(ladder: lm.Ladder) -> Iterator[Row]:
    """All rows of a ladder; their states are complete as soon as the next one comes."""
    states: dict[str, str] = {item.endpoint: said(item) for item in ladder.before}
    row: Row | None = None
    for item in ladder.items:
        late = isinstance(item, lm.StateItem) and (row is None or (item.frame or 1 << 40) > (row.item.frame or 0))
        if isinstance(item, lm.FrameItem) or late:  # by the clock, or by a frame of the next connection
            assert isinstance(item, lm.FrameItem | lm.StateItem)
            if row is not None:
                yield row
            row = Row(item, dict(states))
        if isinstance(item, lm.StateItem) and item.refuted_by is None:
            states[item.endpoint] = said(item)
            assert row is not None
            row.states = dict(states)
    assert row is not None
    yield row


def segment(row: Row, sample: str) -> str:
    """What the ladder shows of a frame, and which frames were lost, as topics write it."""
    item = row.item
    if isinstance(item, lm.StateItem):
        return "60 s pass"
    parts = [
        f"{item.sender} {' '.join(flag for flag in item.flags if flag != 'PSH')}{' with data' * (item.length > 0)}"
    ]
    if any(mark.kind == tr.AGAIN for mark in item.marks):
        parts.append("again")
    if words.is_lost(item):
        nobody = sample == "syn-flood"  # made-up addresses: what is sent there is neither lost nor ignored
        parts.append("in vain" if nobody else "lost" if item.frame in EXPECTED[sample]["lost"] else "ignored")
    return ", ".join(parts)


@every_example
def test_the_ladder_shows_what_the_topic_says(example: Example) -> None:
    ladder = ladder_of(example)
    start = next(item.time for item in ladder.items if isinstance(item, lm.FrameItem))
    shown = {
        Step(
            row.item.frame or 0,
            f"{row.item.time - start:.2f}",
            segment(row, example.sample),
            row.states["client"],
            row.states["server"],
        )
        for row in rows(ladder)
    }
    assert len(example.steps) >= 2
    assert [step for step in example.steps if step not in shown] == []
    assert list(example.steps) == sorted(example.steps, key=lambda step: float(step.seconds))


@every_example
def test_the_ladder_takes_back_what_the_topic_says(example: Example) -> None:
    ladder = ladder_of(example)
    refuted = {
        (item.refuted_by, item.endpoint, item.state, item.frame)
        for item in ladder.items
        if isinstance(item, lm.StateItem) and item.refuted_by is not None
    }
    retracted = {
        (item.frame, item.endpoint, item.state, item.suggested_by)
        for item in ladder.items
        if isinstance(item, lm.RetractionItem)
    }
    assert set(example.taken_back) <= refuted & retracted
    told = {back[0] for back in refuted}.intersection(step.frame for step in example.steps)
    assert told <= {back.by for back in example.taken_back}, "a row refutes something, and the topic does not say so"


@every_example
def test_the_ladder_has_the_findings_that_the_topic_names(example: Example) -> None:
    ladder = ladder_of(example)
    found = [item.rule for item in ladder.items if isinstance(item, lm.FindingItem)]
    assert sorted(found) == sorted(example.findings)
    assert sorted(found) == sorted(ladder.connection.findings)


@every_topic
def test_frames_and_states_of_the_text_are_among_the_rows(topic: Topic) -> None:
    text = " ".join(topic.paragraphs)
    frames = {int(n) for n in re.findall(r"\b[Ff]rames? (\d+)", text)}
    assert frames <= {step.frame for example in topic.examples for step in example.steps}
    shown = {
        state
        for example in topic.examples
        for state in (
            *(back.state for back in example.taken_back),
            *(re.sub(r"\?| timer", "", state) for step in example.steps for state in (step.client, step.server)),
        )
    }
    assert {name for name in NAMES if re.search(rf"\b{name}\b", text)} <= shown


@every_topic
def test_what_it_points_to_is_there(topic: Topic) -> None:
    assert topic.examples, "every topic names a sample"
    assert all(find(name).name == name for name in topic.see)
    for command in re.findall(r"`tcpfsm show ([^`]+)`", " ".join(topic.paragraphs)):
        path, number = command.split()
        assert int(number) <= len(EXPECTED[path.removeprefix("samples/").removesuffix(".pcap")]["connections"])
    assert {rule for example in topic.examples for rule in example.findings} & set(topic.see) or not any(
        example.findings for example in topic.examples
    )


def test_all_topics_that_were_wanted_are_there() -> None:
    assert list(TOPICS) == WANTED.split()
    assert sum(len(topics) for _, topics in GROUPS) == len(TOPICS)


def test_each_single_loss_of_opening_and_closing_is_one_of_a_sample() -> None:
    losses = {topic.name: topic.examples[0] for topic in dict(GROUPS)["When one segment is lost"]}
    lost = {
        name: [step for step in example.steps if step.segment.endswith(", lost")] for name, example in losses.items()
    }
    assert {name: [step.segment for step in steps] for name, steps in lost.items()} == {
        "lost-syn": ["client SYN, lost"],
        "lost-syn-ack": ["server SYN ACK, lost"],
        "lost-third-ack": ["client ACK, lost"],
        "lost-fin": ["client FIN ACK, lost"],
        "lost-fin-ack": ["server ACK, lost"],
        "lost-second-fin": ["server FIN ACK, lost"],
        "lost-last-ack": ["client ACK, lost"],
    }
    for name, example in losses.items():
        assert EXPECTED[example.sample]["lost"] == [lost[name][0].frame], "one loss, and no other"


def test_the_timers_that_are_told_are_those_of_the_profiles() -> None:
    text = " ".join(TOPICS["why-2-msl"].paragraphs)
    linux, bsd, windows = (PROFILES[name].time_wait for name in ("linux", "bsd", "windows"))
    assert f"Linux and BSD wait {linux:.0f} s in all, Windows {windows:.0f} s" in text
    assert linux == bsd
    assert PROFILES["rfc9293"].time_wait == 4 * 60
    assert f"{PROFILES['linux'].fin_wait_2:.0f} s" in " ".join(TOPICS["lost-second-fin"].paragraphs)
    assert f"{PROFILES['linux'].syn_give_up:.0f} s" in " ".join(TOPICS["lost-syn"].paragraphs)


def test_rules_states_and_transitions_lead_back_to_topics() -> None:
    assert about("final-ack-lost") == ["why-time-wait", "lost-last-ack"]
    assert about("SYN_RECEIVED:ESTABLISHED") == ["who-knows-what", "data-on-third-segment", "lost-third-ack"]
    assert about("port-scan") == []
    told = {name for topic in TOPICS.values() for name in topic.see}
    assert {":".join(pair) for pair in TRANSITIONS} & told
