"""Starts tcpfsm.  A file, not ``-m``: so the current folder, which may be a checkout, does not get onto the path."""

from __future__ import annotations

from tcptrace_py.cli.main import main

main()
