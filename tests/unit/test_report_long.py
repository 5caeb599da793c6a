"""``analyze --long``: every figure of every connection, as text."""

from __future__ import annotations

import json
from decimal import Decimal

from tcptrace_py.report import model
from tcptrace_py.report.as_long import GROUPS, LISTS, told, value
from tools.program import SAMPLES, call, without_traceback


def long_text(name: str, *more: str) -> str:
    done = call("analyze", "--long", *more, SAMPLES / f"{name}.pcap")
    assert done.returncode == 0
    return done.stdout.decode()


def test_every_figure_is_told_with_the_names_and_values_of_the_report() -> None:
    text = long_text("retransmissions")
    (c,) = json.loads(
        call("analyze", "--format", "json", SAMPLES / "retransmissions.pcap").stdout, parse_float=Decimal
    )["connections"]
    rows = {
        line.split()[0]: line.split() for line in text.splitlines() if line.startswith("    ") and len(line.split()) > 2
    }
    for name in model.Sent.__struct_fields__:
        if name in LISTS or name == "idle_max_frames":
            continue
        for n, side in enumerate(("client", "server")):
            cells = [cell for cell in rows[name][1:] if cell not in ("s", "B/s")]
            assert cells[n] == value("", c["endpoints"][side]["sent"][name]).removesuffix(" s"), name


def test_groups_begin_with_fields_in_their_order() -> None:
    fields = list(model.Sent.__struct_fields__)
    places = [fields.index(name) for name in GROUPS]
    assert places == sorted(places)
    assert places[0] == 0


def test_what_was_sent_again_is_told_one_by_one() -> None:
    text = long_text("retransmissions")
    assert "    server, frame 41 repeats 14: sack\n" in text
    assert "between the transmissions of the segment that was sent most often: 0.226394269 0.231997541 s" in text
    one = model.Retransmission(9, Decimal(1), None, 0, "spurious", "timeout", "dsack")
    assert (
        told(one)
        == "frame 9 (the first one was lost before the capture): spurious, as shown by a duplicate SACK; sent again by timeout"
    )


def test_all_connections_and_at_last_the_verdict() -> None:
    text = long_text("demo")
    count = text.count("\nConnection ") + text.startswith("Connection ")
    verdict = text.rstrip().splitlines()[-3:]
    assert any(line.startswith(f"{count} connections:") for line in verdict) or f"\n{count} connections: " in text
    only = long_text("demo", "--where", "id == 2")
    assert only.startswith("Connection 2: ")
    assert only.count("Connection ") == 1


def test_values() -> None:
    assert [value("", one) for one in (None, True, 1234, Decimal("0.5"), [], [3, 4])] == [
        "-",
        "yes",
        "1,234",
        "0.5 s",
        "-",
        "3 4",
    ]
    assert value("goodput", 1000) == "1,000 B/s"


def test_it_is_text_only() -> None:
    done = call("analyze", "--long", "--format", "json", SAMPLES / "demo.pcap")
    assert done.returncode == 2
    assert "--long is text" in without_traceback(done)
