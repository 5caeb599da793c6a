"""The TCP header and its options, against dpkt where dpkt can tell."""

from __future__ import annotations

from struct import pack

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode_support import RAW, STAMPS, Bench, fields, ip4, run, tcp
from tcptrace_py.packet import Segment


def with_options(options: bytes) -> Segment:
    padded = options + bytes(-len(options) % 4)
    outcome, segment = run(ip4(tcp(options=padded)), RAW)
    assert outcome == "segment"
    assert (segment.length, segment.header) == (5, 20 + len(padded))
    return segment


@given(
    seq=st.integers(0, 2**32 - 1),
    ack=st.integers(0, 2**32 - 1),
    flags=st.integers(0, 255),
    window=st.integers(0, 65535),
    checksum=st.integers(0, 65535),
    urgent=st.integers(0, 65535),
    payload=st.binary(max_size=40),
    words=st.integers(0, 10),
)
def test_the_header_is_what_dpkt_says(
    seq: int, ack: int, flags: int, window: int, checksum: int, urgent: int, payload: bytes, words: int
) -> None:
    data = tcp(
        payload, b"\x01" * (4 * words), seq=seq, ack=ack, flags=flags, window=window, checksum=checksum, urgent=urgent
    )
    theirs = dpkt.tcp.TCP(data)
    bench = Bench()
    assert bench.run(ip4(data), RAW) == "segment"
    ours = bench.segment
    assert (ours.seq, ours.ack, ours.flags, ours.window) == (theirs.seq, theirs.ack, theirs.flags, theirs.win)
    assert (ours.checksum_field, ours.urgent, ours.header) == (theirs.sum, theirs.urp, theirs.off * 4)
    assert (ours.length, bench.payload()) == (len(theirs.data), theirs.data)


def test_the_options_of_a_syn() -> None:
    segment = with_options(b"\x02\x04\x05\xb4\x04\x02\x08\x0a\xff\xff\xff\xff\0\0\0\0\x01\x03\x03\x07")
    assert (segment.mss, segment.sack_ok, segment.wscale) == (1460, True, 7)
    assert (segment.tsval, segment.tsecr) == (0xFFFFFFFF, 0)
    assert not segment.bad_options


def test_the_window_shift_is_limited() -> None:
    assert with_options(b"\x03\x03\xff").wscale == 14


def test_timestamps_in_any_place() -> None:
    for options in (STAMPS, STAMPS[2:], STAMPS[2:] + b"\x01\x01", b"\x01" * 5 + STAMPS[2:]):
        segment = with_options(options)
        assert (segment.tsval, segment.tsecr, segment.bad_options) == (111, 222, False)


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_sack_blocks_are_counted_and_found(blocks: int) -> None:
    edges = [(100 * n, 100 * n + 50) for n in range(1, blocks + 1)]
    segment = with_options(b"\x01\x01\x05" + bytes([2 + 8 * blocks]) + b"".join(pack(">II", *edge) for edge in edges))
    assert segment.sacks == blocks
    at = segment.sack_at
    assert segment.buf[at : at + 8 * blocks] == b"".join(pack(">II", *edge) for edge in edges)


@pytest.mark.parametrize(
    ("options", "cookie"),
    [
        (b"\x22\x02", 0),
        (b"\x22\x0a" + bytes(8), 8),
        (b"\x22\x12" + bytes(16), 16),
        (b"\xfe\x04\xf9\x89", 0),
        (b"\xfe\x0c\xf9\x89" + bytes(8), 8),
        (b"\xfe\x04\x12\x34", -1),
    ],
)
def test_fast_open(options: bytes, cookie: int) -> None:
    segment = with_options(options)
    assert (segment.fast_open, segment.bad_options) == (cookie, False)


def test_multipath_is_noted() -> None:
    assert with_options(b"\x1e\x0c" + bytes(10)).mptcp
    assert not with_options(b"\x01").mptcp


def test_the_last_of_a_repeated_option_counts() -> None:
    assert with_options(b"\x02\x04\x05\xb4\x02\x04\x02\x18").mss == 536


def test_nothing_is_read_after_the_end_of_the_list() -> None:
    segment = with_options(b"\0\x02\x04\x05\xb4\xff")
    assert (segment.mss, segment.bad_options) == (-1, False)


@pytest.mark.parametrize(
    "options",
    [
        b"\x01\x01\x01\x02",  # a kind without a length
        b"\x02\x00\x05\xb4",  # length 0
        b"\x02\x01\x05\xb4",  # length 1
        b"\x02\x08\x05\xb4",  # runs over the header
        b"\x02\x03\x05\x01",  # a length that the kind cannot have
        b"\x03\x04\x05\x01",
        b"\x04\x04\x05\x01",
        b"\x08\x04\x05\x01",
        b"\x05\x02\x01\x01",
        b"\x05\x0b" + bytes(10),
        b"\x22\x03\x01\x01",
        b"\x1e\x02\x01\x01",
    ],
)
def test_malformed_options_are_noted_and_the_segment_kept(options: bytes) -> None:
    segment = with_options(options)
    assert segment.bad_options
    assert (segment.mss, segment.wscale, segment.sack_ok, segment.tsval) == (-1, -1, False, -1)
    assert (segment.sacks, segment.fast_open, segment.mptcp) == (0, -1, False)


def test_options_after_a_malformed_one_of_sane_length_are_read() -> None:
    segment = with_options(b"\x03\x04\x05\x01\x02\x04\x05\xb4")
    assert (segment.bad_options, segment.mss) == (True, 1460)


@pytest.mark.parametrize("offset", [0, 4, 15])
def test_a_header_length_that_cannot_be(offset: int) -> None:
    assert run(ip4(tcp(offset=offset)), RAW)[0] == "bad_tcp_header"


@pytest.mark.parametrize(
    "options", [STAMPS, b"\x02\x04\x05\xb4\x04\x02" + STAMPS[2:], b"\x05\x0a" + bytes(8) + b"\x01\x01"]
)
def test_options_cut_by_the_capture_length_are_unknown_not_bad(options: bytes) -> None:
    data = ip4(tcp(b"x" * 100, options=options))
    whole = run(data, RAW)[1]
    for cut in range(len(options)):
        bench = Bench()
        assert bench.run(data[: 40 + cut], RAW, wirelen=len(data)) == "segment"
        assert bench.segment.cut_options
        segment = bench.segment
        assert (segment.length, segment.captured, segment.bad_options) == (100, 0, False)
        assert segment.tsval in (-1, whole.tsval)
        assert segment.mss in (-1, whole.mss)
        assert segment.sacks in (0, whole.sacks)
        assert bench.decoder.truncated_segments == 1


def test_a_header_cut_by_the_capture_length() -> None:
    data = ip4(tcp())
    for cut in range(40):
        assert run(data[:cut], RAW, wirelen=len(data))[0] == ("truncated_header" if cut else "empty_record")
    assert run(data[:40], RAW, wirelen=len(data))[0] == "segment"


def test_nothing_of_one_segment_is_left_in_the_next() -> None:
    plain = ip4(tcp())
    fresh = fields(run(plain, RAW)[1])
    everything = (
        b"\x02\x04\x05\xb4\x04\x02\x08\x0a\xff\xff\xff\xff\0\0\0\0\x03\x03\x07\x22\x02\x1e\x03\0\x05\x0a"
        + bytes(8)
        + b"\xff"
    )
    everything += b"\x01" * (-len(everything) % 4)
    quote = ip4(b"\x03\x01" + bytes(6) + ip4(tcp()), 1)
    bench = Bench()
    assert bench.run(quote, RAW) == "quoted"
    assert bench.run(ip4(ip4(tcp(options=everything, urgent=7), tos=3), 4), RAW) == "segment"
    assert bench.segment.bad_options
    bench.record.number = 0
    assert bench.run(plain, RAW) == "segment"
    assert fields(bench.segment) == fresh
