"""Baselines: findings that are known, by fingerprints that stay the same from run to run.

A fingerprint is the rule, the Community ID of the connection (or, of a finding about the whole, whom its evidence names), and an
ordinal: the n-th finding of this rule there.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any

from tcptrace_py.errors import ConfigError
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Reported
from tcptrace_py.rules.finding import Finding

VERSION = 1


class Fingerprints:
    """Gives each finding its own, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def of(self, finding: Finding, community_id: str) -> str:
        """``RULE/COMMUNITY-ID/ORDINAL``; an empty ``community_id``: it is about the whole."""
        where = community_id
        if not where:
            named = (finding.evidence.get(key) for key in ("source", "client", "server", "port"))
            where = "capture " + ",".join(str(part) for part in named if part is not None)
        stem = f"{finding.rule}/{where.strip()}"
        ordinal = self._count.get(stem, 0) + 1
        self._count[stem] = ordinal
        return f"{stem}/{ordinal}"


def read_baseline(path: str) -> frozenset[str]:
    """The fingerprints of a file.  Raises ConfigError."""
    name = printable(path)
    try:
        with open(path, encoding="utf-8") as file:
            whole: Any = json.load(file)
    except FileNotFoundError:
        raise ConfigError(f"{name}: the baseline is not there; --write-baseline makes one") from None
    except OSError as e:
        raise ConfigError(f"{name}: the baseline cannot be read ({e.strerror})") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}: not a baseline: it is no JSON; --write-baseline makes one") from None
    version = whole.get("baseline") if isinstance(whole, dict) else None
    if type(version) is not int or version != VERSION:
        what = "not a baseline" if version is None else f"a baseline of version {version}, and this is {VERSION}"
        raise ConfigError(f"{name}: {what}; --write-baseline makes one")
    entries = whole.get("findings")
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("fingerprint"), str) for entry in entries
    ):
        raise ConfigError(f"{name}: its findings must be a list of objects with a fingerprint")
    return frozenset(entry["fingerprint"] for entry in entries)


def may_write(path: str) -> None:
    """Raises ConfigError where a file that is no baseline would be lost."""
    try:
        with open(path, "rb") as file:
            start = file.read(100) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:  # there is none, or writing will say what is wrong
        return
    if start.strip() and re.match(rb'\s*\{\s*"baseline"', start) is None:
        raise ConfigError(
            f"{printable(path)}: is there, and no baseline: --write-baseline takes the name of a new file"
        )


def baseline_text(reported: list[Reported]) -> str:
    """A file of findings that are to be known from now on: sorted, a finding a line, so that differences read well."""
    lines = []
    for r in sorted(reported, key=lambda r: r.fingerprint):
        entry = {
            "fingerprint": r.fingerprint,
            "severity": r.finding.severity,
            "between": f"{r.place.client} > {r.place.server}" if r.place else None,
            "message": r.finding.message,
        }
        lines.append("  " + json.dumps(entry))
    body = ",\n".join(lines)
    return f'{{"baseline": {VERSION},\n "findings": [\n{body}\n]}}\n'
