"""Regular expressions that take no longer than text times pattern, whatever either is.

Python's own try one way after another, which some patterns make exponentially many.  Here all ways are followed at once
(Thompson 1968).  What that cannot do, references back and looks ahead, is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

LONGEST = 200
"""Characters of a pattern."""
MOST_STATES = 4000
_ATOM = re.compile(r"\\[dDwWsS]|\\[^\w\s]|\\[nrt]|\[\^?(?:\]|\\.)?(?:[^\]\\]|\\.)*\]|[^\\\[\]()|*+?{}^$]", re.DOTALL)
_REPEAT = re.compile(r"([*+?]|\{([0-9]{1,3})(?:(,)([0-9]{0,3}))?\})\??")

_CHAR, _SPLIT, _BEGIN, _FINISH, _FOUND = range(5)


class State(NamedTuple):
    """A place on the way through a pattern, and the places that come next."""

    what: int
    test: Callable[[str], object] | None
    ways: tuple[int, ...]


class Pattern:
    """A compiled pattern.  Raises ValueError, with the reason for a user."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"a pattern has at most {LONGEST} characters")
        self._flags = 0
        self._text = text
        self._at = 0
        if text.startswith("(?i)"):
            self._flags = re.IGNORECASE
            self._at = 4
        self._states: list[State] = []
        self._steps = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a pattern may mean in a Python to come
            try:
                re.compile(text)
            except (re.error, RecursionError, OverflowError) as e:
                raise ValueError(f"no pattern: {e}") from None
            self._first = self._alternatives()(self._add(_FOUND))
        self.search = lru_cache(maxsize=4096)(self._search)
        """Whether the pattern occurs in a text."""

    # -- reading: each part is a function from the place behind it to its own first place -- #

    def _alternatives(self) -> Callable[[int], int]:
        parts = [self._sequence()]
        while self._text.startswith("|", self._at):
            self._at += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        return lambda then: self._add(_SPLIT, *(part(then) for part in parts))

    def _sequence(self) -> Callable[[int], int]:
        parts: list[Callable[[int], int]] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._one()))

        def build(then: int) -> int:
            for part in reversed(parts):
                then = part(then)
            return then

        return build

    def _one(self) -> Callable[[int], int]:
        text, at = self._text, self._at
        if text[at] in "^$":
            self._at += 1
            what = _BEGIN if text[at] == "^" else _FINISH
            return lambda then: self._add(what, then)
        if text[at] == "(":
            if text.startswith("(?", at) and not text.startswith("(?:", at):
                raise ValueError(f"{text[at : at + 3]} is not taken in a pattern: only (…), (?:…) and a leading (?i)")
            self._at += 3 if text.startswith("(?:", at) else 1
            inner = self._alternatives()
            self._at += 1  # the bracket: Python has read the pattern, so it is there
            return inner
        match = _ATOM.match(text, at)
        if match is None:
            raise ValueError(f"{text[at : at + 2]} is not taken in a pattern")
        self._at = match.end()
        test = re.compile(match[0], self._flags | re.DOTALL).fullmatch  # of one character: nothing to go back to
        return lambda then: self._add(_CHAR, then, test=test)

    def _repeated(self, part: Callable[[int], int]) -> Callable[[int], int]:
        match = _REPEAT.match(self._text, self._at)
        if match is None:
            return part
        self._at = match.end()
        least, most = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}.get(match[1], (int(match[2] or 0), -1))
        if match[2] and not (match[3] and not match[4]):
            most = int(match[4] or match[2])

        def build(then: int) -> int:
            if most < 0:
                loop = self._add(_SPLIT, then)  # its way back is known when the part is made
                again = part(loop)
                self._states[loop] = State(_SPLIT, None, (then, again))
                then = loop
            for _ in range(max(most - least, 0)):
                then = self._add(_SPLIT, then, part(then))
            for _ in range(least):
                self._step()
                then = part(then)
            return then

        return build

    def _add(self, what: int, *ways: int, test: Callable[[str], object] | None = None) -> int:
        self._step()
        self._states.append(State(what, test, ways))
        return len(self._states) - 1

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STATES:
            raise ValueError("the pattern repeats too much")

    # -- running -- #

    def _search(self, text: str) -> bool:
        places: set[int] = set()
        for at in range(len(text) + 1):
            self._enter(self._first, at, len(text), places)
            reached = [self._states[place] for place in places]
            if any(state.what == _FOUND for state in reached):
                return True
            if at == len(text):
                break
            places = set()
            for state in reached:
                if state.test is not None and state.test(text[at]):
                    self._enter(state.ways[0], at + 1, len(text), places)
        return False

    def _enter(self, place: int, at: int, end: int, places: set[int]) -> None:
        """Come to a place, and to all that are reached from there without a character."""
        todo = [place]
        while todo:
            place = todo.pop()
            state = self._states[place]
            is_shut = (state.what == _BEGIN and at > 0) or (state.what == _FINISH and at < end)
            if place in places or is_shut:
                continue
            places.add(place)
            if state.what not in (_CHAR, _FOUND):
                todo += state.ways
