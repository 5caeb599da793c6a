"""The conversation language says no to what it does not understand, and a scenario that is wrong fails."""

from __future__ import annotations

import pytest

from tcptrace_py.machine.sent import SACK_PERMITTED, TIMESTAMPS
from tools.conversation import ScenarioError, parse
from tools.replay import check, run

HANDSHAKE = "A > B S 100:100(0)\nA < B S. 300:300(0) ack 101\nA > B . 101:101(0) ack 301\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "neither a frame"),
        ("2 A > B S 100:100(0)", "this is frame 1, not 2"),
        ("A > B S 100:101(0)", "is not 0 bytes"),
        ("A > B S 100:100(0) A SYN_SEND", "no state SYN_SEND"),
        ("A > B S 100:100(0) C SYN_SENT", "takes part in nothing"),
        ("A > B S 100:100(0) what", "'what'"),
        ("A > B S 100:100(0) <mtu 3>", "no option"),
        ("icmp 3/3 A", "sent nothing"),
        ("retracted: A GONE by 3", "retractions are written"),
        ("findings: Nothing At All", "findings are written"),
    ],
)
def test_nonsense_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match="line 2") as caught:
        parse("# first line\n" + text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "A > B S 100:100(0) A ESTABLISHED",
            "after frame 1 (line 1): A is SYN_SENT (proven), not ESTABLISHED (proven)",
        ),
        ("A > B S 100:100(0) A SYN_SENT?", "A is SYN_SENT (proven), not SYN_SENT (assumed)"),
        ("A > B S 100:100(0) A SYN_SENT|CLOSED", "A may be ['SYN_SENT']"),
        (HANDSHAKE + "final: B ESTABLISHED?!", "B may be ['ESTABLISHED', 'SYN_RECEIVED'], not ESTABLISHED alone"),
        (HANDSHAKE + "final: B CLOSED", "at the end: B is ESTABLISHED"),
        (HANDSHAKE + "final 2: B CLOSED", "at the end: B has no connection"),
        (HANDSHAKE + "retracted: A ESTABLISHED by 3", "not retracted"),
        (HANDSHAKE + "findings: reset", "finding missing: reset"),
        ("A > B S 1:1(0)\nA < B R. 0:0(0) ack 2\nfindings: none", "finding too many: connection-refused"),
        ("A > B S 1:1(0)\nA < B R. 0:0(0) ack 2\nfindings: connection-refused A", "does not blame A"),
        ("A > B S 1:1(0)\nA < B R. 0:0(0) ack 2\nfindings: connection-refused (info)", "not info"),
    ],
)
def test_a_wrong_expectation_is_told(text: str, says: str) -> None:
    wrong = check(parse(text))
    assert len(wrong) == 1
    assert says in wrong[0]


def test_ipv6_options_and_time() -> None:
    text = """
    A [2001:db8::1]:1000  B [2001:db8::2]:443
    A > B S 100:100(0) win 1000 <mss 1220, wscale 7, sackOK, ts 5 0>
    +1.5
    +0.25 A < B S. 300:300(0) ack 101 <mss 1440, nop, wscale 3>
    icmp 1/4 A
    findings: icmp-rejected A
    """
    scenario = parse(text)
    assert check(scenario) == []
    assert [frame.time - scenario.frames[0].time for frame in scenario.frames] == [0, 1_750_000_000, 1_760_000_000]
    (c,) = run(scenario).connections
    assert len(c.key) == 36
    assert c.client.sent is not None
    assert (c.client.sent.mss, c.client.sent.window_scale, c.client.sent.options) == (
        1220,
        7,
        SACK_PERMITTED | TIMESTAMPS,
    )
