"""Small things that every format needs: exact seconds, and strings that are safe where they go."""

from __future__ import annotations

from decimal import Context, Decimal

_EXACT = Context(prec=40)
_NANO = Decimal((0, (1,), -9))
_ZERO = Decimal("0.000000")  # with nine places it would print as 0E-9


def seconds(ns: int) -> Decimal:
    """Nanoseconds as exact decimal seconds."""
    if ns == 0:
        return _ZERO
    return _EXACT.multiply(ns, _NANO)


def maybe_seconds(ns: int) -> Decimal | None:
    """Likewise; negative: unknown."""
    return None if ns < 0 else seconds(ns)


def known(n: int) -> int | None:
    """Negative is unknown."""
    return None if n < 0 else n


def storable(text: str) -> str:
    """A file name as text that any encoder takes: bytes that are no UTF-8 become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def printable(text: str) -> str:
    """Text for a terminal or a document: control characters, and those that reorder text, are made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode("ascii") for c in storable(text))


def _is_harmless(char: str) -> bool:
    import unicodedata

    return char == " " or (char.isprintable() and unicodedata.category(char)[0] not in "CZ")
