"""Whatever a user gets wrong, in options, names and files: one line that says where and what was perhaps meant, and exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py.cli.main import COMMANDS, cli
from tools.program import SAMPLES, call, run

SAMPLE = SAMPLES / "stuck-close-wait.pcap"
TAKES_CAPTURES = {
    "analyze": [],
    "check": [],
    "show": ["1"],
    "graph": ["1"],
    "extract": ["--pcap", "/dev/null"],
    "demo": [],
}


def complaint(*arguments: str | Path) -> str:
    """The one line; nothing else is printed."""
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, b""), done
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("tcpfsm: ")
    assert line.isprintable()
    return line.removeprefix("tcpfsm: ")


SHARED = [
    ("--select", "rst", "--select: no rule or family 'rst'; did you mean reset?"),
    ("--select", "opening,clsing", "no rule or family 'clsing'; did you mean closing?"),
    ("--select", "zzz", "no rule or family 'zzz'; `tcpfsm rules` lists them all"),
    ("--ignore", "stuck-close-wat", "--ignore: no rule or family 'stuck-close-wat'; did you mean stuck-close-wait?"),
    ("--timers", "time_wate=1", "--timers: no timer 'time_wate'; did you mean time_wait?"),
    ("--timers", "time_wait", "--timers: timers are written NAME=SECONDS,…: 'time_wait' is not"),
    ("--timers", "time_wait=soon", "'time_wait=soon' is not"),
    ("--timers", "time_wait=-1", "is not a number of seconds between 0 and 1,000,000"),
    ("--thresholds", "stuk=1", "--thresholds: no threshold 'stuk'; did you mean stuck?"),
    ("--thresholds", "stuck", "--thresholds: thresholds are written NAME=VALUE,…: 'stuck' is not"),
    ("--thresholds", "flood_share=2", "--thresholds: threshold flood_share: 2 is not between 0 and 1"),
    ("--profile", "linus", "'rfc9293'; did you mean linux? (see "),
    ("--where", "sate == OPEN", "--where: column 1: no field 'sate'; did you mean state?"),
    ("--where", "state == OPNE", "--where: column 10: state: no 'OPNE'; there are CLOSED, "),
    ("--where", "port == 80 and", "--where: column 15: the expression ends where a field is expected"),
    ("--where", "finding == syn-flud", "--where: column 12: finding: no rule or family 'syn-flud'; did you mean syn-flood?"),
    ("--max-connections", "-1", "-1 is not in the range x>=0"),
    ("--selct", "opening", "No such option '--selct'. "),
]  # fmt: skip


@pytest.mark.parametrize("command", TAKES_CAPTURES)
@pytest.mark.parametrize(("option", "value", "said"), SHARED)
def test_an_option_of_all_that_analyze(command: str, option: str, value: str, said: str) -> None:
    captures = [] if command == "demo" else [SAMPLE]
    assert said in complaint(command, *captures, *TAKES_CAPTURES[command], option, value)


def test_every_command_that_analyzes_is_among_them() -> None:
    """But for live, which needs something to capture."""
    with cli.make_context("tcpfsm", []) as ctx:
        found = {name: cli.get_command(ctx, name) for name in COMMANDS}
    takes = {name for name, command in found.items() if command and "select" in {p.name for p in command.params}}
    assert takes == {*TAKES_CAPTURES, "live"}


@pytest.mark.parametrize(("option", "value", "said"), SHARED[:1] + SHARED[-7:])
def test_live_is_told_before_anything_is_captured(option: str, value: str, said: str) -> None:
    done = run("live", "-", option, value)
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyze", "--fail-on", "eror"], "--fail-on: no severity, rule or family 'eror'; did you mean error?"),
        (["check", "--fail-on", "eror"], "--fail-on: no severity, rule or family 'eror'; did you mean error?"),
        (["check", "--fail-on", "never,error"], "--fail-on: never stands alone"),
        (["analyze", "--format", "jsn"], "did you mean json? (see tcpfsm analyze --help)"),
        (["check", "--format", "srif"], "did you mean sarif? (see tcpfsm check --help)"),
        (["check", "-o", "sraif:x"], "--output sraif:x: no format 'sraif'; did you mean sarif?"),
        (["check", "--baseline", "no.json"], "no.json: the baseline is not there; --write-baseline makes one"),
        (["analyze", "--color", "alwys"], "did you mean always?"),
        (["analyze", "--config", "no.toml"], "no.toml: cannot be read (No such file or directory)"),
        (["show", "99"], "no connection 99: the capture has 1 to 13"),
        (["show", "1.2.3.4"], "'1.2.3.4' names no connection: give a number (3), "),
        (["show", "--format", "sgv", "1"], "did you mean svg?"),
    ],
)
def test_an_option_of_one_command(arguments: list[str], said: str) -> None:
    assert said in complaint(arguments[0], SAMPLE, *arguments[1:])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["anlyze", "x"], "no command 'anlyze'; did you mean analyze?"),
        (["--hlp"], "No such option '--hlp'. Did you mean '--help'?"),
        (["analyze"], "Missing argument 'CAPTURE…'. (see tcpfsm analyze --help)"),
        (["analyze", "no.pcap"], "no.pcap: no such file: check the path"),
        (["explain", "stuck-clse-wait"], "nothing to explain about 'stuck-clse-wait'; did you mean stuck-close-wait?"),
        (["explain", "FIN_WAIT_3"], "did you mean FIN_WAIT_2?"),
        (["explain", "FIN_WAIT_1:TIME_WAITT"], "no state 'TIME_WAITT'; did you mean FIN_WAIT_1:TIME_WAIT?"),
        (["explain", "ESTABLISHED:LISTEN"], "no transition ESTABLISHED:LISTEN: from ESTABLISHED an endpoint goes to "),
        (["explain", "xyzzy"], "nothing to explain about 'xyzzy': tcpfsm explain, without a name, lists all there is"),
        (["explain", "\x1b[2J"], r"nothing to explain about '\x1b[2J'"),
        (["rules", "--format", "jsno"], "did you mean json?"),
    ],
)
def test_names_and_commands(arguments: list[str], said: str) -> None:
    assert said in complaint(*arguments)


CONFIGURATIONS = [
    ("sele = 1", "no key 'sele'; did you mean select?"),
    ('select = "rst"', "select: no rule or family 'rst'; did you mean reset?"),
    ('ignore = ["closng"]', "ignore: no rule or family 'closng'; did you mean closing?"),
    ('fail-on = "eror"', "fail_on: no severity, rule or family 'eror'; did you mean error?"),
    ('profile = "linus"', "profile: no 'linus'; did you mean linux?"),
    ("[timers]\ntime_wate = 1", "timers: no key 'time_wate'; did you mean time_wait?"),
    ("[threshold]\nstuck = 1", "no key 'threshold'; did you mean thresholds?"),
    ("[thresholds]\nstuk = 1", "thresholds: no key 'stuk'; did you mean stuck?"),
    ("[thresholds]\nflood_window = 1e9", "flood_window must be a whole number"),
    ("[thresholds]\nflood_window = 10000", "10000 is not between 0 and 3,600"),
    ("[[ignore]]\nrule = 'reset'", "ignore must be a list of names"),
    ("[[ignores]]\nrules = 'reset'", "ignores 1: no key 'rules'; did you mean rule?"),
    ("[[ignores]]\nrule = 'rest'\nreason = 'x'", "ignores 1: rule: no rule or family 'rest'; did you mean reset?"),
    ("[[expects]]\nname = 'a'", "no key 'expects'; did you mean expect?"),
    ("[[expect]]\nname = 'a'\nno_finding = 'reset'", "expect 1: no key 'no_finding'; did you mean no_findings?"),
    ("[[expect]]\nname = 'a'\nno_findings = 'rset'", "expect 1: no_findings: no rule or family 'rset'; did you mean reset?"),
    ("[[expect]]\nname = 'a'\noutcome = 'clozed'", "expect 1: outcome: no 'clozed'; did you mean closed?"),
    ("[[expect]]\nname = 'a'\nclosed_by = 'servr'", "expect 1: closed_by: no 'servr'; did you mean server?"),
    ("select = [", "not TOML: "),
]  # fmt: skip


@pytest.mark.parametrize("command", ["check", "analyze", "show", "extract"])
@pytest.mark.parametrize(("text", "said"), CONFIGURATIONS)
def test_the_configuration(command: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    line = complaint(command, SAMPLE, *TAKES_CAPTURES[command])
    assert line.startswith(f"{path}: ")
    assert said in line
