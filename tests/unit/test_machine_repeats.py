"""Why data passes again, or late: conversations whose truth is known, segment by segment."""

from __future__ import annotations

import struct

import pytest

from tcptrace_py.machine import marks as mk
from tcptrace_py.machine.marks import names
from tcptrace_py.machine.recovery import WHY_SPURIOUS, Recovery
from tcptrace_py.packet import Segment
from tools.segments import MS, START, Talk

MSS = 100
FIRST = 111
"""The sequence number of the client's next byte once a Talk is established; the server acknowledges in its own space."""
ACK = 311
WITH_IDS, WITHOUT_IDS = "with IP ids", "without IP ids"


class Wire:
    """A talk whose client sends data over a path of 20 ms there and back; the capture was taken at the client."""

    def __init__(self, *, ids: bool = True, stamps: bool = False, far: bool = False) -> None:
        self.talk = Talk().established(to_client=20 if far else 1, to_server=1 if far else 20)
        self.ids = ids
        self.stamps = stamps
        self.copies: dict[int, Segment] = {}

    def data(
        self, at: float, n: int, *, size: int = 1, ip_id: int | None = None, sent: float | None = None
    ) -> list[str]:
        """The ``n``-th segment of the client's data (``size`` of them in one) passes; ``sent``: when, if not just now."""
        made = self.talk.at(at).make(self.talk.to_server, ".", FIRST + MSS * n, ACK, MSS * size)
        if not self.ids:
            made.ip_id = 0
        elif ip_id is not None:
            made.ip_id = ip_id
        if self.stamps:
            made.tsval, made.tsecr = int(at if sent is None else sent), 1
        self.talk.feed(made)
        return names(made.marks)

    def ack(self, at: float, n: int, *sacks: tuple[int, int], echo: float | None = None) -> list[str]:
        """The server acknowledges the first ``n`` segments, and reports blocks beyond (or twice)."""
        made = self.talk.at(at).make(self.talk.to_client, ".", ACK, FIRST + MSS * n)
        made.sacks = len(sacks)
        made.buf = b"".join(struct.pack(">II", FIRST + MSS * a, FIRST + MSS * b) for a, b in sacks) + bytes(64)
        if echo is not None:
            made.tsval, made.tsecr = 1, int(echo)
        self.talk.feed(made)
        return names(made.marks)

    @property
    def losses(self) -> Recovery:
        sent = self.talk.now.client.sent
        assert sent is not None
        return sent.losses()


def kinds(r: Recovery) -> tuple[int, ...]:
    return (r.timeouts, r.fast, r.by_sack, r.tail_probes, r.spurious, r.unknown)


def flight(wire: Wire, at: float, count: int) -> None:
    """So many segments at once."""
    for n in range(count):
        assert wire.data(at + n / 10, n) == []


@pytest.fixture(
    params=[(True, False), (False, False), (True, True), (False, True)], ids=lambda p: f"ids={p[0]},stamps={p[1]}"
)
def wire(request: pytest.FixtureRequest) -> Wire:
    ids, stamps = request.param
    return Wire(ids=ids, stamps=stamps)


def test_a_timeout_and_what_is_sent_after_it(wire: Wire) -> None:
    flight(wire, 1000, 4)
    assert wire.data(1220, 0) == ["retransmission", "timeout"]
    assert wire.data(1640, 0) == ["retransmission", "timeout"]
    assert wire.ack(1660, 1) == []
    assert wire.data(1661, 1) == ["retransmission", "timeout"], (
        "the sender goes back to what it had sent (RFC 5681, 3.1)"
    )
    assert wire.data(1661, 2) == ["retransmission", "timeout"]
    wire.ack(1681, 4)
    assert wire.data(1690, 4) == [], "new data ends it"
    assert kinds(wire.losses) == (4, 0, 0, 0, 0, 0)


def test_three_duplicate_acks_and_a_partial_one(wire: Wire) -> None:
    flight(wire, 1000, 8)
    wire.ack(1020, 1)
    for n in range(3):
        assert wire.ack(1021 + n, 1) == ["duplicate_ack"]
    assert wire.data(1024, 1) == ["retransmission", "fast"]
    wire.ack(1044, 4)
    assert wire.data(1045, 4) == ["retransmission", "fast"], "RFC 6582: the ACK of a part asks for what follows"
    assert kinds(wire.losses) == (0, 2, 0, 0, 0, 0)


def test_sack_asks_for_holes(wire: Wire) -> None:
    flight(wire, 1000, 8)
    wire.ack(1020, 1)
    wire.ack(1021, 1, (2, 3))
    assert wire.data(1022, 1) == ["retransmission", "sack"], "before the third duplicate ACK: RACK (RFC 8985)"
    wire.ack(1023, 1, (2, 3), (5, 6))
    assert wire.data(1024, 3) == ["retransmission", "sack"]
    assert wire.data(1024.5, 4) == ["retransmission", "sack"]
    assert kinds(wire.losses) == (0, 0, 3, 0, 0, 0)


def test_with_sack_the_third_duplicate_still_is_fast(wire: Wire) -> None:
    flight(wire, 1000, 6)
    wire.ack(1020, 1)
    for n in range(3):
        wire.ack(1021 + n, 1, (2, 3 + n))
    assert wire.data(1025, 1) == ["retransmission", "fast"]
    assert kinds(wire.losses) == (0, 1, 0, 0, 0, 0)


def test_a_timer_that_runs_out_in_spite_of_duplicate_acks(wire: Wire) -> None:
    flight(wire, 1000, 6)
    wire.ack(1020, 1)
    for n in range(3):
        wire.ack(1021 + n, 1)
    assert wire.data(1260, 1) == ["retransmission", "timeout"]


def test_a_tail_probe_repeats_the_last_and_not_the_oldest(wire: Wire) -> None:
    flight(wire, 1000, 3)
    assert wire.data(1045, 2) == ["retransmission", "tail_probe"]
    wire.ack(1065, 0, (2, 3))
    assert wire.data(1066, 0) == ["retransmission", "sack"]
    assert kinds(wire.losses) == (0, 0, 1, 1, 0, 0)


def test_a_probe_of_a_single_segment_shows_in_the_next_wait(wire: Wire) -> None:
    flight(wire, 1000, 1)
    assert wire.data(1220, 0) == ["retransmission", "timeout"], "nothing yet tells them apart"
    assert kinds(wire.losses) == (1, 0, 0, 0, 0, 0)
    wire.data(1445, 0)
    assert kinds(wire.losses) == (1, 0, 0, 1, 0, 0), "the wait did not double: the first was a probe"
    wire.data(1900, 0)
    assert kinds(wire.losses) == (2, 0, 0, 1, 0, 0)


def test_waits_that_double_are_timeouts(wire: Wire) -> None:
    flight(wire, 1000, 1)
    for at in (1220, 1660, 2540):
        wire.data(at, 0)
    assert kinds(wire.losses) == (3, 0, 0, 0, 0, 0)


def test_what_was_acknowledged_is_sent_again_needlessly(wire: Wire) -> None:
    flight(wire, 1000, 2)
    wire.ack(1020, 2)
    assert wire.data(1225, 0) == ["retransmission", "timeout", "spurious"]
    assert kinds(wire.losses) == (0, 0, 0, 0, 1, 0)


def test_a_duplicate_sack_shows_it_afterwards(wire: Wire) -> None:
    flight(wire, 1000, 2)
    wire.data(1220, 0)
    assert kinds(wire.losses) == (1, 0, 0, 0, 0, 0)
    wire.ack(1221, 2)
    assert wire.ack(1240, 2, (0, 1)) == ["dsack"]
    assert kinds(wire.losses) == (0, 0, 0, 0, 1, 0)
    assert WHY_SPURIOUS[wire.losses.recent[0].spurious] == "dsack"
    wire.ack(1241, 2, (0, 1))
    assert kinds(wire.losses) == (0, 0, 0, 0, 1, 0), "reported again: there is no second repetition to blame"


def test_a_duplicate_sack_inside_another_block(wire: Wire) -> None:
    flight(wire, 1000, 6)
    wire.ack(1020, 1, (2, 3))
    wire.data(1021, 1)
    assert wire.ack(1022, 1, (3, 4), (2, 5)) == ["duplicate_ack", "dsack"], "RFC 2883, 4.2"


def test_an_older_echo_shows_that_the_first_one_had_arrived() -> None:
    wire = Wire(stamps=True)
    flight(wire, 1000, 1)
    wire.data(1220, 0)
    wire.ack(1225, 1, echo=1000)
    assert kinds(wire.losses) == (0, 0, 0, 0, 1, 0), "RFC 3522"
    assert WHY_SPURIOUS[wire.losses.recent[0].spurious] == "timestamp"


def test_the_echo_of_the_repetition_shows_nothing() -> None:
    wire = Wire(stamps=True)
    flight(wire, 1000, 1)
    wire.data(1220, 0)
    wire.ack(1240, 1, echo=1220)
    assert kinds(wire.losses) == (1, 0, 0, 0, 0, 0)


def test_reordering_by_timestamp_or_id_however_late() -> None:
    for wire in (Wire(ids=False, stamps=True), Wire(ids=True)):
        flight(wire, 1000, 1)
        first, late = wire.talk.ip_id + 1, wire.talk.ip_id + 1
        assert wire.data(1002, 2, ip_id=first + 1) == ["gap_before"]
        for n in range(3):
            wire.ack(1003 + n, 1)
        assert wire.data(1060, 1, ip_id=late, sent=1001) == ["out_of_order"]
        assert (wire.losses.out_of_order, wire.losses.lost_packets) == (1, 0)


def test_a_hole_filled_by_something_sent_later_was_lost_before_the_capture_point() -> None:
    for wire in (Wire(ids=False, stamps=True), Wire(ids=True)):
        flight(wire, 1000, 1)
        wire.data(1002, 2)
        assert wire.data(1005, 1, sent=1005) == ["lost_before_capture"], "soon, but sent after the other"
        assert (wire.losses.out_of_order, wire.losses.lost_packets, wire.losses.lost_bytes) == (0, 1, MSS)


def test_without_ids_and_stamps_the_round_trip_decides() -> None:
    wire = Wire(ids=False)
    flight(wire, 1000, 1)
    wire.data(1001, 2)
    assert wire.data(1015, 1) == ["out_of_order"], "within the round trip of 21 ms"
    wire.data(1016, 4)
    for n in range(4):
        wire.ack(1036 + n, 3)
    assert wire.data(1040, 3) == ["lost_before_capture", "fast"]
    wire.ack(1061, 5)
    wire.data(1100, 6)
    assert wire.data(1150, 5) == ["out_of_order"], "later, but nothing can have asked for it yet"
    wire.data(1200, 8)
    assert wire.data(1500, 7)[0] == "lost_before_capture"


def test_the_first_one_comes_behind_its_repetition() -> None:
    wire = Wire()
    flight(wire, 1000, 1)
    held = wire.talk.ip_id + 1
    wire.talk.ip_id += 1
    wire.data(1001, 2)
    for n in range(4):
        wire.ack(1020 + n, 1)
    assert wire.data(1024, 1) == ["lost_before_capture", "fast"]
    assert wire.data(1026, 1, ip_id=held) == ["out_of_order"]
    sent = wire.talk.now.client.sent
    assert sent is not None
    assert sent.retransmitted_packets == 0


@pytest.mark.parametrize("ids", [True, False])
def test_frames_captured_twice_one_behind_the_other(ids: bool) -> None:
    wire = Wire(ids=ids)
    flight(wire, 1000, 3)
    last = wire.talk.ip_id
    packets = wire.talk.now.packets
    for n in range(3):
        assert wire.data(1000.3 + n / 10, n, ip_id=last - 2 + n) == ["captured_twice"]
    sent = wire.talk.now.client.sent
    assert sent is not None
    assert (sent.hardware_duplicates, sent.retransmitted_packets, sent.payload_bytes) == (3, 0, 10 + 3 * MSS)
    assert wire.talk.now.packets == packets
    assert wire.talk.tracker.duplicates == 3


def test_what_comes_later_than_a_copy_of_the_capture_was_made_on_the_way() -> None:
    wire = Wire()
    flight(wire, 1000, 3)
    last = wire.talk.ip_id
    assert wire.data(1000.4, 2, ip_id=last) == ["captured_twice"], "at once: seen at two ports"
    wire.talk.ip_id = last
    assert wire.data(1009.8, 3) == []
    assert wire.data(1010, 0, ip_id=last - 2) == ["copied"], "after ten milliseconds, though right behind another"
    assert wire.data(1010.2, 3, ip_id=last + 1) == ["captured_twice"]
    sent = wire.talk.now.client.sent
    assert sent is not None
    assert (sent.hardware_duplicates, wire.losses.copied, sent.unique_bytes) == (2, 1, 10 + 4 * MSS)


def test_a_copy_that_the_network_made_is_not_sent_again() -> None:
    wire = Wire()
    flight(wire, 1000, 3)
    last = wire.talk.ip_id
    assert wire.data(1012, 1, ip_id=last - 1) == ["copied"]
    assert wire.data(1013, 2, ip_id=last) == ["copied"], "in the order of the first ones"
    sent = wire.talk.now.client.sent
    assert sent is not None
    assert (sent.hardware_duplicates, sent.retransmitted_packets, wire.losses.copied) == (0, 0, 2)


def test_a_copy_of_a_repetition_is_no_late_original() -> None:
    wire = Wire()
    flight(wire, 1000, 2)
    for n in range(3):
        wire.ack(1020 + n, 0)
    assert wire.data(1024, 0) == ["retransmission", "fast"]
    assert wire.data(1030, 0, ip_id=wire.talk.ip_id) == ["copied"]


def test_a_retransmission_has_an_ip_id_of_its_own_and_is_no_copy() -> None:
    wire = Wire()
    flight(wire, 1000, 3)
    for _ in range(3):
        wire.ack(1000.5, 0)
    assert wire.data(1000.6, 0) == ["retransmission", "fast"]


@pytest.mark.parametrize("length", [0, 1])
def test_a_keep_alive_and_its_answer(length: int) -> None:
    talk = Talk().established().at(5000)
    probe = talk.make(talk.to_server, ".", FIRST - 1, ACK, length)
    talk.feed(probe)
    answer = talk.make(talk.to_client, ".", ACK, FIRST)
    talk.feed(answer)
    assert names(probe.marks) == ["keep_alive"]
    assert names(answer.marks) == ["probe_answer"]


@pytest.mark.parametrize("length", [0, 1])
def test_a_window_probe_and_its_answer(length: int) -> None:
    talk = Talk().established()
    talk.server(".", ACK, FIRST, window=0).at(5000)
    probe = talk.make(talk.to_server, ".", FIRST - 1, ACK, length)
    talk.feed(probe)
    answer = talk.make(talk.to_client, ".", ACK, FIRST, window=0)
    talk.feed(answer)
    assert names(probe.marks) == ["window_probe"]
    assert names(answer.marks) == ["probe_answer", "zero_window"]


def test_a_window_probe_of_a_new_byte() -> None:
    talk = Talk().established()
    talk.server(".", ACK, FIRST, window=0)
    found = []
    for ms in (1000, 2000, 4000):
        probe = talk.at(ms).make(talk.to_server, ".", FIRST, ACK, 1)
        talk.feed(probe)
        found.append(names(probe.marks))
        talk.server(".", ACK, FIRST, window=0)
    assert found == [["window_probe"]] * 3
    sent = talk.now.client.sent
    assert sent is not None
    assert sent.detail is not None
    assert (sent.detail.window_probes, sent.retransmitted_packets, sent.unique_bytes) == (3, 0, 11)


def test_an_ack_of_who_takes_back_the_byte_of_a_probe_is_no_probe() -> None:
    talk = Talk().established()
    talk.server(".", ACK, FIRST, window=0)
    talk.at(5000).client("P.", FIRST, ACK, 1)
    refusal = talk.make(talk.to_client, ".", ACK, FIRST, window=0)
    talk.feed(refusal)
    talk.at(6000).server("P.", ACK, FIRST, 10, window=0)
    ordinary = talk.make(talk.to_server, ".", FIRST, ACK + 10)
    talk.feed(ordinary)
    opens = talk.make(talk.to_client, ".", ACK + 10, FIRST, window=60000)
    talk.feed(opens)
    assert names(refusal.marks) == ["probe_answer", "zero_window"]
    assert names(ordinary.marks) == []
    assert names(opens.marks) == ["window_update"]
    sent = talk.now.client.sent
    assert sent is not None
    assert sent.detail is not None
    assert sent.detail.window_probes == 1


def test_what_answers_a_single_byte_is_a_duplicate_ack_like_any_other() -> None:
    talk = Talk().established()
    talk.at(1000).client(".", FIRST + MSS, ACK, 1)
    talk.server(".", ACK, FIRST).client(".", FIRST + MSS + 1, ACK, 1)
    again = talk.make(talk.to_client, ".", ACK, FIRST)
    talk.feed(again)
    assert names(again.marks) == ["duplicate_ack"]


def test_a_single_byte_that_was_lost_is_no_keep_alive() -> None:
    talk = Talk().established()
    talk.at(1000).client("P.", FIRST, ACK, 1)
    again = talk.at(1220).make(talk.to_server, "P.", FIRST, ACK, 1)
    talk.feed(again)
    assert names(again.marks) == ["retransmission", "timeout"]
    talk.server(".", ACK, FIRST + 1)
    needless = talk.at(1500).make(talk.to_server, "P.", FIRST, ACK, 1)
    talk.feed(needless)
    assert names(needless.marks) == ["retransmission", "timeout", "spurious"]
    much_later = talk.at(9000).make(talk.to_server, ".", FIRST, ACK, 1)
    talk.feed(much_later)
    assert names(much_later.marks) == ["keep_alive"]


def test_an_overtaken_ack_after_a_fin_is_no_keep_alive() -> None:
    talk = Talk().established()
    talk.client("F.", FIRST, ACK)
    old = talk.make(talk.to_server, ".", FIRST, ACK)
    talk.feed(old)
    assert names(old.marks) == []


def test_midstream_data_before_the_first_segment_is_new() -> None:
    talk = Talk()
    talk.client(".", 5000, 9000, MSS)
    early = talk.make(talk.to_server, ".", 4800, 9000, MSS)
    early.ip_id = 0
    talk.feed(early)
    again = talk.at(900).make(talk.to_server, ".", 4750, 9000, MSS)
    talk.feed(again)
    sent = talk.now.client.sent
    assert sent is not None
    assert names(early.marks) == ["out_of_order"]
    assert (sent.unique_bytes, sent.retransmitted_bytes) == (250, 50)


def test_one_way_only_the_wait_tells() -> None:
    talk = Talk()
    for n in range(3):
        talk.client(".", 5000 + MSS * n, 9000, MSS)
    soon = talk.at(100).make(talk.to_server, ".", 5000, 9000, MSS)
    talk.feed(soon)
    late = talk.at(500).make(talk.to_server, ".", 5000, 9000, MSS)
    talk.feed(late)
    assert names(soon.marks) == ["retransmission"]
    assert names(late.marks) == ["retransmission", "timeout"]


def test_acks_of_nothing_new() -> None:
    talk = Talk().established()
    talk.client(".", FIRST, ACK, MSS).server(".", ACK, FIRST)
    update = talk.make(talk.to_client, ".", ACK, FIRST, window=60000)
    talk.feed(update)
    assert names(update.marks) == ["window_update"]
    beyond = talk.make(talk.to_client, ".", ACK, FIRST + 5 * MSS)
    talk.feed(beyond)
    assert names(beyond.marks) == ["acks_unseen"]


def test_marks_are_those_of_this_segment() -> None:
    talk = Talk().established()
    made = talk.make(talk.to_server, ".", FIRST, ACK, MSS)
    made.marks = mk.RETRANSMISSION
    talk.feed(made)
    assert made.marks == 0
    copy = talk.make(talk.to_server, ".", FIRST, ACK, MSS)
    copy.ip_id, copy.time = made.ip_id, made.time + MS // 2
    talk.feed(copy)
    assert names(copy.marks) == ["captured_twice"]
    assert talk.now.start >= START


def test_hostile_numbers_of_repetitions_are_bounded() -> None:
    wire = Wire()
    flight(wire, 1000, 2)
    for n in range(500):
        wire.data(2000 + 300 * n, 0)
    for n in range(200):
        wire.data(200_000 + n, 4 + 2 * n)
    assert len(wire.losses.recent) <= 64
    assert len(wire.losses.gaps) <= 64


def test_without_ids_a_timestamp_tells_a_copy_and_what_was_overtaken() -> None:
    wire = Wire(ids=False, stamps=True)
    flight(wire, 1000, 3)
    wire.data(1005, 3)
    assert wire.data(1012, 1, sent=1000) == ["copied"], "older than what was sent before it"
    for n in range(4):
        wire.ack(1021 + n, 3)
    wire.data(1030, 5)
    for n in range(3):
        wire.ack(1050 + n, 4)
    assert wire.data(1060, 4) == ["lost_before_capture", "sack"] or wire.losses.lost_packets == 1
    assert wire.data(1062, 4, sent=1029) == ["out_of_order"], "the first one, behind its repetition"


def test_a_repetition_that_another_one_overtook_was_sent_again_all_the_same() -> None:
    for wire in (Wire(ids=False, stamps=True), Wire()):
        flight(wire, 1000, 1)
        wire.talk.ip_id += 1
        wire.data(1002, 2)
        held = wire.talk.ip_id + 1
        wire.talk.ip_id += 1
        wire.data(1050, 3)
        assert wire.data(1060, 1)[0] == "lost_before_capture"
        assert wire.data(1065, 1, sent=1040, ip_id=held)[0] == "retransmission"


def test_sent_at_one_tick_of_a_fast_clock_and_passing_later() -> None:
    talk = Talk()
    for letters, seq, ack, stamp in (("S", 100, 0, 5000), (".", 101, 301, 5010)):
        made = talk.make(talk.to_server, letters, seq, ack)
        made.tsval, made.tsecr = stamp, 0
        talk.feed(made)
        if letters == "S":
            talk.at(9).server("S.", 300, 101).at(10)
    wire = Wire(ids=False)
    wire.talk = talk
    found = []
    for at, seq in ((100, 101), (101, 301)):
        made = talk.at(at).make(talk.to_server, ".", seq, 301, MSS)
        made.ip_id, made.tsval = 0, 5100
        talk.feed(made)
    for n in range(4):
        talk.at(110 + n).server(".", 301, 201)
    for at, seq in ((130, 201), (140, 301)):
        late = talk.at(at).make(talk.to_server, ".", seq, 301, MSS)
        late.ip_id, late.tsval = 0, 5100
        talk.feed(late)
        found.append(names(late.marks))
    assert found == [["out_of_order"], ["copied"]]
