"""``tcpfsm doctor``: what is installed, what works without the rest, and the command that mends what is missing."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from importlib import metadata

import click

LIBRARIES = ("click", "dpkt", "msgspec", "pyshark", "tabulate", "mypy-extensions", "librt", "backports.zstd")
OPTIONAL = {
    "librt": "only the compiled engine needs it",
    "backports.zstd": "captures compressed with zstd need it before Python 3.14: pip install 'tcptrace-py[zstd]'",
}
HELPERS = {
    "tshark": ("Wireshark display filters and application names need it", "tshark", "wireshark-cli"),
    "dumpcap": ("live capture needs it, or tcpdump", "wireshark-common", "wireshark-cli"),
    "tcpdump": ("live capture needs it, or dumpcap", "tcpdump", "tcpdump"),
}
"""What each is for, and its package in Debian's family and in the others."""

CAP_NET_RAW = 13


@click.command(name="doctor")
def command() -> None:
    """Check versions, the engine, helper programs and the right to capture, and say how to mend what is missing."""
    import tcptrace_py
    from tcptrace_py.engine import ENGINE, REASON

    row("tcpfsm", f"{tcptrace_py.__version__}, in {os.path.dirname(tcptrace_py.__file__)}")
    row("engine", f"{ENGINE}: {REASON}")
    if ENGINE == "interpreted":
        advise("the results are the same, about 20 times slower; to have it compiled, with a C compiler present:")
        advise("TCPFSM_COMPILE=1 pip install --force-reinstall --no-deps tcptrace-py")
    row("python", f"{sys.version.split()[0]}, {sys.executable}")
    for name in LIBRARIES:
        library(name)
    for name in HELPERS:
        helper(name)
    right_to_capture()


def row(name: str, text: str) -> None:
    """One line of the report."""
    click.echo(f"{name:<16} {text}")


def advise(text: str) -> None:
    """A line below the one it belongs to."""
    click.echo(f"{'':<16} {text}")


def library(name: str) -> None:
    """The version of a library."""
    try:
        row(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        row(name, "not installed")
        advise(OPTIONAL.get(name, f"pip install {name}"))


def helper(name: str) -> None:
    """Where a helper program is, and which version."""
    purpose, debian, other = HELPERS[name]
    path = find(name)
    if path is None:
        row(name, f"not found: {purpose}; analyzing captures works without")
        advise(installation(debian, other))
        return
    row(name, f"{path} ({version(path)})")


def find(name: str) -> str | None:
    """A program on the path, or where administrators' programs are."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


def installation(debian: str, other: str) -> str:
    """The command that installs a package here."""
    for tool, package in (("apt-get", debian), ("dnf", other), ("pacman", other), ("zypper", other), ("brew", other)):
        if shutil.which(tool):
            sudo = "" if tool == "brew" or is_root() else "sudo "
            verb = "-S" if tool == "pacman" else "install"
            whole = tool in ("brew", "zypper") and package == "wireshark-cli"  # they do not split it
            return f"{sudo}{tool} {verb} {'wireshark' if whole else package}"
    return f"install the package {debian} (or {other})"


def version(path: str) -> str:
    """The first line of what it says of its version."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as e:
        return f"does not run: {e}"
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0].strip().rstrip(".") if lines else "says no version"


def is_root() -> bool:
    """Whether this is the superuser (never on Windows)."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def right_to_capture() -> None:
    """Whether live capture is allowed, and how it can be."""
    if has_net_raw():
        row("live capture", "allowed: this process may open raw sockets")
        return
    dumpcap = find("dumpcap")
    if dumpcap is not None and os.access(dumpcap, os.X_OK) and is_privileged(dumpcap):
        row("live capture", f"allowed: {dumpcap} has the right")
        return
    row("live capture", "not allowed to this user; analyzing captures works without")
    if dumpcap is not None and is_privileged(dumpcap):
        advise('sudo usermod -aG wireshark "$USER"   (then log in again)')
    elif dumpcap is not None:
        advise(f"sudo setcap cap_net_raw,cap_net_admin+eip {dumpcap}")
    elif (tcpdump := find("tcpdump")) is not None:
        advise(f"sudo setcap cap_net_raw,cap_net_admin+eip {tcpdump}")
    else:
        advise(installation("wireshark-common", "wireshark-cli"))


def has_net_raw() -> bool:
    """Whether this process has CAP_NET_RAW (Linux), or is the superuser (elsewhere)."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) >> CAP_NET_RAW & 1)
    except (OSError, ValueError):
        pass
    return is_root()


def is_privileged(path: str) -> bool:
    """Whether a program has capabilities of its own, or is set-uid root."""
    try:
        if os.stat(path).st_mode & stat.S_ISUID:
            return True
        return bool(os.getxattr(path, "security.capability"))
    except (OSError, AttributeError):  # AttributeError: not Linux
        return False
