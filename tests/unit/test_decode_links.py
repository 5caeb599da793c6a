"""One TCP packet under every link type, in every framing: the same segment must come out."""

from __future__ import annotations

from struct import pack

import pytest

from decode_support import A4, A6, B4, B6, SECOND, STAMPS, Bench, ether, ip4, ip6, run, tcp
from tcptrace_py.decode import link_name
from tcptrace_py.decode.links import LINKS

P4 = ip4(tcp(options=STAMPS))
P6 = ip6(tcp(options=STAMPS))
SNAP4 = b"\xaa\xaa\x03\0\0\0\x08\0" + P4
BOTTOM = pack(">I", 100 << 12 | 0x100 | 64)  # a label at the bottom of the stack
TOP = pack(">I", 200 << 12 | 64)
MACS = bytes(12)
SLL4 = pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800)
NFLOG_HEAD = b"\x02\0\0\0" + pack("<HH", 5, 10) + b"x\0\0\0"  # a prefix attribute, padded, before the packet

IPV4: list[tuple[str, int, bytes]] = [
    ("ethernet", 1, ether(P4)),
    ("802.3 with LLC and SNAP", 1, ether(SNAP4, len(SNAP4))),
    ("802.3 with IP's own SAP", 1, ether(b"\x06\x06\x03" + P4, 3 + len(P4))),
    ("bridge tunnel SNAP", 1, ether(b"\xaa\xaa\x03\0\0\xf8\x08\0" + P4, 8 + len(P4))),
    ("jumbo LLC", 1, ether(SNAP4, 0x8870)),
    ("802.1Q", 1, ether(pack(">HH", 5, 0x0800) + P4, 0x8100)),
    ("802.1ad and 802.1Q", 1, ether(pack(">HHHH", 5, 0x8100, 6, 0x0800) + P4, 0x88A8)),
    ("QinQ before the standard", 1, ether(pack(">HHHH", 5, 0x9100, 6, 0x0800) + P4, 0x9100)),
    ("802.1Q around LLC", 1, ether(pack(">HH", 5, len(SNAP4)) + SNAP4, 0x8100)),
    ("802.1ah", 1, ether(bytes(4) + ether(P4), 0x88E7)),
    ("MPLS", 1, ether(BOTTOM + P4, 0x8847)),
    ("MPLS, two labels, multicast", 1, ether(TOP + BOTTOM + P4, 0x8848)),
    ("MPLS pseudo-wire with control word", 1, ether(BOTTOM + bytes(4) + ether(P4), 0x8847)),
    ("MPLS pseudo-wire without", 1, ether(BOTTOM + MACS + b"\x08\0" + P4, 0x8847)),
    ("PPPoE", 1, ether(b"\x11\0\0\x07" + pack(">H", len(P4) + 2) + b"\0\x21" + P4, 0x8864)),
    ("PPPoE, protocol compressed", 1, ether(b"\x11\0\0\x07" + pack(">H", len(P4) + 1) + b"\x21" + P4, 0x8864)),
    ("PPPoE as link type", 51, b"\x11\0\0\x07" + pack(">H", len(P4) + 2) + b"\0\x21" + P4),
    ("PPP EtherType", 1, ether(b"\0\x21" + P4, 0x880B)),
    ("PPP", 9, b"\0\x21" + P4),
    ("PPP with address and control", 9, b"\xff\x03\0\x21" + P4),
    ("PPP, protocol compressed", 9, b"\x21" + P4),
    ("PPP in HDLC, both", 50, b"\xff\x03\x21" + P4),
    ("PPP with MPLS", 9, b"\x02\x81" + BOTTOM + P4),
    ("PPP that is Cisco HDLC", 50, b"\x0f\0\x08\0" + P4),
    ("PPP of pppd", 166, b"\x01\xff\x03\0\x21" + P4),
    ("PPP with direction", 204, b"\0\xff\x03\0\x21" + P4),
    ("Cisco HDLC", 104, b"\x0f\0\x08\0" + P4),
    ("frame relay", 107, b"\x18\x41\x03\xcc" + P4),
    ("frame relay with pad and SNAP", 107, b"\x18\x41\x03\0\x80\0\0\0\x08\0" + P4),
    ("frame relay, Cisco", 107, b"\x18\x41\x08\0" + P4),
    ("frame relay, four-byte address", 107, b"\x18\x40\x40\x41\x03\xcc" + P4),
    ("SLIP", 8, bytes(16) + P4),
    ("cooked", 113, SLL4 + P4),
    ("cooked with VLAN", 113, SLL4[:14] + pack(">HHH", 0x8100, 5, 0x0800) + P4),
    ("cooked with LLC", 113, SLL4[:14] + b"\0\x04" + SNAP4),
    ("cooked, second version", 276, pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8)) + P4),
    ("null, little-endian", 0, pack("<I", 2) + P4),
    ("null, big-endian", 0, pack(">I", 2) + P4),
    ("loop", 108, pack(">I", 2) + P4),
    ("enc", 109, bytes(12) + P4),
    ("raw 12", 12, P4),
    ("raw 14", 14, P4),
    ("raw 101", 101, P4),
    ("IPv4", 228, P4),
    ("FDDI", 10, b"\x57" + MACS + SNAP4),
    ("Token Ring", 6, b"\x10\x40" + MACS + SNAP4),
    ("Token Ring, source routed", 6, b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x06\0\0\x11\0\x22" + SNAP4),
    ("ARCNET, RFC 1051", 129, b"\x01\x02\0\0\xf0" + P4),
    ("ARCNET, RFC 1201", 129, b"\x01\x02\0\0\xd4\0\0\x01" + P4),
    ("RFC 2684 LLC", 100, SNAP4),
    ("SunATM", 123, b"\x02\0\0\x05" + SNAP4),
    ("InfiniBand", 242, bytes(40) + b"\x08\0\0\0" + P4),
    ("netfilter log", 239, NFLOG_HEAD + pack("<HH", 4 + len(P4), 9) + P4),
    ("netfilter log, big-endian", 239, b"\x02\0\0\0" + pack(">HH", 4 + len(P4), 9) + P4),
    ("PPI", 192, pack("<BBHI", 0, 0, 8, 1) + ether(P4)),
    ("packet tap", 258, pack("<III", 20, 1, 1) + bytes(8) + ether(P4)),
]

IPV6: list[tuple[str, int, bytes]] = [
    ("ethernet", 1, ether(P6, 0x86DD)),
    ("MPLS", 1, ether(BOTTOM + P6, 0x8847)),
    ("PPP", 9, b"\0\x57" + P6),
    ("PPP, protocol compressed", 9, b"\x57" + P6),
    ("null, Linux", 0, pack("<I", 10) + P6),
    ("null, Windows", 0, pack("<I", 23) + P6),
    ("null, NetBSD", 0, pack("<I", 24) + P6),
    ("null, FreeBSD", 0, pack("<I", 28) + P6),
    ("null, macOS, big-endian", 0, pack(">I", 30) + P6),
    ("loop", 108, pack(">I", 24) + P6),
    ("raw", 101, P6),
    ("IPv6", 229, P6),
    ("enc", 109, bytes(12) + P6),
    ("cooked", 113, SLL4[:14] + b"\x86\xdd" + P6),
    ("frame relay", 107, b"\x18\x41\x03\x8e" + P6),
    ("ARCNET", 129, b"\x01\x02\0\0\xc4\0\0\x01" + P6),
    ("netfilter log", 239, b"\x0a\0\0\0" + pack("<HH", 4 + len(P6), 9) + P6),
]


@pytest.mark.parametrize(("name", "link", "data"), IPV4, ids=[name for name, _, _ in IPV4])
def test_every_framing_of_ipv4_gives_the_same_segment(name: str, link: int, data: bytes) -> None:
    bench = Bench()
    assert bench.run(data + b"trailer", link, time=5 * SECOND) == "segment"
    segment = bench.segment
    assert segment.key == A4 + B4 + pack(">HH", 40000, 80)
    assert (segment.seq, segment.ack, segment.flags, segment.window) == (1000, 2000, 0x18, 501)
    assert (segment.length, segment.captured, bench.payload()) == (5, 5, b"hello")
    assert (segment.tsval, segment.tsecr, segment.header) == (111, 222, 32)
    assert (segment.number, segment.time, segment.tunnels, segment.ip_id, segment.ttl) == (1, 5 * SECOND, 0, 7, 64)


@pytest.mark.parametrize(("name", "link", "data"), IPV6, ids=[name for name, _, _ in IPV6])
def test_every_framing_of_ipv6_gives_the_same_segment(name: str, link: int, data: bytes) -> None:
    bench = Bench()
    assert bench.run(data + b"trailer", link) == "segment"
    segment = bench.segment
    assert segment.key == A6 + B6 + pack(">HH", 40000, 80)
    assert (segment.seq, segment.length, bench.payload()) == (1000, 5, b"hello")
    assert (segment.tsval, segment.tsecr, segment.ip_id, segment.ttl) == (111, 222, -1, 63)


def test_every_link_type_of_the_table_is_tested() -> None:
    wifi = {105, 119, 127, 163}  # test_decode_slow
    assert {number for number, _, _ in LINKS} == {link for _, link, _ in IPV4 + IPV6} | wifi


def test_a_link_type_has_a_name() -> None:
    assert link_name(1) == "ETHERNET"
    assert link_name(9999) == "9999"


def test_the_link_type_may_change_from_record_to_record() -> None:
    bench = Bench()
    outcomes = [bench.run(data, link) for link, data in ((1, ether(P4)), (101, P6), (147, P4), (1, ether(P4)))]
    assert outcomes == ["segment", "segment", "unknown_link_type", "segment"]


@pytest.mark.parametrize(
    ("name", "link", "data", "reason"),
    [
        ("ARP", 1, ether(bytes(28), 0x0806), "arp"),
        ("RARP", 1, ether(bytes(28), 0x8035), "arp"),
        ("LLDP", 1, ether(bytes(28), 0x88CC), "link_control"),
        ("spanning tree", 1, ether(b"\x42\x42\x03" + bytes(35), 38), "link_control"),
        ("CDP", 1, ether(b"\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(35), 43), "link_control"),
        ("PPPoE discovery", 1, ether(b"\x11\x09\0\0\0\0", 0x8863), "link_control"),
        ("PPPoE termination", 1, ether(b"\x11\xa7\0\0\0\0", 0x8864), "link_control"),
        ("PPPoE of another version", 1, ether(b"\x22\0\0\0\0\0", 0x8864), "bad_link_header"),
        ("LCP", 9, b"\xff\x03\xc0\x21\x01\x01\0\x04", "link_control"),
        ("Van Jacobson", 9, b"\0\x2d" + bytes(20), "compressed"),
        ("PPP compression", 9, b"\xfd" + bytes(20), "compressed"),
        ("AppleTalk over PPP", 9, b"\0\x29" + bytes(20), "not_ip"),
        ("SLARP", 104, b"\x8f\0\x80\x35" + bytes(18), "link_control"),
        ("IS-IS", 1, ether(b"\xfe\xfe\x03" + bytes(35), 38), "not_ip"),
        ("AppleTalk", 1, ether(bytes(28), 0x809B), "not_ip"),
        ("MACsec", 1, ether(bytes(28), 0x88E5), "encrypted_link"),
        ("pseudo-wire of something else", 1, ether(BOTTOM + bytes(60), 0x8847), "not_ip"),
        ("MPLS without end", 1, ether(TOP * 40, 0x8847), "nested_too_deep"),
        ("MPLS cut off", 1, ether(TOP, 0x8847), "bad_tunnel_header"),
        ("VLAN without end", 1, ether(pack(">HH", 1, 0x8100) * 40, 0x8100), "nested_too_deep"),
        ("FDDI station management", 10, b"\x41" + bytes(30), "link_control"),
        ("ARCNET ARP", 129, b"\x01\x02\0\0\xd5\0\0\x01" + bytes(20), "arp"),
        ("ARCNET split", 129, b"\x01\x02\0\0\xd4\x01\0\x01" + bytes(20), "not_ip"),
        ("netlink", 113, pack(">HHH8sH", 0, 824, 0, bytes(8), 0x0800) + P4, "not_ip"),
        ("null with ISO", 0, pack("<I", 7) + P4, "not_ip"),
        ("netfilter log without packet", 239, NFLOG_HEAD, "bad_link_header"),
        ("netfilter log of ARP", 239, b"\x03\0\0\0" + pack("<HH", 24, 9) + bytes(20), "not_ip"),
        ("netfilter log, attribute of no length", 239, b"\x02\0\0\0" + bytes(8), "bad_link_header"),
        ("PPI in itself", 192, pack("<BBHI", 0, 0, 8, 192) * 80, "nested_too_deep"),
        ("PPI of nothing known", 192, pack("<BBHI", 0, 0, 8, 147) + P4, "unknown_link_type"),
        ("PPI shorter than itself", 192, pack("<BBHI", 0, 0, 4, 1) + P4, "bad_link_header"),
        ("frame relay LMI", 107, b"\x18\x41\x03\x08" + bytes(9), "link_control"),
        ("frame relay address without end", 107, bytes(12), "bad_link_header"),
        ("raw, version 5", 101, b"\x55" + bytes(40), "unknown_ip_version"),
        ("IPv4 expected", 228, P6, "bad_ip_header"),
        ("IPv6 expected", 229, P4 + bytes(40), "bad_ip_header"),
        ("ethernet header cut", 1, b"\0" * 10, "bad_link_header"),
    ],
)
def test_what_is_not_ip_is_counted_by_what_it_is(name: str, link: int, data: bytes, reason: str) -> None:
    assert run(data, link)[0] == reason


def test_a_header_that_the_capture_length_cut_is_no_fault_of_the_packet() -> None:
    assert run(ether(b"")[:10], 1, wirelen=60)[0] == "truncated_header"
    assert run(ether(P4)[:30], 1, wirelen=60)[0] == "truncated_header"
