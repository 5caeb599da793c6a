"""The comparison, for people and for programs."""

from __future__ import annotations

import textwrap
from typing import Any

from tcptrace_py.crosscheck.case import KINDS, Kinds
from tcptrace_py.crosscheck.compare import Comparison, Disagreement

WIDTH = 100


def as_json(result: Comparison, sources: list[str], wireshark: str) -> dict[str, Any]:
    """One object."""
    return {
        "schema": 1,
        "sources": sources,
        "wireshark": wireshark or None,
        "tcp_segments": result.frames,
        "classified": result.flagged,
        "agreements": {kind: n for kind, n in result.agreements.items() if n},
        "disagreements": [
            {
                "tcpfsm": listed(d.ours),
                "wireshark": listed(d.theirs),
                "reason": d.reason.name,
                "text": d.reason.text,
                "count": d.count,
                "frames": [{"source": source, "frame": frame} for source, frame in d.frames],
            }
            for d in result.disagreements
        ],
    }


def as_text(result: Comparison, names: list[str], wireshark: str) -> str:
    """A table of agreements and disagreements, and below it the reasons; ``names`` of the captures."""
    agreed = sum(result.agreements.values())
    different = sum(d.count for d in result.disagreements)
    version = f"Wireshark {wireshark}" if wireshark else "Wireshark"
    head = f"{result.frames:,} TCP segments, {result.flagged:,} of them classified by tcpfsm or {version}"
    lines = [f"{head}: {agreed:,} alike, {different:,} not"]
    rows: list[tuple[str, ...]] = [("", "tcpfsm", "Wireshark", "frames", "")]
    rows += [("alike", kind, kind, f"{result.agreements[kind]:,}", "") for kind in KINDS if result.agreements[kind]]
    rows += [
        ("not", ", ".join(listed(d.ours)) or "-", ", ".join(listed(d.theirs)) or "-", f"{d.count:,}", d.reason.name)
        for d in result.disagreements
    ]
    if len(rows) > 1:
        lines += ["", *columns(rows)]
    for d in first_of_each(result.disagreements):
        source, frame = d.frames[0]
        where = f" of {names[source]}" if len(names) > 1 else ""
        lines += ["", f"{d.reason.name} (as in frame {frame}{where})"]
        lines += textwrap.wrap(
            d.reason.text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
    return "\n".join(lines) + "\n"


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows in columns; figures to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if n == 3 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def first_of_each(disagreements: list[Disagreement]) -> list[Disagreement]:
    """One for each reason."""
    found: dict[str, Disagreement] = {}
    for d in disagreements:
        found.setdefault(d.reason.name, d)
    return list(found.values())


def listed(kinds: Kinds) -> list[str]:
    """In the order of the table."""
    return [kind for kind in KINDS if kind in kinds]
