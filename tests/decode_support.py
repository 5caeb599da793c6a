"""Packets byte by byte for the tests of ``decode``, and one call that decodes one."""

from __future__ import annotations

from struct import pack

from tcptrace_py.decode import Decoder, name_of
from tcptrace_py.packet import FIRST_REASON, QUOTED, SEGMENT, Record, Segment
from tcptrace_py.words import PADDING

ETHERNET = 1
RAW = 101
A4, B4 = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")
SECOND = 1_000_000_000
STAMPS = b"\x01\x01\x08\x0a" + pack(">II", 111, 222)


def tcp(
    payload: bytes = b"hello",
    options: bytes = b"",
    *,
    seq: int = 1000,
    ack: int = 2000,
    flags: int = 0x18,
    window: int = 501,
    checksum: int = 0xABCD,
    urgent: int = 0,
    offset: int | None = None,
) -> bytes:
    """A TCP segment from port 40000 to 80; ``offset`` overrides the header length in words."""
    words = (20 + len(options)) // 4 if offset is None else offset
    return pack(">HHIIBBHHH", 40000, 80, seq, ack, words << 4, flags, window, checksum, urgent) + options + payload


def ip4(
    payload: bytes,
    protocol: int = 6,
    *,
    options: bytes = b"",
    total: int | None = None,
    flags: int = 0x4000,
    ident: int = 7,
    tos: int = 0,
    src: bytes = A4,
    dst: bytes = B4,
    ttl: int = 64,
) -> bytes:
    """An IPv4 packet; ``flags`` holds the fragment offset too."""
    size = 20 + len(options)
    length = size + len(payload) if total is None else total
    first = 0x40 + size // 4
    return pack(">BBHHHBBH4s4s", first, tos, length, ident, flags, ttl, protocol, 0, src, dst) + options + payload


def ip6(
    payload: bytes, following: int = 6, *, length: int | None = None, src: bytes = A6, dst: bytes = B6, tclass: int = 0
) -> bytes:
    """An IPv6 packet."""
    size = len(payload) if length is None else length
    return pack(">IHBB16s16s", 6 << 28 | tclass << 20, size, following, 63, src, dst) + payload


def udp(payload: bytes, dst: int, src: int = 50000) -> bytes:
    return pack(">HHHH", src, dst, 8 + len(payload), 0) + payload


def ether(payload: bytes, kind: int = 0x0800) -> bytes:
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + pack(">H", kind) + payload


def fragment4(data: bytes, start: int, stop: int, *, last: bool = False, ident: int = 9, ttl: int = 64) -> bytes:
    """Bytes ``start`` to ``stop`` of a datagram's payload, as an IPv4 fragment in Ethernet."""
    flags = start // 8 | (0 if last else 0x2000)
    return ether(ip4(data[start:stop], flags=flags, ident=ident, ttl=ttl))


def fragment6(data: bytes, start: int, stop: int, *, last: bool = False, ident: int = 9, following: int = 6) -> bytes:
    """The same in IPv6."""
    header = pack(">BBHI", following, 0, start | (0 if last else 1), ident)
    return ether(ip6(header + data[start:stop], 44), 0x86DD)


def fill(record: Record, data: bytes, link: int, *, wirelen: int | None = None, time: int = SECOND) -> Record:
    """Put a packet into a record, off the start of its buffer and padded as readers do."""
    record.buf = b"\xee" * 5 + data + PADDING
    record.at = 5
    record.caplen = len(data)
    record.wirelen = len(data) if wirelen is None else wirelen
    record.link = link
    record.time = time
    record.number += 1
    return record


class Bench:
    """A decoder with its record and segment; ``run`` gives the outcome's name."""

    def __init__(self, verify: bool = False, max_fragments_memory: int = 1 << 20) -> None:
        self.decoder = Decoder(verify, max_fragments_memory)
        self.record = Record()
        self.segment = Segment()

    def run(self, data: bytes, link: int = ETHERNET, *, wirelen: int | None = None, time: int = SECOND) -> str:
        return outcome_name(
            self.decoder.decode(fill(self.record, data, link, wirelen=wirelen, time=time), self.segment)
        )

    def payload(self) -> bytes:
        """The captured payload of the last segment."""
        segment = self.segment
        return segment.buf[segment.payload_at : segment.payload_at + segment.captured]


def outcome_name(outcome: int) -> str:
    if outcome == SEGMENT:
        return "segment"
    if outcome == QUOTED:
        return "quoted"
    assert outcome >= FIRST_REASON
    return name_of(outcome)


def run(data: bytes, link: int = ETHERNET, *, wirelen: int | None = None) -> tuple[str, Segment]:
    """Decode one packet with a decoder of its own."""
    bench = Bench()
    return bench.run(data, link, wirelen=wirelen), bench.segment


POINTERS = ("key_buf", "key_at", "key_length", "buf", "payload_at", "sack_at")
FIELDS = [name for name in sorted(dir(Segment())) if not name.startswith("_") and name not in POINTERS]


def fields(segment: Segment) -> dict[str, object]:
    """The fields of a segment but for those that point into the buffer."""
    return {name: getattr(segment, name) for name in FIELDS}
