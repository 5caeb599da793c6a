"""Both directions: where streams begin and end, and what counts as theirs."""

from __future__ import annotations

from tcptrace_py.packet import BAD, GOOD
from tools.outlets import Exchange, Hole


def test_both_directions_from_the_handshake_to_the_fin() -> None:
    x = Exchange().handshake()
    x.client("P.", 101, 301, b"question").server("P.", 301, 109, b"answer")
    x.client("F.", 109, 307).server("F.", 307, 110).client(".", 110, 308)
    kept = x.end()
    assert (kept.text(0), kept.text(1)) == (b"question", b"answer")
    assert kept.holes == ([], [])
    assert x.talk.client.begun
    assert (x.talk.client.fin, x.talk.server.fin) == (8, 6)


def test_segments_in_any_order_and_several_times() -> None:
    x = Exchange().handshake()
    parts = [(101, b"abc"), (104, b"def"), (107, b"ghi")]
    for seq, data in (parts[2], parts[0], parts[2], parts[1], parts[0]):
        x.client(".", seq, 301, data)
    assert x.end().text() == b"abcdefghi"
    assert x.talk.client.repeated_bytes == 6


def test_data_on_the_syn_is_the_first() -> None:
    x = Exchange().client("S", 100, data=b"early ").server("S.", 300, 107).client(".", 107, 301, b"late")
    assert x.end().text() == b"early late"


def test_data_on_a_syn_that_was_not_accepted_comes_again_and_stands_once() -> None:
    x = Exchange().client("S", 100, data=b"early ").server("S.", 300, 101).client(".", 101, 301, b"early late")
    assert x.end().text() == b"early late"
    assert x.talk.client.conflicts == 0


def test_data_before_a_rst_counts_and_that_in_a_rst_does_not() -> None:
    x = Exchange().handshake().client("P.", 101, 301, b"last words").server("R.", 301, 101, b"no!")
    kept = x.end()
    assert (kept.text(0), kept.text(1)) == (b"last words", b"")
    assert x.talk.reset_by == 1


def test_a_connection_seen_from_the_middle_on_begins_with_its_first_byte() -> None:
    x = Exchange().client(".", 5004, 9000, b"second").client(".", 5000, 9000, b"1st ").server(".", 9000, 5010)
    x.client(".", 5010, 9000, b" third")
    assert x.end().text() == b"1st second third"
    assert not x.talk.client.begun


def test_what_the_peer_had_already_acknowledged_before_is_no_hole() -> None:
    x = Exchange().server(".", 9000, 5000).client(".", 5000, 9000, b"data").server(".", 9000, 5004)
    kept = x.end()
    assert kept.text() == b"data"
    assert kept.holes == ([], [])


def test_bytes_in_flight_when_the_capture_began_are_not_the_streams() -> None:
    x = Exchange().server(".", 9000, 4000).client(".", 5000, 9000, b"data").server(".", 9000, 5004)
    kept = x.end()
    assert kept.text() == b"data"
    assert kept.holes == ([], [])


def test_a_keep_alive_brings_no_byte() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"data").client(".", 104, 301, b"\0").client(".", 105, 301, b"!")
    assert x.end().text() == b"data!"
    assert x.talk.client.conflicts == 0


def test_a_window_probe_brings_its_byte() -> None:
    x = Exchange().handshake().server(".", 301, 101, window=0).client(".", 101, 301, b"d").client(".", 102, 301, b"ata")
    assert x.end().text() == b"data"


def test_the_first_copy_wins_and_the_second_is_told() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"GET /good").client(".", 101, 301, b"GET /evil!")
    kept = x.end()
    assert kept.text() == b"GET /good!"
    assert kept.conflicts[0] == [(5, b"good", b"evil", 4, 5)]


def test_copies_that_wait_are_compared_too() -> None:
    x = Exchange().handshake().client(".", 104, 301, b"def").client(".", 102, 301, b"bcXe").client(".", 101, 301, b"a")
    kept = x.end()
    assert kept.text() == b"abcdef"
    assert kept.conflicts[0] == [(3, b"de", b"Xe", 4, 5)]


def test_a_segment_with_a_wrong_checksum_is_left_out() -> None:
    x = (
        Exchange()
        .handshake()
        .client(".", 101, 301, b"dama", checksum=BAD)
        .client(".", 101, 301, b"data", checksum=GOOD)
    )
    assert x.end().text() == b"data"
    assert x.talk.bad_checksums == 1


def test_an_acknowledged_hole_is_the_captures_and_another_the_networks() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"ab").client(".", 105, 301, b"ef").server(".", 301, 107)
    x.client(".", 109, 301, b"ij")
    kept = x.end()
    assert kept.text() == b"abefij"
    assert kept.holes[0] == [Hole(2, 4, 2, True, False), Hole(6, 8, 4, False, False)]
    assert (x.talk.client.missing_bytes, x.talk.client.unacknowledged_bytes) == (4, 2)


def test_a_hole_that_was_acknowledged_in_part_is_two() -> None:
    x = Exchange().handshake().client(".", 111, 301, b"x").server(".", 301, 105)
    assert x.end().holes[0] == [Hole(0, 4, 0, True, False), Hole(4, 10, 0, False, False)]


def test_the_end_is_missing_up_to_the_fin_or_the_last_acknowledgement() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"ab").client("F.", 111, 301).server(".", 301, 112)
    assert x.end().holes[0] == [Hole(2, 10, 2, True, False)]
    assert not x.talk.client.ends_unknown
    x = Exchange().handshake().client(".", 101, 301, b"ab").server(".", 301, 108).client(".", 115, 301)
    assert x.end().holes[0] == [Hole(2, 7, 2, True, False), Hole(7, 14, 2, False, False)]
    assert x.talk.client.ends_unknown  # one of these may be a FIN


def test_what_the_capture_length_cut_is_a_hole_at_once() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"ab", length=5).client(".", 106, 301, b"", length=3)
    x.client(".", 109, 301, b"ij").server(".", 301, 111)
    kept = x.end()
    assert kept.text() == b"abij"
    assert kept.holes[0] == [Hole(2, 8, 2, True, True)]
    assert x.talk.client.cut_bytes == 6


def test_a_stream_goes_on_beyond_four_gibibytes() -> None:
    x = Exchange().client("S", 2**32 - 2).server("S.", 300, 2**32 - 1).client(".", 2**32 - 1, 301, b"abcd")
    assert x.talk.client.next == 4
    step = 1 << 29
    for n in range(1, 17):  # 8 GiB, of which little was captured
        x.client(".", n * step - 1, 301, b"y" * 4).server(".", 301, n * step + 3)
    kept = x.end()
    assert kept.text() == b"abcd" + b"y" * 64
    assert kept.holes[0][-1].end == 16 * step
    assert x.talk.client.top == 16 * step + 4


def test_what_lies_beyond_every_window_was_not_for_the_receiver() -> None:
    x = Exchange().client("S", 100, wscale=0).server("S.", 300, 101, wscale=0, window=500)
    x.server(".", 301, 101, window=1000).client(".", 101, 301, b"in").client(".", 101 + 50_000, 301, b"forged")
    kept = x.end()
    assert kept.text() == b"in"
    assert kept.holes[0] == []
    assert x.talk.client.outside_bytes == 6


def test_absurd_numbers_are_left_out() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"ab")
    x.client(".", 101 + (1 << 30) + 10, 301, b"far").client(".", 101 + (1 << 31) + 5, 301, b"farther")
    x.server(".", 301, 101 + (1 << 31) - 1)
    kept = x.end()
    assert kept.text() == b"ab"
    assert x.talk.client.outside_bytes == 3
    assert kept.holes[0] == []


def test_several_syns_before_there_is_data_and_the_last_one_counts() -> None:
    x = Exchange().client("S", 100).server("S.", 300, 101).server("S.", 900, 101).client(".", 101, 901)
    x.server(".", 901, 101, b"hello")
    assert x.end().text(1) == b"hello"


def test_a_syn_on_the_living_connection_moves_nothing() -> None:
    x = Exchange().handshake().client(".", 101, 301, b"ab").client("S", 77_000).client(".", 103, 301, b"cd")
    assert x.end().text() == b"abcd"


def test_data_beyond_the_fin_is_kept() -> None:
    x = Exchange().handshake().client("F.", 101, 301, b"ab").client(".", 103, 301, b"cd")
    assert x.end().text() == b"abcd"


def test_one_direction_only() -> None:
    x = Exchange().server(".", 9000, 5000).server(".", 9000, 5100)
    kept = x.end()
    assert kept.holes[0] == [Hole(0, 100, 0, True, False)]
    assert kept.text(0) == b""


def test_an_eager_conversation_tells_in_order() -> None:
    x = Exchange(eager=True).handshake().client(".", 101, 301, b"ab").client(".", 106, 301, b"fg").server(".", 301, 108)
    assert x.kept.order == ["data"]
    x.end()
    assert x.kept.order == ["data", "hole", "data"]
