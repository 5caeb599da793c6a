"""tcptrace_py.explain.names: what people mean by the names they write."""

from __future__ import annotations

import pytest

from tcptrace_py.errors import ConfigError
from tcptrace_py.explain.names import Name, find
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.topics import TOPICS
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS
from tcptrace_py.rules.catalogue import BY_NAME


def test_everything_has_a_name_that_is_found() -> None:
    for kind, names in (("rule", BY_NAME), ("state", STATES), ("topic", TOPICS)):
        assert [find(name)[:2] for name in names] == [(kind, name) for name in names]
    for pair in (*TRANSITIONS, *ASIDES):
        assert find(":".join(pair)) == Name("transition", ":".join(pair), pair)


@pytest.mark.parametrize(
    "words",
    [
        "FIN_WAIT_1:FIN_WAIT_2",
        "fin-wait-1:fin-wait-2",
        "FIN_WAIT_1 FIN_WAIT_2",
        "FIN_WAIT_1->FIN_WAIT_2",
        "FIN_WAIT_1 --> FIN_WAIT_2",
        "fin_wait_1 → fin_wait_2",
        "FIN_WAIT_1/FIN_WAIT_2",
        "FIN WAIT 1 to FIN WAIT 2",
        "FIN_WAIT1, FIN_WAIT2",
        "finwait1 => finwait2",
        "FIN-WAIT-1..FIN-WAIT-2",
    ],
)
def test_ways_to_write_a_transition(words: str) -> None:
    assert find(words).pair == ("FIN_WAIT_1", "FIN_WAIT_2")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("syn-recv", "SYN_RECEIVED"),
        ("SYN_RCVD", "SYN_RECEIVED"),
        ("ESTAB", "ESTABLISHED"),
        ("TIME-WAIT", "TIME_WAIT"),
        ("time wait", "TIME_WAIT"),
        ("LISTENING", "LISTEN"),
        ("Stuck Fin Wait 2", "stuck-fin-wait-2"),
        ("syn_flood", "syn-flood"),
        ("why_time_wait", "why-time-wait"),
        ("WHY-2MSL", "why-2-msl"),
        ("ESTAB > close-wait", "ESTABLISHED:CLOSE_WAIT"),
    ],
)
def test_other_ways_to_write_a_name(words: str, name: str) -> None:
    assert find(words).name == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("stuck-fin-wait", "did you mean stuck-fin-wait-2?"),
        ("FIN_WAIT_3", "did you mean FIN_WAIT_2?"),
        ("fin-wait-3", "did you mean FIN_WAIT_2?"),
        ("why-timewait2", "did you mean why-time-wait?"),
        ("LISTEN:CLOSE", "no state 'CLOSE'; did you mean LISTEN:CLOSED?"),
        ("FIN_WAIT_1:FIN_WAIT_9", "did you mean FIN_WAIT_1:FIN_WAIT_2?"),
        ("FINWAIT -> TIME_WAIT", "did you mean FIN_WAIT_2:TIME_WAIT?"),
        ("LISTEN:TIME_WAIT", "from LISTEN an endpoint goes to SYN_SENT, SYN_RECEIVED"),
        ("zzz", "tcpfsm explain, without a name, lists all there is"),
        ("", "nothing to explain about ''"),
        ("FOO:BAR", "lists all there is"),
        ("::", "lists all there is"),
    ],
)
def test_an_unknown_name_has_a_suggestion(words: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
