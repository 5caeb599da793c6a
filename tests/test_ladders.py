"""The ladder of each sample's connections is, letter by letter, the one kept in tests/ladders; and it fits, and is safe."""

from __future__ import annotations

import difflib
import json
import random
import xml.etree.ElementTree as ET

import pytest

from tcptrace_py.errors import CaptureError, ConfigError
from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import words
from tcptrace_py.ladder.formats import render
from tcptrace_py.report.text import printable
from tools.ladders import LADDERS, MOST, OTHERS, drawn, ladders
from tools.program import run
from tools.reading import read_bytes
from tools.stories import EXPECTED, capture, report


@pytest.mark.parametrize("name", EXPECTED)
def test_a_ladder_is_as_it_was(name: str) -> None:
    differing: list[str] = []
    for file, text in ladders(name).items():
        kept = (LADDERS / file).read_text(encoding="utf-8")
        lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), f"ladders/{file}", "now", n=2, lineterm="")
        differing += list(lines)
    if differing:
        shown = "\n".join(differing[:80])
        pytest.fail(f"{shown}\n\nIf this is better: python tests/tools/ladders.py", pytrace=False)


def test_nothing_else_is_kept() -> None:
    others = {f"{name}.{suffix}" for name in OTHERS for suffix in ("json", "mmd", "svg")}
    assert {path.name for path in LADDERS.iterdir()} == {f"{name}.txt" for name in EXPECTED} | others


@pytest.mark.parametrize("name", EXPECTED)
def test_a_ladder_fits_80_columns(name: str) -> None:
    lines = (LADDERS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) == 80


# Lost frames that nothing repeats cannot be told; marked ones that arrived were ignored, or their answer was lost
UNTOLD = {"demo": {168}, "filtered": {33}, "keepalive": {17, 18, 21, 23}, "peer-vanishes-before-fin": {50}}


@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name].get("lost")])
def test_frames_that_were_lost_are_marked(name: str) -> None:
    lost = set(EXPECTED[name]["lost"]) - UNTOLD.get(name, set())
    marked = set()
    for connection in report(capture(name))["connections"]:
        ladder = drawn(capture(name), str(connection["id"]), whole=True)
        marked |= {i.frame for i in ladder.items if isinstance(i, lm.FrameItem) and words.is_lost(i)}
    if name == "reset-in-each-state":  # 22 and 53 are last ACKs before a RST; 51 arrived, and nothing acknowledged it
        lost -= {22, 53}
    assert lost <= marked


# Marked frames that arrived: the server ignored them, an old connection's ACK answered them, or a RST came in place of an answer
IGNORED = {
    "accept-queue-overflow": {10, 11, 12, 13, 16, 17, 18, 19, 22, 23, 24, 25, 28, 29},
    "client-reboots": {8},
    "reset-in-each-state": {51, 77},
    "time-wait-reuse-challenged": {12},
}


@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name]["made"] == "recorded"])
def test_frames_that_arrived_are_not_marked(name: str) -> None:
    marked = set()
    for number in range(1, min(len(EXPECTED[name]["connections"]), MOST) + 1):
        ladder = drawn(capture(name), str(number), whole=True)
        marked |= {i.frame for i in ladder.items if isinstance(i, lm.FrameItem) and words.is_lost(i)}
    if name != "syn-flood":  # nobody is there to answer
        assert marked <= set(EXPECTED[name]["lost"]) | IGNORED.get(name, set())


def test_an_answer_that_crossed_a_repetition_is_not_lost() -> None:
    frames = {i.frame: i for i in drawn(capture("synack-lost"), "1").items if isinstance(i, lm.FrameItem)}
    assert [mark.kind for mark in frames[2].marks] == ["unanswered"]
    assert [(mark.kind, mark.frame) for mark in frames[3].marks] == [("retransmission", 2)]  # 4 passes it, 6 answers it


def test_an_answer_to_another_syn_and_the_reset_that_disowns_it() -> None:
    frames = {i.frame: i for i in drawn(capture("stale-syn-client"), "1").items if isinstance(i, lm.FrameItem)}
    assert (frames[2].seq, frames[2].ack, frames[2].marks) == (0, None, [])
    assert (frames[3].seq, frames[3].marks) == (None, [lm.Mark("answers", 2)])
    assert [mark.kind for mark in frames[5].marks] == ["other_syn"]  # the server begins anew: nothing is repeated
    assert "?: a number outside" in render(drawn(capture("stale-syn-client"), "1"), "text")
    assert "?: a number outside" not in render(drawn(capture("four-way-close"), "1"), "text")


@pytest.mark.parametrize("name", ["demo", "time-wait-reuse", "client-reboots", "rfc9293-figures", "icmp-rejected"])
def test_every_frame_is_in_some_ladder(name: str) -> None:
    made = report(capture(name))
    shown: set[int] = set()
    for connection in made["connections"]:
        ladder = drawn(capture(name), str(connection["id"]), whole=True)
        frames = [item for item in ladder.items if isinstance(item, lm.FrameItem)]
        shown |= {frame.frame for frame in frames}
        sent = sum(frame.icmp is None for frame in frames)
        rivals = sum(mark.kind == "other_syn" for frame in frames for mark in frame.marks)
        assert connection["packets"] in (sent, sent - rivals)
        assert frames[0].frame == connection["first_frame"]
        assert [item.rule for item in ladder.items if isinstance(item, lm.FindingItem)] == [
            finding["rule"] for finding in made["findings"] if finding["connection"] == connection["id"]
        ]
    assert shown == set(range(1, made["capture"]["packets"] + 1))


def test_states_are_those_of_the_report() -> None:
    made = report(capture("time-wait-restart"))["connections"][0]["endpoints"]
    items = drawn(capture("time-wait-restart"), "1").items
    for side in ("client", "server"):
        states = [i for i in items if isinstance(i, lm.StateItem) and i.endpoint == side and i.refuted_by is None]
        assert [state.state for state in states] == [entry["state"] for entry in made[side]["timeline"]]
        back = [item for item in items if isinstance(item, lm.RetractionItem) and item.endpoint == side]
        assert len(back) == len(made[side]["retracted"])


# ---- the formats beside the text


def test_a_picture_has_both_states_on_one_line_and_says_what_its_signs_mean() -> None:
    ladder = drawn(capture("time-wait-restart"), "1")
    texts = [(line.get("y"), line.text or "") for line in ET.fromstring(render(ladder, "svg")).iter() if line.get("y")]
    placed = {text: y for y, text in texts}
    assert placed["SYN_RECEIVED (assumed)"] == placed["ESTABLISHED"]
    assert placed["FIN_WAIT_1"] == placed["CLOSE_WAIT (assumed, 9 confirms)"]
    for line in words.legend(ladder, "✕"):
        assert line in placed
    assert [line.split()[0] for line in words.legend(ladder, "x")] == ["(assumed):", "(timer):", "x"]


def test_notes_of_a_diagram_are_folded() -> None:
    lines = render(drawn(capture("time-wait-restart"), "1"), "mermaid").splitlines()
    notes = [line.partition(": ")[2].split("<br/>") for line in lines if "final-ack-lost" in line]
    assert len(notes) == 1
    assert len(notes[0]) > 3
    assert max(len(part.replace("#59;", ";")) for part in notes[0]) <= 56


# ---- hostile input


def check(ladder: lm.Ladder) -> None:
    """Every format of it is well-formed, and holds nothing that a terminal obeys."""
    text = render(ladder, "text")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(printable(line) == line for line in text.splitlines())
    assert render(ladder, "text", ascii_only=True).isascii()
    ET.fromstring(render(ladder, "svg"))
    assert json.loads(render(ladder, "json"))["type"] == "ladder"
    mermaid = render(ladder, "mermaid").splitlines()
    assert mermaid[0] == "sequenceDiagram"
    assert all(line.startswith(("    C", "    S", "    Note over ", "    acc", "    part")) for line in mermaid[1:])


@pytest.mark.parametrize("name", ["thirty-packets", "time-wait-reuse", "retransmissions", "icmp-rejected"])
def test_damaged_frames_are_drawn_all_the_same(name: str) -> None:
    reading = read_bytes(capture(name).read_bytes())
    dice = random.Random(name)
    from tools.captures import pcap

    drawn_at_all = 0
    for _ in range(25):
        frames = []
        for time, data in reading.frames:
            changed = bytearray(data)
            for _ in range(dice.choice((0, 0, 1, 2))):
                changed[dice.randrange(14, len(changed))] = dice.randrange(256)
            frames.append((time + dice.choice((0, 0, -(10**9), 10**11)), bytes(changed)))
        if dice.random() < 0.5:
            dice.shuffle(frames)
        data = pcap([(max(time, 0), frame) for time, frame in frames], reading.records[0].link, nano=True)
        for connection in report(data)["connections"][:3]:
            ladder = drawn(data, str(connection["id"]))
            assert ladder.connection.id == connection["id"]
            check(ladder)
            drawn_at_all += 1
    assert drawn_at_all > 25


def test_a_capture_cut_anywhere() -> None:
    data = capture("thirty-packets").read_bytes()
    for size in range(24, len(data), 97):
        try:
            check(drawn(data[:size], "frame 1"))
        except CaptureError:
            assert size < 24
        except ConfigError:  # no frame, no connection
            assert size < 24 + 16 + 74


def test_a_hostile_file_name_is_only_text() -> None:
    import msgspec

    ladder = drawn(capture("refused"), "1")
    check(msgspec.structs.replace(ladder, sources=['\x1b[31m<script>&"\u202e;#\n%%{init}%%.pcap']))


# ---- the program


def test_a_pipe_gives_the_same() -> None:
    path = capture("demo")
    for words_ in (["6"], ["frame", "55"], ["10.1.0.11:40001-10.1.0.7:8080"]):
        from_file = run("show", path, *words_)
        piped = run("show", "-", *words_, stdin=path.read_bytes())
        assert (from_file.returncode, from_file.stderr, piped.stderr) == (0, b"", b"")
        assert from_file.stdout.replace(b"demo.pcap", b"standard input") == piped.stdout


def test_a_reset_that_ends_a_connection_is_not_the_next_ones() -> None:
    data = capture("client-reboots").read_bytes()
    assert drawn(capture("client-reboots"), "frame 10").connection.id == 1
    assert drawn(data, "frame 10").connection.id == 1
    assert drawn(data, "frame 11").connection.id == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stuck-close-wait.pcap", "99"], "no connection 99: the capture has 1 to 13; tcpfsm analyze --format csv lists them"),
        (["split-handshake.pcap", "2"], "no connection 2: the capture has only connection 1"),
        (["split-handshake.pcap", "frame", "12"], "no frame 12: the capture has 11 frames"),
        (["icmp-rejected.pcap", "nonsense"], "'nonsense' names no connection: give a number (3), a:p-b:q"),
        (["refused.pcap"], "which connection of refused.pcap? Give a number (3)"),
        (["split-handshake.pcap", "10.1.0.11:5-10.1.0.7:8080"], "by number, 1: 10.1.0.11:40001-10.1.0.7:8080"),
        (["time-wait-reuse.pcap", "10.1.0.11:40001-10.1.0.7:8080"], "choose one by its number: 1 (from frame 1), 2 ("),
        (["none.pcap", "1"], "none.pcap: no such file: check the path"),
        (["1"], "show needs a capture and a connection: tcpfsm show CAPTURE 1"),
        (["refused.pcap", "\x1b[31m"], "'\\x1b[31m' names no connection"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_line(arguments: list[str], message: str) -> None:
    done = run("show", *arguments, cwd=capture("demo").parent)
    assert (done.returncode, done.stdout) == (2, b"")
    said = done.stderr.decode()
    assert message in said
    assert said.count("\n") == 1
    assert said.startswith("tcpfsm: ")


def test_colours_only_when_they_are_wanted() -> None:
    path = capture("stuck-close-wait")
    plain = run("show", path, "3").stdout
    assert b"\x1b" not in plain
    coloured = run("show", "--color", "always", path, "3").stdout
    assert b"\x1b[1;31m" in coloured
    assert run("show", "--color", "always", path, "3", NO_COLOR="1").stdout == plain
    assert run("show", path, "3", PYTHONIOENCODING="ascii").stdout.isascii()
    assert max(map(len, run("show", "--width", "120", path, "3").stdout.decode().splitlines())) == 120
