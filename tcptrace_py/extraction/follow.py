"""One connection as it was spoken: both directions interleaved, as text, hexadecimal or raw."""

from __future__ import annotations

import codecs
import unicodedata
from typing import BinaryIO, NamedTuple

from tcptrace_py.reassembly.conversation import Conversation
from tcptrace_py.reassembly.pieces import Piece
from tcptrace_py.reassembly.stream import Stream
from tcptrace_py.report.identity import address_text, endpoint_text, ports
from tcptrace_py.report.phrases import count

SIDES = ("client", "server")
FORMATS = ("text", "hex", "raw")
_LINE = 16
_COLORS = ("\x1b[36m", "\x1b[35m")
_RESET = "\x1b[0m"
_KEPT = {0x09: "\t", 0x0A: "\n"}


class Look(NamedTuple):
    """How it is drawn."""

    format: str = "text"
    color: bool = False
    ascii_only: bool = False


class Follow:
    """An Outlet of an eager conversation."""

    def __init__(self, out: BinaryIO, key: bytes, number: int, look: Look) -> None:
        self.out = out
        self.look = look
        self.encoding = "ascii" if look.ascii_only else "utf-8"
        half = (len(key) - 4) // 2
        p, q = ports(key)
        self.ends = (endpoint_text(address_text(key[:half]), p), endpoint_text(address_text(key[half : 2 * half]), q))
        self.last = -1  # the side that spoke last
        self.fresh = True  # at the beginning of a line
        self.texts = (Text(), Text())
        self.missing = 0
        self.bytes = 0
        if look.format != "raw":
            arrow = "->" if look.ascii_only else "→"
            self.write(f"Connection {number}: client {self.ends[0]} {arrow} server {self.ends[1]}\n")

    # -- what it is told -- #

    def data(self, stream: Stream, pieces: list[Piece]) -> None:
        """Some bytes that follow on."""
        side = int(stream.side)
        for piece in pieces:
            self.bytes += len(piece.data)
            if self.look.format == "raw":
                self.out.write(piece.data)
                continue
            self.turn(side, piece.frame)
            if self.look.format == "hex":
                self.write(dump(piece.data, piece.start - stream.base))
            else:
                self.say(self.texts[side].more(piece.data))

    def hole(self, stream: Stream, start: int, end: int, position: int, acknowledged: bool, cut: bool) -> None:
        """Some that are missing."""
        self.missing += end - start
        why = "cut by the capture length" if cut else "acknowledged" if acknowledged else "never acknowledged"
        self.remark(int(stream.side), f"{count(end - start, 'byte')} missing, {why}")

    def conflict(self, stream: Stream, start: int, first: Piece, at: int, other: bytes, frame: int) -> None:
        """Some that came again and were others."""
        self.remark(int(stream.side), f"frame {frame} has other bytes from {start:,} on than frame {first.frame}")

    def late(self, stream: Stream, start: int, end: int, frame: int) -> None:
        """Some that came too late."""
        self.remark(int(stream.side), f"{count(end - start, 'byte')} from {start:,} on came too late, in frame {frame}")

    def close(self, talk: Conversation) -> None:
        """It is over."""
        talk.close()
        if self.look.format == "raw":
            return
        for side, text in enumerate(self.texts):
            rest = text.more(b"", last=True)
            if rest:
                self.turn(side, 0)
                self.say(rest)
        self.end_line()
        if talk.reset_by >= 0:
            self.write(f"[reset by the {SIDES[talk.reset_by]}]\n")

    # -- writing -- #

    def turn(self, side: int, frame: int) -> None:
        """The other side speaks."""
        if side == self.last:
            return
        self.last = side
        self.end_line()
        mark = ("client >", "server <") if self.look.ascii_only else ("▶ client", "◀ server")
        self.head(side, f"{mark[side]}{f', frame {frame}' if frame else ''}")

    def remark(self, side: int, text: str) -> None:
        """Something about a stream, on a line of its own."""
        if self.look.format == "raw":
            return
        self.end_line()
        self.last = -1
        self.head(side, f"[{SIDES[side]}: {text}]")

    def head(self, side: int, text: str) -> None:
        """A line that is not theirs."""
        color, reset = (_COLORS[side], _RESET) if self.look.color else ("", "")
        self.write(f"{color}{text}{reset}\n")

    def say(self, text: str) -> None:
        """What was said."""
        if text:
            self.write(text)
            self.fresh = text.endswith("\n")

    def end_line(self) -> None:
        """Go to a new line, if need be."""
        if not self.fresh:
            self.write("\n")
            self.fresh = True

    def write(self, text: str) -> None:
        self.out.write(text.encode(self.encoding, "backslashreplace"))


class Text:
    """Bytes as text that a terminal may see, piece by piece: a character, or a line's end, may be split between two."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.held = ""  # a carriage return that may be the beginning of a line's end

    def more(self, data: bytes, *, last: bool = False) -> str:
        """The text of some more bytes."""
        text = self.held + self.decoder.decode(data, last)
        self.held = ""
        if text.endswith("\r") and not last:
            self.held, text = "\r", text[:-1]
        return harmless(text.replace("\r\n", "\n"))


def harmless(text: str) -> str:
    """Line ends and tabs stay; control characters, and those that reorder text, become dots."""
    if text.isascii():
        return text.translate(_ASCII)
    return "".join(c if is_harmless(c) else "." for c in text)


def is_harmless(char: str) -> bool:
    """Whether a terminal shows it and does nothing else."""
    return char in " \t\n" or (char.isprintable() and unicodedata.category(char)[0] not in "CZ" and char != "\ufffd")


_ASCII = {code: _KEPT.get(code, ".") for code in (*range(32), 127)}


def dump(data: bytes, offset: int) -> str:
    """Lines of sixteen bytes, with their offsets in the stream."""
    lines = []
    for at in range(0, len(data), _LINE):
        part = data[at : at + _LINE]
        shown = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{offset + at:08x}  {part[:8].hex(' '):23}  {part[8:].hex(' '):23}  |{shown}|\n")
    return "".join(lines)
