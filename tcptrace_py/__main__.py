"""``python -m tcptrace_py``: the command line."""

from __future__ import annotations

from tcptrace_py.cli.main import main

main()
