"""The configuration file: ``tcpfsm.toml``, or ``[tool.tcpfsm]`` of a ``pyproject.toml``; the nearest, from the current folder upwards.

It holds data and nothing else: no key names a program, a module or a file to write, so a folder that somebody else wrote
can change what is judged, but cannot make anything run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from tcptrace_py.config import PROFILES, Thresholds, Timers, thresholds_with
from tcptrace_py.errors import ConfigError
from tcptrace_py.gate.expectations import KEYS as EXPECTATION_KEYS
from tcptrace_py.gate.expectations import Expectation, read_expectation
from tcptrace_py.gate.scope import KEYS as SCOPE_KEYS
from tcptrace_py.gate.scope import Scope, check_name, read_scope
from tcptrace_py.gate.toml import Table, parse
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import check_fail_on
from tcptrace_py.thresholds import THRESHOLDS

OWN = "tcpfsm.toml"
SHARED = "pyproject.toml"
HEADER = "[tool.tcpfsm"

KEYS = (
    "select",
    "ignore",
    "fail_on",
    "strict",
    "baseline",
    "profile",
    "timers",
    "thresholds",
    "max_connections",
    "jobs",
    "verify_checksums",
    "compare_payload",
    "ignores",
    "expect",
)
IGNORE_KEYS = ("rule", *SCOPE_KEYS, "reason")
MOST_SECONDS = 1e6


class Ignore(NamedTuple):
    """Findings that a project has decided to live with."""

    rules: tuple[str, ...]
    """Rules or families; empty: all."""
    scope: Scope
    reason: str


@dataclass(frozen=True)
class Settings:
    """What the file says; None: nothing."""

    path: str = ""
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    fail_on: tuple[str, ...] | None = None
    strict: bool | None = None
    baseline: str | None = None
    profile: str | None = None
    timers: Mapping[str, float] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    max_connections: int | None = None
    jobs: int | None = None
    verify_checksums: bool | None = None
    compare_payload: bool | None = None
    ignores: tuple[Ignore, ...] = ()
    expectations: tuple[Expectation, ...] = ()


def load(path: str | None) -> Settings:
    """The settings of a file; None: of the nearest one, and if there is none, nothing.  Raises ConfigError."""
    if path is not None:
        file = Path(path)
        return _of_file(file, parse(_text_of(file), printable(path)))
    try:
        here = Path.cwd()
    except OSError:  # the current folder is gone
        return Settings()
    for folder in (here, *here.parents):
        own, shared = folder / OWN, folder / SHARED
        if _is_file(own):
            return _of_file(own, parse(_text_of(own), printable(str(own))))
        if _is_file(shared):
            values = _if_ours(shared)
            if values is not None:
                return _of_file(shared, values)
    return Settings()


def _is_file(path: Path) -> bool:
    """Whether there is such a file; of a folder that may not be searched nobody can tell."""
    try:
        return path.is_file()
    except OSError:
        return False


def _if_ours(path: Path) -> dict[str, Any] | None:
    """What a pyproject.toml holds, if there is a table of ours; one that is none of our business may have errors."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if "tcpfsm" not in text:
        return None
    try:
        values = parse(text, printable(str(path)))
    except ConfigError:
        if HEADER in text:
            raise
        return None
    tool = values.get("tool")
    return values if isinstance(tool, dict) and "tcpfsm" in tool else None


def _text_of(path: Path) -> str:
    name = printable(str(path))
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"{name}: cannot be read ({e.strerror})") from None
    except UnicodeDecodeError as e:
        raise ConfigError(f"{name}: not UTF-8 at byte {e.start}") from None


def _of_file(path: Path, values: dict[str, Any]) -> Settings:
    name = printable(str(path))
    if path.name != SHARED:
        return read(values, name, path)
    tool = values.get("tool")
    if not isinstance(tool, dict) or "tcpfsm" not in tool:
        raise ConfigError(f"{name}: there is no [tool.tcpfsm]")
    return read(tool["tcpfsm"], f"{name}: tool.tcpfsm", path)


def read(values: object, name: str, path: Path) -> Settings:
    """The settings that a table makes; ``path``: of its file, from which the baseline's is taken.  Raises ConfigError."""
    if path.name != SHARED and isinstance(values, dict) and isinstance(values.get("tool"), dict):
        raise ConfigError(f"{name}: [tool.tcpfsm] is for {SHARED}; here its keys stand alone, as in [thresholds]")
    table = Table(name, values, KEYS)
    for key in ("select", "ignore"):
        for word in table.words(key) or ():
            check_name(table, key, word)
    fail_on = table.words("fail_on")
    try:
        check_fail_on(fail_on or ())
    except ConfigError as e:
        raise table.error(f"fail_on: {e}") from None
    baseline = table.text("baseline")
    return Settings(
        path=str(path),
        select=table.words("select"),
        ignore=table.words("ignore"),
        fail_on=fail_on,
        strict=table.flag("strict"),
        baseline=None if baseline is None else str(path.parent / baseline),
        profile=table.choice("profile", tuple(PROFILES)),
        timers=_timers(table),
        thresholds=_thresholds(table),
        max_connections=table.count("max_connections"),
        jobs=table.count("jobs"),
        verify_checksums=table.flag("verify_checksums"),
        compare_payload=table.flag("compare_payload"),
        ignores=tuple(_ignore(entry) for entry in table.tables("ignores", IGNORE_KEYS)),
        expectations=_expectations(table),
    )


def _timers(table: Table) -> dict[str, float]:
    if "timers" not in table:
        return {}
    timers = Table(f"{table.where}: timers", table.get("timers"), tuple(f.name for f in fields(Timers)))
    return {key: timers.number(key, MOST_SECONDS) or 0.0 for key in timers.keys()}  # noqa: SIM118 - not a dict


def _thresholds(table: Table) -> Thresholds:
    if "thresholds" not in table:
        return Thresholds()
    given = Table(f"{table.where}: thresholds", table.get("thresholds"), tuple(THRESHOLDS))
    changes = {}
    for key in given.keys():  # noqa: SIM118 - not a dict
        known = THRESHOLDS[key]
        value = given.count(key, int(known.most)) if known.is_whole else given.number(key, known.most)
        changes[key] = 0.0 if value is None else value
    return thresholds_with(Thresholds(), changes)


def _ignore(table: Table) -> Ignore:
    rules = table.words("rule") or ()
    for word in rules:
        check_name(table, "rule", word)
    if not rules and "address" not in table and "port" not in table:
        raise table.error("it must name a rule, an address or a port: to leave a rule out altogether there is ignore")
    reason = table.text("reason")
    if reason is None:
        raise table.error("it needs a reason, which the report repeats")
    return Ignore(rules, read_scope(table), reason)


def _expectations(table: Table) -> tuple[Expectation, ...]:
    found = tuple(read_expectation(entry) for entry in table.tables("expect", EXPECTATION_KEYS))
    names = [expectation.name for expectation in found]
    for name in names:
        if names.count(name) > 1:
            raise table.error(f"expect: two are called {printable(name)!r}")
    return found
