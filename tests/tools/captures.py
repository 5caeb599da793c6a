"""Captures as bytes, built by hand: whole files from frames, and pcapng block by block.

A frame is ``(time in ns, bytes)``.  Nothing here uses the package under test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

Frame = tuple[int, bytes]

SECOND = 1_000_000_000


def frames(count: int, size: int = 20) -> list[Frame]:
    """Frames that can be told apart, a millisecond from one to the next, at whole microseconds."""
    return [
        (1_700_000_000 * SECOND + n * 1_000_000 + n * 1000, bytes([n & 0xFF]) * (size + n % 5)) for n in range(count)
    ]


# ------------------------------------------------------------------------------------------------ pcap


def pcap_header(
    link: int = 1, *, nano: bool = False, big: bool = False, magic: int | None = None, version: tuple[int, int] = (2, 4)
) -> bytes:
    """The file header."""
    if magic is None:
        magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    return struct.pack(_order(big) + "IHHiIII", magic, *version, 0, 0, 262144, link)


def pcap_record(
    frame: Frame, *, nano: bool = False, big: bool = False, wirelen: int | None = None, extra: bytes = b""
) -> bytes:
    """One record; ``extra`` goes between its header and the packet."""
    time, data = frame
    seconds, fraction = divmod(time, SECOND)
    wire = len(data) if wirelen is None else wirelen
    header = struct.pack(_order(big) + "IIII", seconds, fraction if nano else fraction // 1000, len(data), wire)
    return header + extra + data


def pcap(frames: Iterable[Frame], link: int = 1, *, nano: bool = False, big: bool = False) -> bytes:
    """A classic pcap file."""
    return pcap_header(link, nano=nano, big=big) + b"".join(pcap_record(f, nano=nano, big=big) for f in frames)


def pcap_modified(frames: Iterable[Frame], link: int = 1, *, big: bool = False) -> bytes:
    """A pcap file with the longer record headers of Kuznetzov's patch."""
    extra = struct.pack(_order(big) + "IHBB", 2, 0x0800, 0, 0)
    header = pcap_header(link, magic=0xA1B2CD34, big=big)
    return header + b"".join(pcap_record(f, big=big, extra=extra) for f in frames)


# ------------------------------------------------------------------------------------------------ pcapng

Option = tuple[int, bytes]


def block(kind: int, body: bytes, *, big: bool = False) -> bytes:
    """Any block; the body is padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(_order(big) + "I", len(body) + 12)
    return struct.pack(_order(big) + "I", kind) + length + body + length


def options(given: Sequence[Option], *, big: bool = False) -> bytes:
    """A list of options with its end; nothing at all if there are none."""
    if not given:
        return b""
    parts = [
        struct.pack(_order(big) + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in given
    ]
    return b"".join(parts) + bytes(4)


def section(*, big: bool = False, opts: Sequence[Option] = (), version: tuple[int, int] = (1, 0)) -> bytes:
    """A section header block."""
    body = struct.pack(_order(big) + "IHHq", 0x1A2B3C4D, *version, -1)
    return block(0x0A0D0D0A, body + options(opts, big=big), big=big)


def interface(
    link: int = 1,
    *,
    snaplen: int = 0,
    tsresol: int | None = None,
    tsoffset: int | None = None,
    big: bool = False,
    opts: Sequence[Option] = (),
) -> bytes:
    """An interface description block."""
    all_options = list(opts)
    if tsresol is not None:
        all_options.append((9, bytes([tsresol])))
    if tsoffset is not None:
        all_options.append((14, struct.pack(_order(big) + "q", tsoffset)))
    return block(1, struct.pack(_order(big) + "HHI", link, 0, snaplen) + options(all_options, big=big), big=big)


def enhanced(
    ticks: int,
    data: bytes,
    *,
    interface: int = 0,
    wirelen: int | None = None,
    big: bool = False,
    opts: Sequence[Option] = (),
    caplen: int | None = None,
) -> bytes:
    """An enhanced packet block; ``ticks`` in units of its interface's clock."""
    wire = len(data) if wirelen is None else wirelen
    captured = len(data) if caplen is None else caplen
    head = struct.pack(_order(big) + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire)
    return block(6, head + data + bytes(-len(data) % 4) + options(opts, big=big), big=big)


def obsolete(ticks: int, data: bytes, *, interface: int = 0, drops: int = 0xFFFF, big: bool = False) -> bytes:
    """An (obsolete) packet block."""
    head = struct.pack(_order(big) + "HHIIII", interface, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(2, head + data, big=big)


def simple(data: bytes, *, wirelen: int | None = None, big: bool = False) -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(_order(big) + "I", len(data) if wirelen is None else wirelen) + data, big=big)


def statistics(*, interface: int = 0, ifdrop: int | None = None, osdrop: int | None = None, big: bool = False) -> bytes:
    """An interface statistics block."""
    given = [(code, struct.pack(_order(big) + "Q", n)) for code, n in ((5, ifdrop), (7, osdrop)) if n is not None]
    return block(5, struct.pack(_order(big) + "III", interface, 0, 0) + options(given, big=big), big=big)


def pcapng(
    frames: Iterable[Frame],
    link: int = 1,
    *,
    big: bool = False,
    tsresol: int = 9,
    comments: dict[int, str] | None = None,
) -> bytes:
    """A pcapng file of one section with one interface, whose clock ticks 10^-tsresol s; comments by frame number."""
    comments = comments or {}
    parts = [section(big=big), interface(link, tsresol=tsresol, big=big)]
    for number, (time, data) in enumerate(frames, 1):
        ticks = time * 10**tsresol // SECOND
        opts = [(1, comments[number].encode())] if number in comments else []
        parts.append(enhanced(ticks, data, big=big, opts=opts))
    return b"".join(parts)


# ------------------------------------------------------------------------------------------------ snoop


def snoop(frames: Iterable[Frame], datalink: int = 4, *, drops: int = 0) -> bytes:
    """A snoop file; ``drops`` is the counter in its last record."""
    parts = [b"snoop\0\0\0" + struct.pack(">II", 2, datalink)]
    listed = list(frames)
    for number, (time, data) in enumerate(listed, 1):
        pad = -len(data) % 4
        lost = drops if number == len(listed) else 0
        seconds, fraction = divmod(time, SECOND)
        head = struct.pack(">IIIIII", len(data), len(data), 24 + len(data) + pad, lost, seconds, fraction // 1000)
        parts.append(head + data + bytes(pad))
    return b"".join(parts)


def _order(big: bool) -> str:
    return ">" if big else "<"
