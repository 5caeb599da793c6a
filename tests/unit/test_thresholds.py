"""tcptrace_py.thresholds: each figure has a unit, a source and a rule that it moves, and can be set from file and command line."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tcptrace_py.config import Thresholds, parse_thresholds, thresholds_with
from tcptrace_py.errors import ConfigError
from tcptrace_py.rules.catalogue import RULES
from tcptrace_py.thresholds import COUNT, SHARE, THRESHOLDS, Threshold
from tools.conversation import SCENARIOS, Scenario, load, parse
from tools.program import SAMPLES, call
from tools.replay import config_of, run

USES = [(rule.name, name) for rule in RULES for name in rule.uses]
HANDSHAKE = "A > B S 100:100(0)\nA < B S. 300:300(0) ack 101\nA > B . 101:101(0) ack 301\n"
REQUEST = "A > B P. 101:201(100) ack 301\n"
AGAIN = "A < B S. 300:300(0) ack 101\nA > B . 101:101(0) ack 301\n"
ANSWER = "A < B P. 301:401(100) ack 201\n"
UNANSWERED = "config: flood_count=5, flood_rate=5, told_singly=2\n"
MANY = UNANSWERED + "".join(f"A:{n} > B S 5:5(0)\n" for n in range(1, 9)) + "end +9"
# where neither of a rule's own two scenarios stands near the threshold
NEAR: dict[str, str] = {
    "syn-unanswered": "\n".join(f"+0.01 A:{2000 + n} > B:{n + 1} S 5:5(0)" for n in range(30)) + "\nend +9",
    "syn-unanswered flood_rate": MANY,
    "syn-unanswered flood_count": MANY,
    "syn-unanswered flood_share": UNANSWERED
    + "".join(
        f"A:{n} > B S 5:5(0)\n" + (f"A:{n} < B S. 7:7(0) ack 6\nA:{n} > B . 6:6(0) ack 8\n" if n % 3 == 0 else "")
        for n in range(1, 19)
    )
    + "end +9",
    "connection-refused": "\n".join(
        f"A:{20 + n} > B:{n + 1} S 5:5(0)\nA:{20 + n} < B:{n + 1} R. 0:0(0) ack 6" for n in range(30)
    ),
    "connect-aborted unanswered": "A > B S 5:5(0)\n+1 A > B R 6:6(0)\nend +9",
    "connect-aborted syn_disowned": "A > B S 5:5(0)\nA < B S. 9:9(0) ack 6\nA > B R 6:6(0)\n+1 A > B S 700:700(0)\nend +9",
    "synack-retransmit": "A > B S 5:5(0)\nA < B S. 9:9(0) ack 6\n+1 A < B S. 9:9(0) ack 6\nend +1",
    "accept-queue-overflow half_open": HANDSHAKE + REQUEST + f"+1 {AGAIN}+1 {REQUEST}end +20",
    "accept-queue-overflow acks_ignored": HANDSHAKE + "".join(f"+{2**n} {AGAIN}" for n in range(4)) + "end +20",
    "syn-flood flood_share": "config: flood_count=3, flood_rate=1\n"
    + "".join(
        f"A:{n} > B S 5:5(0)\nA:{n} < B S. 7:7(0) ack 6\n" + (f"A:{n} > B . 6:6(0) ack 8\n" if n % 3 else "")
        for n in range(1, 13)
    )
    + "end +9",
    "syn-flood flood_window": "config: flood_count=3, flood_rate=1\n"
    + "".join(f"+1 A:{n} > B S 5:5(0)\nA:{n} < B S. 7:7(0) ack 6\n" for n in range(1, 6))
    + "end +9",
    "retransmission": "config: retransmission_count=1\n"
    + HANDSHAKE
    + REQUEST
    + f"+0.3 {REQUEST}A < B . 301:301(0) ack 201\nend +5",
    "idle-then-reset unanswered_retries": HANDSHAKE
    + REQUEST
    + ANSWER
    + "A > B . 201:201(0) ack 401\n+300 "
    + "".join(f"A > B P. 201:301(100) ack 401\n+{gap} " for gap in (0.3, 0.6, 1.2, 2.4))
    + "A > B P. 201:301(100) ack 401\nend +20",
}


def scenarios(rule: str, name: str) -> list[Scenario]:
    """Conversations in which the threshold may matter."""
    made = [load(SCENARIOS / "rules" / f"{rule}.{which}.txt") for which in ("fires", "quiet")]
    return made + [parse(NEAR[key]) for key in (rule, f"{rule} {name}") if key in NEAR]


def others(one: Threshold) -> list[float]:
    """Values far from the default, and near."""
    found = [0, one.most if one.unit == SHARE else min(1e6, one.most), one.default / 2, one.default * 2, 0.001, 1, 2]
    return [int(value) if one.is_whole else value for value in found if value <= one.most]


@pytest.mark.parametrize(("rule", "name"), USES)
def test_a_threshold_moves_its_rule(rule: str, name: str) -> None:
    def said(scenario: Scenario, **changes: float) -> list[tuple[str, str]]:
        config = config_of(scenario)
        config = replace(config, thresholds=thresholds_with(config.thresholds, changes))
        return [(f.message, f.severity) for f in run(scenario, config).findings if f.rule == rule]

    for scenario in scenarios(rule, name):
        usual = said(scenario)
        if any(said(scenario, **{name: value}) != usual for value in others(THRESHOLDS[name])):
            return
    pytest.fail(f"{name} makes no difference to {rule}")


def test_every_threshold_has_a_rule_and_a_source() -> None:
    used = {name for _, name in USES}
    assert used == set(THRESHOLDS) == set(asdict(Thresholds()))
    for one in THRESHOLDS.values():
        assert one.meaning, one.name
        assert one.source, one.name
        assert one.is_whole or one.unit != COUNT
        assert (one.most == 1) == (one.unit == SHARE)
        assert 0 <= one.default <= one.most


def test_the_explanation_lists_them() -> None:
    for rule in RULES:
        text = " ".join(call("explain", rule.name).stdout.decode().split())
        assert ("To change: `--thresholds " in text) == bool(rule.uses)
        for name in rule.uses:
            assert f"{name} = {THRESHOLDS[name].shown}: " in text
    listed = json.loads(call("rules", "--format", "json").stdout)
    assert {entry["name"]: tuple(entry["thresholds"]) for entry in listed} == {rule.name: rule.uses for rule in RULES}


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    stuck = SAMPLES / "stuck-close-wait.pcap"
    config = tmp_path / "tcpfsm.toml"
    config.write_text("[thresholds]\nstuck = 96\n")

    def errors(*arguments: str | Path) -> int:
        done = call(*arguments, "--format", "json", stuck)
        assert done.stderr == b""
        return int(json.loads(done.stdout)["summary"]["severities"]["error"])

    for command in ("analyze", "check"):
        assert errors(command) == 6
        assert errors(command, "--config", config) == 2
        assert errors(command, "--config", config, "--thresholds", "stuck=95") == 4
        assert errors(command, "--thresholds", "stuck=99") == 0
    shown = [
        call("show", *more, stuck, "5").stdout for more in ((), ("--config", config), ("--thresholds", "stuck=99"))
    ]
    assert [b"stuck-close-wait:" in text for text in shown] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stuk=1", "no threshold 'stuk'; did you mean stuck?"),
        ("stuck", "thresholds are written NAME=VALUE,…: 'stuck' is not"),
        ("stuck=soon", "'stuck=soon' is not"),
        ("stuck=-1", "threshold stuck: -1 is not between 0 and 1,000,000,000"),
        ("stuck=nan", "threshold stuck: nan is not between"),
        ("flood-count=1.5", "threshold flood_count: 1.5 is not a whole number"),
        ("flood_share=2", "threshold flood_share: 2 is not between 0 and 1"),
        ("flood_window=1e7", "threshold flood_window: 1e+07 is not between 0 and 3,600"),
    ],
)
def test_what_is_no_threshold(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        thresholds_with(Thresholds(), parse_thresholds(text))
    assert said in str(caught.value)


def test_half_open_connections_that_are_too_young_for_a_flood_are_told_together_all_the_same() -> None:
    """Their SYN-ACKs were repeated, and the capture ended within a second."""
    lines = [f"A:{n} > B S 5:5(0)\nA:{n} < B S. 7:7(0) ack 6\n+0.001 A:{n} < B S. 7:7(0) ack 6" for n in range(1, 16)]
    young = run(
        parse("\n".join(lines).replace("+0.001", "+0.05") + "\nend +0"),
        replace(config_of(parse("end +0")), thresholds=Thresholds(syn_copied=0.01)),
    )
    (rest,) = [f for f in young.findings if f.rule == "handshake-incomplete"]
    assert rest.message == "5 more handshakes with 10.0.0.2:80 stayed half open, beside the 10 told of singly"
    assert rest.evidence["half_open"] == 15
    nothing = Thresholds(flood_count=0, flood_rate=0, flood_share=0, flood_age=9, half_open=0)
    assert (
        "syn-flood" not in run(parse("\n".join(lines)), replace(config_of(parse("end +0")), thresholds=nothing)).rules
    )


def test_rules_name_what_they_ask_for() -> None:
    asked = 0
    for rule in RULES:
        names = set(re.findall(r"thresholds\.(\w+)", inspect.getsource(rule)))
        assert names <= set(rule.uses), rule.name
        asked += len(names)
    assert asked > 25
