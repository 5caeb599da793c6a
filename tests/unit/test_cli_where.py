"""``--where``: what reports, verdicts, exit statuses and ladders are about when a filter is given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.cli.matching import MOST_LADDERS
from tools.captures import pcap
from tools.program import SAMPLES, call, run
from tools.talk import Talk

STUCK = SAMPLES / "stuck-close-wait.pcap"
WANTED = "client.port in (40001 40002)"


def said(*arguments: str | Path, status: int = 0) -> str:
    """What is printed; nothing stands on stderr."""
    done = call(*arguments)
    assert (done.stderr, done.returncode) == (b"", status)
    return done.stdout.decode()


def report_of(*arguments: str | Path) -> dict[str, Any]:
    """The JSON report."""
    made: dict[str, Any] = json.loads(said("analyze", "--format", "json", *arguments))
    return made


def complaint(*arguments: str | Path, stdin: bytes = b"") -> str:
    """The one line of an error."""
    done = run(*arguments, stdin=stdin) if stdin else call(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    [line] = done.stderr.decode().splitlines()
    return line.removeprefix("tcpfsm: ")


def test_the_report_holds_what_matches_and_counts_nothing_else() -> None:
    whole = report_of(STUCK)
    some = report_of(STUCK, "--where", WANTED)
    assert some["connections"] == [c for c in whole["connections"] if c["client"]["port"] in (40001, 40002)]
    ids = {c["id"] for c in some["connections"]}
    assert ids == {2, 3}
    assert some["findings"] == [f for f in whole["findings"] if f["connection"] in ids]
    assert some["capture"] == whole["capture"]
    assert some["summary"] == {
        **whole["summary"],
        "connections": 2,
        "outcomes": {"closed": 1, "stuck": 1},
        "states": {"CLOSED/CLOSED": 1, "FIN_WAIT_2/CLOSE_WAIT": 1},
        "findings": {"stuck-close-wait": 1, "stuck-fin-wait-2": 1},
        "severities": {"error": 2, "warning": 0, "info": 0},
        "fine": 1,
        "where": WANTED,
        "others": 11,
    }
    assert (whole["summary"]["where"], whole["summary"]["others"]) == (None, 0)


@pytest.mark.parametrize("form", ["ndjson", "csv", "markdown"])
def test_every_format_holds_only_that(form: str) -> None:
    text = said("analyze", "--format", form, "--where", "id == 3", STUCK)
    assert "40002" in text
    assert "40001" not in text
    assert "40004" not in text


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("id in 2..3", "2 of 13 connections match --where: 1 looks fine, 1 has findings (2 errors)."),
        ("id == 2", "1 of 13 connections matches --where: it looks fine."),
        ("id < 3", "2 of 13 connections match --where: all look fine."),
        ("id > 13", "None of 13 connections matches --where."),
    ],
)
def test_the_verdict_says_how_many_of_how_many(where: str, line: str) -> None:
    text = said("analyze", "--where", where, STUCK)
    assert text.splitlines()[0] == line
    assert said("analyze", "--where", where, "--format", "markdown", STUCK).startswith("# ")


def test_the_table_shows_the_first_that_match_whatever_their_numbers(tmp_path: Path) -> None:
    talk = Talk()
    for port in range(1, 41):
        talk.client = ("10.0.0.1", port)
        talk.handshake().close()
    path = tmp_path / "many.pcap"
    path.write_bytes(pcap(talk.frames, nano=True))
    text = said("analyze", "--where", "client.port > 25", path)
    assert text.startswith("15 of 40 connections match --where: all look fine.\n")
    assert "The first 10 connections\n" in text
    shown = [line.split()[0] for line in text.splitlines() if " client 10.0.0.1:" in line]
    assert shown == [str(n) for n in range(26, 36)]


def test_findings_about_several_are_of_those_that_match() -> None:
    flood = SAMPLES / "syn-flood.pcap"
    whole = report_of(flood)["findings"]
    assert [f["rule"] for f in whole if f["connection"] is None] == ["syn-flood"]
    server = next(f for f in whole if f["rule"] == "syn-flood")["evidence"]["server"]
    port = server.rpartition(":")[2]
    same = report_of(flood, "--where", f"server.port == {port}")["findings"]
    assert [f["rule"] for f in same if f["connection"] is None] == ["syn-flood"]
    assert report_of(flood, "--where", f"server.port != {port}")["findings"] == []
    assert report_of(flood, "--where", "id < 50")["summary"]["findings"].get("syn-flood") is None


def test_the_exit_status_is_of_what_matches(tmp_path: Path) -> None:
    assert "FAILED: 2 findings (2 fail) in the 1 of 13 connections that match --where" in said(
        "check", "--where", "id == 3", STUCK, status=1
    )
    assert said("check", "--where", "not finding", STUCK) == (
        "passed: 0 findings in the 10 of 13 connections that match --where\n"
    )
    none = call("check", "--where", "id > 99", STUCK)
    assert none.stdout == b"passed: 0 findings in the 0 of 13 connections that match --where\n"
    assert none.stderr == b"tcpfsm: warning: none of 13 connections matches --where: nothing was judged\n"
    assert said("analyze", "--fail-on", "error", "--where", "id == 2", STUCK)
    assert said("analyze", "--fail-on", "error", "--where", "id == 3", STUCK, status=1)
    config = tmp_path / "tcpfsm.toml"
    config.write_text("[[expect]]\nname = 'all close'\noutcome = 'closed'\nmin_connections = 9\n")
    assert "1 of 1 expectation met" in said("check", "--config", config, "--where", "not finding", STUCK)
    assert "1 connections, and at least 9 are expected" in said(
        "check", "--config", config, "--where", "id == 2", STUCK, status=1
    )


def test_a_baseline_of_all_serves_and_nothing_of_it_is_called_gone(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    said("check", "--write-baseline", path, STUCK)
    made = json.loads(said("check", "--baseline", path, "--where", "id == 3", "--format", "json", STUCK))
    assert [f["decision"] for f in made["findings"]] == ["baselined", "baselined"]
    assert made["baseline"] == {"used": True, "gone": []}


def test_the_demo_takes_it_too() -> None:
    assert said("demo", "--where", "finding").startswith("8 of 18 connections match --where")


def test_an_empty_expression_is_none() -> None:
    assert said("analyze", "--where", " ", STUCK) == said("analyze", STUCK)


# ---- show


def ids(*arguments: str | Path) -> list[int]:
    """The connections that are shown, from JSON."""
    decoder, text, found = json.JSONDecoder(), said("show", "--format", "json", STUCK, *arguments), []
    while text:
        made, end = decoder.raw_decode(text)
        shown: dict[str, Any] = made["connection"]
        found.append(shown["id"])
        text = text[end:].lstrip()
    return found


def test_show_draws_all_that_match() -> None:
    assert ids("--where", "finding") == [3, 5, 6]
    assert ids("--where", "id == 7") == [7]
    text = said("show", STUCK, "--where", "finding")
    assert text == "\n".join(said("show", STUCK, n) for n in "356")


def test_show_needs_both_to_agree() -> None:
    assert ids("3", "--where", "finding") == [3]
    assert ids("frame", "30", "--where", "finding") == [3]
    assert ids("10.1.0.12:40002-10.1.0.7:8080", "--where", "finding") == [3]
    assert complaint("show", STUCK, "1", "--where", "finding") == (
        "no connection 1 among the 3 of 13 connections that match --where"
    )


def test_show_chooses_among_uses_of_the_same_ports() -> None:
    path = SAMPLES / "time-wait-reuse.pcap"
    [c, *others] = [c for c in report_of(path)["connections"] if c["incarnation"] > 1]
    assert not others
    ports = f"{c['client']['address']}:{c['client']['port']}-{c['server']['address']}:{c['server']['port']}"
    assert "choose one by its number" in complaint("show", path, ports)
    assert "choose one by its number" in complaint("show", path, ports, "--where", "id > 0")
    text = said("show", path, ports, "--where", "incarnation > 1")
    assert text.startswith(f"Connection {c['id']} of ")


def test_show_says_what_it_leaves_out() -> None:
    done = call("show", STUCK, "--where", "id > 1")
    assert done.returncode == 0
    assert done.stdout.count(b"Connection ") == MOST_LADDERS
    assert done.stderr == b"tcpfsm: 2 more of 12 connections that match, to be shown by number: 12, 13\n"


def test_what_show_cannot_do() -> None:
    assert complaint("show", STUCK, "--where", "id > 99") == "none of 13 connections matches --where"
    assert complaint("show", STUCK, "--where", "id < 4", "--format", "svg") == (
        "3 connections match --where, and svg shows one: choose it by number: 1, 2, 3"
    )
    assert said("show", STUCK, "--where", "id == 4", "--format", "svg").startswith("<svg")
    assert "save the capture to a file first" in complaint("show", "-", "--where", "id == 1", stdin=STUCK.read_bytes())
    assert complaint("show", STUCK, "nothing.pcap", "--where", "id == 1").startswith("nothing.pcap: ")


@pytest.mark.parametrize("command", ["analyze", "check", "show", "demo"])
def test_a_bad_expression_is_one_line(command: str) -> None:
    arguments = [] if command == "demo" else [STUCK]
    assert complaint(command, *arguments, "--where", "sate == OPEN") == (
        "--where: column 1: no field 'sate'; did you mean state?"
    )
