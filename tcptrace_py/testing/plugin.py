"""The pytest plugin: one fixture.  It is imported into every run of whoever has tcpfsm installed, so it imports nothing before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tcptrace_py.testing.recording import Recording, TcpCapture


@pytest.fixture
def tcp_capture() -> Iterator[TcpCapture]:
    """Captures TCP around a block of a test, as ``tcptrace_py.testing.capture`` does; skips the test where that cannot be done."""
    from tcptrace_py.testing.recording import CannotCaptureError, Recording

    class Skipping(Recording):
        def __enter__(self) -> Recording:
            try:
                return super().__enter__()
            except CannotCaptureError as e:
                pytest.skip(f"tcpfsm cannot capture here: {e}")

    begun: list[Recording] = []

    def begin(*arguments: Any, **options: Any) -> Recording:
        begun.append(Skipping(*arguments, **options))
        return begun[-1]

    yield begin
    for recording in begun:
        recording.close()
