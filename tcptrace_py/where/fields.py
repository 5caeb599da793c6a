"""What can be asked of a connection: the fields of the report, by the report's names.

They are drawn from its model, so a field that comes into the report can be asked for by itself, with the meaning that it has
there.  What most expressions ask for is read off the engine; the rest is built as for the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import inspect as mi

from tcptrace_py.machine import states as st
from tcptrace_py.machine import story
from tcptrace_py.machine.connection import CLIENT, Connection
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint
from tcptrace_py.machine.sent import Sent
from tcptrace_py.report import build, model
from tcptrace_py.report.identity import community_id
from tcptrace_py.rules.finding import CONFIDENCES, SEVERITIES
from tcptrace_py.where import kinds
from tcptrace_py.where.kinds import Kind
from tcptrace_py.where.look import Look

Get = Callable[[Look, int], Any]
"""The value for a connection, and for one of its sides where the field has one; None: not known."""


class Field(NamedTuple):
    """One field."""

    name: str
    kind: Kind
    meaning: str
    get: Get
    is_sided: bool = False
    """Each endpoint has it."""
    is_many: bool = False
    """It is a list."""


SIDES = ("client", "server", "both")
"""What may stand before the name of a field that each endpoint has; without it, either side's is meant."""

_OF_FINDINGS = ("rule", "family", "severity", "confidence", "endpoint", "time", "frame", "message")

FIXED = frozenset({"id", "start", "first_frame", "incarnation", "community_id", "address", "port"})
"""Nothing that follows changes them, once a connection has closed."""

KEPT = FIXED | {
    *("end", "duration", "last_frame", "packets", "history", "rtt.to_server", "rtt.to_client"),
    *(f"finding.{name}" for name in _OF_FINDINGS),
}
"""A parked connection has them still; without another segment they stay as they are."""

_MOMENTS = {"start", "end", "since", "time", "observed_until"}
_SIZES = {
    *("max_window", "min_window", "avg_window", "mss", "segment_min", "segment_avg", "segment_max"),
    *("in_flight_min", "in_flight_avg", "in_flight_max"),
}
_ORDERED = (SEVERITIES, CONFIDENCES)
_LISTS = {"timeline", "retracted", "retransmissions"}  # of objects
_ELSEWHERE = {"client", "server", "endpoints", "findings", "application"}
"""Of Connection: told by their parts, or not known to the engine (``--display-filter`` asks for applications)."""


@lru_cache(maxsize=1)
def fields() -> dict[str, Field]:
    """All of them by name, in the order of the report."""
    found = [*_of_connection(), *_of_addresses(), *_of_endpoint(), *_of_findings()]
    return {field.name: field for field in found}


# ---- what is read off the engine


def _maybe(number: int) -> int | None:
    return None if number < 0 else number


_CONNECTION: dict[str, Callable[[Connection], object]] = {
    "id": lambda c: c.number,
    "start": lambda c: c.start,
    "end": lambda c: c.end,
    "duration": lambda c: max(c.end - c.start, 0),
    "first_frame": lambda c: c.first_frame,
    "last_frame": lambda c: c.last_frame,
    "packets": lambda c: c.packets,
    "opening": lambda c: story.OPENINGS[c.opening],
    "closing": lambda c: story.CLOSINGS[c.closing],
    "outcome": lambda c: story.OUTCOMES[c.outcome],
    "closed_by": build.closed_by,
    "community_id": lambda c: community_id(c.key),
    "history": lambda c: c.history,
    "rtt.to_server": lambda c: _maybe(c.handshake_to_server),
    "rtt.to_client": lambda c: _maybe(c.handshake_to_client),
    "incarnation": lambda c: c.incarnation,
    "observed_until": lambda c: c.observed_until,
    "evicted": lambda c: c.evicted,
}

_ENDPOINT: dict[str, Callable[[Endpoint], object]] = {
    "state": lambda e: st.NAMES[e.state],
    "evidence": lambda e: EVIDENCE_NAMES[e.evidence_at_end()],
    "since": lambda e: e.steps[-1].time,
    "since_frame": lambda e: _maybe(e.steps[-1].frame),
}


_COUNTED = {name: name for name in model.Sent.__struct_fields__ if getattr(Sent(), name, None) == 0}
_COUNTED["fin"] = "fins"
del _COUNTED["missing_bytes"]
"""Counters that are never unknown, and what the engine calls them; of missing bytes it has a part only."""


def needs_details(names: Iterable[str]) -> bool:
    """Whether one of these fields is known only if the engine keeps detailed figures."""
    return any(name.startswith("sent.") and name.removeprefix("sent.") not in _COUNTED for name in names)


def _counted(name: str) -> Get:
    read = attrgetter(_COUNTED[name])
    return lambda look, side: read((look.c.client if side == CLIENT else look.c.server).sent)


def _address(look: Look, side: int) -> bytes:
    key = look.c.key
    half = (len(key) - 4) // 2
    return key[:half] if side == CLIENT else key[half : 2 * half]


def _port(look: Look, side: int) -> int:
    key = look.c.key
    at = len(key) - 4 + 2 * side
    return key[at] << 8 | key[at + 1]


# ---- what the model says


def _of_connection() -> Iterator[Field]:
    for path, type_, meaning in _leaves(model.Connection):
        name = ".".join(path)
        if path[0] in _ELSEWHERE:
            continue
        kind, is_many = _kind(path[-1], type_)
        if kind is not None:
            read = _CONNECTION.get(name)
            get = _built(path) if read is None else _read(read)
            yield Field(name, kind, meaning, get, is_many=is_many)


def _of_addresses() -> Iterator[Field]:
    kind_of: dict[str, tuple[Kind, Get]] = {"address": (kinds.Address(), _address), "port": (kinds.Port(), _port)}
    for path, _, meaning in _leaves(model.Address):
        kind, get = kind_of[path[0]]
        yield Field(path[0], kind, meaning, get, is_sided=True)


def _of_endpoint() -> Iterator[Field]:
    for path, type_, meaning in _leaves(model.Endpoint):
        name = ".".join(path)
        if name == "time_in_state":
            for state in st.NAMES:
                yield Field(
                    f"{name}.{state}",
                    kinds.Seconds(),
                    f"seconds in {state}; 0: never in it",
                    _stay(state),
                    is_sided=True,
                )
            continue
        kind, is_many = _kind(path[-1], type_)
        if kind is None:
            continue
        read = _ENDPOINT.get(name)
        get = _read_side(read) if read is not None else _possible if name == "possible" else _built_side(path)
        yield Field(name, kind, meaning, get, is_sided=True, is_many=is_many or not _LISTS.isdisjoint(path))


def _of_findings() -> Iterator[Field]:
    for path, type_, meaning in _leaves(model.Finding):
        name = path[0]
        if name not in _OF_FINDINGS:
            continue
        kind: Kind | None = kinds.Rules() if name == "rule" else _kind(name, type_)[0]
        if kind is not None:
            yield Field(f"finding.{name}", kind, meaning, _found(name), is_many=True)


def _leaves(struct: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], mi.Type, str]]:
    """The fields of a type, and of the types in it, down to what is no object."""
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    for field in info.fields:
        type_, meaning = field.type, ""
        while isinstance(type_, mi.Metadata):
            meaning = (type_.extra_json_schema or {}).get("description", meaning)
            type_ = type_.type
        inner = type_.item_type if isinstance(type_, mi.ListType) else type_
        if isinstance(inner, mi.StructType):
            yield from _leaves(inner.cls, (*path, field.name))
        else:
            yield (*path, field.name), type_, meaning


def _kind(name: str, type_: mi.Type) -> tuple[Kind | None, bool]:
    """The kind of a field, and whether it is a list of them; None: nothing to compare with."""
    is_many = isinstance(type_, mi.ListType)
    if isinstance(type_, mi.ListType):
        type_ = type_.item_type
    if isinstance(type_, mi.UnionType):
        [type_] = [one for one in type_.types if not isinstance(one, mi.NoneType)]
    kind: Kind | None = None
    if isinstance(type_, mi.LiteralType):
        words = tuple(str(value) for value in type_.values)
        in_order = next((known for known in _ORDERED if set(known) == set(words)), None)
        kind = kinds.Word(in_order or words, ordered=in_order is not None)
    elif isinstance(type_, mi.BoolType):
        kind = kinds.Flag()
    elif isinstance(type_, mi.IntType):
        kind = kinds.Size() if name.endswith("_bytes") or name in _SIZES else kinds.Number()
    elif isinstance(type_, mi.DecimalType):
        kind = kinds.Moment() if name in _MOMENTS else kinds.Seconds()
    elif isinstance(type_, mi.StrType):
        kind = kinds.Text()
    return kind, is_many


# ---- getters


def _read(read: Callable[[Connection], object]) -> Get:
    return lambda look, _: read(look.c)


def _read_side(read: Callable[[Endpoint], object]) -> Get:
    return lambda look, side: read(look.c.client if side == CLIENT else look.c.server)


def _possible(look: Look, side: int) -> list[str]:
    return look.possible(side)


def _stay(state: str) -> Get:
    return lambda look, side: _engine(look.time_in_state(side).get(state, Decimal(0)))


def _built(path: tuple[str, ...]) -> Get:
    return lambda look, _: _value(look.connection(), path)


def _built_side(path: tuple[str, ...]) -> Get:
    if path[0] == "sent":
        if path[1] in _COUNTED:
            return _counted(path[1])
        return lambda look, side: _value(look.sent(side), path[1:])
    return lambda look, side: _value(look.endpoint(side), path)


def _found(name: str) -> Get:
    if name == "frame":
        return lambda look, _: [_maybe(finding.frame) for finding in look.findings()]
    return lambda look, _: [getattr(finding, name) for finding in look.findings()]


def _value(made: object, path: tuple[str, ...]) -> object:
    """What stands at a path in the report; of a list of objects, a list."""
    for n, name in enumerate(path):
        if isinstance(made, list):
            return [_value(one, path[n:]) for one in made]
        made = getattr(made, name)
    return [_engine(one) for one in made] if isinstance(made, list) else _engine(made)


def _engine(value: object) -> object:
    """As the engine has it: times in nanoseconds."""
    return int(value.scaleb(9)) if isinstance(value, Decimal) else value
