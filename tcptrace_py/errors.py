"""The exceptions a caller may catch, and nothing else.

Each is shown to a user as one line: what is wrong, where, and what to do.
"""

from __future__ import annotations


class TcpfsmError(Exception):
    """Root of every error that tcpfsm raises on purpose."""


class CaptureError(TcpfsmError):
    """A capture that cannot be read at all: missing, no permission, or not a capture."""


class ConfigError(TcpfsmError):
    """An option, configuration file or name that makes no sense."""


class HelperError(TcpfsmError):
    """A helper program (tshark, dumpcap, tcpdump) is missing or failed."""
