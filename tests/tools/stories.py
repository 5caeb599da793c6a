"""What samples/expected.toml says of the samples, and how a report differs from it."""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tools.sinking import write

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
EXPECTED: dict[str, Any] = tomllib.loads((SAMPLES / "expected.toml").read_text(encoding="utf-8"))
SIDES = "client", "server"
NO_CONNECTION = {"CLOSED", "LISTEN"}

Report = dict[str, Any]


def capture(name: str) -> Path:
    """The file of a sample."""
    return SAMPLES / f"{name}.pcap"


def report(data: bytes | Path) -> Report:
    """The JSON report on a capture, made in this process."""
    made: Report = json.loads(write(data, "json"))
    return made


def place(end: dict[str, Any]) -> str:
    """Address and port, as expected.toml writes them."""
    address = end["address"]
    return f"[{address}]:{end['port']}" if ":" in address else f"{address}:{end['port']}"


class Differences(NamedTuple):
    """One line for everything in a report that is not as expected."""

    states: list[str]
    findings: list[str]


def differences(entry: dict[str, Any], made: Report) -> Differences:
    """Compare connection by connection; those on the same ports in the order of their frames."""
    wrong = Differences([], [])
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for connection in made["connections"]:
        found.setdefault((place(connection["client"]), place(connection["server"])), []).append(connection)
    for wanted in entry["connections"]:
        ends = wanted["client"], wanted["server"]
        if not found.get(ends):
            wrong.states.append(f"{ends} is missing")
            continue
        _connection(wanted, found[ends].pop(0), wrong)
    rest = [connection for left in found.values() for connection in left]
    if "others" in entry:
        _crowd(entry["others"], rest, wrong)
    else:
        wrong.states.extend(f"too many: {c['client']}" for c in rest)
    if sorted(made["summary"]["findings"]) != entry["findings"]:
        wrong.findings.append(f"all: {sorted(made['summary']['findings'])}, not {entry['findings']}")
    return wrong


def _connection(wanted: dict[str, Any], got: dict[str, Any], wrong: Differences) -> None:
    name = f"{wanted['client']} (frame {got['first_frame']})"
    for side in SIDES:
        wrong.states.extend(_endpoint(f"{name}, {side}", side, wanted, got["endpoints"][side]))
    if sorted(got["findings"]) != wanted["findings"]:
        wrong.findings.append(f"{name}: {sorted(got['findings'])}, not {wanted['findings']}")


def _endpoint(name: str, side: str, wanted: dict[str, Any], got: dict[str, Any]) -> list[str]:
    true = wanted.get(f"{side}_seen", wanted[f"{side}_state"])
    alike = NO_CONNECTION if true in NO_CONNECTION else {true}
    allowed = got["possible"] if side in wanted.get("unknowable", []) else [got["state"]]
    return [] if alike.intersection(allowed) else [f"{name}: {got['state']} of {got['possible']}, not {true}"]


def _crowd(others: dict[str, Any], rest: list[dict[str, Any]], wrong: Differences) -> None:
    wanted = {(others["client_state"], others["server_state"]): others["count"]}
    states = Counter((c["endpoints"]["client"]["state"], c["endpoints"]["server"]["state"]) for c in rest)
    single = sum(len(c["findings"]) for c in rest)
    if states != wanted:
        wrong.states.append(f"the crowd is {states}, not {wanted}")
    if single > others["single_findings"]:
        wrong.findings.append(f"{single} single findings in the crowd")
