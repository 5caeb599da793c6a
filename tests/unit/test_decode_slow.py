"""802.11 by way of dpkt, and dpkt's failures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode_support import A4, B4, Bench, ip4, run, tcp
from tcptrace_py.decode.slow import find

LLC4 = b"\xaa\xaa\x03\0\0\0\x08\0" + ip4(tcp())
MACS = bytes(18)
FCS = b"\xde\xad\xbe\xef"


def frame(
    subtype: int = 0, flags: int = 1, extra: bytes = b"", body: bytes = LLC4, sequence: int = 0x10, kind: int = 2
) -> bytes:
    """An 802.11 frame; ``extra`` is what stands behind the sequence number."""
    control = bytes([subtype << 4 | kind << 2, flags])
    return control + b"\0\0" + MACS + pack("<H", sequence) + extra + body + FCS


def radiotap(data: bytes, flags: int | None = None) -> bytes:
    if flags is None:
        return pack("<BBHI", 0, 0, 8, 0) + data
    return pack("<BBHIB3x", 0, 0, 12, 2, flags) + data


FRAMES = {
    "to the access point": frame(flags=1),
    "from the access point": frame(flags=2),
    "ad hoc": frame(flags=0),
    "between access points": frame(flags=3, extra=bytes(6)),
    "quality of service": frame(8, extra=b"\x05\0"),
    "four addresses and quality of service": frame(8, 3, extra=bytes(6) + b"\x05\0"),
    "high throughput control": frame(8, 0x81, extra=b"\x05\0" + bytes(4)),
    "aggregated": frame(8, extra=b"\x80\0", body=bytes(12) + pack(">H", len(LLC4)) + LLC4),
    "decrypted, flag left on": frame(0, 0x41),
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
def test_data_frames(data: bytes) -> None:
    wrapped = [
        (105, data),
        (127, radiotap(data)),
        (127, radiotap(data, 0x10)),
        (119, bytes(144) + data),
        (119, b"\x80\x21\x10\x01" + pack(">I", 64) + bytes(56) + data),
        (163, b"\x80\x21\x10\x01" + pack(">I", 64) + bytes(56) + data),
        (192, pack("<BBHI", 0, 0, 8, 105) + data),
    ]
    for link, record in wrapped:
        bench = Bench()
        assert bench.run(record, link) == "segment"
        segment = bench.segment
        assert (segment.key, bench.payload()) == (A4 + B4 + pack(">HH", 40000, 80), b"hello")


def test_a_padded_header() -> None:
    data = frame(8, extra=b"\x05\0" + b"\0\0")  # 26 bytes, padded to 28
    assert run(radiotap(data, 0x20), 127)[0] == "segment"
    assert run(radiotap(data, 0x00), 127)[0] != "segment"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(8, kind=0), "wifi_other"),  # beacon
        (frame(13, kind=1), "wifi_other"),  # acknowledgement
        (frame(4), "wifi_other"),  # null
        (frame(0, sequence=0x11), "wifi_other"),  # a later fragment
        (frame(0, flags=5), "wifi_other"),  # more fragments
        (frame(0, flags=0x41, body=bytes(60)), "encrypted_link"),
        (frame(0, body=b"\xaa\xaa\x03\0\0\0\x08\x06" + bytes(28)), "arp"),
        (b"\x08\x01\0", "bad_link_header"),
        (frame(8, flags=0x81, extra=b"\x05\0", body=b"")[:-4], "bad_link_header"),
    ],
)
def test_other_frames(data: bytes, reason: str) -> None:
    assert run(data, 105)[0] == reason


@pytest.mark.parametrize("link", [119, 127, 163])
def test_a_radio_header_cut(link: int) -> None:
    assert run(b"\0\0\x08", link)[0] == "bad_link_header"
    assert run(b"\0\0\xff\xff" + bytes(100), link)[0] == "bad_link_header"


@given(link=st.sampled_from([105, 119, 127, 163]), data=st.binary(max_size=200), cut=st.integers(0, 200))
def test_whatever_dpkt_raises_is_a_reason(link: int, data: bytes, cut: int) -> None:
    for record in (data, radiotap(data), radiotap(frame()[:cut] + data, 0x30), frame(8)[:cut] + data):
        layer, offset = find(link, record)
        assert layer >= 2
        assert 0 <= offset <= len(record) + 32
        run(record, link)


def test_dpkt_is_not_asked_about_other_link_types() -> None:
    assert find(1, bytes(60)) == (2, 0)


def test_dpkt_is_imported_only_when_it_is_needed(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys; from tcptrace_py.decode import Decoder; from tcptrace_py.packet import Record, Segment;"
        "r = Record(); r.buf, r.caplen, r.wirelen, r.link = bytes(164), 100, 100, int(sys.argv[1]);"
        "Decoder().decode(r, Segment()); print('dpkt' in sys.modules)"
    )
    assert python("-c", code, "1").stdout == "False\n"
    assert python("-c", code, "105").stdout == "True\n"
