"""Kinds of values: what may be compared with a field, and how that is written.

Values are as the engine has them (times in nanoseconds, addresses as in a packet), and what stands in an expression is made into
the same once, when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from ipaddress import ip_network

from tcptrace_py.config import suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.report.identity import address_text
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import members

Holds = Callable[[object], bool]

RANGE = ".."
_FIGURE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?([a-zA-Zµ]*)")
_THOUSANDS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZES = {**_THOUSANDS, **_BYTES}
_NO_UNITS = {"": 1}
_SECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "": 10**9,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


class Kind:
    """What a kind of value can do.  ``value`` raises ValueError, with the reason for a user."""

    name = ""
    written = ""
    """How its values are written: for the documentation, and for errors."""
    ordered = False
    """It can be less or greater."""
    has_text = False
    """A pattern can be held against it."""

    def value(self, word: str) -> object:
        """What is written, as the engine has it."""
        raise NotImplementedError

    def equals(self, word: str) -> Holds:
        """Whether a value is that one, or among those that the word stands for."""
        if self.ordered and RANGE in word:
            low, _, high = word.partition(RANGE)
            least, most = self.rank(self.value(low)), self.rank(self.value(high))
            if least > most:
                raise ValueError(f"{printable(word)} is empty: {printable(low)} is more than {printable(high)}")
            return lambda value: least <= self.rank(value) <= most
        wanted = self.value(word)
        return lambda value: value == wanted

    def rank(self, value: object) -> int:
        """Where it stands in its order."""
        assert isinstance(value, int)
        return value

    def text(self, value: object) -> str:
        """As the report has it."""
        return str(value)


class Number(Kind):
    """A count."""

    name = "number"
    written = "`40`, `10k`, `2M`"
    ordered = True
    units: Mapping[str, int] = _THOUSANDS
    an_example = "10 or 10k"

    def value(self, word: str) -> int:
        match = _FIGURE.fullmatch(word)
        if match is None or match[3] not in self.units:
            raise ValueError(f"{printable(word)!r} is no {self.name}, such as {self.an_example}")
        figure = self.units[match[3]] * Decimal(f"{match[1]}.{match[2] or 0}")
        if figure != int(figure):
            raise ValueError(f"{printable(word)} is not a whole {self.name}")
        return int(figure)


class Size(Number):
    """Bytes."""

    name = "number of bytes"
    written = "`1460`, `64kB`, `1MB` (1,000,000), `1MiB` (1,048,576)"
    units = _SIZES
    an_example = "1460, 64kB or 1MiB"


class Seconds(Number):
    """How long something lasts, in ns."""

    name = "duration"
    written = "`5s`, `1.5s`, `100ms`, `20us`, `2min`, `1h`, `1d`; without a unit, seconds"
    units = _SECONDS
    an_example = "5s, 100ms or 2min"

    def value(self, word: str) -> int:
        try:
            return super().value(word)
        except ValueError as e:
            raise ValueError(str(e).replace("a whole duration", "a whole number of nanoseconds")) from None


class Moment(Kind):
    """A point in time, in ns since 1970."""

    name = "time"
    written = "`2026-11-21T11:30`, `'2026-11-21 11:30:45.5'`: UTC, unless it ends in `+01:00`; or seconds since 1970"
    ordered = True

    def value(self, word: str) -> int:
        match = _FIGURE.fullmatch(word)
        if match is not None and not match[3]:
            return int(Decimal(word) * 10**9)
        fraction = re.search(r":\d\d\.(\d{1,9})", word)  # Python reads six digits, and until 3.11 three or six
        whole = word if fraction is None else word[: fraction.start(1) - 1] + word[fraction.end(1) :]
        try:
            moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", whole))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=timezone.utc)
            since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
        except (ValueError, OverflowError):
            raise ValueError(f"{printable(word)!r} is no time, such as 2026-11-21T11:30:45 (UTC)") from None
        nanoseconds = 0 if fraction is None else int(fraction[1].ljust(9, "0"))
        return (since.days * 86400 + since.seconds) * 10**9 + nanoseconds


class Port(Number):
    """A TCP port."""

    name = "port"
    written = "`443`, `8000..8999`"
    an_example = "443"
    units = _NO_UNITS

    def value(self, word: str) -> int:
        port = super().value(word)
        if port > 0xFFFF:
            raise ValueError(f"{port} is not a port (0 to 65535)")
        return port


class Address(Kind):
    """An IPv4 or IPv6 address, as in a packet."""

    name = "address"
    written = "`10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`"
    has_text = True

    def value(self, word: str) -> object:
        try:
            return ip_network(word, strict=False)
        except ValueError:
            raise ValueError(
                f"{printable(word)!r} is no address, and no network such as 10.0.0.0/8 or 2001:db8::/32"
            ) from None

    def equals(self, word: str) -> Holds:
        network = self.value(word)
        length = len(network.network_address.packed)  # type: ignore[attr-defined]
        mask, wanted = int(network.netmask), int(network.network_address)  # type: ignore[attr-defined]

        def holds(value: object) -> bool:
            assert isinstance(value, bytes)
            return len(value) == length and int.from_bytes(value, "big") & mask == wanted

        return holds

    def text(self, value: object) -> str:
        assert isinstance(value, bytes)
        return address_text(value)


class Flag(Kind):
    """Yes or no."""

    name = "flag"
    written = "`true`, `false`; alone, it is true"

    def value(self, word: str) -> bool:
        if word.lower() not in ("true", "false"):
            raise ValueError(f"{printable(word)!r} is neither true nor false")
        return word.lower() == "true"


class Text(Kind):
    """Any text."""

    name = "text"
    written = "`ShADadFf`, `'with spaces'`"
    has_text = True

    def value(self, word: str) -> str:
        return word


class Word(Kind):
    """One of a few words; capitals do not matter, nor whether - or _ joins their parts."""

    name = "word"
    has_text = True

    def __init__(self, words: Sequence[str], *, ordered: bool = False) -> None:
        self.words = tuple(words)
        self.ordered = ordered
        self.written = ", ".join(f"`{word}`" for word in words)
        self._known = {_plain(word): word for word in words}
        self._ranks = {word: n for n, word in enumerate(words)}

    def value(self, word: str) -> str:
        found = self._known.get(_plain(word))
        if found is None:
            hint = suggest(_plain(word), list(self._known))
            near = hint.removeprefix("; did you mean ").removesuffix("?")
            if near in self._known:
                hint = f"; did you mean {self._known[near]}?"
            else:
                hint = f"; there are {', '.join(self.words)}"
            raise ValueError(f"no {printable(word)!r}{hint}")
        return found

    def rank(self, value: object) -> int:
        return self._ranks[str(value)]


class Rules(Kind):
    """A rule, or all of a family."""

    name = "rule"
    written = "rules or families, as `tcpfsm rules` lists them"
    has_text = True

    def value(self, word: str) -> frozenset[str]:
        try:
            found = members(word.lower().replace("_", "-"))
        except ConfigError as e:
            raise ValueError(str(e)) from None
        if all(rule.is_of_whole() for rule in found):
            raise ValueError(
                f"{printable(word)} is found of the capture as a whole, never of one connection: choose by addresses and ports"
            )
        return frozenset(rule.name for rule in found)

    def equals(self, word: str) -> Holds:
        wanted = self.value(word)
        return lambda value: value in wanted


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
