"""IPv4 and IPv6 headers, and the lengths that follow from them."""

from __future__ import annotations

from struct import pack

import pytest

from decode_support import A4, A6, B4, B6, RAW, Bench, ether, ip4, ip6, run, tcp

PORTS = pack(">HH", 40000, 80)
C4 = bytes([10, 0, 0, 9])
C6, D6 = bytes.fromhex("20010db8" + "00" * 11 + "09"), bytes.fromhex("20010db8" + "00" * 11 + "0a")


def extension(following: int, data: bytes) -> bytes:
    """An IPv6 extension header with ``data`` (6 modulo 8 bytes)."""
    assert len(data) % 8 == 6
    return bytes([following, len(data) // 8]) + data


def routing(kind: int, left: int, addresses: bytes) -> bytes:
    return extension(6, bytes([kind, left]) + bytes(4) + addresses)


def test_ipv4_options_are_stepped_over() -> None:
    outcome, segment = run(ip4(tcp(), options=b"\x94\x04\0\0" + b"\x01" * 4), RAW)
    assert (outcome, segment.length, segment.key) == ("segment", 5, A4 + B4 + PORTS)


@pytest.mark.parametrize(("pointer", "destination"), [(4, C4), (8, B4)])
def test_a_source_route_ends_at_the_real_destination(pointer: int, destination: bytes) -> None:
    option = bytes([131, 7, pointer]) + C4 + b"\0"
    outcome, segment = run(ip4(tcp(), options=option), RAW)
    assert (outcome, segment.key) == ("segment", A4 + destination + PORTS)


@pytest.mark.parametrize("option", [b"\x83\x40\x04\x01", b"\x83\x00\x04\x01", b"\x83\x03\x04\x01", b"\x01\x01\x01\x83"])
def test_a_malformed_source_route_changes_nothing(option: bytes) -> None:
    outcome, segment = run(ip4(tcp(), options=option), RAW)
    assert (outcome, segment.key) == ("segment", A4 + B4 + PORTS)


def test_ethernet_padding_is_not_payload() -> None:
    outcome, segment = run(ether(ip4(tcp(b""))) + bytes(6))
    assert (outcome, segment.length, segment.captured) == ("segment", 0, 0)


def test_total_length_zero_is_segmentation_offload() -> None:
    outcome, segment = run(ether(ip4(tcp(b"x" * 70000), total=0)))
    assert (outcome, segment.length, segment.captured) == ("segment", 70000, 70000)
    outcome, segment = run(ether(ip6(tcp(b"x" * 70000), length=0), 0x86DD))
    assert (outcome, segment.length) == ("segment", 70000)


def test_offload_with_a_short_capture_length_takes_the_frames() -> None:
    outcome, segment = run(ether(ip4(tcp(b"x" * 20), total=0)), wirelen=54 + 60000)
    assert (outcome, segment.length, segment.captured) == ("segment", 60000, 20)


def test_the_ip_length_counts_where_the_frame_was_rewritten_shorter() -> None:
    outcome, segment = run(ip4(tcp(b"x" * 20), total=1040), RAW)
    assert (outcome, segment.length, segment.captured) == ("segment", 1000, 20)


def test_header_fields_of_both_versions() -> None:
    segment = run(ip4(tcp(), tos=0xBB, ident=0xFFFE, ttl=255), RAW)[1]
    assert (segment.ecn, segment.ip_id, segment.ttl) == (3, 0xFFFE, 255)
    segment = run(ip6(tcp(), tclass=0xBA), RAW)[1]
    assert (segment.ecn, segment.ip_id, segment.ttl) == (2, -1, 63)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ip4(tcp(), total=19), "bad_ip_header"),
        (b"\x44" + ip4(tcp())[1:], "bad_ip_header"),
        (b"\x4f" + ip4(b"", total=20)[1:], "bad_ip_header"),
        (ip4(b""), "bad_tcp_header"),
        (ip4(tcp(b""), total=30), "bad_tcp_header"),
        (ip6(b"")[:39], "bad_ip_header"),
        (ip6(extension(6, bytes(6))[:4], 0), "bad_ip_header"),
        (ip6(b"\x06\x09" + bytes(20), 60), "bad_ip_header"),
        (ip6(extension(0, bytes(6)) * 20, 0), "nested_too_deep"),
        (ip6(b"", 59), "other_ip_protocol"),
        (ip6(bytes(20), 50), "encrypted_esp"),
        (ip4(bytes(20), 50), "encrypted_esp"),
        (ip4(bytes(20), 2), "igmp"),
        (ip4(bytes(20), 132), "sctp"),
        (ip4(bytes(20), 108), "compressed"),
        (ip4(bytes(20), 89), "other_ip_protocol"),
        (ip4(bytes(20), 0), "other_ip_protocol"),
        (ip4(bytes(20), 17), "udp"),
        (ip4(bytes(20), 1), "icmp"),
        (ip6(bytes(20), 58), "icmpv6"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    assert run(data, RAW)[0] == reason


def test_every_extension_header_of_ipv6_is_stepped_over() -> None:
    chain = (
        extension(60, bytes([5, 2, 0, 0, 1, 0]))  # hop-by-hop: router alert
        + extension(43, bytes(6))  # destination options: padding
        + routing(0, 0, D6)[:1].replace(b"\x06", b"\x33")  # routing, used up; then
        + routing(0, 0, D6)[1:]
        + b"\x2c\x04"
        + bytes(22)  # authentication, (4 + 2) * 4 bytes
        + pack(">BBHI", 60, 0, 0, 77)  # a fragment that is the whole
        + extension(6, bytes(6))
    )
    outcome, segment = run(ip6(chain + tcp(), 0), RAW)
    assert (outcome, segment.length, segment.key) == ("segment", 5, A6 + B6 + PORTS)
    assert not segment.reassembled


def test_the_authentication_header_in_ipv4() -> None:
    outcome, segment = run(ip4(b"\x06\x04" + bytes(22) + tcp(), 51), RAW)
    assert (outcome, segment.length, segment.key) == ("segment", 5, A4 + B4 + PORTS)


@pytest.mark.parametrize(
    ("kind", "left", "addresses", "destination"),
    [
        (0, 1, C6 + D6, D6),
        (0, 0, C6 + D6, B6),
        (2, 1, C6, C6),
        (4, 1, C6 + D6, C6),
        (4, 0, C6 + D6, B6),
        (3, 1, C6, B6),
    ],
)
def test_the_real_destination_stands_in_the_routing_header(
    kind: int, left: int, addresses: bytes, destination: bytes
) -> None:
    outcome, segment = run(ip6(routing(kind, left, addresses) + tcp(), 43), RAW)
    assert (outcome, segment.key) == ("segment", A6 + destination + PORTS)


def test_the_home_address_is_the_real_source() -> None:
    options = extension(6, b"\x01\x02\0\0" + b"\xc9\x10" + C6)
    outcome, segment = run(ip6(options + tcp(), 60), RAW)
    assert (outcome, segment.key) == ("segment", C6 + B6 + PORTS)


def test_jumbo_payload_length() -> None:
    header = extension(6, b"\xc2\x04" + pack(">I", 8 + 20 + 100000))
    outcome, segment = run(ip6(header + tcp(b"x" * 100000), 0, length=0) + b"trailer", RAW)
    assert (outcome, segment.length, segment.captured) == ("segment", 100000, 100000)


def test_a_jumbo_length_counts_only_where_the_payload_length_is_zero() -> None:
    header = extension(6, b"\xc2\x04" + pack(">I", 1000))
    outcome, segment = run(ip6(header + tcp(), 0), RAW)
    assert (outcome, segment.length) == ("segment", 5)


def test_a_jumbo_length_that_does_not_hold_its_header() -> None:
    header = extension(6, b"\xc2\x04" + pack(">I", 3))
    assert run(ip6(header + tcp(), 0, length=0), RAW)[0] == "bad_ip_header"


def test_ip_in_ip_counts_its_tunnels() -> None:
    for data in (
        ip4(ip4(tcp()), 4),
        ip4(ip6(tcp()), 41),
        ip6(ip4(tcp()), 4),
        ip6(ip6(tcp()), 41),
        ip4(ip4(tcp()), 94),
    ):
        outcome, segment = run(data, RAW)
        assert (outcome, segment.tunnels, segment.length) == ("segment", 1, 5)


def test_nesting_is_bounded() -> None:
    data = ip4(tcp())
    for depth in range(12):
        outcome, segment = run(data, RAW)
        if depth <= 8:
            assert (outcome, segment.tunnels) == ("segment", depth)
        else:
            assert outcome == "nested_too_deep"
        data = ip4(data, 4)


def test_header_checksums_are_counted_when_asked() -> None:
    good = bytearray(ip4(tcp()))
    total = sum(int.from_bytes(good[at : at + 2], "big") for at in range(0, 20, 2))
    good[10:12] = (0xFFFF - (total % 0xFFFF)).to_bytes(2, "big")
    bad = bytes(good[:10]) + b"\x12\x34" + bytes(good[12:])
    offloaded = ip4(tcp())
    bench = Bench(verify=True)
    for data, expected in ((bytes(good), 0), (bad, 1), (offloaded, 1), (bad, 2)):
        assert bench.run(data, RAW) == "segment"
        assert bench.decoder.bad_ip_checksums == expected
    bench = Bench(verify=False)
    assert bench.run(bad, RAW) == "segment"
    assert bench.decoder.bad_ip_checksums == 0
