from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.report.digest import EFFECTS, MOST_NAMES, Digest
from tcptrace_py.report.phrases import duration, quoted
from tcptrace_py.rules.catalogue import BY_NAME
from tcptrace_py.rules.finding import Finding
from tools.captures import pcap
from tools.program import SAMPLES, environment, run
from tools.sinking import write
from tools.talk import SECOND, Talk

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_the_verdict_comes_first() -> None:
    text = write(Talk().handshake().close().frames, "table").decode()
    assert text.splitlines()[0] == "1 connection: it looks fine."
    assert "client 10.0.0.1:40000  TIME_WAIT" in text
    assert "FIN first" in text


def test_a_capture_without_tcp_says_so() -> None:
    text = write(Talk().stay(5).frames, "table").decode()
    assert text.splitlines()[0] == "No TCP connection in this capture."
    assert "1 packet without a TCP segment: 1 arp" in text


def test_what_cannot_be_known_is_said() -> None:
    talk = Talk().send("client", "PA", 500, 900, b"x").send("server", "A", 900, 501)
    data = pcap(talk.frames, nano=True)[:-5]
    text = write(data, "table").decode()
    assert "1 connection began before the capture" in text
    assert "cut" in text.lower()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.pcap")), ids=lambda path: path.stem)
def test_lines_fit_and_nothing_is_colored(sample: Path, verbose: bool) -> None:
    text = write(sample, "table", verbose=verbose).decode()
    assert ANSI.search(text) is None
    told = text.split("\nNext\n")[0]  # commands are not folded: they are there to be pasted
    assert max(map(len, told.splitlines())) <= 100
    assert "  \n" not in text


def test_ipv6_fits_too() -> None:
    talk = Talk(
        client=("2001:db8:1111:2222:3333:4444:5555:6666", 65535),
        server=("2001:db8:1111:2222:3333:4444:5555:7777", 65535),
    )
    told = write(talk.handshake().close().frames, "table").decode().split("\nNext\n")[0]
    assert max(map(len, told.splitlines())) <= 100
    assert "TIME_WAIT" in told


def test_colors_change_nothing_but_colors() -> None:
    sample = SAMPLES / "stuck-close-wait.pcap"
    painted = write(sample, "table", color=True).decode()
    assert ANSI.search(painted)
    assert ANSI.sub("", painted) == write(sample, "table").decode()


def test_a_file_name_cannot_reach_the_terminal(tmp_path: Path) -> None:
    name = tmp_path / "evil\x1b]0;owned\x07\n.pcap"
    name.write_bytes(pcap(Talk().handshake().frames)[:-3])
    for kind in ("table", "markdown"):
        done = run("analyze", "--format", kind, name)
        assert done.returncode == 0
        for stream in (done.stdout, done.stderr):
            assert b"\x1b" not in stream
            assert b"\x07" not in stream
        assert rb"evil\x1b" in done.stdout


@pytest.mark.parametrize(
    "name", ["plain.pcap", "with space.pcap", "it's $HOME `id`.pcap", "new\nline\x1b.pcap", "-dash.pcap", "Grüße.pcap"]
)
def test_commands_can_be_pasted(name: str, tmp_path: Path) -> None:
    done = subprocess.run(["bash", "-c", "printf %s " + quoted(name)], capture_output=True, check=True)
    assert done.stdout.decode() == name
    assert "\x1b" not in quoted(name)
    assert "\n" not in quoted(name)


@pytest.mark.parametrize("names", [["a b.pcap"], ["-a.pcap"], ["a b.pcap", "b.pcap"]])
def test_the_commands_shown_run(names: list[str], tmp_path: Path) -> None:
    frames = Talk().handshake().close().frames
    for n, name in enumerate(names, 1):
        part = frames if len(names) == 1 else frames[3 * n - 3 : 3 * n * n]
        (tmp_path / name).write_bytes(pcap(part, nano=True))
    done = run("analyze", "--", *names, cwd=tmp_path)
    shown = [line.strip() for line in done.stdout.decode().split("\nNext\n")[1].splitlines()]
    ours = next(line for line in shown if line.startswith("tcpfsm show"))
    assert shlex.split(ours) == ["tcpfsm", "show", *(name.replace("-a", "./-a") for name in names), "1"]
    program = "tcpfsm() { %s; }; " % (shlex.join(["env", *_python()]) + ' "$@"')
    result = subprocess.run(
        ["bash", "-c", program + ours], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert b" TIME_WAIT" in result.stdout
    dissected = [line for line in shown if line.startswith(f"tshark -r {quoted(names[0])} -Y 'ip.addr == 10.0.0.1")]
    assert len(dissected) == (len(names) == 1)


def _python() -> list[str]:
    from tools.program import COMMAND

    return COMMAND


def test_nothing_from_standard_input_is_offered_again() -> None:
    text = write(Talk().handshake().frames, "table", captures=("-",)).decode()
    assert "tcpfsm show" not in text


def test_the_sample_inside_has_no_name_to_show() -> None:
    assert "tcpfsm demo --format json | jq " in run("demo").stdout.decode()


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_500, "1.50 us"),
        (12_345_678, "12.3 ms"),
        (999_499, "999 us"),
        (999_500, "1.00 ms"),
        (999_999_999, "1.00 s"),
        (99_970_000_000, "100 s"),
        (97_400_000_000, "97.4 s"),
        (125 * SECOND, "2 min 5 s"),
        (3 * 3600 * SECOND + 61 * SECOND, "3 h 1 min"),
        (400 * 86400 * SECOND + 3600 * SECOND, "400 d 1 h"),
    ],
)
def test_durations(ns: int, text: str) -> None:
    assert duration(ns) == text


# ---- the digest


def connection(number: int, lasting: int) -> Connection:
    key = (
        bytes((10, 0, number >> 8 & 255, number & 255, 10, 0, 0, 2))
        + (40000).to_bytes(2, "big")
        + (80).to_bytes(2, "big")
    )
    c = Connection(number, key, Endpoint(4, 0, 1, "seen"), Endpoint(4, 0, 1, "seen"), 0, 1)
    c.observed_until = lasting
    return c


def finding(
    number: int, severity: str = "error", endpoint: str | None = "server", rule: str = "stuck-close-wait"
) -> Finding:
    return Finding(rule, "closing", severity, "certain", number, endpoint, 0, 1, f"story {number}")


def test_the_worst_connections_are_kept_and_no_more() -> None:
    digest = Digest(3)
    for number in range(1, 101):
        severity = "error" if number in (7, 50) else "warning"
        digest.connection(connection(number, 1000 - number), [finding(number, severity)])
    assert [row.number for row in digest.rows()] == [7, 50, 1]


def test_findings_are_grouped_by_rule_and_side() -> None:
    digest = Digest(3)
    for number in range(1, 42):
        digest.connection(
            connection(number, number), [finding(number), finding(number, "info", "client", "half-close")]
        )
    error, info = digest.groups()
    assert (error.rule, error.count, error.connections, error.names) == (
        "stuck-close-wait",
        41,
        41,
        {"10.0.0.2:80": 41},
    )
    assert (info.severity, len(info.names), len(info.examples)) == ("info", 41, 5)


def test_what_follows_from_another_finding_is_told_with_it() -> None:
    digest = Digest(3)
    both = [finding(1), finding(1, endpoint="client", rule="stuck-fin-wait-2")]
    digest.connection(connection(1, 1), both[::-1])
    digest.connection(connection(2, 1), [finding(2, endpoint="client", rule="stuck-fin-wait-2")])
    one, two = digest.groups()
    assert (one.rule, one.count, one.effects) == ("stuck-close-wait", 1, {"stuck-fin-wait-2": 1})
    assert (two.rule, two.count, two.effects) == ("stuck-fin-wait-2", 1, {})
    assert set(EFFECTS) <= set(BY_NAME)
    assert {cause for causes in EFFECTS.values() for cause in causes} <= set(BY_NAME)


def test_what_never_opened_is_not_fine() -> None:
    talk = Talk().send("client", "S", 100).send("server", "SA", 300, 101)
    assert write(talk.frames, "table").decode().splitlines()[0] == "1 connection: none looks fine, 1 is unfinished."


def test_a_group_remembers_a_bounded_number_of_names() -> None:
    digest = Digest(3)
    for number in range(1, MOST_NAMES + 100):
        digest.connection(connection(number, 1), [finding(number, endpoint="client")])
    (group,) = digest.groups()
    assert len(group.names) == MOST_NAMES
    assert group.more_names


def test_without_findings_the_first_connections_are_shown() -> None:
    digest = Digest(2)
    for number in (3, 2, 1, 4):
        digest.connection(connection(number, 1), [])
    assert [row.number for row in digest.rows()] == [1, 2]
