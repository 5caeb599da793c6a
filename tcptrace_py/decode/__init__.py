"""RECORD → SEGMENT: link types, tunnels, IP, and TCP with its options.

``Decoder.decode`` walks a record from header to header.  Each header has one function, which checks that the header
was captured, moves the ``Cursor`` behind it, and returns the number of what comes next (``layers``) or, at the end,
an outcome: a segment, the quotation of one in an ICMP error, or one of the counted ``reasons`` for neither.

    links, ether, ppp   what the capture's link type and Ethernet's kin put before IP
    ip, fragments       IPv4, IPv6 and the datagrams that were sent in pieces
    tunnels, icmp       what carries or quotes another packet
    tcp, checksum       the segment
    slow                dpkt, for what is left
"""

from __future__ import annotations

from tcptrace_py.decode.decoder import MAX_FRAGMENTS_MEMORY, Decoder
from tcptrace_py.decode.links import link_name
from tcptrace_py.decode.reasons import REASONS, name_of

__all__ = ["MAX_FRAGMENTS_MEMORY", "REASONS", "Decoder", "link_name", "name_of"]
