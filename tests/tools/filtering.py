"""Filters in tests: connections of samples, and what an expression should say of them, worked out from their report alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from tcptrace_py.cli.analysis import analyze
from tcptrace_py.config import Config, Thresholds
from tcptrace_py.machine.connection import Connection
from tcptrace_py.report import build
from tcptrace_py.report.sink import EVERY, Ending
from tcptrace_py.rules.finding import CONFIDENCES, SEVERITIES, Finding
from tcptrace_py.where.fields import Field, fields
from tcptrace_py.where.filter import Filter
from tcptrace_py.where.kinds import Address, Flag, Kind, Moment, Number, Rules, Text, Word
from tools.captures import Frame, pcap
from tools.stories import capture

SIDES = ("client", "server")
SINGLY = Config(thresholds=Thresholds(told_singly=1 << 40))
Dict = dict[str, Any]


class Seen(NamedTuple):
    """A connection as the engine has it, and as the report has it with its findings."""

    c: Connection
    report: Dict
    findings: list[Dict]


class Kept:
    """A Sink that keeps all."""

    wants_first = EVERY
    detailed = True

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def connection(self, c: Connection, findings: list[Finding]) -> None:
        plain = [plainly(build.finding(finding)) for finding in findings]
        self.seen.append(Seen(c, plainly(build.connection(c, findings)), plain))

    def finish(self, ending: Ending) -> None:
        self.seen.sort(key=lambda seen: seen.c.number)


def plainly(made: object) -> Dict:
    """An object of the report as a dictionary; its decimals stay what they are."""
    result: Dict = msgspec.to_builtins(made, builtin_types=(Decimal,))
    return result


@lru_cache(maxsize=64)
def seen_in(name: str) -> tuple[Seen, ...]:
    """The connections of a sample, each judged for itself."""
    return tuple(seen(capture(name)))


def seen(data: Path | bytes | list[Frame], config: Config = SINGLY) -> list[Seen]:
    """Those of any capture."""
    kept = Kept()
    if isinstance(data, Path):
        data = data.read_bytes()
    whole = data if isinstance(data, bytes) else pcap(data, nano=True)
    analyze(["-"], config, kept, stdin=io.BytesIO(whole))  # type: ignore[arg-type]
    return kept.seen


def holds(text: str, one: Seen) -> bool:
    """What the filter says."""
    return Filter(Config(where=text)).holds(one.c)


# ---- what it should say


def values(field: Field, one: Seen, side: str) -> list[Any]:
    """What the report has under a field's name; of one value, a list of that."""
    path = field.name.split(".")
    if path[0] == "finding":
        return [finding[path[1]] for finding in one.findings]
    if not field.is_sided:
        return flat(one.report, path)
    if path[0] in ("address", "port"):
        return [one.report[side][path[0]]]
    if path[0] == "time_in_state":
        return [one.report["endpoints"][side]["time_in_state"].get(path[1], Decimal(0))]
    return flat(one.report["endpoints"][side], path)


def flat(made: Any, path: list[str]) -> list[Any]:
    """Along a path, through lists."""
    if isinstance(made, list):
        return [value for one in made for value in flat(one, path)]
    return flat(made[path[0]], path[1:]) if path else [made]


Verdict = bool | None


def one_of(verdicts: list[Verdict]) -> Verdict:
    """Or, after Kleene."""
    return True if True in verdicts else None if None in verdicts else False


class Expression(NamedTuple):
    """A text, and what should come of it for a connection."""

    text: str
    of: Callable[[Seen], Verdict]


def expression(rnd: Random, samples: list[Seen], depth: int = 2) -> Expression:
    """A random one, about values that occur."""
    if depth == 0 or rnd.random() < 0.2:
        return comparison(rnd, samples)
    left = expression(rnd, samples, depth - 1)
    if rnd.random() < 0.3:
        return Expression(f"not ({left.text})", lambda s: None if (v := left.of(s)) is None else not v)
    right = expression(rnd, samples, depth - 1)
    if rnd.random() < 0.5:
        return Expression(f"({left.text}) or ({right.text})", lambda s: one_of([left.of(s), right.of(s)]))

    def together(s: Seen) -> Verdict:
        verdicts = [left.of(s), right.of(s)]
        return False if False in verdicts else None if None in verdicts else True

    return Expression(f"({left.text}) and ({right.text})", together)


def comparison(rnd: Random, samples: list[Seen]) -> Expression:
    """One field against a value of a random connection."""
    field = rnd.choice(list(fields().values()))
    known = [v for one in samples for side in SIDES for v in values(field, one, side) if v is not None]
    operators = ["==", "!=", "== null", "!= null"]
    if field.kind.ordered:
        operators += ["<", "<=", ">", ">="]
    operator = rnd.choice(operators if known else operators[2:4])
    value = rnd.choice(known) if known else None
    side = rnd.choice(["", "client", "server", "both"]) if field.is_sided else ""
    name = f"{side}.{field.name}" if side else field.name
    written = "" if operator.endswith("null") else " " + literal(field.kind, value)
    positive = operator.replace("!", "=")

    def on(s: Seen, which: str) -> Verdict:
        found = values(field, s, which)
        if positive == "== null":
            return None in found or not found
        return one_of([None if v is None else compare(positive, field.kind, v, value) for v in found])

    def of(s: Seen) -> Verdict:
        verdicts = [on(s, which) for which in ([side] if side in SIDES else SIDES if field.is_sided else SIDES[:1])]
        verdict = one_of(verdicts)
        if side == "both" and positive == operator:
            verdict = False if False in verdicts else None if None in verdicts else True
        return verdict if positive == operator or verdict is None else not verdict

    return Expression(f"{name} {operator}{written}", of)


def literal(kind: Kind, value: Any) -> str:
    """A value as it is written."""
    if isinstance(kind, Flag):
        return str(value).lower()
    if isinstance(kind, Text):
        return f"'{value}'"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def compare(operator: str, kind: Kind, value: Any, than: Any) -> bool:
    """One value."""
    if isinstance(kind, Address):
        return ip_address(value) in ip_network(than)
    if isinstance(kind, Word) and operator != "==":
        order = SEVERITIES if than in SEVERITIES else CONFIDENCES
        value, than = order.index(value), order.index(than)
    assert isinstance(kind, Number | Moment | Word | Text | Flag | Rules)
    results: dict[str, Callable[[], bool]] = {
        "==": lambda: value == than,
        "<": lambda: value < than,
        "<=": lambda: value <= than,
        ">": lambda: value > than,
        ">=": lambda: value >= than,
    }
    return results[operator]()


def expressions(seed: int, count: int, samples: list[Seen]) -> Iterator[Expression]:
    """So many random ones, the same every time."""
    rnd = Random(seed)
    for _ in range(count):
        yield expression(rnd, samples)
