"""tcptrace_py.explain.as_text: what is told in the terminal, within its columns."""

from __future__ import annotations

import re

import pytest

from tcptrace_py.explain.as_text import WIDTH, explain, overview, wrapped
from tcptrace_py.explain.names import find
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.told import SHOWN, TITLES
from tcptrace_py.explain.topics import TOPICS, about
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS, arrows
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import BY_NAME

SCREENFUL = 40
PAIRS = [":".join(pair) for pair in (*TRANSITIONS, *ASIDES)]


def lines(name: str) -> list[str]:
    return list(explain(find(name)))


@pytest.mark.parametrize("name", [*BY_NAME, *STATES, *TOPICS, *PAIRS])
def test_it_fits_80_columns_and_is_only_text(name: str) -> None:
    text = lines(name)
    assert max(map(len, text)) <= WIDTH == 80
    assert all(printable(line) == line == line.rstrip() for line in text)
    assert "\n".join(text).isascii()
    assert text[-1]


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_a_screenful_with_the_sample_beside_it(name: str) -> None:
    text = lines(name)
    assert len(text) <= SCREENFUL
    topic = TOPICS[name]
    for example in topic.examples:
        at = text.index(f"tcpfsm show samples/{example.sample}.pcap {example.connection}")
        for step in example.steps:
            at = next(
                n for n in range(at + 1, len(text)) if text[n].split()[:2] == row_begins(step.frame, step.seconds)
            )
            assert text[at].endswith(f"{step.client:<13} {step.server}")
    assert topic.paragraphs[0] in " ".join(" ".join(text).split())


def row_begins(frame: int, seconds: str) -> list[str]:
    return [str(frame), seconds] if frame else [seconds, "60"]


def test_rules_states_and_transitions_have_all_their_parts() -> None:
    for name in (*BY_NAME, *STATES, *(":".join(pair) for pair in TRANSITIONS)):
        text = lines(name)
        wanted = [*(TITLES if name in BY_NAME else SHOWN).values(), "References"]
        assert [line for line in text if line in wanted] == wanted, name
        assert ("Topics" in text) == bool(about(name))


def test_a_state_names_all_ways_in_and_out() -> None:
    text = "\n".join(lines("CLOSE_WAIT"))
    into, _, out = text.partition("\nLeads to\n")
    assert "ESTABLISHED   FIN received (RFC 9293, 3.10.7.4)" in into
    assert "LAST_ACK      FIN sent after the peer's (RFC 9293, 3.10.4)" in out


def test_a_transition_names_all_its_events() -> None:
    for pair in TRANSITIONS:
        text = " ".join(" ".join(lines(":".join(pair))).split())
        assert all(arrow.because in text and arrow.section in text for arrow in arrows(pair))
    text = " ".join(" ".join(lines("ESTABLISHED:FIN_WAIT_1")).split())
    assert "send FIN: FIN sent (RFC 9293, 3.10.4) proven: the endpoint itself sends it" in text
    assert "leaves no frame: it can only be bounded in time" in text


def test_a_step_of_the_rfc_that_is_no_arrow_says_what_it_is_made_of() -> None:
    text = "\n".join(lines("FIN_WAIT_1:TIME_WAIT"))
    assert "It is made of\n  FIN_WAIT_1:FIN_WAIT_2, FIN_WAIT_2:TIME_WAIT" in text
    assert "What does leave a frame\n  CLOSED:SYN_SENT" in "\n".join(lines("CLOSED:LISTEN"))


def test_the_overview_lists_everything() -> None:
    text = list(overview())
    assert max(map(len, text)) <= WIDTH
    words = set(re.findall(r"[\w-]+", " ".join(text)))
    assert {*BY_NAME, *STATES, *TOPICS} <= words
    for start in STATES:
        line = next(line for line in text if line.startswith(f"  {start} ") and " to " in line)
        assert set(re.findall(r"\w+", line.partition(" to ")[2])) == {
            end for begin, end in TRANSITIONS if begin == start
        }


def test_a_command_is_not_torn() -> None:
    text = "word " * 13 + "`ss -tan state syn-recv | wc -l`, and more"
    assert wrapped(text, "  ", "  ")[1] == "  `ss -tan state syn-recv | wc -l`, and more"
    long = "`" + "word " * 30 + "end`"
    assert max(map(len, wrapped(long, "  ", "  "))) <= WIDTH
