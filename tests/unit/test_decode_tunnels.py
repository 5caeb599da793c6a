"""Tunnels: the same segment must come out of each, and nothing that only looks like one is followed."""

from __future__ import annotations

from struct import pack

import pytest

from decode_support import A4, A6, B4, B6, RAW, Bench, ether, ip4, ip6, run, tcp, udp

P4 = ip4(tcp())
P6 = ip6(tcp())
VXLAN = b"\x08\0\0\0\0\0\x05\0"
LABEL = pack(">I", 100 << 12 | 0x100 | 64)


def gre(flags: int, kind: int, rest: bytes) -> bytes:
    return ip4(pack(">HH", flags, kind) + rest, 47)


def over_udp(payload: bytes, dst: int, src: int = 50000) -> bytes:
    return ip4(udp(payload, dst, src), 17)


def gtp(flags: int, rest: bytes, kind: int = 255) -> bytes:
    return over_udp(pack(">BBHI", 0x30 | flags, kind, len(rest), 7) + rest, 2152)


TUNNELS: list[tuple[str, bytes]] = [
    ("GRE", gre(0, 0x0800, P4)),
    ("GRE with checksum", gre(0x8000, 0x0800, bytes(4) + P4)),
    ("GRE with key", gre(0x2000, 0x0800, bytes(4) + P4)),
    ("GRE with sequence", gre(0x1000, 0x0800, bytes(4) + P4)),
    ("GRE with all three", gre(0xB000, 0x0800, bytes(12) + P4)),
    ("GRE with routing", gre(0x4000, 0x0800, bytes(4) + b"\x08\0\x04\x04" + A4 + bytes(4) + P4)),
    ("GRE over IPv6", ip6(pack(">HH", 0, 0x0800) + P4, 47)),
    ("GRE, bridged", gre(0, 0x6558, ether(P4))),
    ("GRE, MPLS", gre(0, 0x8847, LABEL + P4)),
    ("GRE, VLAN", gre(0, 0x8100, pack(">HH", 5, 0x0800) + P4)),
    ("ERSPAN I", gre(0, 0x88BE, ether(P4))),
    ("ERSPAN II", gre(0x1000, 0x88BE, bytes(4) + bytes(8) + ether(P4))),
    ("ERSPAN III", gre(0x1000, 0x22EB, bytes(4) + bytes(12) + ether(P4))),
    ("ERSPAN III with more", gre(0x1000, 0x22EB, bytes(4) + bytes(11) + b"\x01" + bytes(8) + ether(P4))),
    ("WCCP", gre(0, 0x883E, P4)),
    ("WCCP 2", gre(0, 0x883E, bytes(4) + P4)),
    ("PPTP", gre(0x3001, 0x880B, bytes(8) + b"\xff\x03\0\x21" + P4)),
    ("PPTP with acknowledgement", gre(0x3081, 0x880B, bytes(12) + b"\x21" + P4)),
    ("EtherIP", ip4(b"\x30\0" + ether(P4), 97)),
    ("MPLS in IP", ip4(LABEL + P4, 137)),
    ("VXLAN", over_udp(VXLAN + ether(P4), 4789)),
    ("VXLAN on Linux's old port", over_udp(VXLAN + ether(P4), 8472)),
    ("VXLAN over IPv6", ip6(udp(VXLAN + ether(P4), 4789), 17)),
    ("VXLAN GPE, IPv4", over_udp(b"\x0c\0\0\x01\0\0\x05\0" + P4, 4790)),
    ("VXLAN GPE, Ethernet", over_udp(b"\x0c\0\0\x03\0\0\x05\0" + ether(P4), 4790)),
    ("VXLAN GPE, MPLS", over_udp(b"\x0c\0\0\x05\0\0\x05\0" + LABEL + P4, 4790)),
    ("GENEVE", over_udp(pack(">BBHI", 0, 0, 0x6558, 5) + ether(P4), 6081)),
    ("GENEVE with options, IPv4", over_udp(pack(">BBHI", 2, 0, 0x0800, 5) + bytes(8) + P4, 6081)),
    ("GTP-U", gtp(0, P4)),
    ("GTP-U with sequence", gtp(2, bytes(4) + P4)),
    ("GTP-U with extension", gtp(4, b"\0\0\0\x85" + b"\x01\0\0\0" + P4)),
    ("GTP-U with two", gtp(7, b"\0\0\0\x85" + b"\x01\0\0\x40" + b"\x02" + bytes(6) + b"\0" + P4)),
    ("L2TP", over_udp(pack(">HHH", 2, 1, 1) + b"\xff\x03\0\x21" + P4, 1701, 1701)),
    ("L2TP with everything", over_udp(pack(">HHHHHHH", 0x4A02, 1, 1, 1, 1, 1, 3) + b"pad\0\x21" + P4, 40000, 1701)),
    ("MPLS over UDP", over_udp(LABEL + P4, 6635)),
]

SIX: list[tuple[str, bytes]] = [
    ("GRE", gre(0, 0x86DD, P6)),
    ("VXLAN GPE", over_udp(b"\x0c\0\0\x02\0\0\x05\0" + P6, 4790)),
    ("GENEVE", over_udp(pack(">BBHI", 0, 0, 0x86DD, 5) + P6, 6081)),
    ("GTP-U", gtp(0, P6)),
    ("Teredo", over_udp(P6, 3544)),
    ("Teredo from its server", over_udp(P6, 40000, 3544)),
    ("Teredo with origin", over_udp(bytes(8) + P6, 3544)),
    ("Teredo with authentication", over_udp(b"\0\x01\x02\x03" + b"idkey" + bytes(9) + bytes(8) + P6, 3544)),
]


@pytest.mark.parametrize(("name", "data"), TUNNELS, ids=[name for name, _ in TUNNELS])
def test_ipv4_comes_out(name: str, data: bytes) -> None:
    bench = Bench()
    assert bench.run(ether(data, 0x86DD if data[0] >> 4 == 6 else 0x0800)) == "segment"
    segment = bench.segment
    assert (segment.key, segment.seq) == (A4 + B4 + pack(">HH", 40000, 80), 1000)
    assert (bench.payload(), segment.length, segment.tunnels) == (b"hello", 5, 1)


@pytest.mark.parametrize(("name", "data"), SIX, ids=[name for name, _ in SIX])
def test_ipv6_comes_out(name: str, data: bytes) -> None:
    bench = Bench()
    assert bench.run(data, RAW) == "segment"
    segment = bench.segment
    assert (segment.key, bench.payload(), segment.tunnels) == (A6 + B6 + pack(">HH", 40000, 80), b"hello", 1)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("short UDP", ip4(b"\0\x01\0", 17), "udp"),
        ("DNS", over_udp(bytes(40), 53), "udp"),
        ("VXLAN's port as source", over_udp(VXLAN + ether(P4), 50000, 4789), "udp"),
        ("VXLAN without identifier", over_udp(bytes(8) + ether(P4), 4789), "udp"),
        ("VXLAN GPE of something else", over_udp(b"\x0c\0\0\x09\0\0\x05\0" + P4, 4790), "udp"),
        ("GENEVE of another version", over_udp(pack(">BBHI", 0x40, 0, 0x6558, 5) + ether(P4), 6081), "udp"),
        ("GENEVE, options cut", over_udp(pack(">BBHI", 0x3F, 0, 0x6558, 5) + bytes(8), 6081), "udp"),
        ("GTP-U echo", gtp(0, P4, kind=1), "udp"),
        ("GTP-U, extension of no length", gtp(4, b"\0\0\0\x85" + bytes(4) + P4), "udp"),
        ("GTP-U, not IP", gtp(0, bytes(40)), "udp"),
        ("GTP-U, empty", gtp(0, b""), "udp"),
        ("L2TP control", over_udp(pack(">HHHHHH", 0xC802, 12, 0, 0, 0, 0), 1701), "udp"),
        ("L2TP, offset over the end", over_udp(pack(">HHHH", 0x0202, 1, 1, 60000), 1701), "udp"),
        ("Teredo bubble cut", over_udp(b"\x60", 3544), "udp"),
        ("GRE keep-alive", gre(0, 0, b""), "link_control"),
        ("PPTP acknowledgement", gre(0x2081, 0x880B, bytes(8)), "link_control"),
        ("GRE 1 of something else", gre(0x2001, 0x0800, bytes(4) + P4), "bad_tunnel_header"),
        ("GRE 2", gre(2, 0x0800, P4), "bad_tunnel_header"),
        ("GRE, fields cut", gre(0xB000, 0x0800, bytes(4)), "bad_tunnel_header"),
        ("GRE, routes without end", gre(0x4000, 0x0800, bytes(4) + b"\x08\0\0\xff"), "bad_tunnel_header"),
        ("GRE of a length", gre(0, 0x0100, P4), "bad_tunnel_header"),
        ("ERSPAN II, header cut", gre(0x1000, 0x88BE, bytes(6)), "bad_tunnel_header"),
        ("EtherIP of another version", ip4(b"\x20\0" + ether(P4), 97), "bad_tunnel_header"),
        ("NHRP", gre(0, 0x2001, bytes(20)), "not_ip"),
    ],
)
def test_what_is_no_tunnel_is_not_followed(name: str, data: bytes, reason: str) -> None:
    assert run(data, RAW)[0] == reason


def test_tunnels_in_tunnels_end() -> None:
    data = P4
    for _ in range(30):
        data = gre(0, 0x6558, ether(data))
    assert run(data, RAW)[0] == "nested_too_deep"
    assert run(ether(P4, 0x6558)[:12] + (b"\x65\x58" + bytes(12)) * 200 + b"\x08\0" + P4)[0] == "nested_too_deep"
