"""Why a record gave no segment: the table of named, counted reasons.

Row ``i`` has the code ``FIRST_REASON + i``; the constants below name the codes.  The names go into reports and
are never changed; a new reason is a new row at the end, with its constant.
"""

from __future__ import annotations

from typing import Final

from tcptrace_py.packet import FIRST_REASON

UNKNOWN_LINK_TYPE: Final = 2
EMPTY_RECORD: Final = 3
BAD_LINK_HEADER: Final = 4
TRUNCATED_HEADER: Final = 5
LINK_CONTROL: Final = 6
ARP: Final = 7
NOT_IP: Final = 8
WIFI_OTHER: Final = 9
ENCRYPTED_LINK: Final = 10
COMPRESSED: Final = 11
BAD_TUNNEL_HEADER: Final = 12
NESTED_TOO_DEEP: Final = 13
UNKNOWN_IP_VERSION: Final = 14
BAD_IP_HEADER: Final = 15
FRAGMENT_WAITING: Final = 16
FRAGMENT_DUPLICATE: Final = 17
FRAGMENT_OVERLAP: Final = 18
FRAGMENT_BAD: Final = 19
FRAGMENT_LIMIT: Final = 20
UDP: Final = 21
ICMP: Final = 22
ICMPV6: Final = 23
IGMP: Final = 24
SCTP: Final = 25
ENCRYPTED_ESP: Final = 26
OTHER_IP_PROTOCOL: Final = 27
BAD_TCP_HEADER: Final = 28

REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("unknown_link_type", "the capture's link type is not one that can be decoded"),
    ("empty_record", "not one byte of the packet was captured"),
    ("bad_link_header", "a link-layer header is malformed, or the frame too short to hold one"),
    (
        "truncated_header",
        "the packet is cut short inside the headers, by the capture length or by a rewrite of the capture",
    ),
    ("link_control", "link-layer control: spanning tree, LLDP, CDP, LACP, PPP negotiation, PPPoE discovery, EAPOL"),
    ("arp", "ARP or RARP"),
    ("not_ip", "a network protocol other than IP"),
    ("wifi_other", "an 802.11 management, control, null or fragmented frame"),
    ("encrypted_link", "encrypted by the link layer: protected 802.11, MACsec"),
    ("compressed", "compressed headers or payload: Van Jacobson, PPP compression, IPComp"),
    ("bad_tunnel_header", "the header of a tunnel (GRE, MPLS, EtherIP) is malformed or of an unknown kind"),
    ("nested_too_deep", "more headers inside one another than are followed"),
    ("unknown_ip_version", "raw IP whose version is neither 4 nor 6"),
    ("bad_ip_header", "an IPv4 or IPv6 header or its lengths are malformed"),
    ("fragment_waiting", "an IP fragment, kept for the datagram that a later frame completes"),
    ("fragment_duplicate", "a second copy of an IP fragment that is being kept"),
    ("fragment_overlap", "an IP fragment that contradicts another: overlapping, or with another end; datagram dropped"),
    ("fragment_bad", "an IP fragment with an impossible length or offset"),
    ("fragment_limit", "an IP fragment that does not fit in the memory set aside for fragments"),
    ("udp", "UDP, other than the tunnels that are followed"),
    ("icmp", "ICMP, other than errors that quote a TCP segment"),
    ("icmpv6", "ICMPv6, other than errors that quote a TCP segment"),
    ("igmp", "IGMP"),
    ("sctp", "SCTP"),
    ("encrypted_esp", "IPsec ESP"),
    ("other_ip_protocol", "IP that carries another protocol"),
    ("bad_tcp_header", "a TCP header is malformed, or the packet too short to hold one"),
)


def name_of(code: int) -> str:
    """The name of a reason code, as counted in reports."""
    return REASONS[code - FIRST_REASON][0]
