"""docs/tcptrace.md has every line and option of tcptrace, and names nothing of ours that is not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tcptrace_py.cli.main import COMMANDS
from tcptrace_py.config import Config
from tcptrace_py.graph.points import GRAPHS
from tcptrace_py.report import model
from tcptrace_py.where.filter import filter_of
from tools.parity_classes import CLASSES
from tools.program import SAMPLES

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = (CHECKOUT / "docs" / "tcptrace.md").read_text(encoding="utf-8")
LABELS = """total packets, ack pkts sent, pure acks sent, sack pkts sent, dsack pkts sent, max sack blks/ack, unique bytes sent, actual data pkts,
actual data bytes, rexmt data pkts, rexmt data bytes, zwnd probe pkts, zwnd probe bytes, outoforder pkts, pushed data pkts, SYN/FIN pkts sent,
req 1323 ws/ts, adv wind scale, urgent data pkts, urgent data bytes, mss requested, max segm size, min segm size, avg segm size, max win adv,
min win adv, zero win adv, avg win adv, max owin, min non-zero owin, avg owin, wavg owin, initial window, ttl stream length, missed data,
truncated data, truncated packets, data xmit time, idletime max, hardware dups, throughput, RTT samples, RTT min, RTT max, RTT avg, RTT stdev,
RTT from 3WHS, RTT full_sz smpls, RTT full_sz min, RTT full_sz max, RTT full_sz avg, RTT full_sz stdev, post-loss acks, ambiguous acks,
RTT min (last), RTT max (last), RTT avg (last), RTT sdv (last), segs cum acked, duplicate acks, triple dupacks, max # retrans, min retr time,
max retr time, avg retr time, sdv retr time, req sack, sacks sent, resets sent, complete conn, first packet, last packet, elapsed time,
filename"""
"""What tcptrace 6.6.7 prints of a connection with -l -r -W, over all captures of its test suite."""
OPTIONS = """-b -l -r -W -q -T -R -S -N -F -L -G -D -X -n -s -iN -oN -c -BN -EN -C -M -A -z -zx -zy -zxy -y -Z -p -P -t -f -v -w -d -e -h -u -O +v
--showsacks --showrexmit --showoutorder --showzerowindow --showurg --showrttdongles --showdupack3 --showzerolensegs --showzwndprobes --showtitle
--showrwinline --res_addr --res_port --checksum --dupack3_data --check_hwdups --warn_ooo --warn_printtrunc --warn_printbadmbz --warn_printhwdups
--warn_printbadcsum --warn_printbad_syn_fin_seq --dump_packet_data --continuous --print_seq_zero --limit_conn_num --xplot_all_files --ns_hdrs --csv
--tsv --turn_off_BSD_dupack --output_dir --output_prefix --xplot_title_prefix --update_interval --max_conn_num --remove_live_conn_interval
--endpoint_reuse_interval --remove_closed_conn_interval --xplot_args --sv -xHTTP -xtraffic -xslice -xrttgraph -xcollie -xrealtime"""
needs_tcptrace = pytest.mark.skipif(shutil.which("tcptrace") is None, reason="tcptrace is not installed")


def table(title: str) -> list[list[str]]:
    """The rows of the table under a heading, a list of cells each."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_line_of_tcptrace_has_its_row() -> None:
    ours = [name for row in table("Lines") for name in quoted(row[0])]
    assert len(set(ours)) == len(ours)
    assert set(ours) == {label.strip() for label in LABELS.replace("\n", " ").split(",")}


def test_every_option_of_tcptrace_has_its_row() -> None:
    named = [word.split()[0] for row in table("Options") for word in quoted(row[0])]
    assert set(OPTIONS.split()) <= set(named)


def test_the_fields_and_commands_are_there() -> None:
    fields = {
        *model.Sent.__struct_fields__,
        *model.Connection.__struct_fields__,
        "rtt.to_server",
        "rtt.to_client",
        "capture.sources",
    }
    families = {name.split("_", maxsplit=1)[0] for name in fields}
    for row in table("Lines"):
        for name in quoted(row[1]):
            if name.startswith("tcpfsm "):
                assert name.split()[1] in COMMANDS, name
            else:
                assert name in fields, name
        for name in quoted(row[2]):
            assert name in fields or name.removesuffix("_…") in families or "_" not in name, name
    for row in table("Options"):
        for name in quoted(row[1]):
            if name.startswith("tcpfsm ") and not name.split()[1].startswith("-"):
                assert name.split()[1] in COMMANDS, name


def test_the_graphs_and_expressions_are_there() -> None:
    for names in re.findall(r"graph --data ([a-z,-]+)", TEXT):
        assert set(names.split(",")) <= {*GRAPHS, "all"}
    expressions = re.findall(r"--where '([^']+)'", TEXT)
    assert len(expressions) >= 3
    for expression in expressions:
        assert filter_of(Config(where=expression)) is not None


def test_every_class_of_disagreement_is_told() -> None:
    for name, meaning in CLASSES.items():
        assert f"| {name} | {meaning} |" in TEXT


@needs_tcptrace
def test_no_line_of_the_installed_tcptrace_is_missing() -> None:
    done = subprocess.run(
        ["tcptrace", "-n", "-l", "-r", "-W", str(SAMPLES / "retransmissions.pcap")], capture_output=True, check=False
    )
    labels = set(re.findall(r"^ {5}([A-Za-z][^:]*?):", done.stdout.decode("utf-8", "replace"), re.MULTILINE))
    assert len(labels) > 60
    assert labels <= {label.strip() for label in LABELS.replace("\n", " ").split(",")}


@needs_tcptrace
def test_no_option_of_the_installed_tcptrace_is_missing() -> None:
    done = subprocess.run(["tcptrace", "-hargs"], capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    found = set(re.findall(r"^ {2,4}(--?\w+)", text, re.MULTILINE))
    known = set(OPTIONS.split())
    single = {option[:2] for option in known if not option.startswith("--")}
    strange = {o for o in found if o not in known and not o.startswith("--no") and o[:2] not in (single - {"--"})}
    assert strange - {"--nores_addr"} == set()
    assert len(found) > 60
