"""The text of an expression → words with their columns."""

from __future__ import annotations

import re
from typing import NamedTuple

from tcptrace_py.errors import ConfigError
from tcptrace_py.report.text import printable

LONGEST = 4096
"""Characters of an expression."""

WORD = "word"
STRING = "string"
MARK = "mark"
END = "end"

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<community>1:[A-Za-z0-9+/]{27}=)
      | (?P<mark>==|!=|!~|<=|>=|&&|\|\||[<>~!(){}\[\],=])
      | (?P<word>[\w.:/+-]+)""",
    re.VERBOSE,
)
_SYNONYMS = {"&&": "and", "||": "or", "!": "not"}


class Token(NamedTuple):
    """A word, where it stands (counted from 1), and what kind of word it is."""

    kind: str
    text: str
    column: int

    def is_mark(self, *texts: str) -> bool:
        """An operator, a bracket or one of the words that join: one of these."""
        return self.kind == MARK and self.text in texts

    @property
    def shown(self) -> str:
        """For an error."""
        return "the end" if self.kind == END else repr(printable(self.text))


KEYWORDS = ("and", "or", "not", "in")


def error(column: int, message: str) -> ConfigError:
    """An error of one line that says where it is."""
    return ConfigError(f"--where: column {column}: {message}")


def tokens(text: str) -> list[Token]:
    """The words, and an END behind them.  Raises ConfigError."""
    if len(text) > LONGEST:
        raise error(LONGEST + 1, f"the expression has {len(text):,} characters, and {LONGEST:,} are the most")
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise error(at + 1, _stranger(text, at))
        found += _token(match)
        at = match.end()
    return [*found, Token(END, "", len(text) + 1)]


def _token(match: re.Match[str]) -> list[Token]:
    column, text = match.start() + 1, match[0]
    if match["space"]:
        return []
    if match["string"]:
        quote = text[0]
        return [Token(STRING, text[1:-1].replace("\\" + quote, quote), column)]
    text = _SYNONYMS.get(text, text)
    if match["mark"] or text.lower() in KEYWORDS:
        return [Token(MARK, text.lower(), column)]
    return [Token(WORD, text, column)]


def _stranger(text: str, at: int) -> str:
    if text[at] in "\"'":
        return f"the quote {text[at]} is not closed"
    hint = "; texts with such characters stand in quotes" if text[at] in "^$*?.|\\@#" else ""
    return f"nothing begins with {printable(text[at])!r}{hint}"
