"""What comes next: the numbers by which one header's decoder names the next one's.

Every decoder of a header moves the cursor past it and returns one of these, or an outcome below ``FIRST_LAYER``
(a segment, a quotation, or a reason code).  Numbers, not functions, because the decoder's loop branches on them
at no cost, and because the modules need not know each other: IP may stand inside GRE inside IP.
"""

from __future__ import annotations

from typing import Final

FIRST_LAYER: Final = 1000

# links
ETHERNET: Final = 1000
ETHERTYPE: Final = 1001  # ``cursor.kind`` is an EtherType
LLC: Final = 1002
FDDI: Final = 1003
TOKEN_RING: Final = 1004
ARCNET: Final = 1005
NULL: Final = 1006
ENC: Final = 1007
SLL: Final = 1008
SLL2: Final = 1009
NFLOG: Final = 1010
IPOIB: Final = 1011
PPI: Final = 1012
PKTAP: Final = 1013
LINK: Final = 1014  # ``cursor.kind`` is a link type
WIFI: Final = 1015  # 802.11 and its radio headers: the slow path
SUNATM: Final = 1016
# serial lines
PPP: Final = 1020
PPP_DIRECTION: Final = 1021
PPPOE: Final = 1022
CHDLC: Final = 1023
FRAME_RELAY: Final = 1024
SLIP: Final = 1025
# the network
MPLS: Final = 1030
IP: Final = 1031  # version by the first nibble
IP4: Final = 1032
IP6: Final = 1033
PROTOCOL: Final = 1034  # ``cursor.kind`` is an IP protocol number or IPv6 extension header
FRAGMENT: Final = 1035
# what IP carries
TCP: Final = 1040
UDP: Final = 1041
GRE: Final = 1042
ICMP4: Final = 1043
ICMP6: Final = 1044
ETHERIP: Final = 1045
