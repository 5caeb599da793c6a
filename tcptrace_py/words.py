"""Header words: eight bytes of a packet as one signed 64-bit integer.

Reading a header as 64-bit words and shifting is the fastest way there is for compiled code, and one call
instead of five for interpreted code.  ``librt`` provides the compiled primitive; where it has no wheel, the
standard library serves the interpreted engine with the same semantics: IndexError beyond the end.

The caller guarantees eight readable bytes at ``at``: every buffer in the engine is padded (``PADDING``).
"""

from __future__ import annotations

from typing import Final

try:
    from librt.strings import BytesWriter, read_i64_be, read_i64_le, write_i64_le
    from librt.vecs import vec
except ImportError:  # no wheel of librt for this platform: interpreted only
    from tcptrace_py._words import (  # type: ignore[assignment]
        BytesWriter,
        read_i64_be,
        read_i64_le,
        vec,
        write_i64_le,
    )

PADDING: Final = b"\0" * 64
"""What every reader appends to a buffer, so that a word may be read at any offset inside it."""

__all__ = ["PADDING", "BytesWriter", "read_i64_be", "read_i64_le", "vec", "write_i64_le"]
