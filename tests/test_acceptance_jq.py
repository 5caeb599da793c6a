"""The three questions of somebody whose connections hang, asked with jq of the report on stuck-close-wait.pcap."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.recipes import output_of

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")

CHECKOUT = Path(__file__).resolve().parents[1]


def ask(question: str) -> list[list[str]]:
    """The answer as rows of cells."""
    command = f"tcpfsm analyze --format json samples/stuck-close-wait.pcap | jq -r '{question} | @tsv'"
    return [line.split("\t") for line in output_of(command, CHECKOUT).splitlines()]


def test_which_connections_are_stuck_and_on_which_side() -> None:
    rows = ask(
        '. as $all | .findings[] | select(.rule | startswith("stuck-")) | . as $f | $all.connections[]'
        " | select(.id == $f.connection) | [.client.port, $f.endpoint, .endpoints[$f.endpoint].state]"
    )
    ports = ["40002", "40004", "40005"]
    wanted = [(p, *end) for p in ports for end in (("client", "FIN_WAIT_2"), ("server", "CLOSE_WAIT"))]
    assert sorted(map(tuple, rows)) == wanted


def test_who_closed_first() -> None:
    rows = ask('.connections[] | select(.outcome == "stuck") | [.client.port, .closed_by, .closing]')
    assert sorted(rows) == [[port, "client", "half_closed"] for port in ("40002", "40004", "40005")]


def test_through_which_states_one_connection_went() -> None:
    rows = ask(
        ".connections[] | select(.client.port == 40002) | .endpoints | to_entries[]"
        " | .key as $side | .value.timeline[] | [$side, .state, .frame, .evidence]"
    )
    states = {side: [state for s, state, _, _ in rows if s == side] for side in ("client", "server")}
    assert states["client"] == ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2"]
    assert states["server"] == ["SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT"]
    assert ["client", "FIN_WAIT_1", "30", "proven"] in rows
    assert ["client", "FIN_WAIT_2", "31", "assumed"] in rows
    assert [row[2] for row in rows if row[:2] == ["server", "CLOSE_WAIT"]] in (["30"], ["31"])
    assert all(evidence in {"proven", "assumed", "timer"} for _, _, _, evidence in rows)
