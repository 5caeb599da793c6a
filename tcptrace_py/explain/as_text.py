"""A name explained, for a terminal of 80 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from tcptrace_py.explain.names import Name
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.told import of_rule, parts
from tcptrace_py.explain.topic import Example, Step, Topic
from tcptrace_py.explain.topics import GROUPS, TOPICS, about
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS, Pair, arrows, evidence, source, ways
from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.table import ARROWS
from tcptrace_py.rules.catalogue import BY_NAME, FAMILIES, RULES

WIDTH = 80
COMMAND = re.compile(r"`[^`]+`[.,;:]?")


def explain(name: Name) -> Iterator[str]:
    """The lines."""
    if name.kind == "rule":
        return rule(name.name)
    if name.kind == "state":
        return state(name.name)
    if name.kind == "topic":
        return topic(TOPICS[name.name])
    if name.kind == "where":
        from tcptrace_py.explain.where import where  # takes as long to import as all the rest

        return where()
    return transition(name.pair) if name.pair in TRANSITIONS else aside(name.pair)


def rule(name: str) -> Iterator[str]:
    """A rule: its docstring in its parts."""
    found = BY_NAME[name]
    entry = of_rule(found)
    yield f"{name}  ({found.severity}, family {found.family})"
    yield ""
    yield from paragraph(entry.text.summary)
    yield from sections([*parts(entry), *topics(name)])


def state(name: str) -> Iterator[str]:
    """A state: what it means, and the ways in and out."""
    entry = STATES[name]
    number = st.NAMES.index(name)
    yield f"{name}  (state)"
    yield ""
    yield from paragraph(entry.text.summary)
    yield from sections(parts(entry))
    for title, pairs in (
        ("Comes from", [(a.from_state, a) for a in ARROWS if a.to_state == number != a.from_state]),
        ("Leads to", [(a.to_state, a) for a in ARROWS if a.from_state == number != a.to_state]),
    ):
        if pairs:
            yield from ("", title)
            for other, arrow in pairs:
                text = f"{st.NAMES[other]:<13} {arrow.because} ({source(arrow.section)})"
                yield from wrapped(text, "  ", " " * 16)
    yield from sections(topics(name))


def transition(pair: Pair) -> Iterator[str]:
    """A transition: every event that causes it, and its parts."""
    entry = TRANSITIONS[pair]
    yield f"{pair[0]} -> {pair[1]}  (transition)"
    yield ""
    yield from paragraph(entry.text.summary)
    yield from ("", "Events")
    for arrow in arrows(pair):
        yield from wrapped(f"{ev.NAMES[arrow.event]}: {arrow.because} ({source(arrow.section)})", "  ", "    ")
        yield from wrapped(evidence(arrow), "    ", "    ")
    yield from sections([*parts(entry), *topics(":".join(pair))])


def aside(pair: Pair) -> Iterator[str]:
    """A step that is no arrow of the table."""
    entry = ASIDES[pair]
    yield f"{pair[0]} -> {pair[1]}  (no transition of its own here)"
    yield ""
    yield from paragraph(entry.text)
    if entry.instead:
        yield from sections([("It is made of", ", ".join(":".join(step) for step in entry.instead))])
    else:
        there = ", ".join(f"{pair[0]}:{other}" for other in ways(pair[0]) if other != pair[0])
        yield from sections([("What does leave a frame", there)])
    yield from sections([("References", "; ".join(entry.references)), *topics(":".join(pair))])


def topic(entry: Topic) -> Iterator[str]:
    """A topic, and what can be seen of it where."""
    yield f"{entry.title}  ({entry.name})"
    for text in entry.paragraphs:
        yield ""
        yield from wrapped(text)
    for number, example in enumerate(entry.examples):
        yield ""
        yield from shown(example, with_header=number == 0)
    if any("?" in step.client + step.server for example in entry.examples for step in example.steps):
        yield "  ?: assumed, and nothing later confirms it"
    yield ""
    yield from wrapped("See also: " + ", ".join(entry.see), "", "  ")
    yield from wrapped("References: " + "; ".join(entry.references), "", "  ")


def shown(example: Example, *, with_header: bool) -> Iterator[str]:
    """A connection of a sample, frame by frame."""
    yield example.command
    if with_header:
        yield f"  frame seconds  {'segment':<31} {'client':<13} server"
    yield from (row(step) for step in example.steps)
    for back in example.taken_back:
        yield f"  Taken back in frame {back.by}: {back.side} {back.state} of frame {back.frame}"
    if example.findings:
        yield from wrapped("Findings: " + ", ".join(example.findings), "  ", "    ")


def row(step: Step) -> str:
    """One frame."""
    number = str(step.frame) if step.frame else ""
    return f"  {number:>5} {step.seconds:>7}  {step.segment:<31} {step.client:<13} {step.server}"


def overview() -> Iterator[str]:
    """All that can be explained."""
    yield "tcpfsm explain NAME tells of a topic, a state, a transition or a rule."
    for group, found in GROUPS:
        yield from ("", f"Topics: {group[:1].lower()}{group[1:]}")
        yield from (f"  {entry.name:<22} {entry.title}" for entry in found)
    yield from ("", "States")
    yield from wrapped(", ".join(STATES), "  ", "  ")
    yield from ("", "Transitions, each written like CLOSED:SYN_SENT")
    for start in STATES:
        yield from wrapped(
            f"{start:<13} to {', '.join(end for begin, end in TRANSITIONS if begin == start)}", "  ", " " * 19
        )
    yield from ("", "Fields that --where EXPR can ask for: tcpfsm explain where")
    for family in FAMILIES:
        yield from ("", f"Rules: {family}")
        yield from wrapped(", ".join(found.name for found in RULES if found.family == family), "  ", "  ")


# -- pieces -- #


def topics(name: str) -> list[tuple[str, str]]:
    """Where more is told of it."""
    found = about(name)
    return [("Topics", ", ".join(found))] if found else []


def sections(titled: list[tuple[str, str]]) -> Iterator[str]:
    """Paragraphs under their titles."""
    for title, text in titled:
        yield from ("", title)
        yield from paragraph(text)


def paragraph(text: str) -> list[str]:
    """Folded and indented."""
    return wrapped(text, "  ", "  ")


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Folded to the width; a name is not torn, nor a command that fits on a line."""
    held = COMMAND.sub(lambda m: m[0].replace(" ", "\0") if len(m[0]) < WIDTH - len(rest) else m[0], text)
    lines = textwrap.wrap(
        held, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\0", " ") for line in lines]
