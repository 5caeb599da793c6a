"""A capture that is being taken: the program that takes it (dumpcap, else tcpdump) as a child, and how it ends.

Only the child needs rights.  It writes to a pipe, so that no file grows anywhere, and runs in a session of its own:
Ctrl-C reaches us, and we tell it to stop and read what it still holds.  It is reaped in every way out (``Child.close``).

Never compiled: it starts processes and waits for them.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from tcptrace_py import programs
from tcptrace_py.capture.streams import widen_pipe
from tcptrace_py.errors import CaptureError, ConfigError, HelperError, TcpfsmError

SNAPLEN = 256
"""Bytes of each packet: every header, through tunnels and options."""
MAX_SNAPLEN = 262144
BUFFER = 32
"""MiB in the kernel: dumpcap's own default of 2 lost 0.7 to 5 % at 80,000 packets/s on a busy machine."""
PATIENCE = 10.0
"""Seconds for it to say that it captures, or why not."""
GRACE = 5.0
"""Seconds for it to end when told to, before it is killed."""
_MOST_WORDS = 16384
"""Bytes kept of what it says on stderr: the last ones."""
_PIECE = 1 << 18


@dataclass(frozen=True)
class Plan:
    """What to capture."""

    interface: str
    bpf: str = ""
    """A capture filter in libpcap's language; empty: everything."""
    snaplen: int = SNAPLEN
    """Bytes of each packet; 0: all of them."""
    buffer: int = BUFFER
    promiscuous: bool = True


class Adapter(NamedTuple):
    """An interface to capture on."""

    name: str
    kind: str
    """loopback or network; empty: not known."""
    addresses: tuple[str, ...]
    description: str


# ---- what there is to capture on


def interfaces() -> list[Adapter]:
    """The interfaces, as the capture tools list them.  Raises HelperError when there is none of those."""
    dumpcap, tcpdump = programs.find("dumpcap"), programs.find("tcpdump")
    for command, parse in (([dumpcap, "-D", "-M"], _of_dumpcap), ([tcpdump, "-D"], _of_tcpdump)):
        if command[0] is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603
                command,  # type: ignore[arg-type]  # its first word is there
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
                env=_environment(),
            )
        except (OSError, subprocess.SubprocessError):
            continue
        found = [adapter for line in done.stdout.decode("utf-8", "replace").splitlines() if (adapter := parse(line))]
        if found:
            return found
    raise (
        _no_tool()
        if dumpcap is None and tcpdump is None
        else HelperError("neither dumpcap nor tcpdump lists an interface: tcpfsm doctor tells what is missing")
    )


def _of_dumpcap(line: str) -> Adapter | None:
    """``1. eth0<TAB>vendor<TAB>description<TAB>type<TAB>addresses<TAB>loopback|network<TAB>extcap``."""
    number, _, rest = line.partition(". ")
    parts = rest.split("\t")
    if not number.isdigit() or len(parts) < 6:
        return None
    addresses = tuple(filter(None, parts[4].split(",")))
    return Adapter(parts[0], parts[5], addresses, parts[2] or parts[1])


_TCPDUMP = re.compile(r"\d+\.(\S+)(?: \((.*?)\))?(?: \[(.*)\])?$")


def _of_tcpdump(line: str) -> Adapter | None:
    """``1.eth0 (description) [Up, Running]``."""
    match = _TCPDUMP.match(line.strip())
    if match is None:
        return None
    kind = "loopback" if "Loopback" in (match[3] or "") else "network"
    return Adapter(match[1], kind, (), match[2] or "")


# ---- the child


def start(plan: Plan) -> Child:
    """Begin to capture: dumpcap where it may, else tcpdump.  Returns when it captures.

    Raises HelperError (no tool), CaptureError (no such interface, no permission) or ConfigError (a filter that does
    not compile).
    """
    check_interface(plan.interface)
    refused: TcpfsmError | None = None
    for name in ("dumpcap", "tcpdump"):
        path = programs.find(name)
        if path is None:
            continue
        try:
            child = Child(name, command(name, path, plan))
        except OSError as e:  # such as a file with capabilities that this container does not have
            refused = refused or CaptureError(f"{path} does not start ({e.strerror}): {programs.grant()}")
            continue
        try:
            child.await_start()
            return child
        except _RefusalError:
            child.close()
            refused = CaptureError(f"{plan.interface}: no permission to capture on it: {programs.grant()}")
        except _StartError as e:
            child.close()
            raise explain(str(e), plan, name) from None
        except BaseException:
            child.close()
            raise
    raise refused or _no_tool()


def check_interface(name: str) -> None:
    """Raise CaptureError for what can be no interface, before any program sees it."""
    if not name or name.startswith("-") or "\0" in name:
        raise CaptureError(f"{name!r} is no interface: tcpfsm interfaces lists them")
    if os.path.isfile(name):
        raise CaptureError(f"{name} is a file, not an interface: tcpfsm analyze reads it")


def command(name: str, path: str, plan: Plan) -> list[str]:
    """The command line of a tool that writes a capture to its standard output as it takes it."""
    snaplen = str(plan.snaplen or MAX_SNAPLEN)
    promiscuous = [] if plan.promiscuous else ["-p"]
    if name == "dumpcap":
        words = [path, "-q", "-i", plan.interface, "-s", snaplen, "-B", str(plan.buffer), *promiscuous]
        return [*words, *(["-f", plan.bpf] if plan.bpf else []), "-w", "-"]
    words = [
        path,
        "--immediate-mode",
        "-U",
        "--nano",
        "-n",
        "-i",
        plan.interface,
        "-s",
        snaplen,
        "-B",
        str(plan.buffer * 1024),
    ]
    return [*words, *promiscuous, "-w", "-", *(["--", plan.bpf] if plan.bpf else [])]


def _no_tool() -> HelperError:
    package = programs.PROGRAMS["dumpcap"]
    return HelperError(
        f"live capture needs dumpcap or tcpdump, and neither is installed; {programs.WORKS_WITHOUT}."
        f" To install one: {programs.installation(package.debian, package.other)}"
    )


def _environment() -> dict[str, str]:
    """Of the children: they speak English, and read no configuration of the user's."""
    return {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}


class _StartError(Exception):
    """It ended without having captured; what it said."""


class _RefusalError(_StartError):
    """It may not capture."""


class Child:
    """A capture tool at work.  Its capture comes out of ``fd``; whoever has it must call ``close``."""

    def __init__(self, name: str, words: Sequence[str]) -> None:
        """Raises OSError when it cannot be started."""
        self.name = name
        self.said = ""
        """The last of what it said on stderr."""
        self.status: int | None = None
        """Its exit status, once it is known; negative: the signal that ended it."""
        self.was_told = False
        """It was told to stop."""
        self.has_ended = False
        """Its capture has been read to the end."""
        self._is_closed = False
        self._process = subprocess.Popen(  # noqa: S603
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.fd = self._process.stdout.fileno()
        self._errors = self._process.stderr.fileno()
        os.set_blocking(self._errors, False)
        widen_pipe(self.fd)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def await_start(self) -> None:
        """Wait until its capture begins.  Raises _StartError, with what it said, when it ends before that."""
        deadline = time.monotonic() + PATIENCE
        while not select.select([self.fd], [], [], max(deadline - time.monotonic(), 0))[0]:
            self.listen()
            if time.monotonic() >= deadline:
                raise _StartError(f"says nothing for {PATIENCE:.0f} s")
        # readable, so either the file header is there or the end: only the end comes with an exit
        self.listen()
        if not _has_bytes(self.fd):
            self._wait(GRACE)
            said = self.said.lower()
            kind = _RefusalError if "permission" in said or "operation not permitted" in said else _StartError
            raise kind(self.said)

    def read(self, count: int = _PIECE) -> bytes:
        """The next bytes of the capture, waiting for them; empty at its end."""
        piece = os.read(self.fd, count)
        self.has_ended = not piece
        return piece

    def listen(self) -> None:
        """Take in what it has said on stderr, without waiting."""
        while True:
            try:
                piece = os.read(self._errors, 4096)
            except (BlockingIOError, OSError):
                return
            if not piece:
                return
            self.said = (self.said + piece.decode("utf-8", "replace"))[-_MOST_WORDS:]

    def stop(self) -> None:
        """Tell it to stop: what it holds still comes, and then the end."""
        self.was_told = True
        with suppress(OSError):
            self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Make sure that it has ended, and let go of it.  To be called in every way out; more than once does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.status is None and not self.has_ended and not self.was_told:
            self.stop()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        # it may be waiting for us to read: nobody will any more
        self._process.stdout.close()
        self._wait(GRACE)
        self.listen()
        self._process.stderr.close()

    def _wait(self, seconds: float) -> None:
        """Reap it, by force if need be."""
        try:
            self.status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.status = self._process.wait()
        self.listen()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what it says when it ends -- #

    @property
    def dropped(self) -> int | None:
        """Packets that did not get into the capture, as it said when it ended; None: it did not say."""
        return dropped(self.said)

    @property
    def trouble(self) -> str:
        """In a few words why it ended when nobody told it to; empty when it was told to, or ended well."""
        if self.was_told or not self.status:
            return ""
        if self.status < 0:
            with suppress(ValueError):
                return f"{self.name} was ended by {signal.Signals(-self.status).name}"
            return f"{self.name} was ended by signal {-self.status}"
        return f"{self.name} failed: {first_words(self.said, self.name) or f'exit status {self.status}'}"


def _has_bytes(fd: int) -> bool:
    """Whether there is something to read, and not the end; ``fd`` is readable."""
    try:
        import fcntl
        import struct
        import termios

        return bool(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0])
    except (ImportError, OSError):
        return True  # whoever reads will see


_DUMPCAP_DROPS = re.compile(r"Packets received/dropped on interface .*: \d+/(\d+) ")
_TCPDUMP_DROPS = re.compile(r"^(\d+) packets? dropped by (?:kernel|interface)$", re.MULTILINE)


def dropped(said: str) -> int | None:
    """Packets dropped, from the summary that a tool prints when it ends; None: there is none."""
    counts = _DUMPCAP_DROPS.findall(said) or _TCPDUMP_DROPS.findall(said)
    return sum(map(int, counts)) if counts else None


def first_words(said: str, name: str) -> str:
    """The first complaint among what a tool said, with the reason that follows it in brackets, as one line."""
    lines = [line.strip() for line in said.splitlines()]
    for i, line in enumerate(lines):
        if line.startswith(f"{name}: ") and not line.startswith((f"{name}: listening on", f"{name}: data link type")):
            text = line.removeprefix(f"{name}: ").removeprefix("WARNING: ")
            following = next((more for more in lines[i + 1 :] if more), "")
            if following.startswith("(") and following.endswith(")"):
                text += f" {following}"
            return text
    return next((line for line in lines if line and not line.startswith(("Capturing on", "File:"))), "")


def explain(said: str, plan: Plan, name: str) -> TcpfsmError:
    """What a tool says that did not begin, as one line that names what to mend."""
    lower = said.lower()
    if "filter" in lower and plan.bpf:
        parsed = re.search(r"can't parse filter expression: ([^)\n]*)", said)
        bracketed = re.search(r"\(([^)\n]*)\)\.?\s*$", said, re.MULTILINE)
        match = parsed or bracketed
        reason = match[1] if match else ""
        return ConfigError(
            f"--bpf {plan.bpf!r} is no capture filter ({reason or first_words(said, name)}):"
            " man pcap-filter describes the language"
        )
    if "no such device" in lower or "there is no device" in lower or "doesn't exist" in lower:
        return CaptureError(f"{plan.interface}: no such interface: tcpfsm interfaces lists them")
    if "not up" in lower or "network is down" in lower:
        return CaptureError(f"{plan.interface}: the interface is down: sudo ip link set {plan.interface} up")
    return CaptureError(
        f"{plan.interface}: {name} cannot capture on it: {first_words(said, name) or 'it says nothing'}"
    )
