"""Text in the making: values one after another, with their names as members of a JSON object, or without as cells of CSV.

Compiled, and in one buffer: a report has two hundred values a connection.  After each comes a comma; whatever closes
takes the place of the last one.  A name is given as it stands in JSON, in quotes and with its colon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from tcptrace_py.report.digits import BILLION, fixed, places, seconds, whole
from tcptrace_py.words import BytesWriter

_COMMA: Final = 0x2C
_QUOTE: Final = 0x22
_POINT: Final = 0x2E
_OPEN: Final = 0x7B
_CLOSE: Final = 0x7D
_BEGIN: Final = 0x5B
_END: Final = 0x5D

_MOST_TEXTS: Final = 1 << 12


class Cells:
    """One connection after another.  Unknown is null, or an empty cell."""

    def __init__(self, encode: Callable[[str], bytes], *, named: bool) -> None:
        """``encode``: any text as it is to stand in the report, with its quotes.  ``named``: JSON, else CSV."""
        self.w = BytesWriter()
        self.named = named
        self.encode = encode
        self.null: bytes = b"null," if named else b","
        self.second: i64 = 1 << 62  # of the last time, and how it is written
        self.second_digits = b""
        self.kept = [b"", b""]  # runs of values that are often the same, by their number
        self.texts: dict[str, bytes] = {}  # encoded before: nearly all come again

    def begin(self) -> None:
        """Forget what was written."""
        self.w.truncate(0)

    def taken(self, end: bytes) -> bytes:
        """All that was written, with ``end`` for the last comma."""
        w = self.w
        w.truncate(len(w) - 1)
        w.write(end)
        return w.getvalue()

    # -- values -- #

    def number(self, name: bytes, n: i64) -> None:
        """A whole number."""
        w = self.w
        if self.named:
            w.write(name)
        whole(w, n)
        w.append(_COMMA)

    def known(self, name: bytes, n: i64) -> None:
        """A whole number; negative: unknown."""
        if n < 0:
            self.unknown(name)
        else:
            self.number(name, n)

    def large(self, name: bytes, n: int) -> None:
        """A whole number of any size."""
        if -(1 << 60) < n < 1 << 60:
            self.number(name, n)
        else:
            self.word_of(name, str(n).encode("ascii"))

    def moment(self, name: bytes, ns: i64) -> None:
        """A time: mostly in the same second as the one before."""
        below: i64 = ns - self.second
        if below < 0 or below >= BILLION:
            self.seconds(name, ns)
            if ns >= BILLION:
                self.second = ns // BILLION * BILLION
                self.second_digits = b"%d." % (ns // BILLION)
            return
        w = self.w
        if self.named:
            w.write(name)
        w.write(self.second_digits)
        places(w, below)
        w.append(_COMMA)

    def seconds(self, name: bytes, ns: i64) -> None:
        """A duration, or a time in a second of its own."""
        w = self.w
        if self.named:
            w.write(name)
            seconds(w, ns)
        else:
            fixed(w, ns)
        w.append(_COMMA)

    def maybe_seconds(self, name: bytes, ns: i64) -> None:
        """A duration; negative: unknown."""
        if ns < 0:
            self.unknown(name)
        else:
            self.seconds(name, ns)

    def truth(self, name: bytes, is_so: bool) -> None:
        """Whether something is so."""
        self.word_of(name, b"true" if is_so else b"false")

    def unknown(self, name: bytes) -> None:
        """Nothing is known of it."""
        w = self.w
        if self.named:
            w.write(name)
        w.write(self.null)

    def word(self, name: bytes, word: bytes) -> None:
        """A word of ours: nothing in it needs care in either format."""
        w = self.w
        if self.named:
            w.write(name)
            w.append(_QUOTE)
            w.write(word)
            w.append(_QUOTE)
        else:
            w.write(word)
        w.append(_COMMA)

    def dotted(self, name: bytes, address: bytes) -> None:
        """An IPv4 address."""
        w = self.w
        if self.named:
            w.write(name)
            w.append(_QUOTE)
        for i in range(4):
            if i:
                w.append(_POINT)
            whole(w, address[i])
        if self.named:
            w.append(_QUOTE)
        w.append(_COMMA)

    def text(self, name: bytes, text: str) -> None:
        """Any text."""
        encoded = self.texts.get(text)
        if encoded is None:
            if len(self.texts) >= _MOST_TEXTS:
                self.texts.clear()
            encoded = self.encode(text)
            self.texts[text] = encoded
        self.word_of(name, encoded)

    def word_of(self, name: bytes, encoded: bytes) -> None:
        """A value as it is to stand there."""
        w = self.w
        if self.named:
            w.write(name)
        w.write(encoded)
        w.append(_COMMA)

    # -- several at once -- #

    def recall(self, run: i64) -> bool:
        """Write what was kept under this number; False: nothing was, yet."""
        kept = self.kept[run]
        if not kept:
            return False
        self.w.write(kept)
        return True

    def keep(self, run: i64, at: i64) -> None:
        """Keep what was written from ``at`` on."""
        self.kept[run] = self.w.getvalue()[at:]

    # -- what holds values, in JSON -- #

    def open(self, name: bytes) -> None:
        """An object begins, with an empty ``name`` as an item of a list."""
        if self.named:
            self.w.write(name)
            self.w.append(_OPEN)

    def close(self) -> None:
        """It ends; it is never empty."""
        if self.named:
            w = self.w
            w[len(w) - 1] = _CLOSE
            w.append(_COMMA)

    def begin_list(self, name: bytes) -> None:
        """A list begins."""
        if self.named:
            self.w.write(name)
            self.w.append(_BEGIN)

    def end_list(self) -> None:
        """It ends, whether or not a comma follows its last item."""
        w = self.w
        if self.named:
            if w[len(w) - 1] == _COMMA:
                w[len(w) - 1] = _END
            else:
                w.append(_END)
        w.append(_COMMA)
