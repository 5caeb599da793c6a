"""``tcpfsm explain NAME``: a rule, a state or a transition, in the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches

import click

from tcptrace_py.errors import ConfigError

WIDTH = 92


@click.command(name="explain", context_settings={"ignore_unknown_options": True})  # "->" is none
@click.argument("name", nargs=-1, required=True)
def command(name: tuple[str, ...]) -> None:
    """Explain NAME: a rule (stuck-fin-wait-2), a state (FIN_WAIT_2), or a transition (FIN_WAIT_1:FIN_WAIT_2)."""
    click.echo("\n".join(explain(" ".join(name))))


def explain(name: str) -> list[str]:
    """The text.  Raises ConfigError when there is nothing of that name."""
    from tcptrace_py.cli.states_text import STATES
    from tcptrace_py.rules.catalogue import BY_NAME

    word = name.strip()
    if word.lower() in BY_NAME:
        return list(explain_rule(word.lower()))
    states = [part for part in re.split(r"[\s:>→/,]+|--?>", word.upper().replace("-", "_").replace("_>", ">")) if part]
    if len(states) == 1 and states[0] in STATES:
        return list(explain_state(states[0]))
    if len(states) == 2 and all(state in STATES for state in states):
        return list(explain_transition(states[0], states[1]))
    raise ConfigError(unknown(word, states, [*BY_NAME, *STATES]))


def unknown(word: str, states: list[str], known: list[str]) -> str:
    """What to say of a name that means nothing: the nearest one that does, written in either manner."""
    wrong = word
    if len(states) == 2:
        wrong = next(state for state in states if state not in known)
    manners = {wrong.upper().replace("-", "_"), wrong.lower()}
    near = [match for manner in manners for match in get_close_matches(manner, known, n=1)]
    hint = ": tcpfsm rules lists the rules; states are written as in RFC 9293 (FIN_WAIT_2)"
    if near:
        hint = (
            f"; did you mean {max(near, key=lambda name: SequenceMatcher(None, name.lower(), wrong.lower()).ratio())}?"
        )
    return f"nothing to explain about {wrong!r}{hint}"


def explain_rule(name: str) -> Iterator[str]:
    """A rule: its docstring in its parts."""
    from tcptrace_py.rules.catalogue import BY_NAME

    rule = BY_NAME[name]
    text = rule.explanation()
    yield f"{name}  ({rule.severity}, family {rule.family})"
    yield ""
    yield from paragraph(text.summary)
    for title, body in (
        ("What was seen", text.seen),
        ("Why it matters", text.matters),
        ("Usual causes", text.causes),
        ("When it is harmless", text.harmless),
        ("What cannot be known", text.unknown),
        ("How to confirm", text.confirm),
        ("References", "; ".join(rule.references)),
    ):
        if body:
            yield from ("", title)
            yield from paragraph(body)


def explain_state(name: str) -> Iterator[str]:
    """A state: what it means, and the ways in and out."""
    from tcptrace_py.cli.states_text import STATES
    from tcptrace_py.machine.states import NAMES
    from tcptrace_py.machine.table import ARROWS

    text = STATES[name]
    state = NAMES.index(name)
    yield f"{name}  (RFC 9293, 3.3.2)"
    yield ""
    yield from paragraph(text.meaning)
    for title, body in (("What a capture shows", text.shows), ("When an endpoint stays in it", text.look)):
        yield from ("", title)
        yield from paragraph(body)
    for title, pairs in (
        ("Comes from", [(a.from_state, a) for a in ARROWS if a.to_state == state != a.from_state]),
        ("Leads to", [(a.to_state, a) for a in ARROWS if a.from_state == state != a.to_state]),
    ):
        if pairs:
            yield from ("", title)
            yield from (f"  {NAMES[other]:<13} {a.because} ({source(a.section)})" for other, a in pairs)


def explain_transition(start: str, end: str) -> Iterator[str]:
    """A transition: every event that causes it."""
    from tcptrace_py.machine import events
    from tcptrace_py.machine.states import NAMES
    from tcptrace_py.machine.table import ARROWS

    found = [a for a in ARROWS if NAMES[a.from_state] == start and NAMES[a.to_state] == end]
    yield f"{start} -> {end}"
    yield ""
    if not found:
        ways = ", ".join(dict.fromkeys(NAMES[a.to_state] for a in ARROWS if NAMES[a.from_state] == start))
        yield from paragraph(f"There is no such transition. From {start} an endpoint goes to {ways}.")
        return
    for arrow in found:
        sends = events.NAMES[arrow.event].startswith("send")
        receives = events.NAMES[arrow.event].startswith("receive")
        evidence = (
            "proven by the endpoint's own segment"
            if sends
            else "assumed when such a segment passes towards the endpoint, until its own segments confirm or refute it"
            if receives
            else "leaves no frame: it can only be bounded in time"
        )
        yield f"  {events.NAMES[arrow.event]}: {arrow.because} ({source(arrow.section)})"
        yield from textwrap.wrap(evidence, WIDTH, initial_indent="    ", subsequent_indent="    ")


def source(section: str) -> str:
    """Where the table's section is."""
    return f"RFC 9293, {section}" if section[:1].isdigit() else section


def paragraph(text: str) -> list[str]:
    """Folded and indented, with a capital at its beginning."""
    return textwrap.wrap(
        text[:1].upper() + text[1:],
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
