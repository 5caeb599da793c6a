"""``tcpfsm graph``: points as CSV or JSON lines, of the connection that was named."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tcptrace_py.graph.points import GRAPHS, SERIES
from tcptrace_py.graph.rows import HEADER
from tcptrace_py.machine.marks import MARKS
from tools.program import SAMPLES, call, report, run, without_traceback

SAMPLE = SAMPLES / "retransmissions.pcap"


def rows(*words: str | Path) -> list[dict[str, str]]:
    done = call("graph", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    return list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))


def test_the_points_add_up_to_the_report() -> None:
    found = rows("--data", "all", SAMPLE, "1")
    (c,) = report(SAMPLE)["connections"]
    sent = c["endpoints"]["server"]["sent"]
    mine = [row for row in found if row["sender"] == "server"]
    again = [row for row in mine if row["series"] == "segment" and "retransmission" in row["marks"]]
    assert [(row["frame"], row["of"]) for row in again] == [
        (str(one["frame"]), str(one["original"])) for one in sent["retransmissions"]
    ]
    assert sum(row["graph"] == "rtt" for row in mine) == sent["rtt_samples"]
    assert max(int(row["value"]) for row in mine if row["series"] == "bytes") == sent["in_flight_max"]
    assert sum(int(row["value"]) for row in mine if row["series"] == "size") == sent["payload_bytes"]
    assert {row["graph"] for row in found} == set(GRAPHS)
    assert (found[0]["elapsed"], found[0]["frame"]) == ("0.000000", "1")


def test_json_lines_say_the_same() -> None:
    done = call("graph", "--format", "ndjson", "--data", "rtt,throughput", SAMPLE, "1")
    lines = [json.loads(line, parse_float=str) for line in done.stdout.splitlines()]
    table = rows("--data", "rtt,throughput", SAMPLE, "1")
    assert [list(line) for line in lines[:1]] == [list(HEADER)]
    assert [(str(line["value"]), line["frame"]) for line in lines] == [
        (row["value"], int(row["frame"])) for row in table
    ]


@pytest.mark.parametrize("name", ["frame 30", "10.1.0.11:40001-10.1.0.7:8080"])
def test_a_connection_by_other_names(name: str) -> None:
    assert rows(SAMPLE, name) == rows(SAMPLE, "1")


def test_one_side_only() -> None:
    assert {row["sender"] for row in rows("--sender", "client", SAMPLE, "1")} == {"client"}


def test_a_pipe_serves_as_well() -> None:
    done = run("graph", "-", "1", stdin=SAMPLE.read_bytes())
    assert done.stdout == call("graph", SAMPLE, "1").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--data", "timesequence", SAMPLE, "1"), "did you mean time-sequence?"),
        ((SAMPLE, "7"), "no connection 7"),
        ((SAMPLE,), "Give a number"),
        (("-", "frame 3"), "a frame names a connection only in files"),
        (("--where", "id == 1", SAMPLE, "1"), "graph is of one connection"),
        ((SAMPLES / "time-wait-reuse.pcap", "10.1.0.11:40001-10.1.0.7:8080"), "choose one by its number"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(words: tuple[str | Path, ...], says: str) -> None:
    done = call("graph", *words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert says in without_traceback(done)


def test_the_document_names_all_graphs_series_and_columns(checkout: Path) -> None:
    text = (checkout / "docs" / "graph.md").read_text(encoding="utf-8")
    for names in (GRAPHS, SERIES):
        for name, meaning in names.items():
            assert f"| `{name}` | {meaning} |" in text
    for mark in MARKS:
        assert f"| `{mark.name}` | {mark.meaning} |" in text
    for name in HEADER:
        assert f"`{name}`" in text
