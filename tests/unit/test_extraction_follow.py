"""What ``--follow`` prints: turns, and nothing that a terminal would obey."""

from __future__ import annotations

import io

from tcptrace_py.extraction.follow import Follow, Look, Text, dump, harmless
from tools.outlets import Exchange
from tools.segments import TO_SERVER


def followed(look: Look, *, holes: bool = False) -> str:
    out = io.BytesIO()
    x = Exchange(eager=True)
    follow = Follow(out, TO_SERVER, 1, look)
    for stream in (x.talk.client, x.talk.server):
        stream.outlet = follow
    x.handshake()
    x.client("P.", 101, 301, b"GET / HTTP/1.1\r").client("P.", 116, 301, b"\n\r\n")
    x.server("P.", 301, 119, b"caf\xc3").server("P.", 305, 119, b"\xa9 \x1b[2J\xff\x00")
    if holes:
        x.server("P.", 320, 119, b"after").client(".", 119, 325)
    x.client("P.", 119, 312, b"bye")
    x.client("R.", 122, 312)
    follow.close(x.talk)
    return out.getvalue().decode()


def test_turns_as_text() -> None:
    assert followed(Look()) == (
        "Connection 1: client 10.0.0.1:40000 → server 10.0.0.2:80\n"
        "▶ client, frame 4\nGET / HTTP/1.1\n\n"
        "◀ server, frame 6\ncafé .[2J..\n"
        "▶ client, frame 8\nbye\n"
        "[reset by the client]\n"
    )


def test_in_hexadecimal_with_offsets_and_in_ascii() -> None:
    lines = followed(Look("hex", ascii_only=True)).splitlines()
    assert lines[0] == "Connection 1: client 10.0.0.1:40000 -> server 10.0.0.2:80"
    assert lines[1:3] == [
        "client >, frame 4",
        "00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d     |GET / HTTP/1.1.|",
    ]
    assert lines[3].startswith("0000000f  0a 0d 0a  ")
    assert all(line.isascii() for line in lines)


def test_raw_is_nothing_but_bytes() -> None:
    out = io.BytesIO()
    x = Exchange(eager=True)
    follow = Follow(out, TO_SERVER, 1, Look("raw"))
    for stream in (x.talk.client, x.talk.server):
        stream.outlet = follow
    x.handshake().client("P.", 101, 301, b"\x00\x1b").server("P.", 301, 103, b"\xff").client("P.", 109, 302, b"!")
    follow.close(x.talk)
    assert out.getvalue() == b"\x00\x1b\xff!"
    assert follow.missing == 6


def test_holes_stand_where_they_are() -> None:
    text = followed(Look(), holes=True)
    assert "[server: 7 bytes missing, acknowledged]\n◀ server, frame 8\nafter\n" in text


def test_colours_mark_the_sides() -> None:
    assert "\x1b[36m▶ client, frame 4\x1b[0m\n" in followed(Look(color=True))
    assert "\x1b" not in followed(Look())


def test_what_a_terminal_would_obey_becomes_dots() -> None:
    assert harmless("a\tb\nc\x07\x7f\x9b\u202e\u200bé\ufffd") == "a\tb\nc.....é."
    text = Text()
    assert [
        text.more(b"a\r"),
        text.more(b"b\r"),
        text.more(b"\nc"),
        text.more(b"\xe2\x82"),
        text.more(b"", last=True),
    ] == [
        "a",
        ".b",
        "\nc",
        "",
        ".",
    ]


def test_a_dump_of_whole_and_broken_lines() -> None:
    lines = dump(bytes(range(60, 78)), 32).splitlines()
    assert lines[0] == "00000020  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  |<=>?@ABCDEFGHIJK|"
    assert lines[1] == f"00000030  {'4c 4d':23}  {'':23}  |LM|"
