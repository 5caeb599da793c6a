"""Our figures beside those of tcptrace and tshark: they agree, or a named class says why not (tests/tools/parity.py)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tools.parity import run
from tools.parity_classes import CLASSES
from tools.parity_tools import FIELDS
from tools.program import SAMPLES
from tools.tcptrace_output import parse

CHECKOUT = Path(__file__).resolve().parents[1]
BENCH = Path(os.environ.get("TCPFSM_CORPUS") or CHECKOUT.parent / "shared" / "corpus") / "tcptrace"
RECORDED = tuple(
    f"{name}.gz"
    for name in (
        "6syns.dmp",
        "first_seg_ooo.dmp",
        "single_byte_rexmit.dmp",
        "NASA_ipv6.snoop",
        "ppp_over_eth.dmp",
        "urgent.dmp",
        "zwnd.dmp",
    )
)
OURS = ("client-reboots", "demo", "keepalive", "time-wait-reuse", "retransmissions", "syn-lost", "zero-window")

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
needs_tcptrace = pytest.mark.skipif(shutil.which("tcptrace") is None, reason="tcptrace is not installed")


@needs_tshark
@needs_tcptrace
def test_samples_agree_or_differ_for_a_reason() -> None:
    captures = [SAMPLES / f"{name}.pcap" for name in OURS]
    for tool, outcome in run([path for path in captures if path.exists()], expected=False).items():
        assert outcome.unexplained == [], tool
        assert outcome.captures >= 6
        assert outcome.compared["packets"] >= 50
        assert outcome.agreed["data_packets"] / outcome.compared["data_packets"] > 0.9
        assert {why for whys in outcome.why.values() for why in whys} <= set(CLASSES)


@needs_tshark
@pytest.mark.skipif(
    not BENCH.is_dir(), reason="no corpus of captures: set TCPFSM_CORPUS to its folder, or put it at ../shared/corpus"
)
def test_tcptraces_own_expectations_are_met_or_differ_for_a_reason() -> None:
    outcome = run([BENCH / name for name in RECORDED], expected=True)["tcptrace"]
    assert outcome.unexplained == []
    assert outcome.captures == len(RECORDED)
    for name in set(FIELDS) - {"rst", "timestamps", "unique_bytes"}:
        assert outcome.agreed[name] == outcome.compared[name] > 0, name
    assert outcome.why["unique_bytes"] == {"at a closed window": 1}


def test_tcptraces_output_is_read() -> None:
    (one,) = parse(
        """TCP connection 1:
\thost a:        10.1.0.11:40001
\thost b:        fe80::0002:0a00:80
\tfirst packet:  Sat Nov 21 11:29:16.527543 2026
\tlast packet:   Sat Nov 21 11:29:17.448050 2026
   a->b:\t\t\t      b->a:
     total packets:            32           total packets:            38
     SYN/FIN pkts sent:       1/1           SYN/FIN pkts sent:       1/0
     initial window:           11 bytes     initial window:         5240 bytes
     initial window:            1 pkts      initial window:           10 pkts
     avg retr time:           0.0 ms        avg retr time:         114.6 ms
"""
    )
    assert one.ends == [("10.1.0.11", 40001), ("fe80::0002:0a00", 80)]
    assert one.last - one.first == 920_507_000
    assert [one.figure(n, "total packets") for n in (0, 1)] == [32, 38]
    assert (one.figure(1, "initial window bytes"), one.figure(1, "initial window pkts")) == (5240, 10)
    assert (one.sides[1]["SYN/FIN pkts sent"], one.sides[1]["avg retr time"]) == ("1/0", "114.6")
    assert one.figure(0, "RTT samples") == -1
