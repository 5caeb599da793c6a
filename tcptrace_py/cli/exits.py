"""Exit statuses: one table, for every command and every format."""

from __future__ import annotations

DONE = 0
FINDINGS = 1
USAGE = 2
DAMAGED = 3
INTERRUPTED = 130  # 128 + SIGINT
CLOSED = 141  # 128 + SIGPIPE
TERMINATED = 143  # 128 + SIGTERM

EXITS: dict[int, str] = {
    DONE: "done, and nothing at or above --fail-on",
    FINDINGS: "findings at or above --fail-on",
    USAGE: "usage or configuration error, a capture that cannot be read at all, or a helper program missing",
    DAMAGED: "with --strict: analysed, but the input was damaged or incomplete",
    INTERRUPTED: "interrupted (Ctrl-C)",
    CLOSED: "standard output was closed by its reader (| head)",
    TERMINATED: "terminated (SIGTERM)",
}
"""What each means."""
