"""The judge, and what the rules do together: guards, folding, bounded memory."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tcptrace_py.config import Config, Thresholds
from tcptrace_py.errors import ConfigError
from tcptrace_py.machine import crowd
from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.rules import crowds
from tcptrace_py.rules.catalogue import RULES
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge
from tools.conversation import SCENARIOS, load, parse
from tools.replay import Outcome, run

ALL = sorted((SCENARIOS / "rules").glob("*.txt"))
HANDSHAKE = "A > B S 100:100(0)\nA < B S. 300:300(0) ack 101\nA > B . 101:101(0) ack 301\n"


def only(outcome: Outcome, rule: str) -> Finding:
    """The one finding of that rule."""
    (finding,) = [f for f in outcome.findings if f.rule == rule]
    return finding


def test_it_wants_only_the_facts_of_its_rules() -> None:
    assert Judge(Config(select=("half-close",))).facts == fa.DATA_AFTER_PEER_FIN
    assert Judge(Config(select=("half-close",), ignore=("closing",))).facts == 0
    every = 0
    for rule in RULES:
        every |= rule.facts
    assert Judge(Config()).facts == every


def test_unknown_names_are_refused() -> None:
    for config in (Config(select=("nothing",)), Config(ignore=("nothing",)), Config(fail_on=("nothing",))):
        with pytest.raises(ConfigError, match="nothing"):
            Judge(config)


def test_an_ordinary_connection_has_no_fact_that_a_rule_wants() -> None:
    close = "A > B F. 101:101(0) ack 301\nA < B F. 301:301(0) ack 102\nA > B . 102:102(0) ack 302\n"
    outcome = run(parse(HANDSHAKE + close + "end +500"))
    (c,) = outcome.connections
    assert c.facts & Judge(Config(ignore=("time-wait-pileup",))).facts == 0
    assert outcome.tally.fine == 1


@pytest.mark.parametrize("path", ALL, ids=[path.stem for path in ALL])
@pytest.mark.parametrize("rule", ["reset", "half-close", "fin-retransmit", "stuck-close-wait"])
def test_a_rule_alone_says_the_same(path: Path, rule: str) -> None:
    from tools.replay import config_of

    scenario = load(path)
    config = config_of(scenario)
    alone = Config(profile=config.profile, timers=config.timers, thresholds=config.thresholds, select=(rule,))
    said = [f.message for f in run(scenario, config).findings if f.rule == rule]
    assert [f.message for f in run(scenario, alone).findings] == said


def test_findings_come_in_the_order_of_their_frames() -> None:
    outcome = run(load(SCENARIOS / "rules" / "time-wait-assassination.fires.txt"))
    frames = [finding.frame for finding in outcome.findings]
    assert len(frames) == 3
    assert frames == sorted(frames)


def test_stuck_close_wait_blames_the_application_with_figures() -> None:
    finding = only(run(load(SCENARIOS / "rules" / "stuck-close-wait.fires.txt")), "stuck-close-wait")
    assert finding.message == (
        "The server's application (10.0.0.2:80) received the client's FIN (frame 7) and has not called close() for 93.0 s"
    )
    assert (finding.frame, finding.related_frames, finding.endpoint) == (7, (8,), "server")
    assert finding.evidence["threshold"] == Decimal(60)
    assert Decimal(92) < Decimal(str(finding.evidence["waited"])) < Decimal(94)


def test_stuck_close_wait_outlives_the_orphan_of_the_other_side() -> None:
    outcome = run(load(SCENARIOS / "rules" / "stuck-fin-wait-2.fires.txt"))
    (c,) = outcome.connections
    assert c.client.state == st.CLOSED
    assert only(outcome, "stuck-close-wait").endpoint == "server"


def test_what_the_capture_missed_proves_nothing() -> None:
    """G2: A acknowledges a byte of B that was not seen, which may be its FIN."""
    text = HANDSHAKE + (
        "A > B F. 101:101(0) ack 301\n+0.2 A < B . 301:301(0) ack 102\n+0.2 A > B . 102:102(0) ack 302\nend +300\n"
    )
    assert run(parse(text)).rules == ["capture-loss"]


def test_one_way_gives_no_verdict_of_the_unseen_side() -> None:
    """G5: only the client's segments were captured."""
    text = "A > B S 100:100(0)\nA > B . 101:101(0) ack 301\nA > B F. 101:101(0) ack 301\nA > B . 102:102(0) ack 302\nend +300"
    assert run(parse(text)).rules == ["one-way-capture"]


def test_a_lone_reset_is_no_verdict_of_a_connection() -> None:
    """G6: nothing was seen of what it may have ended."""
    assert run(parse("A < B R. 301:301(0) ack 101\nend +5")).rules == ["midstream"]
    seen = run(parse("A > B P. 101:201(100) ack 301\n+1 A < B R. 301:301(0) ack 201\nend +5"))
    assert "1.0 s after the first frame seen" in only(seen, "reset").message


def test_time_disorder_takes_certainty_away() -> None:
    """G8: a frame is dated before the one that it follows."""
    scenario = load(SCENARIOS / "rules" / "abortive-close.fires.txt")
    scenario.frames[4].time -= 60_000_000
    finding = only(run(scenario), "abortive-close")
    assert finding.confidence == "likely"
    assert any("backwards" in reading for reading in finding.alternatives)


def flood(count: int, gap: str = "+0.004") -> str:
    """Half-open connections, one after another."""
    lines = []
    for n in range(count):
        lines += [
            f"Z 10.1.{n >> 8}.{n & 255}:{1024 + n}",
            f"{gap} Z > B S {n}:{n}(0)",
            f"+0 Z < B S. {n}:{n}(0) ack {n + 1}",
        ]
    return "\n".join(lines)


def test_a_flood_is_one_finding_at_the_default_thresholds() -> None:
    outcome = run(parse(flood(300) + "\nend +30"))
    finding = only(outcome, "syn-flood")
    assert finding.severity == "error"
    assert finding.connection is None
    assert finding.evidence["half_open"] == 300
    assert finding.evidence["sources"] == 300
    assert "290 of them have no finding of their own" in finding.message
    assert outcome.rules == sorted(["syn-flood"] + ["handshake-incomplete"] * Thresholds().told_singly)


def test_slow_half_open_connections_are_counted_without_a_flood() -> None:
    outcome = run(parse(flood(30, "+2") + "\nend +30"))
    assert "syn-flood" not in outcome.rules
    singly = [f for f in outcome.findings if f.connection is not None]
    (rest,) = [f for f in outcome.findings if f.connection is None]
    assert len(singly) == 10
    assert rest.message.startswith("20 more handshakes with 10.0.0.2:80 stayed half open")


def test_a_scan_is_folded_at_the_default_thresholds() -> None:
    lines = []
    for n in range(100):
        lines += [f"A:{2000 + n} > B:{n + 1} S 5:5(0)", f"A:{2000 + n} < B:{n + 1} R. 0:0(0) ack 6"]
    outcome = run(parse("\n".join(lines)))
    assert only(outcome, "port-scan").evidence["targets"] == 100
    refused = outcome.rules.count("connection-refused")
    assert Thresholds().scan_ports - 1 <= refused <= Thresholds().scan_ports


def test_nothing_is_lost_when_the_rule_that_would_tell_of_it_is_ignored() -> None:
    lines = []
    for n in range(100):
        lines += [f"A:{2000 + n} > B:{n + 1} S 5:5(0)", f"A:{2000 + n} < B:{n + 1} R. 0:0(0) ack 6"]
    scan = run(parse("\n".join(lines)), Config(ignore=("port-scan",)))
    assert scan.rules == ["connection-refused"] * 100
    flooded = run(parse(flood(300) + "\nend +30"), Config(ignore=("syn-flood",)))
    assert flooded.rules == ["handshake-incomplete"] * (Thresholds().told_singly + 1)
    assert flooded.findings[-1].message.startswith("290 more handshakes")


def half_open(number: int) -> Connection:
    """A half-open connection, each with a server of its own."""
    second = 1_000_000_000
    client = Endpoint(st.SYN_SENT, 0, 1, "test")
    server = Endpoint(st.SYN_RECEIVED, 0, 2, "test")
    client.syn_count = server.syn_count = 1
    client.last_frame, server.last_frame = 1, 2
    key = bytes((10, 0, 0, 1)) + number.to_bytes(4, "big") + bytes((9, 9, 0, 80))
    c = Connection(number, key, client, server, 0, 1)
    c.facts |= fa.HALF_OPEN | fa.SYN_UNANSWERED | fa.IN_TIME_WAIT
    c.observed_until = 60 * second
    return c


def test_tables_are_bounded_and_keep_what_matters() -> None:
    table = crowds.Crowds(Thresholds(flood_count=3, flood_rate=3), frozenset())
    flooded = half_open(0)
    for _ in range(5):
        table.add(flooded)
    for number in range(1, crowd.MAX_ENTRIES + 500):
        table.add(half_open(number))
    assert len(table.half_open.entries) == crowd.MAX_ENTRIES
    assert table.server(flooded).count == 5
    (source,) = table.attempts.all()
    assert len(source.targets) == crowd.MAX_DISTINCT


def test_a_table_full_of_floods_still_takes_connections() -> None:
    table = crowds.Crowds(Thresholds(flood_count=1, flood_rate=1, flood_share=0), frozenset())
    for number in range(crowd.MAX_ENTRIES + 10):
        table.add(half_open(number))
    assert len(table.half_open.entries) == crowd.MAX_ENTRIES


SYN_ACK_TWICE = """\
A > B S 100:100(0)
A < B S. 300:300(0) ack 101
{between}
A > B . 101:101(0) ack 301
A > B P. 101:111(10) ack 301
A < B . 301:301(0) ack 111
"""


@pytest.mark.parametrize(
    ("between", "said"),
    [
        ("+1 A > B S 100:100(0)\nA < B S. 300:300(0) ack 101", "as the SYN came twice"),
        ("+1 A < B S. 300:300(0) ack 101\n+0.001 A > B S 100:100(0)", "with no ACK of it seen in between"),
        ("+1 A < B S. 300:300(0) ack 101", "with no ACK of it seen in between"),
    ],
    ids=["the SYN first", "its own timer first", "no SYN again"],
)
def test_why_a_syn_ack_came_again(between: str, said: str) -> None:
    finding = only(run(parse(SYN_ACK_TWICE.format(between=between))), "synack-retransmit")
    assert finding.message.endswith(said)
