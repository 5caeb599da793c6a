"""The bridge to Wireshark: everything that is asked of tshark, and all use of pyshark.

pyshark trusts its surroundings more than a capture's folder deserves, so it is given no choice: it runs the program named
in ``./config.ini`` unless that file is looked for elsewhere and the program is named; tshark itself reads preferences,
filters and scripts from the user's folder unless it is given an empty one.  Each question has an event loop of its own,
which Python 3.14 wants, and which no other can disturb.

Without tshark all else works: whoever needs it is told in one line (HelperError).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from tcptrace_py import programs
from tcptrace_py.errors import ConfigError, HelperError

PATIENCE = 60.0
_EMPTY = b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\0\0\4\0\1\0\0\0"
"""A capture without a packet."""
_SETTINGS = "WIRESHARK_CONFIG_DIR"

BEGINNING = 4000
"""Application protocols are read off so many bytes at the beginning of what each side sends."""
ENVELOPES = frozenset(("tls", "ssl", "nbss", "tpkt", "cotp", "socks", "proxy"))
"""Protocols that another one stands in, whose name is worth more."""
NO_APPLICATIONS = frozenset(("data", "data-text-lines", "_ws.malformed", "_ws.unreassembled", "mptcp", "tcpencap"))

_DAMAGE = ("cut short", "damaged", "corrupt")
"""What tshark says of captures that are not whole: our own reader says it too, with the place."""

FLAGS = {
    "retransmission": "retransmission",
    "fast_retransmission": "retransmission",
    "spurious_retransmission": "retransmission",
    "out_of_order": "out-of-order",
    "zero_window": "zero-window",
    "keep_alive": "keep-alive",
    "zero_window_probe": "window-probe",
    "reused_ports": "reuse",
}
"""Of Wireshark's ``tcp.analysis.*``, those that are compared, and what they are called here."""


MOST_WAITING = 64 << 20
"""Bytes of a live capture that wait for tshark."""

Ends = tuple[str, str, int, int]
T = TypeVar("T")


class Flagged(NamedTuple):
    """A frame of which Wireshark's analysis of TCP has something to say."""

    frame: int
    flags: frozenset[str]
    """As Wireshark names them: ``retransmission``, ``keep_alive`` and so on."""


class Wireshark:
    """tshark, ready to be asked."""

    def __init__(self, what: str) -> None:
        """``what`` needs it: an option, a command.  Raises HelperError."""
        self.what = what
        self.path = programs.need("tshark", what)

    @property
    def version(self) -> str:
        """Such as ``4.0.17``; empty when it does not say."""
        with self._settings():  # else even this runs the user's scripts
            words = programs.version(self.path).split()
        return next((word.strip(".,") for word in words if word[:1].isdigit()), "")

    def check_filter(self, expression: str) -> None:
        """Raise ConfigError, with tshark's reason, when a display filter makes no sense."""
        with self._settings():
            try:
                done = subprocess.run(  # noqa: S603
                    [self.path, "-n", "-r", "-", "-Y", expression],
                    input=_EMPTY,
                    capture_output=True,
                    check=False,
                    timeout=PATIENCE,
                )
            except (OSError, subprocess.SubprocessError) as e:
                raise HelperError(f"{self.what}: {self.path} does not run: {e}") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").splitlines()
            reason = next((line.removeprefix("tshark: ") for line in said if line.startswith("tshark: ")), "")
            raise ConfigError(
                f"--display-filter {expression!r} is none ({reason.rstrip('.') or 'tshark says nothing'}):"
                " man wireshark-filter describes the language"
            )

    def matching(self, path: str, expression: str) -> list[int]:
        """The numbers of the frames of a file that match a display filter.  Raises HelperError."""
        return [frame for frame, _ in self._frames(path, expression, ["-J", "frame"], protocols)]

    def applications(self, path: str) -> tuple[list[int], list[str]]:
        """Frames at the beginning of connections, and the application protocol that each shows.  Raises HelperError."""
        frames, names = [], []
        expression = f'tcp.seq < {BEGINNING} && tcp.len > 0 && frame.protocols matches "tcp:."'
        for frame, stack in self._frames(path, expression, ["-J", "frame"], protocols):
            name = application(stack)
            if name:
                frames.append(frame)
                names.append(name)
        return frames, names

    def flagged(self, path: str) -> Iterator[Flagged]:
        """The frames of which its analysis, in two passes, says something that is compared.  Raises HelperError."""
        expression = " || ".join(f"tcp.analysis.{name}" for name in FLAGS)
        for frame, names in self._frames(path, expression, ["-2", "-J", "frame tcp"], analysis):
            yield Flagged(frame, frozenset(names))

    def follow(self, fd: int, expression: str) -> Iterator[tuple[int, list[Ends]]]:
        """The frames that match of a capture that comes out of a pipe, as they come, and the ends of their segments.

        Raises HelperError.
        """
        parameters = ["-J", "frame ip ipv6 tcp"]

        def piped(_pyshark: Any, **settings: Any) -> Any:
            from pyshark.capture.pipe_capture import PipeCapture

            # it closes the pipe that it is given, and its caller closes it, too
            capture = PipeCapture(os.dup(fd), custom_parameters=parameters, **settings)
            capture._use_ek = True  # noqa: SLF001 - its constructor lacks what its base class has
            return capture

        return self._packets(piped, expression, ends)

    # -- pyshark -- #

    def _frames(
        self, path: str, expression: str, parameters: list[str], look: Callable[[Any], list[str]]
    ) -> Iterator[tuple[int, list[str]]]:
        """The number of each frame of a file that matches, and what ``look`` sees in it."""

        def file(pyshark: Any, **settings: Any) -> Any:
            name = os.path.abspath(path)
            return pyshark.FileCapture(name, keep_packets=False, use_ek=True, custom_parameters=parameters, **settings)

        return self._packets(file, expression, look)

    def _packets(
        self, make: Callable[..., Any], expression: str, look: Callable[[Any], list[T]]
    ) -> Iterator[tuple[int, list[T]]]:
        """The number of each frame that matches, and what ``look`` sees in it; ``make`` makes pyshark's capture."""
        import asyncio

        with self._settings() as folder, _quietly(folder) as pyshark:
            loop = asyncio.new_event_loop()
            capture = None
            try:
                capture = make(pyshark, display_filter=expression, tshark_path=self.path, eventloop=loop)
                packets = iter(capture)
                while (packet := self._next(packets)) is not None:
                    yield int(packet.number), look(packet)
                said = self._close(capture)
                capture = None
                if said.startswith("tshark: ") and not any(word in said for word in _DAMAGE):
                    raise HelperError(f"{self.what}: {said.removeprefix('tshark: ')}")
            finally:
                if capture is not None:
                    self._close(capture)
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

    def _next(self, packets: Iterator[Any]) -> Any:
        """The next packet; None at the end.  What pyshark and tshark may raise becomes a HelperError."""
        from pyshark.capture.capture import TSharkCrashException

        try:
            return next(packets, None)
        except TSharkCrashException as e:
            reason = str(e).partition("Last error line: ")[2].splitlines()[:1]
            text = reason[0].removeprefix("tshark: ") if reason else "it ended early"
            if any(word in text for word in _DAMAGE):
                return None
            raise HelperError(f"{self.what}: {text}") from None
        except Exception as e:  # noqa: BLE001 - the library is free to raise whatever it likes
            raise HelperError(f"{self.what}: tshark cannot be asked: {str(e) or type(e).__name__}") from None

    def _close(self, capture: Any) -> str:
        """End tshark, however far it is; returns the last line that it said."""
        with suppress(Exception):  # it has been told of, or nobody wants to know any more
            capture.close()
        capture._running_processes.clear()  # noqa: SLF001 - else it is closed again when it is collected, without its loop
        return str(capture._last_error_line or "")  # noqa: SLF001

    @contextmanager
    def _settings(self) -> Iterator[str]:
        """Give tshark an empty folder for its settings; the folder's path."""
        before = os.environ.get(_SETTINGS)
        with tempfile.TemporaryDirectory(prefix="tcpfsm-") as folder:
            os.environ[_SETTINGS] = folder
            try:
                yield folder
            finally:
                if before is None:
                    del os.environ[_SETTINGS]
                else:
                    os.environ[_SETTINGS] = before


class Match(NamedTuple):
    """A frame of a live capture that matches, and whose segment it holds."""

    frame: int
    source: str
    target: str
    source_port: int
    target_port: int


class Following:
    """tshark beside a live capture: it is fed what the analysis is fed, and says which frames match, a little later.

    It has a thread for feeding and one for listening, so that nobody waits for it.  What it cannot take in time is kept
    for it, up to a bound; beyond that it is given up, as it would show no more than a part.
    """

    def __init__(self, tshark: Wireshark, expression: str) -> None:
        self._tshark = tshark
        self._expression = expression
        self._found: deque[Match] = deque()
        self._food: deque[bytes] = deque()
        self._waiting = 0
        self._has_food = threading.Condition()
        self._is_over = False
        self.trouble = ""
        """Why it tells no more; empty if nothing is wrong."""
        reading, self._writing = os.pipe()
        self._threads = [
            threading.Thread(target=self._listen, args=(reading,), daemon=True),
            threading.Thread(target=self._feed, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def feed(self, blocks: bytes) -> None:
        """The next part of the capture, from its file header on."""
        if self.trouble or not blocks:
            return
        with self._has_food:
            self._waiting += len(blocks)
            if self._waiting > MOST_WAITING:
                self.trouble = f"{self._tshark.what}: tshark cannot keep up; connections from here on are not chosen"
                self._is_over = True
            else:
                self._food.append(blocks)
            self._has_food.notify()

    def poll(self) -> list[Match]:
        """What matched since the last time."""
        found = []
        while self._found:
            found.append(self._found.popleft())
        return found

    def close(self, patience: float = PATIENCE) -> None:
        """Nothing more will be fed: wait until it has said everything, for so many seconds at most."""
        with self._has_food:
            self._is_over = True
            self._has_food.notify()
        for thread in self._threads:
            thread.join(patience)

    def _feed(self) -> None:
        try:
            while True:
                with self._has_food:
                    while not self._food and not self._is_over:
                        self._has_food.wait()
                    if not self._food:
                        return
                    blocks = self._food.popleft()
                    self._waiting -= len(blocks)
                view = memoryview(blocks)
                while view:
                    view = view[os.write(self._writing, view) :]
        except OSError:
            pass  # tshark has ended: the listener says why
        finally:
            os.close(self._writing)

    def _listen(self, reading: int) -> None:
        if hasattr(
            signal, "pthread_sigmask"
        ):  # Ctrl-C is for us: tshark, which inherits this, has something to say yet
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for frame, found in self._tshark.follow(reading, self._expression):
                self._found.extend(Match(frame, *ends) for ends in found)
        except Exception as e:  # noqa: BLE001 - a thread's end must be told to whoever asks
            self.trouble = str(e)
        finally:
            os.close(reading)


@contextmanager
def _quietly(folder: str) -> Iterator[Any]:
    """pyshark, which then looks for its configuration in an empty folder, and caches nothing in the user's.

    Its table of field types is given to it, as far as it needs one: every field is text.
    """
    from pathlib import Path

    try:
        import pyshark
        import pyshark.config
        from pyshark.ek_field_mapping import MAPPING
    except (ImportError, OSError) as e:  # OSError: the current folder has been removed
        raise HelperError(f"pyshark cannot be used: {e}: pip install pyshark") from None
    # at its end pyshark kills what is ending anyway, and asyncio then wonders who has seen it die
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    pyshark.config.fp_config_path = Path(folder, "none")
    MAPPING._protocol_to_mapping = {"frame": {"properties": {}}, "tcp": {"properties": {}}}  # noqa: SLF001
    yield pyshark


# ---- what is seen in a packet


def ends(packet: Any) -> list[Ends]:
    """Source, target and their ports of every segment in the frame."""
    found: list[Ends] = []
    addresses = ("", "")
    for layer in packet.layers:
        fields = layer._fields_dict  # noqa: SLF001 - its accessors want a table of types
        for one in fields if isinstance(fields, list) else [fields]:
            if layer.layer_name in ("ip", "ipv6"):
                name = layer.layer_name
                addresses = (one.get(f"{name}_{name}_src", ""), one.get(f"{name}_{name}_dst", ""))
            elif layer.layer_name == "tcp" and "tcp_tcp_srcport" in one:
                found.append((*addresses, int(one["tcp_tcp_srcport"]), int(one["tcp_tcp_dstport"])))
    return found


def protocols(packet: Any) -> list[str]:
    """The protocols that the frame holds, from the outside in."""
    return str(packet.frame_info.get_field("protocols") or "").split(":")


def application(stack: list[str]) -> str:
    """The application protocol in a stack of protocols; empty: none is recognised."""
    if "tcp" not in stack:
        return ""
    above = stack[len(stack) - stack[::-1].index("tcp") :]
    above = [name for name in above if name not in NO_APPLICATIONS and not name.startswith("x509")]
    if not above:
        return ""
    if above[0] in ENVELOPES and len(above) > 1:
        return f"{above[0]}/{above[1]}"
    return above[0]


def analysis(packet: Any) -> list[str]:
    """What Wireshark's analysis of TCP says of the frame, of all segments in it."""
    found: set[str] = set()
    for layer in packet.layers:
        if layer.layer_name == "tcp":
            _gather(layer._fields_dict, found)  # noqa: SLF001 - its accessors know no nesting
    return [name for name in FLAGS if f"tcp_tcp_analysis_{name}" in found]


def _gather(fields: Any, found: set[str]) -> None:
    """The names of all fields, however deep."""
    if isinstance(fields, list):
        for one in fields:
            _gather(one, found)
    elif isinstance(fields, dict):
        for name, value in fields.items():
            found.add(name)
            _gather(value, found)
