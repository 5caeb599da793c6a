"""tcptrace_py.where.parser, lexer and kinds: what is wrong is said in one line, with the column and a way out."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from tcptrace_py.config import Config
from tcptrace_py.errors import ConfigError
from tcptrace_py.where.filter import Filter
from tcptrace_py.where.kinds import Moment, Number, Port, Seconds, Size
from tcptrace_py.where.lexer import LONGEST, tokens
from tcptrace_py.where.parser import COMPARISONS, DEEPEST, parse


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("sate == X", 1, "no field 'sate'; did you mean state?"),
        ("id > 0 and client.stat == X", 12, "no field 'client.stat'; did you mean client.state?"),
        ("retransmitted_packets > 1", 1, "did you mean sent.retransmitted_packets?"),
        ("client.retransmitted_packets > 1", 1, "did you mean client.sent.retransmitted_packets?"),
        ("finding.severty == error", 1, "did you mean finding.severity?"),
        ("client == 10.0.0.1", 1, "no field 'client', but client.address, client.port, client.state, ..."),
        ("sent > 1", 1, "no field 'sent', but sent.packets, sent.payload_bytes, sent.unique_bytes, ..."),
        ("either.port == 80", 1, "did you mean port? Alone it is of either side"),
        ("both.duration > 1s", 1, "duration is of the connection, not of a side"),
        ("xyzzy == 1", 1, "no field 'xyzzy'; tcpfsm explain where lists them"),
        ("\x1b[2J == 1", 1, r"nothing begins with '\\x1b'"),
        ("state == ESTABLISHD", 10, "no 'ESTABLISHD'; did you mean ESTABLISHED?"),
        ("outcome == x", 12, "outcome: no 'x'; there are closed,"),
        ("finding == rst", 12, "no rule or family 'rst'; did you mean reset?"),
        ("finding == stuck-close-wat", 12, "did you mean stuck-close-wait?"),
        ("finding in (reset, syn-flood)", 20, "syn-flood is found of the capture as a whole"),
        ("finding == capture", 12, "capture is found of the capture as a whole"),
        ("finding.severity >= bad", 21, "there are info, warning, error"),
        ("state = CLOSED", 7, "no comparison '='; did you mean ==?"),
        ("state is CLOSED", 7, "no comparison 'is'; did you mean ==?"),
        ("history matches S", 9, "no comparison 'matches'; did you mean ~?"),
        ("state > CLOSED", 7, "state is a word, and has no order"),
        ("state", 6, "what is to be true of state? For example: state == "),
        ("port == 80 and", 15, "ends where a field is expected"),
        ("not", 4, "ends where a field is expected"),
        ("and port == 80", 1, "'and' stands where a field is expected"),
        ("'port' == 80", 1, "stands where a field is expected"),
        ("port ==", 8, "the end stands where port needs a value"),
        ("port == and", 9, "'and' stands where port needs a value"),
        ("port == 80 port == 81", 12, "'port' cannot stand here: tests are joined by and, or"),
        ("(port == 80", 12, "the bracket of column 1 is not closed"),
        ("port == 80)", 11, "this bracket was not opened"),
        ("port in (80", 12, "the list of column 9 is not closed"),
        ("port in ()", 9, "the list is empty"),
        ("port == 99999", 9, "99999 is not a port (0 to 65535)"),
        ("port == http", 9, "'http' is no port, such as 443"),
        ("port in 9..8", 9, "9..8 is empty: 9 is more than 8"),
        ("packets > 1MB", 11, "'1MB' is no number, such as 10 or 10k"),
        ("packets > 1.5", 11, "1.5 is not a whole number"),
        ("packets > -1", 11, "'-1' is no number"),
        ("packets ~ 3", 9, "packets is a number, and no text for a pattern"),
        ("duration > 5 minutes", 14, "'minutes' cannot stand here"),
        ("duration > 5x", 12, "'5x' is no duration, such as 5s, 100ms or 2min"),
        ("sent.mss > 1Ms", 12, "'1Ms' is no number of bytes, such as 1460, 64kB or 1MiB"),
        ("start > yesterday", 9, "'yesterday' is no time, such as 2026-11-21T11:30:45 (UTC)"),
        ("address == localhost", 12, "'localhost' is no address, and no network"),
        ("address in 10.0.0.0/33", 12, "is no address"),
        ("evicted == maybe", 12, "'maybe' is neither true nor false"),
        ("rtt.to_server < null", 15, "null is neither less nor greater nor like anything"),
        ("history ~ '('", 11, "history: no pattern: missing ), unterminated subpattern"),
        ("history ~ '(?=a)'", 11, "(?= is not taken in a pattern"),
        ("history ~ '(a)\\1'", 11, r"\1 is not taken in a pattern"),
        ("history ~ '((a{99}){99}){99}'", 11, "the pattern repeats too much"),
        ("history ~ '((){99}){99}'", 11, "the pattern repeats too much"),
        ('history == "abc', 12, 'the quote " is not closed'),
        ("port == 80 | port == 81", 12, "nothing begins with '|'"),
        ("(" * (DEEPEST + 2) + "id", DEEPEST + 2, f"more than {DEEPEST} brackets within one another"),
        ("not " * 5000, LONGEST + 1, "characters, and 4,096 are the most"),
    ],
)  # fmt: skip
def test_errors(text: str, column: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Filter(Config(where=text))
    message = str(caught.value)
    assert message.startswith(f"--where: column {column}: ")
    assert said in message
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 300


def test_nonsense_is_an_error_and_nothing_else() -> None:
    """Words of the language in any order."""
    rnd = random.Random(4)
    words = [
        *COMPARISONS,
        "id",
        "state",
        "client.port",
        "finding",
        "not",
        "and",
        "or",
        *"()[]{,",
        "80",
        "5s",
        "null",
        "'x'",
        "..",
    ]
    fine = 0
    for _ in range(4000):
        text = " ".join(rnd.choices(words, k=rnd.randrange(1, 7)))
        with suppress(ConfigError):
            parse(text)
            fine += 1
    assert fine > 20


def test_columns_count_characters() -> None:
    assert [(token.text, token.column) for token in tokens('a  == "b c"')] == [
        ("a", 1),
        ("==", 4),
        ("b c", 7),
        ("", 12),
    ]
    assert [token.text for token in tokens(r"""'it\'s' "\d\"" """)] == ["it's", r"\d" + '"', ""]


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        (Number(), "10k", 10_000), (Number(), "1.5M", 1_500_000), (Size(), "1MB", 1_000_000), (Size(), "1MiB", 1 << 20),
        (Size(), "2KB", 2000), (Size(), "7B", 7), (Seconds(), "5", 5 * 10**9), (Seconds(), "1.5s", 1_500_000_000),
        (Seconds(), "100ms", 10**8), (Seconds(), "0.25us", 250), (Seconds(), "3ns", 3), (Seconds(), "2min", 120 * 10**9),
        (Seconds(), "1h", 3600 * 10**9), (Seconds(), "2d", 172_800 * 10**9), (Port(), "65535", 65535),
        (Moment(), "1", 10**9), (Moment(), "1.000000001", 10**9 + 1), (Moment(), "1970-01-01", 0),
        (Moment(), "1970-01-01T00:01", 60 * 10**9), (Moment(), "1970-01-01 00:00:01.25", 1_250_000_000),
        (Moment(), "1970-01-01T00:00:01.000000007Z", 10**9 + 7), (Moment(), "1970-01-01T01:00:00+01:00", 0),
        (Moment(), "1969-12-31T23:59:59.5", -500_000_000), (Moment(), "9999-12-31T23:59:59", 253402300799 * 10**9),
    ],
)  # fmt: skip
def test_values(kind: Number | Moment, word: str, value: int) -> None:
    assert kind.value(word) == value


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (Number(), "1e3"), (Number(), "1" * 19), (Number(), "1_000"), (Number(), "٣"), (Seconds(), "0.5ns"), (Size(), "1mb"),
        (Port(), "1k"), (Moment(), "10000-01-01"), (Moment(), "2026-02-30"), (Moment(), "1s"),
        (Moment(), ""),
    ],
)  # fmt: skip
def test_what_is_no_value(kind: Number | Moment, word: str) -> None:
    with pytest.raises(ValueError, match=r"is no|not a whole"):
        kind.value(word)
