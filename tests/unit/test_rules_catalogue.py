"""Every rule has all its parts; names are resolved, and misspelt ones answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tcptrace_py.config import Config
from tcptrace_py.errors import ConfigError
from tcptrace_py.machine import facts as fa
from tcptrace_py.rules import catalogue
from tcptrace_py.rules.finding import CONFIDENCES, SEVERITIES, Finding
from tcptrace_py.rules.rule import Rule
from tools.conversation import SCENARIOS, load
from tools.replay import run

COUNTED = {"time-wait-pileup", "duplicate-capture", "offload", "truncated-payload", "time-disorder"}

CATALOGUE = {
    "opening": """syn-retransmit syn-unanswered syn-new-isn connection-refused connect-aborted icmp-rejected synack-retransmit
        accept-queue-overflow handshake-incomplete synack-bad-ack synack-changed stale-syn half-open-peer simultaneous-open
        split-handshake fast-open data-in-handshake time-wait-reuse reuse-while-open syn-flood port-scan""",
    "open": """retransmission dead-peer zero-window-stall keepalive-failure idle-then-reset reset reset-after-handshake
        reset-not-accepted reset-injection traffic-after-reset challenge-ack overlap-conflict paws-regression bad-flags
        ack-of-unsent-data window-shrunk""",
    "closing": """fin-retransmit stuck-fin-wait-1 stuck-fin-wait-2 stuck-close-wait stuck-closing stuck-last-ack
        missing-final-ack final-ack-lost half-close simultaneous-close abortive-close reset-after-fin data-after-peer-fin
        data-after-fin time-wait-assassination time-wait-pileup orphan-fin""",
    "capture": "capture-loss duplicate-capture one-way-capture offload truncated-payload time-disorder midstream",
}
"""The whole catalogue as it was designed, by family."""

every_rule = pytest.mark.parametrize("rule", catalogue.RULES, ids=[rule.name for rule in catalogue.RULES])


@every_rule
def test_it_says_what_it_is(rule: type[Rule]) -> None:
    assert rule.name == rule.name.lower().replace("_", "-")
    assert rule.family in ("opening", "open", "closing", "capture")
    assert rule.severity in SEVERITIES
    assert rule.facts or rule.name in COUNTED, "the engine counts those"
    assert rule.facts & ~sum(fact.bit for fact in fa.FACTS) == 0
    assert rule.references
    assert all(reference.startswith("RFC ") for reference in rule.references)


@every_rule
def test_it_is_explained(rule: type[Rule]) -> None:
    explanation = rule.explanation()
    for part, text in explanation._asdict().items():
        assert len(text) >= len("Always."), part
        assert text.endswith("."), part
    assert len(explanation.summary) < 130
    assert "`" in explanation.confirm, "no command to confirm it on the host"


@every_rule
def test_it_fires_where_it_should_and_only_there(rule: type[Rule]) -> None:
    fires, quiet = rule.scenarios()
    assert rule.name in run(load(SCENARIOS / "rules" / f"{fires}.txt")).rules
    assert rule.name not in run(load(SCENARIOS / "rules" / f"{quiet}.txt")).rules


@every_rule
def test_its_finding_is_whole(rule: type[Rule]) -> None:
    outcome = run(load(SCENARIOS / "rules" / f"{rule.scenarios()[0]}.txt"))
    for finding in outcome.findings:
        if finding.rule != rule.name:
            continue
        assert finding.family == rule.family
        assert finding.severity in SEVERITIES
        assert finding.confidence in CONFIDENCES
        assert finding.frame > 0
        assert all(frame > 0 and frame != finding.frame for frame in finding.related_frames)
        assert finding.message[0].isupper() or finding.message[0].isdigit()
        assert not finding.message.endswith(".")


@every_rule
def test_the_changelog_names_it(rule: type[Rule], checkout: Path) -> None:
    assert f"`{rule.name}`" in (checkout / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_scenario_is_left_over() -> None:
    wanted = {f"{name}.txt" for rule in catalogue.RULES for name in rule.scenarios()}
    assert {path.name for path in (SCENARIOS / "rules").iterdir()} == wanted


def test_every_rule_of_the_catalogue_exists() -> None:
    made = {family: {rule.name for rule in catalogue.RULES if rule.family == family} for family in catalogue.FAMILIES}
    assert made == {family: set(names.split()) for family, names in CATALOGUE.items()}


def test_names_are_unique() -> None:
    assert len(catalogue.BY_NAME) == len(catalogue.RULES)


def names(select: list[str], ignore: list[str]) -> list[str]:
    return [rule.name for rule in catalogue.selected(select, ignore)]


def test_select_and_ignore() -> None:
    assert names([], []) == [rule.name for rule in catalogue.RULES]
    assert names(["reset", "syn-flood"], []) == ["reset", "syn-flood"]
    closing = names(["closing"], [])
    assert "half-close" in closing
    assert "syn-flood" not in closing
    assert names(["closing"], ["half-close"]) == [name for name in closing if name != "half-close"]
    assert "syn-flood" not in names([], ["opening"])
    assert names(["closing"], ["closing"]) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("stuck-closewait", "did you mean stuck-close-wait?"),
        ("clsing", "did you mean closing?"),
        ("zz", "tcpfsm rules"),
    ],
)
def test_a_misspelt_name_is_answered(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        catalogue.selected([name], [])
    assert says in str(caught.value)
    with pytest.raises(ConfigError):
        catalogue.selected([], [name])
    with pytest.raises(ConfigError):
        catalogue.find(name)
    with pytest.raises(ConfigError, match=name):
        catalogue.check_fail_on([name])


def test_find_gives_the_rule() -> None:
    assert catalogue.find("reset").name == "reset"


def finding(severity: str) -> Finding:
    return Finding("reset", "open", severity, "certain", 1, "client", 0, 1, "Text")


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [
        (["never"], []),
        (["info"], ["info", "warning", "error"]),
        (["warning"], ["warning", "error"]),
        (["error"], ["error"]),
        (["reset"], ["info", "warning", "error"]),
        (["open"], ["info", "warning", "error"]),
        (["half-close"], []),
        (["half-close", "error"], ["error"]),
    ],
)
def test_fail_on_is_inclusive(fail_on: list[str], failing: list[str]) -> None:
    catalogue.check_fail_on(fail_on)
    config = replace(Config(), fail_on=tuple(fail_on))
    assert [severity for severity in SEVERITIES if catalogue.fails(config, finding(severity))] == failing
