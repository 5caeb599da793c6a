from __future__ import annotations

import io
import json

import pytest

from tcptrace_py.report import as_json
from tcptrace_py.report.as_json import Spool
from tools.sinking import write
from tools.talk import SECOND, Talk


def two_connections() -> list[tuple[int, bytes]]:
    """The second one ends (and is forgotten, long after) before the first one does."""
    first = Talk().handshake()
    second = Talk(client=("10.0.0.9", 50000)).handshake().close()
    first.time = second.time + 5000 * SECOND
    first.send("client", "A", 101, 301)
    return sorted(first.frames + second.frames)


def test_connections_come_in_order_of_their_numbers() -> None:
    lines = [json.loads(line) for line in write(two_connections(), "ndjson").splitlines()]
    assert [line["id"] for line in lines if line["type"] == "connection"] == [2, 1], "else this test tests nothing"
    assert [c["id"] for c in json.loads(write(two_connections(), "json"))["connections"]] == [1, 2]


def test_it_is_one_object_with_one_connection_a_line() -> None:
    text = write(two_connections(), "json").decode()
    assert list(json.loads(text)) == ["schema", "tool", "capture", "summary", "connections", "findings"]
    assert len([line for line in text.splitlines() if line.startswith('{"type":"connection"')]) == 2


def test_what_does_not_fit_in_memory_goes_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = write(two_connections(), "json")
    monkeypatch.setattr(as_json, "MOST_IN_MEMORY", 10)
    assert write(two_connections(), "json") == expected


def test_a_spool_gives_back_in_order() -> None:
    spool = Spool()
    for number in (3, 1, 2, 9, 8):
        spool.add(number, b"<%d>" % number)
    out = io.BytesIO()
    spool.copy(out)
    spool.close()
    assert out.getvalue() == b"<1>,\n<2>,\n<3>,\n<8>,\n<9>"


def test_an_empty_spool_gives_nothing() -> None:
    spool = Spool()
    out = io.BytesIO()
    spool.copy(out)
    spool.close()
    assert out.getvalue() == b""
