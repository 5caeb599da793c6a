"""A table of a configuration file, read key by key: whatever is not known, or of the wrong kind, is an error of one line.

A hyphen in a key means the same as an underscore.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from tcptrace_py.config import suggest
from tcptrace_py.errors import ConfigError
from tcptrace_py.report.text import printable


def parse(text: str, name: str) -> dict[str, Any]:
    """The text of a TOML file.  Raises ConfigError."""
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return cast("dict[str, Any]", tomllib.loads(text))
    except (ValueError, RecursionError) as e:  # a number of 5,000 digits is no TOMLDecodeError
        raise ConfigError(f"{name}: not TOML: {printable(str(e))}") from None


class Table:
    """A table, of which only ``known`` keys may be there.  Raises ConfigError; so does every method."""

    def __init__(self, where: str, values: object, known: tuple[str, ...]) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: not a table")
        self._values: dict[str, object] = {}
        for written, value in values.items():
            key = str(written).replace("-", "_")
            if key not in known:
                raise self.error(f"no key {printable(str(written))!r}{suggest(key, known)}")
            if key in self._values:
                raise self.error(f"{key} is there twice, once with a hyphen")
            self._values[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def keys(self) -> list[str]:
        """The keys that are there."""
        return list(self._values)

    def error(self, message: str) -> ConfigError:
        """An error that says where it is."""
        return ConfigError(f"{self.where}: {message}")

    def get(self, key: str) -> object:
        """A value as it is; None: not there."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """A string that is not empty."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} must be a text")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """One of several words."""
        value = self.text(key)
        if value is not None and value not in choices:
            raise self.error(f"{key}: no {printable(value)!r}{suggest(value, choices)}")
        return value

    def words(self, key: str) -> tuple[str, ...] | None:
        """A list of strings, or one string with commas, as the option of that name takes it."""
        value = self.get(key)
        if value is None:
            return None
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise self.error(f"{key} must be a list of names")
        return tuple(filter(None, (part.strip() for part in parts)))

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(f"{key} must be true or false")
        return value

    def number(self, key: str, most: float) -> float | None:
        """A number from 0 to ``most``."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{key} must be a number")
        if not 0 <= value <= most:  # NaN is not, either
            raise self.error(f"{key}: {value} is not between 0 and {most:,.0f}")
        return float(value)

    def count(self, key: str, most: int = 1 << 53) -> int | None:
        """A whole number from 0 to ``most``."""
        value = self.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.error(f"{key} must be a whole number")
        number = self.number(key, most)
        return None if number is None else int(number)

    def ports(self, key: str) -> tuple[int, ...] | None:
        """A port, or a list of ports."""
        value = self.get(key)
        if value is None:
            return None
        ports = value if isinstance(value, list) else [value]
        for port in ports:
            if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
                raise self.error(f"{key}: {port!r} is not a port (0 to 65535)")
        return tuple(ports)

    def tables(self, key: str, known: tuple[str, ...]) -> list[Table]:
        """A list of tables (``[[key]]``)."""
        value = self.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(f"{key} must be a list of tables, each under [[{key}]]")
        return [Table(f"{self.where}: {key} {n}", table, known) for n, table in enumerate(value, 1)]
