"""A capture filter for recorded packets: libpcap's language, compiled by tcpdump, once for each link type.

Never compiled itself: it starts a program, once a link type.
"""

from __future__ import annotations

import struct
import subprocess

from tcptrace_py import programs
from tcptrace_py.capture.bpf import Program
from tcptrace_py.errors import ConfigError, HelperError

ETHERNET = 1
PATIENCE = 30.0


class CaptureFilter:
    """One expression."""

    def __init__(self, expression: str) -> None:
        """Raises HelperError when there is no tcpdump, ConfigError when the expression makes no sense."""
        self.expression = expression
        self.left_out = 0
        """Packets that did not pass, of the files that are done with."""
        self._path = programs.need("tcpdump", "--bpf on captures")
        self._programs: dict[int, Program] = {}
        self.program(ETHERNET)  # a mistake is known before any file is read

    def program(self, link: int) -> Program:
        """The filter for a link type (a LINKTYPE_ value).  Raises HelperError and ConfigError."""
        found = self._programs.get(link)
        if found is None:
            found = self._programs[link] = self._compile(link)
        return found

    def _compile(self, link: int) -> Program:
        """Let tcpdump compile for the file that it is given: here, one with a header and nothing else."""
        header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
        try:
            done = subprocess.run(  # noqa: S603
                [self._path, "-ddd", "-r", "-", "--", self.expression],
                input=header,
                capture_output=True,
                check=False,
                timeout=PATIENCE,
            )
        except (OSError, subprocess.SubprocessError) as e:
            raise HelperError(f"--bpf: {self._path} does not run: {e}") from None
        lines = done.stdout.decode("ascii", "replace").splitlines()
        try:
            rows = [[int(number) for number in line.split()] for line in lines[1:]]
            return Program([(code, if_true, if_false, k) for code, if_true, if_false, k in rows])
        except ValueError:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            reason = said[-1].removeprefix("tcpdump: ").removeprefix("can't parse filter expression: ") if said else ""
            which = "" if link == ETHERNET else f" for link type {link}"
            raise ConfigError(
                f"--bpf {self.expression!r} is no capture filter{which} ({reason or 'tcpdump says nothing'}):"
                " man pcap-filter describes the language"
            ) from None
