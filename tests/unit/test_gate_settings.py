"""The configuration file: what it may say, and that everything else is an error of one line with a way out."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from tcptrace_py.errors import ConfigError
from tcptrace_py.gate.scope import Scope
from tcptrace_py.gate.settings import load


def settings_error(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sele = 1", "no key 'sele'; did you mean select?"),
        ("select = 1", "select must be a list of names"),
        ('select = ["stuck-close-wat"]', "did you mean stuck-close-wait?"),
        ('ignore = "closng"', "did you mean closing?"),
        ('fail-on = "eror"', "did you mean error?"),
        ('fail-on = "error"\nfail_on = "info"', "fail_on is there twice"),
        ('profile = "linus"', "did you mean linux?"),
        ("strict = 1", "strict must be true or false"),
        ("timers = 3", "timers: not a table"),
        ("[timers]\ntime_wate = 1", "did you mean time_wait?"),
        ("[timers]\ntime_wait = nan", "not between"),
        ("[timers]\ntime_wait = true", "must be a number"),
        ("[thresholds]\nstuk = 1", "did you mean stuck?"),
        ("[thresholds]\nstuck = -1", "-1 is not between 0 and"),
        ("[thresholds]\nflood_count = 1.5", "must be a whole number"),
        ("[thresholds]\nflood_share = 2", "2 is not between 0 and 1"),
        ("max_connections = " + "9" * 400, "is not between"),
        ("max_connections = " + "9" * 5000, "not TOML"),
        ("x = " + "[" * 5000, "not TOML"),
        ("x =", "not TOML"),
        ("ignores = 1", "each under [[ignores]]"),
        ("[[ignores]]\nreason = 'x'", "ignores 1: it must name a rule, an address or a port"),
        ("[[ignores]]\nrule = 'reset'", "it needs a reason"),
        ("[[ignores]]\nrule = 'rest'\nreason = 'x'", "did you mean reset?"),
        ("[[ignores]]\nadress = '10.0.0.1'\nreason = 'x'", "did you mean address?"),
        ("[[ignores]]\naddress = 'localhost'\nreason = 'x'", "'localhost' is no address"),
        ("[[ignores]]\nport = 70000\nreason = 'x'", "70000 is not a port"),
        ("[[expect]]\nclosed_by = 'client'", "an expectation needs a name"),
        ("[[expect]]\nname = 'a'", "it expects nothing; there are closed_by"),
        ("[[expect]]\nname = 'a'\nclosed_by = 'servers'", "did you mean server?"),
        ("[[expect]]\nname = 'a'\noutcome = 'clozed'", "did you mean closed?"),
        ("[[expect]]\nname = 'a'\nno_findings = 'rset'", "did you mean reset?"),
        ("[[expect]]\nname = 'a'\nmax_retransmission_share = 5", "5 is not between 0 and 1"),
        ("[[expect]]\nname = 'a'\nmin_connections = 1\n" * 2, "two are called 'a'"),
    ],
)
def test_errors_say_where_and_what_instead(text: str, said: str, tmp_path: Path) -> None:
    assert said in settings_error(tmp_path / "tcpfsm.toml", text)


def test_a_pyproject_that_is_named_must_have_our_table(tmp_path: Path) -> None:
    assert "there is no [tool.tcpfsm]" in settings_error(tmp_path / "pyproject.toml", "[tool.x]\n")
    assert "tool.tcpfsm: no key 'x'" in settings_error(tmp_path / "pyproject.toml", "[tool.tcpfsm]\nx = 1\n")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_bytes(b"x = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 5"):
        load(str(path))


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text("")
    settings = load(str(path))
    assert (settings.select, settings.fail_on, settings.ignores, settings.expectations) == (None, None, (), ())


def test_what_is_said_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tcpfsm.toml"
    path.write_text(
        'select = "opening, closing"\nfail-on = ["warning"]\nbaseline = "known.json"\nmax-connections = 5\n'
        "[thresholds]\nstuck = 5\nflood-count = 7\n"
        '[[expect]]\nname = "a"\naddress = ["10.0.0.0/8", "::1"]\nport = [80, 443]\nno_resets_from = 80\n'
    )
    settings = load(str(path))
    assert settings.select == ("opening", "closing")
    assert settings.fail_on == ("warning",)
    assert settings.baseline == str(tmp_path / "known.json")
    assert settings.max_connections == 5
    assert (settings.thresholds.stuck, settings.thresholds.flood_count) == (5.0, 7)
    [expectation] = settings.expectations
    assert expectation.no_resets_from == (80,)
    assert expectation.scope.ports == (80, 443)


def test_a_scope_is_of_one_side() -> None:
    ten, other = b"\x0a\0\0\1", b"\xc0\0\2\1"
    scope = Scope((ip_network("10.0.0.0/8"),), (80,))
    assert scope.holds(((other, 1), (ten, 80)))
    assert not scope.holds(((other, 80), (ten, 1))), "the address of one side and the port of the other"
    assert not scope.holds(((bytes(15) + b"\1", 80), (other, 80)))
    assert Scope().holds(((ten, 1), (other, 2)))
