"""The decoder as a whole: every record is counted once, any bytes are survived, nothing beyond the end is read."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from decode_support import (
    ETHERNET,
    RAW,
    SECOND,
    STAMPS,
    Bench,
    ether,
    fields,
    fill,
    fragment4,
    fragment6,
    ip4,
    ip6,
    outcome_name,
    tcp,
    udp,
)
from tcptrace_py.decode import REASONS, Decoder, name_of, reasons
from tcptrace_py.decode.links import LINKS
from tcptrace_py.packet import FIRST_REASON, QUOTED, SEGMENT, Record, Segment
from tcptrace_py.words import PADDING

SYN = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07"
SACK = STAMPS + b"\x01\x01\x05\x12" + bytes(16)
CHAIN = b"\x2b\0" + bytes(6) + b"\x3c\x02\x00\x01" + bytes(20) + b"\x06\0\xc9\x02" + bytes(4)
VXLAN = b"\x08\0\0\0\0\0\x05\0"

SAMPLES: dict[str, tuple[int, bytes]] = {
    "plain": (ETHERNET, ether(ip4(tcp(options=STAMPS)))),
    "syn": (ETHERNET, ether(ip4(tcp(b"", SYN, flags=2)))),
    "sack": (ETHERNET, ether(ip4(tcp(b"", SACK)))),
    "ip options": (ETHERNET, ether(ip4(tcp(), options=b"\x83\x07\x04\x0a\0\0\x09\0"))),
    "vlan": (ETHERNET, ether(pack(">HH", 5, 0x0800) + ip4(tcp()), 0x8100)),
    "snap": (ETHERNET, ether(b"\xaa\xaa\x03\0\0\0\x08\0" + ip4(tcp()), 60)),
    "mpls": (ETHERNET, ether(pack(">I", 0x140) + ip4(tcp()), 0x8847)),
    "pppoe": (ETHERNET, ether(b"\x11\0\0\x07\0\x50\0\x21" + ip4(tcp()), 0x8864)),
    "ipv6": (ETHERNET, ether(ip6(tcp(options=STAMPS)), 0x86DD)),
    "ipv6 chain": (RAW, ip6(CHAIN + tcp(), 0)),
    "jumbo": (RAW, ip6(b"\x06\0\xc2\x04\0\0\0\x21" + tcp(), 0, length=0)),
    "gre": (RAW, ip4(b"\xb0\0\x08\0" + bytes(12) + ip4(tcp()), 47)),
    "vxlan": (RAW, ip4(udp(VXLAN + ether(ip4(tcp())), 4789), 17)),
    "geneve": (RAW, ip4(udp(b"\x02\0\x65\x58" + bytes(12) + ether(ip6(tcp()), 0x86DD), 6081), 17)),
    "gtp": (RAW, ip4(udp(b"\x34\xff\0\0\0\0\0\x01\0\0\0\x85\x01\0\0\0" + ip4(tcp()), 2152), 17)),
    "l2tp": (RAW, ip4(udp(pack(">HHHHHHH", 0x4A02, 1, 1, 1, 1, 1, 3) + b"pad\0\x21" + ip4(tcp()), 1701), 17)),
    "teredo": (RAW, ip4(udp(bytes(8) + ip6(tcp()), 3544), 17)),
    "icmp": (RAW, ip4(b"\x03\x04" + bytes(6) + ip4(tcp(options=STAMPS)), 1)),
    "icmpv6": (RAW, ip6(b"\x02\0" + bytes(6) + ip6(tcp(options=STAMPS)), 58)),
    "fragment": (RAW, ip4(tcp(b"x" * 60), flags=0x2000)),
    "ipv6 fragment": (RAW, ip6(pack(">BBHI", 6, 0, 1, 5) + tcp(b"x" * 60), 44)),
    "cooked": (113, pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800) + ip4(tcp())),
    "frame relay": (107, b"\x18\x41\x03\0\x80\0\0\0\x08\0" + ip4(tcp())),
    "nflog": (239, b"\x02\0\0\0\x05\0\x0a\0x\0\0\0" + pack("<HH", 49, 9) + ip4(tcp())),
    "radiotap": (127, pack("<BBHI", 0, 0, 8, 0) + b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x08\0" + ip4(tcp())),
    "ppi": (192, pack("<BBHI", 0, 0, 8, 1) + ether(ip4(tcp()))),
}

OUTCOMES: dict[str, list[tuple[int, bytes]]] = {
    "unknown_link_type": [(147, bytes(60))],
    "empty_record": [(ETHERNET, b"")],
    "bad_link_header": [(ETHERNET, bytes(13))],
    "truncated_header": [(RAW, ip4(tcp())[:39])],
    "link_control": [(ETHERNET, ether(bytes(40), 0x88CC))],
    "arp": [(ETHERNET, ether(bytes(40), 0x0806))],
    "not_ip": [(ETHERNET, ether(bytes(40), 0x809B))],
    "wifi_other": [(105, b"\x80\0" + bytes(60))],
    "encrypted_link": [(105, b"\x08\x41" + bytes(60))],
    "compressed": [(9, b"\0\x2d" + bytes(20))],
    "bad_tunnel_header": [(RAW, ip4(b"\0\x05\x08\0" + bytes(20), 47))],
    "nested_too_deep": [(192, pack("<BBHI", 0, 0, 8, 192) * 80)],
    "unknown_ip_version": [(RAW, bytes(40))],
    "bad_ip_header": [(RAW, ip4(tcp(), total=7))],
    "fragment_waiting": [(RAW, ip4(bytes(80), flags=0x2000))],
    "fragment_duplicate": [(RAW, ip4(bytes(80), flags=0x2000))] * 2,
    "fragment_overlap": [(RAW, ip4(bytes(80), flags=0x2000)), (RAW, ip4(bytes(80), flags=0x2001))],
    "fragment_bad": [(RAW, ip4(bytes(81), flags=0x2000))],
    "fragment_limit": [(RAW, ip4(bytes(40000), flags=0x2000))],
    "udp": [(RAW, ip4(bytes(80), 17))],
    "icmp": [(RAW, ip4(bytes(80), 1))],
    "icmpv6": [(RAW, ip6(bytes(80), 58))],
    "igmp": [(RAW, ip4(bytes(80), 2))],
    "sctp": [(RAW, ip4(bytes(80), 132))],
    "encrypted_esp": [(RAW, ip4(bytes(80), 50))],
    "other_ip_protocol": [(RAW, ip4(bytes(80), 89))],
    "bad_tcp_header": [(RAW, ip4(tcp(offset=3)))],
}


def test_constants_and_table_agree() -> None:
    constants = {
        name.lower(): value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, int)
    }
    del constants["first_reason"]
    assert constants == {name: FIRST_REASON + row for row, (name, _) in enumerate(REASONS)}
    assert all(meaning and "\n" not in meaning for _, meaning in REASONS)
    assert [name_of(FIRST_REASON + row) for row in range(len(REASONS))] == [name for name, _ in REASONS]


def test_every_reason_is_produced() -> None:
    assert set(OUTCOMES) == {name for name, _ in REASONS}


@pytest.mark.parametrize("reason", OUTCOMES)
def test_a_reason_is_counted(reason: str) -> None:
    bench = Bench(max_fragments_memory=20_000)
    outcomes = [bench.run(data, link) for link, data in OUTCOMES[reason]]
    assert outcomes[-1] == reason
    assert bench.decoder.skipped()[reason] == 1


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_what_it_is_taken_for(sample: str) -> None:
    link, data = SAMPLES[sample]
    expected = {
        "icmp": "quoted",
        "icmpv6": "quoted",
        "fragment": "fragment_waiting",
        "ipv6 fragment": "fragment_waiting",
    }
    assert Bench().run(data, link) == expected.get(sample, "segment")


def test_every_record_is_counted_once() -> None:
    bench = Bench(verify=True, max_fragments_memory=20_000)
    records = [packet for packets in OUTCOMES.values() for packet in packets] + list(SAMPLES.values())
    tally: dict[str, int] = {}
    for link, data in records:
        outcome = bench.run(data, link)
        tally[outcome] = tally.get(outcome, 0) + 1
    decoder = bench.decoder
    assert decoder.skipped() | {"segment": decoder.segments, "quoted": decoder.quoted} == tally
    assert sum(decoder.skipped().values()) + decoder.segments + decoder.quoted == len(records)


def decode_with(data: bytes, link: int, wirelen: int, beyond: bytes) -> tuple[str, dict[str, object]]:
    """Decode with ``beyond`` behind the record's end, where a reader has the next records."""
    record, segment = Record(), Segment()
    fill(record, data, link, wirelen=wirelen)
    record.buf = record.buf[: record.at + record.caplen] + beyond + PADDING
    return outcome_name(Decoder(True).decode(record, segment)), fields(segment)


@pytest.mark.parametrize("sample", SAMPLES)
def test_cut_at_every_length(sample: str) -> None:
    """Neither an exception, nor a field that the bytes beyond the cut have made, nor one that contradicts the whole."""
    link, data = SAMPLES[sample]
    whole, full = decode_with(data, link, len(data), b"")
    for cut in range(len(data)):
        outcome, found = decode_with(data[:cut], link, len(data), b"")
        for beyond in (data[cut:], b"\xff" * 300):
            assert decode_with(data[:cut], link, len(data), beyond) == (outcome, found)
        if outcome == whole == "segment":
            for name in ("key", "seq", "ack", "flags", "window", "length", "header", "tunnels"):
                assert found[name] == full[name]
        decode_with(data[:cut], link, cut, b"")  # a frame that was so short on the wire


def assert_in_range(segment: Segment, record: Record) -> None:
    assert len(segment.key) in (12, 36)
    assert 0 <= segment.seq < 2**32
    assert 0 <= segment.ack < 2**32
    assert 0 <= segment.flags < 256
    assert 0 <= segment.window < 65536
    assert 0 <= segment.urgent < 65536
    assert 0 <= segment.checksum_field < 65536
    assert 0 <= segment.captured <= segment.length
    assert segment.header == 0 or (20 <= segment.header <= 60 and segment.header % 4 == 0)
    assert 0 <= segment.ttl < 256
    assert 0 <= segment.ecn < 4
    assert -1 <= segment.ip_id < 65536
    assert 0 <= segment.tunnels <= 8
    assert -1 <= segment.mss < 65536
    assert -1 <= segment.wscale <= 14
    assert -1 <= segment.tsval < 2**32
    assert -1 <= segment.tsecr < 2**32
    assert 0 <= segment.sacks <= 4
    assert -1 <= segment.fast_open <= 36
    assert 0 <= segment.payload_at <= len(segment.buf)
    if segment.sacks:
        assert 0 < segment.sack_at <= segment.payload_at - 8 * segment.sacks
    if not segment.reassembled:
        assert segment.captured == 0 or segment.payload_at + segment.captured <= record.at + record.caplen


@given(
    link=st.sampled_from([number for number, _, _ in LINKS] + [147, -1]),
    packets=st.lists(
        st.one_of(
            st.binary(max_size=120),
            st.builds(
                lambda sample, at, junk, cut: (SAMPLES[sample][1][:at] + junk + SAMPLES[sample][1][at + len(junk) :])[
                    :cut
                ],
                st.sampled_from(sorted(SAMPLES)),
                st.integers(0, 120),
                st.binary(max_size=6),
                st.integers(1, 200),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    own=st.booleans(),
    more=st.integers(-40, 70000),
)
@example(link=RAW, packets=[b"\x60" + bytes(200)], own=False, more=0)
def test_any_bytes_under_any_link_type(link: int, packets: list[bytes], own: bool, more: int) -> None:
    bench = Bench(verify=True, max_fragments_memory=5000)
    for number, data in enumerate(packets):
        record = fill(bench.record, data, link, wirelen=max(len(data) + more, 0), time=number * SECOND)
        if own:  # under the link type that the sample has, damaged or not
            record.link = ETHERNET if data[:1] == b"\x02" else RAW
        outcome = bench.decoder.decode(record, bench.segment)
        if outcome in (SEGMENT, QUOTED):
            assert_in_range(bench.segment, record)
            assert (bench.segment.icmp_type >= 0) == (outcome == QUOTED)
        else:
            assert 0 <= outcome - FIRST_REASON < len(REASONS)
        assert bench.decoder.fragments.memory <= 5000
    decoder = bench.decoder
    assert sum(decoder.skipped().values()) + decoder.segments + decoder.quoted == len(packets)


def test_fragments_of_both_versions_interleaved() -> None:
    bench = Bench()
    data = tcp(b"x" * 100)
    outcomes = [
        bench.run(packet)
        for packet in (
            fragment4(data, 0, 80),
            fragment6(data, 0, 80),
            fragment6(data, 80, 120, last=True),
            fragment4(data, 80, 120, last=True),
        )
    ]
    assert outcomes == ["fragment_waiting", "fragment_waiting", "segment", "segment"]


def test_truncated_segments_are_counted() -> None:
    data = ip4(tcp(b"x" * 100))
    bench = Bench()
    bench.run(data, RAW)
    bench.run(data[:60], RAW, wirelen=len(data))
    bench.run(ip4(tcp(b"")), RAW)
    assert bench.decoder.truncated_segments == 1
