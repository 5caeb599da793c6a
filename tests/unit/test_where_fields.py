"""tcptrace_py.where.fields: all of the report, by its names, and with its values."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tcptrace_py.config import Config
from tcptrace_py.machine.connection import CLIENT, SERVER
from tcptrace_py.report import model
from tcptrace_py.rules.judge import Judge
from tcptrace_py.where import fields as wf
from tcptrace_py.where.fields import FIXED, KEPT, fields
from tcptrace_py.where.kinds import Moment, Seconds, Size
from tcptrace_py.where.look import Look
from tools.filtering import SIDES, seen_in, values

SAMPLES = ("demo", "stuck-close-wait", "retransmissions", "icmp-rejected", "midstream", "simultaneous-open", "fin-lost")
JUDGE = Judge(Config())


@pytest.mark.parametrize("name", fields())
def test_a_field_has_the_value_of_the_report(name: str) -> None:
    field = fields()[name]
    compared = 0
    for one in (one for sample in SAMPLES for one in seen_in(sample)):
        look = Look(one.c, JUDGE)
        for side, which in zip((CLIENT, SERVER) if field.is_sided else (CLIENT,), SIDES, strict=False):
            got = field.get(look, side)
            for value in got if field.is_many else [got]:
                assert value is None or isinstance(value, bytes | int | str)
            told = [as_told(field, value) for value in (got if field.is_many else [got])]
            assert told == values(field, one, which)
            compared += len(told)
    assert compared


def as_told(field: wf.Field, value: object) -> object:
    """As the report writes it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(field.kind, Seconds | Moment):
        assert isinstance(value, int)
        return Decimal(value).scaleb(-9)
    return field.kind.text(value) if isinstance(value, bytes) else value


def test_what_stands_for_moments_and_sizes() -> None:
    """The model calls both moments and durations decimals; its source tells them apart, and these names have to agree."""
    for struct in (
        model.Connection,
        model.Endpoint,
        model.Entry,
        model.Retracted,
        model.Finding,
        model.Sent,
        model.Rtt,
    ):
        for name, written in struct.__annotations__.items():
            is_moment = str(written).startswith("Annotated[Time")
            assert is_moment == (name in wf._MOMENTS), f"{struct.__name__}.{name}"
    sizes = [field.name for field in fields().values() if isinstance(field.kind, Size)]
    assert {"sent.payload_bytes", "sent.mss", "sent.max_window"} <= set(sizes)


def test_counters_are_all_there() -> None:
    assert {name.split(".")[1] for name in fields() if name.startswith("sent.")} == set(model.Sent.__struct_fields__)


def test_every_field_has_a_meaning() -> None:
    assert [field.name for field in fields().values() if not field.meaning] == []
    assert FIXED < KEPT < set(fields())


def test_the_names_of_fields_and_of_sides_do_not_meet() -> None:
    firsts = {name.partition(".")[0] for name in fields()}
    assert firsts.isdisjoint({*wf.SIDES, "endpoints", "null", "and", "or", "not", "in"})
