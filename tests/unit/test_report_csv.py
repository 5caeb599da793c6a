from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest

from tcptrace_py.report.as_csv import HEADER, encoded, guarded
from tools.model_rows import cell
from tools.program import SAMPLES
from tools.sinking import write
from tools.talk import Talk


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_one_row_a_connection_with_both_endpoints() -> None:
    frames = (
        Talk().handshake().close().frames + Talk(client=("10.0.0.9", 1), time=Talk().time + 10**9).handshake().frames
    )
    one, two = rows(write(frames, "csv"))
    assert (one["client_address"], one["client_port"], one["server_port"]) == ("10.0.0.1", "40000", "80")
    assert (one["client_state"], one["server_state"], one["closed_by"]) == ("TIME_WAIT", "CLOSED", "client")
    assert one["client_timeline"] == "SYN_SENT@1 ESTABLISHED@2 FIN_WAIT_1@4 FIN_WAIT_2@5 TIME_WAIT@6"
    assert one["client_fin"] == one["server_fin"] == "1"
    assert (two["closed_by"], two["client_mss"], two["client_sack_permitted"]) == ("", "", "false")


def test_the_table_is_rectangular_and_agrees_with_json() -> None:
    sample = SAMPLES / "stuck-close-wait.pcap"
    table = list(csv.reader(io.StringIO(write(sample, "csv").decode(), newline="")))
    assert {len(row) for row in table} == {len(HEADER)}
    assert len(set(HEADER)) == len(HEADER)
    connections = json.loads(write(sample, "json"), parse_float=Decimal)["connections"]
    by_id = {int(row["id"]): row for row in rows(write(sample, "csv"))}
    assert len(by_id) == len(connections)
    for c in connections:
        row = by_id[c["id"]]
        assert Decimal(row["start"]) == c["start"]
        assert Decimal(row["server_since"]) == c["endpoints"]["server"]["since"]
        assert row["client_possible"].split() == c["endpoints"]["client"]["possible"]
        assert row["findings"].split() == c["findings"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_no_cell_is_a_formula(text: str) -> None:
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_no_formula_hides_behind_a_control_character(text: str) -> None:
    assert guarded(text)[0] == "\\"


@pytest.mark.parametrize("text", ["plain", "", "a,b", 'he said "no"', "=1,2", "x\ny", "naïve", "  "])
def test_any_text_is_one_cell(text: str) -> None:
    (row,) = csv.reader(io.StringIO((b"1," + encoded(text) + b",2\n").decode(), newline=""))
    assert row == ["1", guarded(text), "2"]


def test_cells() -> None:
    assert [cell(value) for value in (None, True, False, 0, Decimal("5.00E-7"), Decimal("1E-9"), "plain")] == [
        "",
        "true",
        "false",
        "0",
        "0.000000500",
        "0.000000001",
        "plain",
    ]
