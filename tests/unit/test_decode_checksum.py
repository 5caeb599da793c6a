"""TCP checksums, against dpkt's arithmetic."""

from __future__ import annotations

from struct import pack

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from decode_support import A4, A6, B4, B6, RAW, Bench, fragment4, ip4, ip6, tcp
from tcptrace_py.packet import BAD, GOOD, PARTIAL, UNCHECKED


def pseudo(data: bytes, six: bool, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return A6 + B6 + pack(">II", size, 6) if six else A4 + B4 + pack(">HH", 6, size)


def right(data: bytes, six: bool) -> int:
    """The checksum of a segment whose field is 0."""
    total: int = dpkt.in_cksum(pseudo(data, six) + data)
    return total


def packet(data: bytes, six: bool) -> bytes:
    return ip6(data) if six else ip4(data)


def check(data: bytes, six: bool) -> int:
    bench = Bench(verify=True)
    assert bench.run(packet(data, six) + b"trailer", RAW) == "segment"
    decoder, result = bench.decoder, bench.segment.checksum
    assert (decoder.checked, decoder.bad_checksums, decoder.partial_checksums) == (1, result == BAD, result == PARTIAL)
    return result


@given(payload=st.binary(max_size=80), seq=st.integers(0, 2**32 - 1), six=st.booleans(), wrong=st.integers(1, 65534))
def test_good_and_bad(payload: bytes, seq: int, six: bool, wrong: int) -> None:
    good = right(tcp(payload, seq=seq, checksum=0), six)
    assert check(tcp(payload, seq=seq, checksum=good), six) == GOOD
    bad = (good + wrong) % 65535 if good != 65535 else wrong
    partial = {dpkt.in_cksum(pseudo(tcp(payload), six, size)) ^ 0xFFFF for size in (0, len(tcp(payload)))}
    if bad not in partial:
        assert check(tcp(payload, seq=seq, checksum=bad), six) == BAD


def test_zero_and_all_ones_are_the_same_number() -> None:
    for seq in range(65536):
        if right(tcp(seq=seq, checksum=0), False) == 0:
            assert check(tcp(seq=seq, checksum=0), False) == GOOD
            assert check(tcp(seq=seq, checksum=0xFFFF), False) == GOOD
            return
    raise AssertionError("one of 65536 sequence numbers gives every sum")


def test_the_pseudo_header_alone_is_partial() -> None:
    for six in (False, True):
        data = tcp(b"x" * 50)
        for length in (None, 0):  # with and without the length
            field = dpkt.in_cksum(pseudo(data, six, length)) ^ 0xFFFF
            assert check(tcp(b"x" * 50, checksum=field), six) == PARTIAL


def test_nothing_is_checked_unless_asked() -> None:
    bench = Bench(verify=False)
    assert bench.run(ip4(tcp()), RAW) == "segment"
    assert (bench.segment.checksum, bench.decoder.checked) == (UNCHECKED, 0)


def test_nothing_is_checked_that_was_not_captured_whole() -> None:
    data = ip4(tcp(b"x" * 50, b"\x01" * 4))
    for cut in range(40, len(data)):
        bench = Bench(verify=True)
        assert bench.run(data[:cut], RAW, wirelen=len(data)) == "segment"
        assert (bench.segment.checksum, bench.decoder.checked) == (UNCHECKED, 0)


def test_a_bad_segment_is_kept() -> None:
    bench = Bench(verify=True)
    assert bench.run(ip4(tcp(checksum=1)), RAW) == "segment"
    assert bench.decoder.segments == 1


def test_a_reassembled_segment_is_checked() -> None:
    data = tcp(b"x" * 101, checksum=right(tcp(b"x" * 101, checksum=0), False))
    bench = Bench(verify=True)
    bench.run(fragment4(data, 0, 64))
    assert bench.run(fragment4(data, 64, len(data), last=True)) == "segment"
    assert bench.segment.checksum == GOOD


def test_the_real_destination_is_what_was_summed() -> None:
    final = bytes([10, 0, 0, 9])
    data = tcp(checksum=0)
    field = dpkt.in_cksum(A4 + final + pack(">HH", 6, len(data)) + data)
    bench = Bench(verify=True)
    assert bench.run(ip4(tcp(checksum=field), options=b"\x83\x07\x04" + final + b"\0"), RAW) == "segment"
    assert bench.segment.checksum == GOOD
