"""The decoder of last resort: dpkt takes apart what our own decoder does not know, as far as the next known header.

Never compiled, and imported only when such a record comes.  dpkt says where the 802.11 header ends, behind radiotap
or the older radio headers; LLC, IP and TCP then are ours again, so that there is one TCP parser.  On hostile input
dpkt raises whatever comes, RecursionError included, and all of it means the same here: a bad header.
"""

from __future__ import annotations

from typing import Any, Final

from dpkt import ieee80211, radiotap

from tcptrace_py.decode.layers import LLC
from tcptrace_py.decode.reasons import BAD_LINK_HEADER, ENCRYPTED_LINK, UNKNOWN_LINK_TYPE, WIFI_OTHER

LINK_WIFI: Final = 105
LINK_PRISM: Final = 119
LINK_RADIOTAP: Final = 127
LINK_AVS: Final = 163

DATA_PAD: Final = 0x20  # radiotap flag: the 802.11 header is padded to four bytes
SNAP: Final = b"\xaa\xaa\x03"


def find(link: int, data: bytes) -> tuple[int, int]:
    """The next layer and where in ``data`` (the captured bytes of a record) it starts; or a reason and 0."""
    try:
        size, padded = radio_header(link, data)
        if size < 0:
            return UNKNOWN_LINK_TYPE, 0
        if (size == 0 and link != LINK_WIFI) or size >= len(data):
            return BAD_LINK_HEADER, 0
        layer, offset = wifi(data[size:], padded)
    except Exception:  # noqa: BLE001 - dpkt raises IndexError, AttributeError, struct.error, RecursionError and its own
        return BAD_LINK_HEADER, 0
    return layer, offset + size if offset else 0


def radio_header(link: int, data: bytes) -> tuple[int, bool]:
    """The length of the radio header, and whether the 802.11 header behind it is padded; -1 for another link type."""
    if link == LINK_WIFI:
        return 0, False
    if link == LINK_RADIOTAP:
        length = int.from_bytes(data[2:4], "little")
        header = radiotap.Radiotap(data[:length])  # without the frame, which dpkt would decode at once
        return length, header.flags_present == 1 and header.flags.val & DATA_PAD != 0
    if link in (LINK_PRISM, LINK_AVS):
        if data[:3] == b"\x80\x21\x10":  # AVS, which drivers also give where prism is announced
            return int.from_bytes(data[4:8], "big"), False
        return 144, False
    return -1, False


def wifi(data: bytes, padded: bool) -> tuple[int, int]:
    """Where the payload of an 802.11 data frame starts; or a reason and 0."""
    kind = data[0] >> 2 & 3
    subtype = data[0] >> 4
    if kind != ieee80211.DATA_TYPE or subtype not in (ieee80211.D_DATA, ieee80211.D_QOS_DATA):
        return WIFI_OTHER, 0
    frame: Any = ieee80211.IEEE80211(data)  # a frame check sequence at the end is harmless: IP gives its own length
    offset = len(data) - len(frame.data)
    if subtype == ieee80211.D_QOS_DATA:
        if frame.order:  # the HT control field, which dpkt does not step over
            offset += 4
        if frame.qos_data.control & 0x8000:  # several frames in one: the first
            offset += 14
    if padded:
        offset = offset + 3 & ~3
    if frame.data_frame.fragment_number != 0 or frame.more_frag:
        return WIFI_OTHER, 0
    if frame.wep and not data.startswith(SNAP, offset):  # some captures hold decrypted frames with the flag left on
        return ENCRYPTED_LINK, 0
    return LLC, offset
