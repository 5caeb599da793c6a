"""Words → one test of a connection.

    alternatives = conditions {"or" conditions}
    conditions   = condition {"and" condition}
    condition    = "not" condition | "(" alternatives ")" | test
    test         = field [("==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~") value | ["not"] "in" values]
    values       = value | "(" value {[","] value} ")"

A test of a field that both sides have, or that is a list, holds when it does of one of them; its negation (``!=``, ``!~``, ``not
in``) when it does of none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from tcptrace_py.config import suggest
from tcptrace_py.machine.connection import CLIENT, SERVER
from tcptrace_py.where.fields import SIDES, Field, fields
from tcptrace_py.where.kinds import Flag, Holds
from tcptrace_py.where.lexer import END, MARK, STRING, Token, error, tokens
from tcptrace_py.where.logic import Test, any_of, both, either, opposite
from tcptrace_py.where.look import Look
from tcptrace_py.where.pattern import Pattern

R = TypeVar("R")

DEEPEST = 50
"""Brackets and ``not`` within one another."""

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~", "in")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_OTHER_NAMES = {"finding": "finding.rule", "findings": "finding.rule"}
_NULL = "null"


class Asked(NamedTuple):
    """A field as it is named: of which side."""

    token: Token
    field: Field
    side: str
    """client, server or both; empty: of either, or of the connection."""


def parse(text: str, known: frozenset[str] | None = None) -> tuple[Test, frozenset[str]]:
    """The test that an expression makes, and the names of the fields in it.  Raises ConfigError: one line, with the column.

    With ``known``, all other fields come out unknown.
    """
    parser = Parser(tokens(text), known)
    test = parser.alternatives(0)
    rest = parser.here
    if rest.kind != END:
        hint = f"{rest.shown} cannot stand here: tests are joined by and, or"
        raise error(rest.column, hint if rest.text != ")" else "this bracket was not opened")
    return test, frozenset(parser.names)


class Parser:
    """Goes through the words from left to right."""

    def __init__(self, words: list[Token], known: frozenset[str] | None = None) -> None:
        self._words = words
        self._known = known
        self._at = 0
        self.names: set[str] = set()

    @property
    def here(self) -> Token:
        """The next word."""
        return self._words[self._at]

    def take(self) -> Token:
        """The next word, and on to the one behind it."""
        word = self._words[self._at]
        self._at += 1
        return word

    def takes(self, *texts: str) -> bool:
        """Take the next word if it is one of these."""
        if not self.here.is_mark(*texts):
            return False
        self._at += 1
        return True

    # -- from the loosest to the tightest -- #

    def alternatives(self, depth: int) -> Test:
        """One or more alternatives."""
        test = self.conditions(depth)
        while self.takes("or"):
            test = either(test, self.conditions(depth))
        return test

    def conditions(self, depth: int) -> Test:
        """What must hold together."""
        test = self.condition(depth)
        while self.takes("and"):
            test = both(test, self.condition(depth))
        return test

    def condition(self, depth: int) -> Test:
        """A test, or its opposite, or an expression in brackets."""
        start = self.here
        if depth > DEEPEST:
            raise error(start.column, f"more than {DEEPEST} brackets within one another")
        if self.takes("not"):
            return opposite(self.condition(depth + 1))
        if self.takes("("):
            test = self.alternatives(depth + 1)
            if not self.takes(")"):
                raise error(self.here.column, f"the bracket of column {start.column} is not closed")
            return test
        return self.test()

    def test(self) -> Test:
        """One field, and what it is compared with."""
        word = self.take()
        if word.kind == END:
            raise error(word.column, "the expression ends where a field is expected")
        if word.kind in (MARK, STRING):
            raise error(word.column, f"{word.shown} stands where a field is expected, such as server.port")
        asked = find(word)
        self.names.add(asked.field.name)
        test = self.comparison(asked)
        return test if self._known is None or asked.field.name in self._known else unknown

    def comparison(self, asked: Asked) -> Test:
        """What stands behind a field."""
        if self.here.is_mark("=") or self.here.text in ("is", "has", "contains", "matches", "eq"):
            meant = "~" if self.here.text in ("matches", "contains") else "=="
            raise error(self.here.column, f"no comparison {self.here.shown}; did you mean {meant}?")
        negated = self.here.is_mark("not") and self._words[self._at + 1].is_mark("in") and self.takes("not")
        operator = self.here
        if not self.takes(*COMPARISONS):
            return self.alone(asked)
        if operator.text == "in":
            return self.among(asked, negated=negated)
        return self.compared(asked, operator)

    # -- comparisons -- #

    def alone(self, asked: Asked) -> Test:
        """A field that says something without a comparison: a flag that is set, a finding that there is."""
        if isinstance(asked.field.kind, Flag):
            return of_sides(asked, bool)
        if asked.field.name.startswith("finding."):
            return of_sides(asked, lambda _: True)
        example = asked.field.kind.written.split("`")[1::2]
        raise error(
            self.here.column,
            f"what is to be true of {asked.token.text}? For example: {asked.token.text} == {example[0] if example else '...'}",
        )

    def among(self, asked: Asked, *, negated: bool) -> Test:
        """``in``: a value, a range, or a list of them in brackets."""
        opening = self.here
        closing = _BRACKETS.get(opening.text) if opening.kind == MARK else None
        wanted: list[Holds] = []
        if closing is None:
            wanted.append(self.value(asked))
        else:
            self.take()
            while not self.takes(closing):
                if self.here.kind == END:
                    raise error(self.here.column, f"the list of column {opening.column} is not closed")
                wanted.append(self.value(asked))
                self.takes(",")
            if not wanted:
                raise error(opening.column, "the list is empty")
        holds = wanted[0] if len(wanted) == 1 else lambda value: any(one(value) for one in wanted)
        return opposite(of_sides(asked, holds, negated=True)) if negated else of_sides(asked, holds)

    def compared(self, asked: Asked, operator: Token) -> Test:
        """All others."""
        kind, value = asked.field.kind, self.here
        negated = operator.text.startswith("!")
        if value.kind != STRING and value.text.lower() == _NULL:
            self.take()
            if operator.text not in ("==", "!="):
                raise error(
                    operator.column,
                    f"null is neither less nor greater nor like anything: == or !=, not {operator.text}",
                )
            return opposite(is_null(asked, negated=True)) if negated else is_null(asked)
        if operator.text in ("~", "!~"):
            holds = self.pattern(asked, operator)
        elif operator.text in ("==", "!="):
            holds = self.value(asked)
        else:
            if not kind.ordered:
                raise error(operator.column, f"{asked.token.text} is a {kind.name}, and has no order: ==, != or in")
            holds = order(operator.text, kind.rank, self.read(asked, kind.value))
        return opposite(of_sides(asked, holds, negated=True)) if negated else of_sides(asked, holds)

    def pattern(self, asked: Asked, operator: Token) -> Holds:
        """A pattern that occurs in the text."""
        kind = asked.field.kind
        if not kind.has_text:
            raise error(operator.column, f"{asked.token.text} is a {kind.name}, and no text for a pattern: ==, < or in")
        found = self.read(asked, Pattern).search
        return lambda value: found(kind.text(value))

    def value(self, asked: Asked) -> Holds:
        """What the field may be equal to."""
        return self.read(asked, asked.field.kind.equals)

    def read(self, asked: Asked, make: Callable[[str], R]) -> R:
        """The next word as a value of the field's kind."""
        word = self.take()
        if word.kind in (END, MARK):
            raise error(
                word.column, f"{word.shown} stands where {asked.token.text} needs a value: {asked.field.kind.written}"
            )
        try:
            return make(word.text)
        except ValueError as e:
            raise error(word.column, f"{asked.token.text}: {e}") from None


# ---- names


def find(word: Token) -> Asked:
    """The field of that name.  Raises ConfigError, with a suggestion."""
    known = fields()
    name = word.text.removeprefix("endpoints.")
    name = _OTHER_NAMES.get(name, name)
    side, _, rest = name.partition(".")
    field = known.get(rest) if side in SIDES else known.get(name)
    if field is None:
        field = next(
            (one for one in known.values() if one.name.lower() == (rest if side in SIDES else name).lower()), None
        )
    if field is None:
        raise error(word.column, f"no field {word.shown}{near(name)}")
    if side in SIDES and not field.is_sided:
        raise error(word.column, f"{field.name} is of the connection, not of a side: {field.name} alone")
    return Asked(word, field, side if side in SIDES else "")


def near(name: str) -> str:
    """A did-you-mean for the name of a field."""
    known = [*fields(), *(f"{side}.{one.name}" for one in fields().values() if one.is_sided for side in SIDES)]
    parts = [one for one in known if one.startswith(name + ".")]
    if parts:
        return f", but {', '.join(parts[:3])}{', ...' if len(parts) > 3 else ''}"
    if name.startswith(("either.", "any.")):
        return near_or(
            name.partition(".")[2], known, f"; did you mean {name.partition('.')[2]}? Alone it is of either side"
        )
    last = name.rpartition(".")[2]
    prefix = name.partition(".")[0]
    same_end = [one for one in known if one.rpartition(".")[2] == last]
    if same_end:
        return f"; did you mean {next((one for one in same_end if one.startswith(prefix)), same_end[0])}?"
    text = suggest(name, known)
    return text if "did you mean" in text else "; tcpfsm explain where lists them"


def near_or(name: str, known: list[str], text: str) -> str:
    """``text`` if there is such a field."""
    return text if name in known else near(name)


# ---- tests


def unknown(_look: Look) -> bool | None:
    """Of a field that cannot be asked yet."""
    return None


def order(operator: str, rank: Callable[[object], int], than: object) -> Holds:
    """Less or greater."""
    limit = rank(than)
    if operator == "<":
        return lambda value: rank(value) < limit
    if operator == "<=":
        return lambda value: rank(value) <= limit
    if operator == ">":
        return lambda value: rank(value) > limit
    return lambda value: rank(value) >= limit


def of_sides(asked: Asked, holds: Holds, *, negated: bool = False) -> Test:
    """Of one value, of one of several, of either side or of both; ``negated``: it is to be made its opposite."""
    get, is_many = asked.field.get, asked.field.is_many

    def on(side: int) -> Test:
        if is_many:
            return lambda look: any_of(get(look, side), holds)

        def test(look: Look) -> bool | None:
            value = get(look, side)
            return None if value is None else holds(value)

        return test

    return combined(asked, on, negated=negated)


def is_null(asked: Asked, *, negated: bool = False) -> Test:
    """Of what is not known; of a list, also when nothing is in it."""
    get, is_many = asked.field.get, asked.field.is_many

    def on(side: int) -> Test:
        if is_many:
            return lambda look: not (values := get(look, side)) or None in values
        return lambda look: get(look, side) is None

    return combined(asked, on, negated=negated)


def combined(asked: Asked, on: Callable[[int], Test], *, negated: bool = False) -> Test:
    """The test on the side or sides that are meant."""
    if asked.side == "server":
        return on(SERVER)
    if asked.side == "client" or not asked.field.is_sided:
        return on(CLIENT)
    if asked.side == "both" and not negated:
        return both(on(CLIENT), on(SERVER))
    return either(on(CLIENT), on(SERVER))
