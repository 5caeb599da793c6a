"""The report's types as JSON text: times as plain numbers with all their digits."""

from __future__ import annotations

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def to_json(value: object) -> bytes:
    """One value as compact JSON in UTF-8."""
    return _ENCODER.encode(value)
