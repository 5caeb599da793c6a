"""ICMP errors that quote a TCP segment, whole or in part."""

from __future__ import annotations

from struct import pack

import pytest

from decode_support import A4, A6, B4, B6, RAW, STAMPS, Bench, ether, fragment6, ip4, ip6, run, tcp

PORTS = pack(">HH", 40000, 80)
ROUTER = bytes([192, 0, 2, 1])
QUOTE4 = ip4(tcp(b"x" * 1000, options=STAMPS), ident=77, ttl=1)
QUOTE6 = ip6(tcp(b"x" * 1000, options=STAMPS))


def error4(kind: int, code: int, quote: bytes) -> bytes:
    return ip4(bytes([kind, code]) + bytes(6) + quote, 1, src=ROUTER, dst=A4)


def error6(kind: int, code: int, quote: bytes) -> bytes:
    return ip6(bytes([kind, code]) + bytes(6) + quote, 58, dst=A6)


@pytest.mark.parametrize(("kind", "code"), [(3, 0), (3, 1), (3, 3), (3, 4), (11, 0), (12, 0)])
def test_icmp_with_the_eight_bytes_of_rfc_792(kind: int, code: int) -> None:
    outcome, segment = run(error4(kind, code, QUOTE4[:28]), RAW)
    assert outcome == "quoted"
    assert (segment.key, segment.seq) == (A4 + B4 + PORTS, 1000)
    assert (segment.icmp_type, segment.icmp_code, segment.icmp_v6) == (kind, code, False)
    assert (segment.header, segment.flags, segment.ack, segment.window, segment.length) == (0, 0, 0, 0, 0)
    assert (segment.ip_id, segment.ttl, segment.tunnels, segment.number) == (77, 1, 0, 1)
    assert (segment.mss, segment.tsval, segment.captured) == (-1, -1, 0)


@pytest.mark.parametrize(("kind", "code"), [(1, 4), (2, 0), (3, 0), (4, 1)])
def test_icmpv6(kind: int, code: int) -> None:
    outcome, segment = run(error6(kind, code, QUOTE6), RAW)
    assert outcome == "quoted"
    assert (segment.key, segment.seq, segment.flags) == (A6 + B6 + PORTS, 1000, 0x18)
    assert (segment.icmp_type, segment.icmp_code, segment.icmp_v6, segment.tunnels) == (kind, code, True, 0)
    assert (segment.length, segment.captured, segment.tsval) == (1000, 1000, 111)


def test_as_much_as_is_quoted_is_known() -> None:
    segment = run(error4(3, 4, QUOTE4[:40]), RAW)[1]
    assert (segment.ack, segment.flags, segment.window, segment.header) == (2000, 0x18, 501, 32)
    assert (segment.length, segment.captured, segment.tsval) == (1000, 0, -1)
    segment = run(error4(3, 4, QUOTE4[:60]), RAW)[1]
    assert (segment.length, segment.captured, segment.tsval) == (1000, 8, 111)


def test_every_length_of_a_quotation() -> None:
    for size in range(len(QUOTE4)):
        assert run(error4(3, 1, QUOTE4[:size]), RAW)[0] == ("icmp" if size < 28 else "quoted")
    for size in range(len(QUOTE6)):
        assert run(error6(1, 0, QUOTE6[:size]), RAW)[0] == ("icmpv6" if size < 48 else "quoted")


def test_ethernet_padding_is_not_quoted() -> None:
    outcome, segment = run(ether(error4(3, 3, ip4(tcp(b""))[:28])) + bytes(30))
    assert (outcome, segment.header) == ("quoted", 0)


def test_a_total_length_changed_by_the_quoting_host() -> None:
    quote = QUOTE4[:2] + b"\0\x05" + QUOTE4[4:28]
    outcome, segment = run(error4(3, 3, quote), RAW)
    assert (outcome, segment.seq) == ("quoted", 1000)


def test_a_quoted_first_fragment_counts_and_a_later_one_does_not() -> None:
    assert run(error4(11, 1, ip4(tcp()[:16], flags=0x2000)), RAW)[0] == "quoted"
    assert run(error4(11, 1, ip4(tcp()[:16], flags=0x0005)), RAW)[0] == "icmp"
    first = fragment6(tcp(b"x" * 100), 0, 80)[14:]
    later = fragment6(tcp(b"x" * 100), 80, 120, last=True)[14:]
    bench = Bench()
    assert bench.run(error6(3, 1, first), RAW) == "quoted"
    assert bench.run(error6(3, 1, later), RAW) == "icmpv6"
    assert bench.decoder.fragment_counts()["waiting"] == 0


def test_extension_headers_in_a_quotation() -> None:
    outcome, segment = run(error6(1, 3, ip6(b"\x06\0" + bytes(6) + tcp(), 60)), RAW)
    assert (outcome, segment.key) == ("quoted", A6 + B6 + PORTS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (error4(0, 0, QUOTE4), "icmp"),  # echo reply
        (error4(4, 0, QUOTE4), "icmp"),  # source quench
        (error4(5, 1, QUOTE4), "icmp"),  # redirect
        (error4(3, 3, ip4(bytes(20), 17)), "icmp"),
        (error4(3, 3, ip4(error4(3, 3, QUOTE4), 1)), "icmp"),
        (error4(3, 3, ip4(ip4(tcp()), 4)), "icmp"),
        (error4(3, 3, QUOTE6), "icmp"),
        (error4(3, 3, b""), "icmp"),
        (ip4(b"\x03\x03", 1), "icmp"),
        (error6(128, 0, QUOTE6), "icmpv6"),
        (error6(135, 0, QUOTE6), "icmpv6"),
        (error6(1, 0, ip6(bytes(20), 17)), "icmpv6"),
        (error6(1, 0, QUOTE4), "icmpv6"),
        (ip6(b"\x01", 58), "icmpv6"),
    ],
)
def test_other_icmp_is_counted(data: bytes, reason: str) -> None:
    assert run(data, RAW)[0] == reason


def test_quotations_are_counted_apart() -> None:
    bench = Bench()
    bench.run(error4(3, 3, QUOTE4), RAW)
    bench.run(QUOTE4, RAW)
    bench.run(error4(0, 0, QUOTE4), RAW)
    decoder = bench.decoder
    assert (decoder.quoted, decoder.segments, decoder.skipped()) == (1, 1, {"icmp": 1})


def test_an_error_inside_a_tunnel() -> None:
    outcome, segment = run(ip4(error4(3, 3, QUOTE4), 4), RAW)
    assert (outcome, segment.tunnels) == ("quoted", 1)
