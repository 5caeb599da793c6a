"""What can be explained, and what people mean by the names they write."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from tcptrace_py.errors import ConfigError
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.topics import TOPICS
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS, Pair, ways
from tcptrace_py.rules.catalogue import BY_NAME

ARROW = re.compile(r"\s*(?:[-=]*[>→⇒]|[:/,]|\.\.+|\bto\b)\s*", re.IGNORECASE)
OTHERWISE = {"estab": "ESTABLISHED", "synrecv": "SYN_RECEIVED", "synrcvd": "SYN_RECEIVED", "listening": "LISTEN"}
"""States as ss, netstat and other systems write them, but for hyphens and the like."""


class Name(NamedTuple):
    """Something that can be explained."""

    kind: str
    """rule, state, transition or topic; or where, the language of ``--where``."""
    name: str
    pair: Pair = ("", "")
    """Of a transition."""


def compact(word: str) -> str:
    """A name without what people write in different ways."""
    return re.sub(r"[\W_]", "", word.lower())


_STATES = {compact(name): name for name in STATES} | OTHERWISE
_OTHERS = {compact(name): name for name in (*BY_NAME, *TOPICS)}


def find(words: str) -> Name:
    """What is meant.  Raises ConfigError, with a suggestion."""
    key = compact(words)
    if key == "where":
        return Name("where", "where")
    if key in _STATES:
        return Name("state", _STATES[key])
    if key in _OTHERS:
        name = _OTHERS[key]
        return Name("rule" if name in BY_NAME else "topic", name)
    pair = parse_pair(words)
    if pair is None:
        raise ConfigError(unknown(words.strip()))
    if pair not in TRANSITIONS and pair not in ASIDES:
        there = ", ".join(state for state in ways(pair[0]) if state != pair[0])
        raise ConfigError(f"no transition {':'.join(pair)}: from {pair[0]} an endpoint goes to {there}")
    return Name("transition", ":".join(pair), pair)


def parse_pair(words: str) -> Pair | None:
    """Two states, with whatever between them."""
    key = compact(ARROW.sub(" ", words))
    for end in range(1, len(key)):
        first, second = _STATES.get(key[:end]), _STATES.get(key[end:])
        if first and second:
            return first, second
    return None


def unknown(word: str) -> str:
    """What to say of a name that means nothing: the nearest one that does."""
    parts = [part for part in ARROW.split(word) if part]
    if len(parts) == 2:
        for n, part in enumerate(parts):
            near = nearest(part, list(_STATES))
            if compact(part) not in _STATES and near:
                right = _STATES[near]
                other = _STATES.get(compact(parts[1 - n]))
                whole = ":".join((other, right) if n else (right, other)) if other else right
                return f"nothing to explain about {word!r}: no state {part!r}; did you mean {whole}?"
    names = {**_OTHERS, **_STATES}
    near = nearest(word, list(names))
    if near:
        return f"nothing to explain about {word!r}; did you mean {names[near]}?"
    return f"nothing to explain about {word!r}: tcpfsm explain, without a name, lists all there is"


def nearest(word: str, keys: list[str]) -> str:
    """The one of some compact names that is nearest, if one is near."""
    key = compact(word)
    near = get_close_matches(key, keys, n=3, cutoff=0.75)
    within = [name for name in keys if len(key) > 3 and (key in name or name in key)]
    return max(near or within, key=lambda name: SequenceMatcher(None, name, key).ratio(), default="")
