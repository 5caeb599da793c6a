"""tcptrace_py.where.filter and logic: expressions hold of what the report says they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tcptrace_py.config import Config
from tcptrace_py.errors import ConfigError
from tcptrace_py.where.filter import Filter, filter_of
from tools.captures import SECOND, Frame
from tools.filtering import Expression, Seen, expressions, holds, seen, seen_in
from tools.talk import Talk

NAMES = ("demo", "stuck-close-wait", "icmp-rejected", "midstream", "retransmissions", "reset-in-each-state")
SAMPLES = [one for name in NAMES for one in seen_in(name)]
DEMO = seen_in("demo")


def test_no_expression_is_no_filter() -> None:
    assert filter_of(Config()) is None
    assert filter_of(Config(where="id > 0")) is not None


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions(seed: int) -> None:
    some = 0
    for made in expressions(seed, 60, SAMPLES):
        found = Filter(Config(where=made.text))
        for one in SAMPLES:
            wanted = made.of(one) is True
            assert found.holds(one.c) == wanted, f"{made.text} of {one.report}"
            some += wanted
    assert some > 60


def matching(text: str, samples: list[Seen] | tuple[Seen, ...] = DEMO) -> list[int]:
    return [one.report["id"] for one in samples if holds(text, one)]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("client.state == closed", "endpoints.client.state == CLOSED"),
        ("state == time-wait", "client.state == TIME_WAIT or server.state == TIME_WAIT"),
        ("both.state == CLOSED", "client.state == CLOSED and server.state == CLOSED"),
        ("state != CLOSED", "client.state != CLOSED and server.state != CLOSED"),
        ("both.state != CLOSED", "state != CLOSED"),
        ("state not in (CLOSED, TIME_WAIT)", "not state in (CLOSED TIME_WAIT)"),
        ("client.port in 40000..40003", "client.port >= 40000 and client.port <= 40003"),
        ("port in [8080, 1..3]", "server.port == 8080 or client.port == 8080"),
        ("outcome in {closed, stuck}", "outcome == closed or outcome == STUCK"),
        ("duration > 100ms", "duration > 0.1"),
        ("duration > 1min", "duration > 60s"),
        ("client.sent.payload_bytes < 1kB", "client.sent.payload_bytes < 1000B"),
        ("finding", "finding.rule != null"),
        ("not finding", "finding == null"),
        ("finding == opening", "finding.family == opening"),
        ("finding ~ '^stuck'", "finding == stuck-close-wait or finding == stuck-fin-wait-2"),
        ("finding.severity >= warning", "finding.severity in (warning, error)"),
        ("outcome == closed && ! finding || id == 1", "(outcome == closed and not finding) or id == 1"),
        ("NOT finding AND id in (1)", "not finding and id == 1"),
        ("client.address == 10.1.0.11/16", "client.address in 10.1.0.0/16"),
        ("client.address !~ '^10'", "client.address not in 10.0.0.0/8"),
        ("history ~ '(?i)^sha'", "history ~ '^[Ss][Hh][Aa]'"),
        ("closed_by == null", "not (closed_by == client or closed_by == server or closed_by != client)"),
    ],
)
def test_two_ways_to_say_it(text: str, same: str) -> None:
    if text == "closed_by == null":  # what is not known is neither: `not` does not make it so
        assert matching(same) == []
        assert matching(text) != []
        return
    assert matching(text) == matching(same)


@pytest.mark.parametrize(
    "text",
    [
        "finding == stuck-close-wait", "finding.family == closing", "finding.confidence == certain", "state == CLOSE_WAIT",
        "client.possible == FIN_WAIT_2", "outcome == refused", "opening == unanswered", "closing == four_way", "closed_by == client",
        "time_in_state.CLOSE_WAIT > 10s", "timeline.state == FIN_WAIT_1", "client.address in 10.1.0.0/24", "start > 2026-01-01",
        "server.port == 8080", "rtt.to_server < 1s", "server.sent.packets > 5", "server.sent.sack_permitted", "history ~ '^S'",
    ],
)  # fmt: skip
def test_it_tells_connections_apart(text: str) -> None:
    samples = [*DEMO, *seen_in("filtered")]
    assert matching(text, samples) != []
    everything = {"client.address in 10.1.0.0/24", "start > 2026-01-01", "history ~ '^S'"}
    assert (len(matching(text, samples)) == len(samples)) == (text in everything)


def test_unknown_is_neither_so_nor_not_so() -> None:
    unknown = [one.report["id"] for one in SAMPLES if one.report["rtt"]["to_server"] is None]
    assert unknown
    for text in ("rtt.to_server > 0s", "not rtt.to_server > 0s", "rtt.to_server != 7s", "not rtt.to_server == 7s"):
        assert not [one for one in SAMPLES if holds(text, one) and one.report["rtt"]["to_server"] is None]
    assert matching("rtt.to_server == null", SAMPLES) == unknown
    assert matching("not rtt.to_server != null", SAMPLES) == unknown
    assert len(matching("rtt.to_server > 0s or id > 0", SAMPLES)) == len(SAMPLES)


def test_of_a_flood_all_are_judged_for_themselves() -> None:
    """Of half-open connections the report tells ten singly; there are thirty."""
    talk = Talk()
    for port in range(1, 31):
        talk.client = ("10.0.0.1", port)
        talk.send("client", "S", 100).send("server", "SA", 300, 101)
    frames = talk.stay(10).frames
    flood = seen(frames, Config())
    assert sum("handshake-incomplete" in one.report["findings"] for one in flood) == 10
    found = Filter(Config(where="finding == handshake-incomplete"))
    assert sum(found.holds(one.c) for one in flood) == 30
    left = seen(frames, Config(where="finding == handshake-incomplete"))
    assert len(left) == 30
    assert sum("handshake-incomplete" in one.report["findings"] for one in left) == 10


def test_rules_that_do_not_run_find_nothing() -> None:
    config = Config(where="finding == stuck-close-wait", select=("opening",))
    assert not any(Filter(config).holds(one.c) for one in DEMO)
    assert any(Filter(replace(config, select=())).holds(one.c) for one in DEMO)


# ---- before a connection is parked


def conversation(port: int, begins: int, *, comes_late: bool) -> list[Frame]:
    """A connection that closes without incident; the server's FIN may come again, 20 s later, and be acknowledged."""
    talk = Talk(client=("10.0.0.1", port), time=(1_700_000_000 + begins) * SECOND).handshake()
    for n in range(3):
        talk.send("client", "PA", 101 + 1000 * n, 301, bytes(1000)).send("server", "A", 301, 1101 + 1000 * n)
    talk.send("client", "FA", 3101, 301).send("server", "A", 301, 3102)
    talk.send("server", "FA", 301, 3102).send("client", "A", 3102, 302)
    if comes_late:
        talk.send("server", "FA", 301, 3102, after=20 * SECOND).send("client", "A", 3102, 302)
    return talk.frames


def two(*, comes_late: bool) -> list[Frame]:
    """Two of them, the first of which is past before the capture ends."""
    frames = conversation(5, 0, comes_late=comes_late) + conversation(6, 90, comes_late=comes_late)
    return sorted(frames)


EARLY = [
    "server.port == 80", "server.port == 81", "client.address == 10.0.0.1 and finding", "finding", "not finding", "packets > 12",
    "packets > 13", "duration > 10s", "client.sent.payload_bytes < 10", "client.sent.payload_bytes > 10", "state == TIME_WAIT",
    "finding and client.sent.payload_bytes < 10", "timeline.state == SYN_SENT", "server.port == 81 or client.sent.packets == 1",
    "time_in_state.TIME_WAIT > 30s", "client.port == 5 and sent.mss == null", "history ~ T", "outcome == closed", "id == 2",
]  # fmt: skip


@pytest.mark.parametrize("text", EARLY)
@pytest.mark.parametrize("comes_late", [True, False])
def test_a_parked_connection_is_judged_as_if_it_had_not_been(text: str, comes_late: bool) -> None:
    """Also when a late segment takes it out again, without its counters and its trail."""
    frames = two(comes_late=comes_late)
    wanted = [one.report["id"] for one in seen(frames) if holds(text, one)]
    got = [one.report["id"] for one in seen(frames, Config(where=text))]
    assert got == wanted


def test_what_is_surely_not_wanted_is_parked() -> None:
    one = seen(two(comes_late=False))[0]
    sure = [text for text in EARLY if not Filter(Config(where=text)).may_hold(one.c)]
    assert sure == [
        "server.port == 81", "client.address == 10.0.0.1 and finding", "finding", "packets > 13", "duration > 10s",
        "history ~ T", "id == 2",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", " "])
def test_an_expression_must_say_something(text: str) -> None:
    with pytest.raises(ConfigError):
        Filter(Config(where=text))


def test_an_expression_knows_its_text() -> None:
    made = next(iter(expressions(1, 1, SAMPLES)))
    assert isinstance(made, Expression)
    assert made.text
