"""For tests of other projects: what the code under test sends is captured, and what it did to its connections is asserted.

::

    from tcptrace_py.testing import capture

    with capture(port=8080) as cap:
        ...  # the code under test
    cap.assert_no("reset")

With pytest there is the fixture ``tcp_capture``, the same but for one thing: where nothing can be captured the test is skipped.
``capture`` raises CaptureError there.  docs/testing.md tells the rest.
"""

from __future__ import annotations

from tcptrace_py.errors import CaptureError
from tcptrace_py.testing.recording import CannotCaptureError, Recording, TcpCapture, capture

__all__ = ["CannotCaptureError", "CaptureError", "Recording", "TcpCapture", "capture"]
