"""The counters of a side as the report shows them: each in its field, and null where nothing is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine import sent as counters
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.recovery import BY_DSACK, Again, Recovery
from tcptrace_py.report import model
from tcptrace_py.report.figures import retransmission, sent
from tools.segments import MS, TO_SERVER, Talk, segment

OF_LOSSES = {"min_window", "retransmitted_packets", "retransmitted_bytes", "hardware_duplicates"}
"""Not in ``Sent`` itself, though it has them, too."""
RENAMED = {
    "fin": "fins",
    "push_packets": "push",
    "urgent_packets": "urgent",
    "retransmitted_timeout": "timeouts",
    "retransmitted_fast": "fast",
    "retransmitted_sack": "by_sack",
    "retransmitted_tail_probe": "tail_probes",
    "retransmitted_spurious": "spurious",
    "retransmitted_unknown": "unknown",
    "retransmissions_max": "most_again",
    "out_of_order_packets": "out_of_order",
    "copied_packets": "copied",
    "lost_before_capture_packets": "lost_packets",
    "lost_before_capture_bytes": "lost_bytes",
    "rtt_ambiguous": "ambiguous",
    "rtt_after_loss": "after_loss",
    "acked_cumulatively": "cumulatively",
    "initial_window_bytes": "initial_bytes",
    "initial_window_packets": "initial_packets",
}
"""Fields whose counter has another name."""
MADE = {
    *("retransmission_wait_min", "retransmission_wait_avg", "retransmission_wait_max", "retransmission_wait_stdev"),
    *("retransmission_gaps", "retransmissions", "syn_retransmits", "fin_retransmits", "missing_bytes"),
    *("zero_window_time", "avg_window", "window_scaled", "sack_permitted", "timestamps", "fast_open", "mptcp", "ecn"),
    *("rtt_samples", "rtt_min", "rtt_avg", "rtt_max", "rtt_stdev", "in_flight_avg", "segment_avg", "stream_bytes"),
    *("data_transfer_time", "throughput", "goodput", "idle_max", "idle_max_frames"),
}
"""Fields that are worked out of several, and looked at one by one below."""


def side(**offers: int) -> Endpoint:
    """An endpoint that has sent something."""
    e = Endpoint(st.ESTABLISHED, 0, 1, "here")
    for name, value in offers.items():
        setattr(e.sent, name, value)
    return e


def told(talk: Talk, which: int = 0) -> dict[str, Any]:
    """What the report tells of one side."""
    c = talk.now
    return msgspec.structs.asdict(sent(c.side(which), c.side(1 - which), int(c.end)))


def test_each_counter_stands_in_its_field() -> None:
    e, p = side(options=0), side(options=0)
    s, d, r = e.sent, Detail(), Recovery()
    assert s is not None
    s.detail, s.recovery = d, r
    e.snd_una = 5
    expected = {}
    plain = [name for name in model.Sent.__struct_fields__ if name not in MADE]
    for number, name in enumerate(plain, 1000):
        attribute = RENAMED.get(name, name)
        (owner,) = [
            thing for thing in (s, d, r) if hasattr(thing, attribute) and (thing is not s or name not in OF_LOSSES)
        ]
        setattr(owner, attribute, number)
        expected[name] = number
    found = msgspec.structs.asdict(sent(e, p, 0))
    assert {name: found[name] for name in plain} == expected


def test_of_a_side_that_sent_nothing_counts_are_zero_and_measures_unknown() -> None:
    e = Endpoint(st.LISTEN, 0, 1, "nothing")
    found = msgspec.structs.asdict(sent(e, side(), 0))
    unknown = {name for name, value in found.items() if value is None}
    assert {name for name in unknown if name.endswith(("_packets", "_bytes", "_acks"))} == {
        *("initial_window_bytes", "initial_window_packets", "stream_bytes")
    }
    assert {"max_window", "window_full", "rtt_min", "in_flight_max", "throughput", "idle_max", "mss", "ecn"} <= unknown
    assert {value for value in found.values() if value is not None and not isinstance(value, list)} == {0}


def test_offers_of_the_syn() -> None:
    e = side(options=counters.TIMESTAMPS | counters.ECN, syn=3, syn_acks=1, fins=2)
    found = msgspec.structs.asdict(sent(e, side(), 0))
    names = ("sack_permitted", "timestamps", "fast_open", "mptcp", "ecn")
    assert [found[name] for name in names] == [False, True, False, False, True]
    assert (found["syn_retransmits"], found["fin_retransmits"]) == (1, 1), "a SYN-ACK is not a SYN again"


@pytest.mark.parametrize(("spurious", "kind"), [(0, "fast"), (BY_DSACK, "spurious")])
def test_a_retransmission(spurious: int, kind: str) -> None:
    again = Again(segment(9, 5 * MS, TO_SERVER, ".", 1, 1, 10), 1, 11, True)
    again.mark, again.spurious, again.original, again.bytes = mk.FAST, spurious, 4, 10
    found = retransmission(again)
    assert (found.frame, found.original, found.bytes, found.kind, found.trigger) == (9, 4, 10, kind, "fast")
    assert found.spurious == ("dsack" if spurious else None)
    again.mark, again.original = 0, -1
    assert (retransmission(again).trigger, retransmission(again).original) == (None, None)
    assert retransmission(again).kind == ("spurious" if spurious else "unknown")


def test_windows_are_those_that_the_peer_understands() -> None:
    talk = Talk()
    for way, letters, seq, ack, scale in ((talk.to_server, "S", 100, 0, 7), (talk.to_client, "S.", 300, 101, 2)):
        made = talk.make(way, letters, seq, ack, window=65535)
        made.wscale = scale
        talk.feed(made)
    for window in (100, 200, 301):
        talk.client(".", 101, 301, window=window)
    found = told(talk)
    assert (found["min_window"], found["avg_window"], found["max_window"]) == (12800, 601 * 128 // 3, 301 * 128)
    assert found["window_scaled"] is True


def test_windows_of_an_unknown_scale_are_as_in_the_header() -> None:
    talk = Talk().client(".", 101, 301, 10, window=500)
    found = told(talk)
    assert (found["max_window"], found["window_scaled"], found["window_scale"]) == (500, None, None)
    assert told(Talk().established())["window_scaled"] is False


def test_how_long_a_window_was_closed() -> None:
    talk = Talk().established()
    talk.at(1000).server(".", 311, 111, window=0).at(1500).server(".", 311, 111, window=0)
    talk.at(3000).server(".", 311, 111, window=9000).at(5000).server(".", 311, 111, window=0)
    talk.at(5250).client(".", 111, 311)
    assert told(talk, 1)["zero_window_time"] == Decimal("2.25"), "and it still is"
    assert told(talk, 1)["zero_windows"] == 3


def test_a_segment_that_fills_the_window() -> None:
    talk = Talk().established().server(".", 311, 111, window=250)
    talk.client(".", 111, 311, 100).client(".", 211, 311, 150)
    assert told(talk)["window_full"] == 1
    half = Talk().client(".", 1, 1, 10).server(".", 1, 11, window=10).client(".", 11, 1, 10)
    assert told(half)["window_full"] is None, "the window may be scaled"


def test_round_trips_are_of_the_segment_that_an_ack_answers() -> None:
    talk = Talk().established()
    talk.at(1000).client(".", 111, 311, 100).at(1010).client(".", 211, 311, 100)
    talk.at(1030).server(".", 311, 311)
    found = told(talk)
    assert (found["rtt_samples"], found["rtt_max"], found["acked_cumulatively"]) == (2, Decimal("0.020"), 1)
    talk.at(2000).client(".", 311, 311, 100).at(2010).server(".", 311, 361)
    assert told(talk)["rtt_samples"] == 2, "half a segment measures nothing"
    talk.at(2050).server(".", 311, 411)
    found = told(talk)
    assert (found["rtt_samples"], found["rtt_max"]) == (3, Decimal("0.050"))
    assert found["rtt_stdev"] == Decimal("0.017320508"), "20, 20 and 50 ms"


def test_an_ack_that_waited_for_a_repetition_measures_nothing() -> None:
    talk = Talk().established()
    for n in range(3):
        talk.at(1000 + n).client(".", 111 + 100 * n, 311, 100)
    talk.at(1300).client(".", 111, 311, 100).at(1320).server(".", 311, 411)
    found = told(talk)
    assert (found["rtt_samples"], found["rtt_after_loss"], found["rtt_ambiguous"]) == (1, 1, 0)


def test_an_echoed_timestamp_tells_which_transmission_was_measured() -> None:
    talk = Talk().established()
    for at in (1000, 1300):
        made = talk.at(at).make(talk.to_server, ".", 111, 311, 100)
        made.tsval, made.tsecr = at, 1
        talk.feed(made)
    answer = talk.at(1325).make(talk.to_client, ".", 311, 211)
    answer.tsval, answer.tsecr = 1, 1300
    talk.feed(answer)
    found = told(talk)
    assert (found["rtt_samples"], found["rtt_max"], found["rtt_ambiguous"]) == (2, Decimal("0.025"), 0)


def test_what_is_on_its_way() -> None:
    talk = Talk().established()
    talk.at(1000).client(".", 111, 311, 100).at(1010).client(".", 211, 311, 300).at(1030).server(".", 311, 211)
    talk.at(1040).server(".", 311, 511)
    found = told(talk)
    assert (found["in_flight_max"], found["in_flight_min"]) == (400, 10)
    # 10 bytes over 20 ms, then 100 over 10, 400 over 20, 300 over 10
    assert found["in_flight_avg"] == (10 * 20 + 100 * 10 + 400 * 20 + 300 * 10) // 60
    one_way = Talk().client(".", 1, 1, 100).client(".", 101, 1, 100)
    assert told(one_way)["in_flight_max"] is None


def test_the_initial_window() -> None:
    talk = Talk().handshake()
    for n in range(4):
        talk.client(".", 101 + 50 * n, 301, 50)
    talk.server(".", 301, 151).client(".", 301, 301, 50)
    found = told(talk)
    assert (found["initial_window_bytes"], found["initial_window_packets"]) == (200, 4)
    assert told(Talk().client(".", 1, 1, 100))["initial_window_packets"] is None


def test_how_fast_and_how_idle() -> None:
    talk = Talk().established().at(1000).client(".", 111, 311, 100).at(3000).client(".", 211, 311, 200)
    talk.at(3000 + 100).client(".", 211, 311, 200)
    found = told(talk)
    assert found["data_transfer_time"] == Decimal("3.000")
    assert (found["throughput"], found["goodput"]) == (510 // 3, 310 // 3)
    assert (found["idle_max"], found["idle_max_frames"]) == (Decimal("2.000"), [7, 8])
    assert (found["segment_min"], found["segment_avg"], found["segment_max"]) == (10, 510 // 4, 200)


def test_how_long_the_stream_is() -> None:
    talk = Talk().established().client("F.", 111, 311)
    assert told(talk)["stream_bytes"] == 10
    assert told(talk, 1)["stream_bytes"] is None


def test_the_back_off_of_the_worst_segment() -> None:
    talk = Talk().established().at(1000).client(".", 111, 311, 100).client(".", 211, 311, 100)
    for at in (1300, 1900, 3100):
        talk.at(at).client(".", 111, 311, 100)
    talk.at(3101).client(".", 211, 311, 100)
    found = told(talk)
    assert found["retransmission_gaps"] == [Decimal("0.300"), Decimal("0.600"), Decimal("1.200")]
    assert found["retransmissions_max"] == 3
    assert (found["retransmission_wait_min"], found["retransmission_wait_max"]) == (Decimal("0.300"), Decimal("2.100"))
    assert [(again.frame, again.original, again.kind) for again in found["retransmissions"]] == [
        (9, 7, "timeout"),
        (10, 7, "timeout"),
        (11, 7, "timeout"),
        (12, 8, "timeout"),
    ]
    assert [found[f"retransmitted_{kind}"] for kind in ("timeout", "spurious", "unknown")] == [4, 0, 0]


def test_a_pure_acks_own_number_shows_what_was_not_seen() -> None:
    talk = Talk().established().client(".", 411, 311)
    assert told(talk)["missing_bytes"] == 300
    talk.server(".", 311, 411)
    assert told(talk)["missing_bytes"] == 300, "acknowledged, they count once"
    assert told(Talk().established().client(".", 112, 311))["missing_bytes"] == 0, "it may be its FIN"
    assert told(Talk().established().client(".", 90_111, 311))["missing_bytes"] == 0, "beyond the window: not its own"


def test_duplicate_acks_in_threes() -> None:
    talk = Talk().established()
    for n in range(4):
        talk.client(".", 111 + 100 * n, 311, 100)
    for _ in range(5):
        talk.server(".", 311, 111)
    talk.server(".", 311, 211)
    for _ in range(2):
        talk.server(".", 311, 211)
    found = told(talk, 1)
    assert (found["duplicate_acks"], found["triple_duplicate_acks"]) == (7, 1)


def test_what_repeats_a_segment_after_the_close_is_told_of_like_before() -> None:
    talk = Talk().established().at(1000).client("P.", 111, 311, 50).server("P.", 311, 161, 30)
    talk.client("F.", 161, 341).server("F.", 341, 162).client(".", 162, 342)
    detail = talk.now.server.detail
    assert detail is not None
    assert (detail.flight.flown, len(detail.flight.packed)) == ([], 2 * 5), "kept small"
    talk.at(1300).server("P.", 311, 161, 30).client(".", 162, 342)
    (again,) = told(talk, 1)["retransmissions"]
    assert (again.frame, again.original, again.bytes) == (12, 8, 30)
    assert told(talk, 1)["retransmission_gaps"] == [Decimal("0.299")]
    assert told(talk, 1)["rtt_samples"] == 2


def test_a_flood_of_syns_has_no_details() -> None:
    talk = Talk().client("S", 100).server("S.", 300, 101).at(1000).server("S.", 300, 101)
    for e in (talk.now.client, talk.now.server):
        assert e.sent is not None
        assert e.sent.detail is None
    assert (told(talk)["packets"], told(talk, 1)["packets"], told(talk, 1)["ack_packets"]) == (1, 2, 2)
    assert told(talk, 1)["syn_retransmits"] == 1


def test_a_syn_that_waited_is_counted_where_it_belongs() -> None:
    talk = Talk().established().at(1000)
    for ms in (1000, 2000):
        syn = talk.at(ms).make(talk.to_server, "S", 5000)
        syn.mss = 1400
        talk.feed(syn)
    old = talk.now
    assert (old.client.packets, old.client.syn) == (6, 3), "until it is known, of the connection that lives"
    talk.at(2010).server("S.", 7000, 5001)
    new = talk.now
    assert new is not old
    assert (old.client.packets, old.client.syn, old.packets) == (4, 1, 6)
    assert (new.client.packets, new.client.syn, new.client.mss, new.packets) == (2, 2, 1400, 3)
    assert told(talk)["syn_retransmits"] == 1
