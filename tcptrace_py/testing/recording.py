"""One capture around a block of code: begun when it is known to work, ended when what was sent last is in it.

Neither is left to a pause.  Where loopback traffic is captured, probes (UDP datagrams of this process to itself, let through by
the filter, and but for the last one left out of what is kept) go the same way as the rest: when one has come out of the capture
tool, it works; when one that is sent behind the block has, everything before it is there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from tcptrace_py.errors import CaptureError, ConfigError, HelperError
from tcptrace_py.testing.judging import Judged
from tcptrace_py.testing.sieve import Sieve

if TYPE_CHECKING:
    from tcptrace_py.capture.live import Child
    from tcptrace_py.config import Config

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
SEES_PROBES = (LOOPBACK, "any")
STEP = 0.02
MOST_SETTLING = 2.0
"""Seconds to wait, after the block, for the traffic to end."""
BLIND = 0.5
"""Seconds of silence that stand for the end of the traffic where no probe can be sent."""


class CannotCaptureError(CaptureError):
    """This user may not capture, or there is nothing to capture with; the message says what to do."""


class Recording(Judged):
    """What ``capture`` returns: a context manager, and after the block what was captured (see Judged)."""

    def __init__(
        self,
        port: int | Iterable[int] | None = None,
        *,
        interface: str = LOOPBACK,
        bpf: str = "",
        config: Config | None = None,
        settle: float = 0.2,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(config)
        self.interface = interface
        self.bpf = filter_of(port, bpf)
        self._settle = settle
        self._timeout = timeout
        self._child: Child | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._probes: socket.socket | None = None
        self._token = b""
        self._sieve: Sieve | None = None
        self._sent = -1

    def __enter__(self) -> Recording:
        if self.path:
            raise RuntimeError("a capture is taken once: make another one")
        folder = tempfile.mkdtemp(prefix="tcpfsm-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = os.path.join(folder, "capture.pcap")
        try:
            self._begin()
            self._prove("does not see what is sent")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._await_silence()
        finally:
            self.close()
        if kind is None:
            self._check()
            self.analyze()

    def close(self) -> None:
        """End the capture, if it runs: in every way out.  More than once does no harm."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()
            if self._thread is not None:
                self._thread.join(self._timeout)
            child.close()
            self.dropped = child.dropped
        if self._probes is not None:
            self._probes.close()

    # ---- the beginning

    def _begin(self) -> None:
        """Start the tool, and the thread that reads from it."""
        from tcptrace_py import programs
        from tcptrace_py.capture import live

        bpf = self.bpf
        if self.interface in SEES_PROBES:
            self._token = secrets.token_bytes(16)
            self._probes = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._probes.bind(("127.0.0.1", 0))
            bpf = f"({bpf}) or (udp and dst host 127.0.0.1 and dst port {self._probes.getsockname()[1]})"
        try:
            self._child = live.start(live.Plan(self.interface, bpf, snaplen=0, promiscuous=False))
        except HelperError as e:
            raise CannotCaptureError(str(e)) from None
        except ConfigError as e:
            raise ConfigError(str(e).replace(f"--bpf {bpf!r}", repr(self.bpf))) from None
        except CaptureError as e:
            if not programs.right_to_capture().allowed:
                raise CannotCaptureError(str(e)) from None
            raise
        file = open(self.path, "wb")  # noqa: SIM115 - the thread closes it
        self._sieve = Sieve(file, self._token or secrets.token_bytes(16))
        self._thread = threading.Thread(target=self._read, args=(self._child, self._sieve, file.close), daemon=True)
        self._thread.start()

    def _read(self, child: Child, sieve: Sieve, done: Callable[[], None]) -> None:
        """The thread: whatever comes, to the end."""
        try:
            while piece := child.read():
                sieve.feed(piece)
            sieve.finish()
        except BaseException as e:  # noqa: BLE001 - told in the thread that waits
            self._error = e
        finally:
            with suppress(OSError):
                done()

    # ---- probes

    def _prove(self, fault: str) -> None:
        """Send probes until one has come out of the capture.  Raises CaptureError when none does."""
        probes, sieve = self._probes, self._sieve
        if probes is None or sieve is None:
            return
        first = self._sent + 1
        deadline = time.monotonic() + self._timeout
        while sieve.probe < first:
            self._check()
            if time.monotonic() > deadline:
                raise CaptureError(
                    f"{self.interface}: the capture {fault}: no probe came out of it in {self._timeout:g} s"
                )
            self._sent += 1
            try:
                probes.sendto(self._token + struct.pack("!I", self._sent), probes.getsockname())
            except OSError as e:
                raise CaptureError(
                    f"{self.interface}: a probe cannot be sent ({e.strerror}); is the interface up?"
                ) from None
            until = min(time.monotonic() + 10 * STEP, deadline)
            while sieve.probe < first and time.monotonic() < until:
                time.sleep(STEP / 10)

    def _check(self) -> None:
        """Raises CaptureError when the capture has ended by itself."""
        if self._error is not None:
            raise CaptureError(f"{self.interface}: the capture broke off ({self._error})")
        child = self._child
        if child is not None and child.has_ended:
            child.close()
            raise CaptureError(f"{self.interface}: the capture ended early: {child.trouble or 'it does not say why'}")

    # ---- the end

    def _await_silence(self) -> None:
        """Wait until nothing has come for a while: connections may still be closing, and ACKs be delayed."""
        sieve = self._sieve
        assert sieve is not None
        pause = self._settle if self._probes is not None else max(self._settle, BLIND)
        deadline = time.monotonic() + MOST_SETTLING
        before = -1
        while True:
            self._check()
            self._prove("does not come to its end")
            if sieve.packets == before or time.monotonic() > deadline:
                return
            before = sieve.packets
            time.sleep(pause)


def capture(
    port: int | Iterable[int] | None = None,
    *,
    interface: str = LOOPBACK,
    bpf: str = "",
    config: Config | None = None,
    settle: float = 0.2,
    timeout: float = 10.0,
) -> Recording:
    """Capture TCP while a ``with`` block runs.

    ``port``: one, or several; None: any.  ``bpf``: a filter in libpcap's language instead.  ``interface``: loopback, where nothing
    else is said.  ``config``: of the analysis (thresholds, timers, rules).  ``settle``: seconds without traffic that end the
    capture after the block.  ``timeout``: seconds within which the capture must have begun, and ended.

    Entering the block raises CaptureError where nothing can be captured (CannotCaptureError: for want of a tool or of the
    right), ConfigError for a filter that is none.
    """
    return Recording(port, interface=interface, bpf=bpf, config=config, settle=settle, timeout=timeout)


TcpCapture = Callable[..., Recording]
"""The fixture ``tcp_capture``: called as ``capture`` is."""


def filter_of(port: int | Iterable[int] | None, bpf: str) -> str:
    """The capture filter.  Raises ConfigError for what is no port."""
    if bpf:
        if port is not None:
            raise ConfigError("capture() takes ports or a filter, not both")
        return bpf
    if port is None:
        return "tcp"
    ports = [port] if isinstance(port, int) else list(port)
    for one in ports:
        if type(one) is not int or not 0 < one <= 65535:
            raise ConfigError(f"{one!r} is not a port (1 to 65535)")
    if not ports:
        raise ConfigError("capture() needs a port, or several; None stands for any")
    return " or ".join(f"tcp port {one}" for one in ports)
