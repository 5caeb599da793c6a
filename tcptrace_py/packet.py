"""The two nouns that walk through the engine: a Record as it was captured, and the Segment decoded from it.

One object of each kind serves a whole run: a reader fills the record, the decoder fills the segment, and the
tracker reads it before the next one is made.  Nothing may keep a reference to either, nor to ``buf`` (a chunk
of the file); what must last is copied out.  All numbers are ``i64``; time is nanoseconds since the epoch.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

# TCP flags, RFC 9293, 3.1 (and RFC 3168 for the two of ECN)
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80

# What a decoder made of a record: one of these, or a reason code (decode.reasons) from FIRST_REASON up
SEGMENT: Final = 0  # ``segment`` holds a TCP segment
QUOTED: Final = 1  # ``segment`` holds the head of a TCP segment that an ICMP error quotes
FIRST_REASON: Final = 2

# Segment.checksum
UNCHECKED: Final = 0  # not asked for, or not enough bytes captured
GOOD: Final = 1
BAD: Final = 2
PARTIAL: Final = 3  # holds only the pseudo-header sum: left to the network card to fill in


@mypyc_attr(acyclic=True)
class Record:
    """One captured packet, undecoded.

    ``buf[at:at + caplen]`` are its bytes; ``buf`` is padded (words.PADDING), so a word may be read at any of them.
    """

    def __init__(self) -> None:
        self.buf: bytes = b""
        self.at: i64 = 0
        self.caplen: i64 = 0  # bytes captured
        self.wirelen: i64 = 0  # bytes on the wire
        self.time: i64 = 0  # nanoseconds since the epoch
        self.number: i64 = 0  # frame number, from 1, over all files of the observation, as Wireshark counts
        self.link: i64 = -1  # link type, a LINKTYPE_ value
        self.interface: i64 = 0  # index of the capturing interface, over all sections and files
        self.offset: i64 = 0  # where the record's header starts in its (uncompressed) file
        self.source: i64 = 0  # index of the file
        self.timeless: bool = False  # the format gave no time (pcapng simple packet): ``time`` repeats the last one


@mypyc_attr(acyclic=True)
class Segment:
    """One TCP segment, or the head of one quoted by an ICMP error (then the ``icmp_`` fields say how).

    Unknown is -1 for every field that can be unknown; sequence numbers are 0 … 2^32 - 1.
    """

    def __init__(self) -> None:
        self.number: i64 = 0  # frame
        self.time: i64 = 0
        self.interface: i64 = 0
        # where ``key`` stands, mostly in the packet itself: nobody needs it as bytes of its own but a new connection
        self.key_buf: bytes = b""
        self.key_at: i64 = 0
        self.key_length: i64 = 0
        self.seq: i64 = 0
        self.ack: i64 = 0
        self.flags: i64 = 0
        self.window: i64 = 0  # as in the header, unscaled
        self.urgent: i64 = 0
        self.length: i64 = 0  # payload bytes on the wire, from IP lengths (frame length where IP's is 0: offload)
        self.captured: i64 = 0  # payload bytes present in ``buf``; less than ``length``: short snaplen
        self.buf: bytes = b""
        self.payload_at: i64 = 0  # where the payload starts in ``buf``
        self.wirelen: i64 = 0  # frame length on the wire
        # IP
        self.ip_id: i64 = -1  # IPv4 identification; IPv6: -1
        self.ttl: i64 = 0  # TTL or hop limit
        self.ecn: i64 = 0  # the two ECN bits of the IP header
        self.tunnels: i64 = 0  # how many IP headers stood around this one
        self.reassembled: bool = False  # from IP fragments; ``number`` is the frame that completed it
        # TCP header
        self.header: i64 = 0  # TCP header length in bytes
        self.checksum_field: i64 = 0
        self.checksum: i64 = UNCHECKED
        # options
        self.mss: i64 = -1
        self.wscale: i64 = -1
        self.sack_ok: bool = False
        self.tsval: i64 = -1
        self.tsecr: i64 = -1
        self.sacks: i64 = 0  # number of SACK blocks
        self.sack_at: i64 = 0  # where the first block stands in ``buf``: 8 bytes a block, left and right edge
        self.fast_open: i64 = -1  # length of the TFO cookie (0 = request), RFC 7413
        self.mptcp: bool = False  # kind 30 present, RFC 8684
        self.bad_options: bool = False  # the options run over the header or are malformed
        self.cut_options: bool = False  # the capture length cut them: what was not found may have been there
        # ICMP error that quotes this segment
        self.icmp_type: i64 = -1
        self.icmp_code: i64 = -1
        self.icmp_v6: bool = False
        # what the tracker made of it (machine.marks)
        self.marks: i64 = 0

    @property
    def key(self) -> bytes:
        """Addresses and ports as on the wire, source first: 4+4+2+2 bytes (IPv4) or 16+16+2+2 (IPv6)."""
        return self.key_buf[self.key_at : self.key_at + self.key_length]

    @key.setter
    def key(self, key: bytes) -> None:
        self.key_buf = key
        self.key_at = 0
        self.key_length = len(key)
