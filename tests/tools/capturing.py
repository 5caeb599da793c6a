"""Where tests may capture: a network namespace of their own, so that nobody else's traffic comes in, and no rights are needed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.program import environment

NAMESPACES = (["unshare", "-Urn"], ["unshare", "-n"])
"""A user namespace brings the rights along; where those are not to be had, root needs none."""
ENTER = 'ip link set lo up && exec "$@"'


@functools.cache
def namespace(tool: str = "dumpcap") -> tuple[str, ...]:
    """The words before a command that put it in a network namespace with a loopback interface; none: not here."""
    for words in reversed(NAMESPACES) if tool == "tcpdump" else NAMESPACES:  # as root, tcpdump becomes another user
        prefix = [*words, "sh", "-c", ENTER, "sh"]
        try:
            done = subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=30)
        except OSError:
            continue
        if done.returncode == 0:
            return () if tool == "tcpdump" and "-U" in words[1] else tuple(prefix)
    return ()


def need_capture(*tools: str) -> list[str]:
    """The words that enter the namespace; skips the test, and says why, where nothing can be captured."""
    for tool in tools or ("dumpcap",):
        if shutil.which(tool) is None and shutil.which(tool, path="/usr/sbin:/sbin") is None:
            pytest.skip(f"{tool} is not installed")
    words = namespace("tcpdump" if "tcpdump" in tools else "dumpcap")
    if not words and "tcpdump" in tools and namespace():
        pytest.skip(
            "tcpdump captures in a network namespace of root's only (unshare -n): elsewhere it cannot give up its rights"
        )
    if not words:
        pytest.skip("no network namespace is allowed here (unshare -Urn, or unshare -n as root)")
    return list(words)


def capturing(script: str | Path, *arguments: str, tools: tuple[str, ...] = (), **env: str) -> str:
    """What a Python program, by path or as text, prints in the namespace.  Skips the test where there is none."""
    words = [sys.executable, str(script)] if isinstance(script, Path) else [sys.executable, "-c", script]
    done = subprocess.run(
        [*need_capture(*tools), *words, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(**env),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
