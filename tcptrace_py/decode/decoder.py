"""The decoder: a loop that goes from header to header until there is a segment, or a reason why there is none."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tcptrace_py.decode import layers
from tcptrace_py.decode.checksum import tcp_checksum
from tcptrace_py.decode.cursor import Cursor
from tcptrace_py.decode.ether import arcnet, ethernet, ethertype, llc, mpls, old_lan, token_ring
from tcptrace_py.decode.fragments import Fragments
from tcptrace_py.decode.icmp import icmp4, icmp6
from tcptrace_py.decode.ip import ip, ipv4, ipv6, protocol
from tcptrace_py.decode.layers import ETHERNET, FIRST_LAYER, IP4, IP6, TCP
from tcptrace_py.decode.links import enc, first_layer, nflog, null, pktap, ppi, sll, sll2, sunatm
from tcptrace_py.decode.ppp import chdlc, frame_relay, ppp, ppp_direction, pppoe, slip
from tcptrace_py.decode.reasons import BAD_LINK_HEADER, EMPTY_RECORD, ICMP, ICMPV6, NESTED_TOO_DEEP, REASONS
from tcptrace_py.decode.tcp import tcp
from tcptrace_py.decode.tunnels import etherip, gre, udp
from tcptrace_py.decode.usual import usual
from tcptrace_py.packet import BAD, FIRST_REASON, PARTIAL, QUOTED, SEGMENT, Record, Segment

MAX_LAYERS: Final = 64  # headers in one record, of whatever kind
MAX_FRAGMENTS_MEMORY: Final = 16 * 1024 * 1024  # bytes


class Decoder:
    """Decodes records one after another, and counts.

    ``verify_checksums``: compute IPv4 header and TCP checksums and count wrong ones; nothing is dropped for them.
    ``max_fragments_memory``: bytes that waiting IP fragments may take.
    """

    def __init__(self, verify_checksums: bool = False, max_fragments_memory: i64 = MAX_FRAGMENTS_MEMORY) -> None:
        self.verify_checksums = verify_checksums
        self.cursor = Cursor()
        self.cursor.verify = verify_checksums
        self.fragments = Fragments(max_fragments_memory)
        self.link: i64 = -1  # of the last record, and the layer it starts with
        self.layer: i64 = 0
        self.reasons: list[int] = [0] * len(REASONS)
        self.segments: i64 = 0
        self.quoted: i64 = 0
        self.truncated_segments: i64 = 0  # segments whose payload or options the capture length cut
        self.first_truncated: i64 = -1  # the first one's frame ...
        self.first_truncated_at: i64 = 0  # ... and time
        self.checked: i64 = 0  # TCP checksums that could be computed, and of these:
        self.bad_checksums: i64 = 0
        self.partial_checksums: i64 = 0

    def decode(self, record: Record, segment: Segment) -> i64:
        """SEGMENT or QUOTED, with ``segment`` filled; or the code of the reason why there is none, counted."""
        link: i64 = record.link
        if self.layer == ETHERNET and link == self.link and not self.verify_checksums and usual(record, segment):
            self.segments += 1
            if segment.captured < segment.length:
                self.cut(record)
            return SEGMENT
        cursor = self.cursor
        cursor.start(record)
        if link != self.link or link < 0:
            self.link = link
            self.layer = first_layer(link)
        layer: i64 = self.layer
        if record.caplen <= 0:
            layer = EMPTY_RECORD
        count: i64 = 0
        while layer >= FIRST_LAYER:
            if layer == ETHERNET:
                layer = ethernet(cursor)
            elif layer == IP4:
                layer = ipv4(cursor)
            elif layer == TCP:
                layer = tcp(cursor, record, segment)
            elif layer == IP6:
                layer = ipv6(cursor)
            else:
                layer = self.rare_layer(cursor, record, layer)
            count += 1
            if count > MAX_LAYERS and layer >= FIRST_LAYER:
                layer = NESTED_TOO_DEEP
        if layer != SEGMENT:
            return self.without_segment(cursor, layer)
        self.segments += 1
        if segment.captured < segment.length or cursor.end < segment.payload_at:
            self.cut(record)
        elif self.verify_checksums:
            self.verify(cursor, segment)
        return SEGMENT

    def cut(self, record: Record) -> None:
        """Count a segment that the capture length cut."""
        self.truncated_segments += 1
        if self.first_truncated < 0:
            self.first_truncated = record.number
            self.first_truncated_at = record.time

    def without_segment(self, cursor: Cursor, outcome: i64) -> i64:
        """Count a record that is not a TCP segment; whatever is wrong with a quotation, the record is ICMP."""
        if outcome == QUOTED:
            self.quoted += 1
            return QUOTED
        if cursor.quoted:
            outcome = ICMP
            if cursor.icmp_v6:
                outcome = ICMPV6
        self.reasons[outcome - FIRST_REASON] += 1
        return outcome

    def verify(self, cursor: Cursor, segment: Segment) -> None:
        """Compute the checksum of a segment that was captured whole."""
        result: i64 = tcp_checksum(cursor)
        segment.checksum = result
        self.checked += 1
        if result == BAD:
            self.bad_checksums += 1
        elif result == PARTIAL:
            self.partial_checksums += 1

    def rare_layer(self, cursor: Cursor, record: Record, layer: i64) -> i64:
        """One step through a layer other than the usual ones: what the network and tunnels are made of."""
        if layer == layers.ETHERTYPE:
            return ethertype(cursor)
        if layer == layers.PROTOCOL:
            return protocol(cursor)
        if layer == layers.UDP:
            return udp(cursor)
        if layer == layers.FRAGMENT:
            return self.fragments.add(cursor)
        if layer == layers.ICMP4:
            return icmp4(cursor)
        if layer == layers.ICMP6:
            return icmp6(cursor)
        if layer == layers.GRE:
            return gre(cursor)
        if layer == layers.MPLS:
            return mpls(cursor)
        if layer == layers.LLC:
            return llc(cursor)
        if layer == layers.PPPOE:
            return pppoe(cursor)
        if layer == layers.PPP:
            return ppp(cursor)
        if layer == layers.IP:
            return ip(cursor)
        if layer == layers.ETHERIP:
            return etherip(cursor)
        return self.rare_link(cursor, record, layer)

    def rare_link(self, cursor: Cursor, record: Record, layer: i64) -> i64:
        """One step through a layer that only a link type starts with."""
        if layer == layers.SLL:
            return sll(cursor)
        if layer == layers.SLL2:
            return sll2(cursor)
        if layer == layers.NULL:
            return null(cursor)
        if layer == layers.ENC:
            return enc(cursor)
        if layer == layers.CHDLC:
            return chdlc(cursor)
        if layer == layers.PPP_DIRECTION:
            return ppp_direction(cursor)
        if layer == layers.FRAME_RELAY:
            return frame_relay(cursor)
        if layer == layers.SLIP:
            return slip(cursor)
        if layer == layers.NFLOG:
            return nflog(cursor)
        if layer == layers.PPI or layer == layers.PKTAP or layer == layers.LINK:
            return self.inner_link(cursor, record, layer)
        if layer == layers.FDDI or layer == layers.IPOIB:
            return old_lan(cursor, layer)
        if layer == layers.TOKEN_RING:
            return token_ring(cursor)
        if layer == layers.ARCNET:
            return arcnet(cursor)
        if layer == layers.SUNATM:
            return sunatm(cursor)
        return self.last_resort(cursor, record.link)

    def inner_link(self, cursor: Cursor, record: Record, layer: i64) -> i64:
        """A header that gives the link type of what follows, and what follows."""
        if layer == layers.PPI:
            layer = ppi(cursor)
        elif layer == layers.PKTAP:
            layer = pktap(cursor)
        if layer != layers.LINK:
            return layer
        layer = first_layer(cursor.kind)
        if layer == layers.WIFI:
            return self.last_resort(cursor, cursor.kind)
        return layer

    def last_resort(self, cursor: Cursor, link: i64) -> i64:
        """Let dpkt find where a known header starts; imported here, when the first such record comes."""
        from tcptrace_py.decode.slow import find

        layer, offset = find(link, cursor.buf[cursor.at : cursor.end])
        cursor.at += offset
        if cursor.at > cursor.end:  # a length that dpkt took from the packet
            return cursor.short(BAD_LINK_HEADER)
        return layer

    def skipped(self) -> dict[str, int]:
        """How many records gave no segment, by the name of the reason; only reasons that occurred."""
        return {name: count for (name, _), count in zip(REASONS, self.reasons, strict=True) if count}

    def fragment_counts(self) -> dict[str, int]:
        """What became of fragmented datagrams, and how many still wait."""
        fragments = self.fragments
        return {
            "reassembled": fragments.reassembled,
            "expired": fragments.expired,
            "evicted": fragments.evicted,
            "dropped": fragments.dropped,
            "waiting": len(fragments.datagrams),
        }

    @property
    def bad_ip_checksums(self) -> int:
        """IPv4 headers, of tunnels too, whose checksum is wrong; counted when checksums are verified."""
        return self.cursor.bad_ip_checksums
