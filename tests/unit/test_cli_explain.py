from __future__ import annotations

import json

import pytest

from tcptrace_py.cli.explain import explain
from tcptrace_py.cli.states_text import STATES
from tcptrace_py.errors import ConfigError
from tcptrace_py.machine.states import NAMES
from tcptrace_py.machine.table import ARROWS
from tcptrace_py.rules.catalogue import BY_NAME
from tools.program import run, without_traceback


def test_every_state_is_explained() -> None:
    assert tuple(STATES) == NAMES
    for name in NAMES:
        text = "\n".join(explain(name))
        assert text.startswith(f"{name}  (RFC 9293")
        assert "Leads to" in text


def test_every_rule_is_explained() -> None:
    for name, rule in BY_NAME.items():
        text = " ".join("\n".join(explain(name)).split())
        assert text.startswith(f"{name} ({rule.severity}, family {rule.family}) {rule.explanation().summary}")
        assert "How to confirm" in text


def test_every_transition_is_explained() -> None:
    for arrow in ARROWS:
        text = "\n".join(explain(f"{NAMES[arrow.from_state]}:{NAMES[arrow.to_state]}"))
        assert arrow.because in text
        assert arrow.section in text


@pytest.mark.parametrize(
    "name",
    [
        "FIN_WAIT_1:FIN_WAIT_2",
        "fin-wait-1:fin-wait-2",
        "FIN_WAIT_1 FIN_WAIT_2",
        "FIN_WAIT_1->FIN_WAIT_2",
        "FIN_WAIT_1 -> FIN_WAIT_2",
        "fin_wait_1 → fin_wait_2",
        "FIN_WAIT_1/FIN_WAIT_2",
    ],
)
def test_ways_to_write_a_transition(name: str) -> None:
    assert explain(name)[0] == "FIN_WAIT_1 -> FIN_WAIT_2"


def test_a_transition_that_does_not_exist_says_what_does() -> None:
    assert "From LISTEN an endpoint goes to SYN_SENT" in "\n".join(explain("LISTEN:TIME_WAIT"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stuck-fin-wait", "stuck-fin-wait-2"),
        ("FIN_WAIT_3", "FIN_WAIT_2"),
        ("fin-wait-3", "FIN_WAIT_2"),
        ("LISTEN:CLOSE", "did you mean CLOSED"),
        ("zzz", "tcpfsm rules"),
        ("", "nothing to explain"),
    ],
)
def test_an_unknown_name_has_a_suggestion(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        explain(name)


def test_from_the_command_line() -> None:
    done = run("explain", "FIN_WAIT_1", "->", "TIME_WAIT")
    assert (done.returncode, done.stderr) == (0, b"")
    done = run("explain", "\x1b[31m")
    assert done.returncode == 2
    assert "\x1b" not in without_traceback(done)


def test_the_catalogue() -> None:
    table = run("rules").stdout.decode()
    assert max(map(len, table.splitlines())) <= 100
    rules = json.loads(run("rules", "--format", "json").stdout)
    assert [rule["name"] for rule in rules] == list(BY_NAME)
    assert all(rule["name"] in table and rule["summary"] and rule["confirm"] for rule in rules)
    assert run("rules", "--format", "markdown").stdout.decode().count("\n") == len(BY_NAME) + 2
