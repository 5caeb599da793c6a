"""Which connections are wanted."""

from __future__ import annotations

import pytest

from tcptrace_py.config import Config
from tcptrace_py.errors import ConfigError
from tcptrace_py.extraction.selection import Pair, Selection, pairs_of
from tcptrace_py.ladder.choice import parse
from tcptrace_py.machine import states as st
from tcptrace_py.rules.finding import Finding
from tcptrace_py.where.filter import filter_of
from tools.segments import Talk

RESET = Finding("reset", "open", "warning", "certain", 1, "client", 0, 1, "")


def test_everything_where_nothing_is_asked() -> None:
    (c,) = Talk().established().end()
    assert Selection().takes(c, [])


def test_all_conditions_must_hold() -> None:
    (c,) = Talk().established().end()
    one, two = parse(["1"]), parse(["2"])
    assert Selection([two, one]).takes(c, [])
    assert not Selection([two]).takes(c, [])
    assert Selection([one], ["open"], ["ESTABLISHED"]).takes(c, [RESET])
    assert not Selection([one], ["reset"]).takes(c, [])
    assert not Selection([one], [], ["CLOSED"]).takes(c, [])
    assert not Selection([two], ["reset"]).takes(c, [RESET])
    assert Selection(where=filter_of(Config(where="server.port == 80"))).takes(c, [])
    assert not Selection([one], where=filter_of(Config(where="server.port == 81"))).takes(c, [])


def test_states_of_one_side_or_both() -> None:
    (c,) = Talk().established().client("F.", 111, 311).server(".", 311, 112).end()
    assert (st.NAMES[c.client.state], st.NAMES[c.server.state]) == ("FIN_WAIT_2", "CLOSE_WAIT")
    for text in (
        "FIN_WAIT_2",
        "fin-wait-2",
        "CLOSE_WAIT",
        "FIN_WAIT_2/CLOSE_WAIT",
        "*/close_wait",
        "CLOSED/*,FIN_WAIT_2/*",
    ):
        assert Selection(states=text.split(",")).takes(c, []), text
    for text in ("CLOSE_WAIT/FIN_WAIT_2", "ESTABLISHED", "*/ESTABLISHED"):
        assert not Selection(states=[text]).takes(c, []), text
    assert pairs_of("*/*") == [Pair(-1, -1)]


def test_what_must_be_kept_whole_to_be_asked_about() -> None:
    (c,) = Talk().established().end()
    assert not Selection().needs_whole(c)
    assert not Selection([parse(["1"])], ["reset"]).needs_whole(c)
    assert Selection(states=["CLOSED"]).needs_whole(c)
    assert Selection(where=filter_of(Config(where="packets > 3"))).needs_whole(c)
    assert not Selection(where=filter_of(Config(where="server.port == 81"))).needs_whole(c)
    assert Selection().takes_parked(1, c.key)
    assert Selection([parse(["1"])]).takes_parked(1, c.key)
    assert not Selection([parse(["2"])]).takes_parked(1, c.key)
    assert not Selection(rules=["reset"]).takes_parked(1, c.key)


def test_what_was_named_and_not_met_is_known() -> None:
    (c,) = Talk().established().end()
    selection = Selection([parse(["1"]), parse(["7"])])
    selection.takes(c, [])
    assert [choice.text for choice in selection.unmet()] == ["7"]


def test_names_that_there_are_not() -> None:
    with pytest.raises(ConfigError, match="no state 'FIN_WAIT_3'; did you mean FIN_WAIT_"):
        Selection(states=["FIN_WAIT_3"])
    with pytest.raises(ConfigError, match="no rule or family 'rest'"):
        Selection(rules=["rest"])
