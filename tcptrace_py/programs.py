"""The programs of others that some commands call: where they are, who may use them, and the command that mends what is not so.

They are looked for where the search path says, never in the current folder nor in one that is named relative to it: a
capture's folder must not be able to make anything run.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from typing import NamedTuple

from tcptrace_py.errors import HelperError


class Program(NamedTuple):
    """What it is for, and its package in Debian's family and in the others."""

    purpose: str
    debian: str
    other: str


PROGRAMS: dict[str, Program] = {
    "tshark": Program("Wireshark display filters and application names need it", "tshark", "wireshark-cli"),
    "dumpcap": Program("live capture needs it, or tcpdump", "wireshark-common", "wireshark-cli"),
    "tcpdump": Program("live capture needs it, or dumpcap; and --bpf on files", "tcpdump", "tcpdump"),
}

WORKS_WITHOUT = "analyzing captures works without"

_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/Applications/Wireshark.app/Contents/MacOS")
"""Where administrators' programs are, and what is on no search path."""
_CAP_NET_RAW = 13


def find(name: str) -> str | None:
    """The full path of a program; None when it is not installed."""
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]
    if os.name == "nt":
        folders += [os.path.join(os.environ.get("PROGRAMFILES", r"C:\Program Files"), "Wireshark")]
    found = shutil.which(name, path=os.pathsep.join((*folders, *_FOLDERS)))
    return found if found is not None and os.path.isabs(found) else None


def need(name: str, what: str) -> str:
    """The full path of a program that ``what`` (an option, a command) cannot do without.  Raises HelperError."""
    path = find(name)
    if path is None:
        program = PROGRAMS[name]
        raise HelperError(
            f"{what} needs {name}, which is not installed; everything else works without."
            f" To install it: {installation(program.debian, program.other)}"
        )
    return path


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


# ---- the right to capture


class Right(NamedTuple):
    """Whether live capture is allowed to this user."""

    allowed: bool
    why: str
    command: str
    """What grants it; empty when it is allowed."""


def right_to_capture() -> Right:
    """Whether live capture is allowed, and how it can be."""
    dumpcap, tcpdump = find("dumpcap"), find("tcpdump")
    if dumpcap is None and tcpdump is None:
        package = PROGRAMS["dumpcap"]
        why = "not possible: neither dumpcap nor tcpdump is installed"
        return Right(False, why, installation(package.debian, package.other))
    if has_net_raw():
        return Right(True, "allowed: this process may open raw sockets", "")
    for path in (dumpcap, tcpdump):
        if path is not None and is_privileged(path) and os.access(path, os.X_OK):
            return Right(True, f"allowed: {path} has the right", "")
    return Right(False, "not allowed to this user", grant())


def grant() -> str:
    """The command that gives this user the right to capture, with what is installed."""
    if is_root() and is_contained():
        return "docker run --cap-add=NET_RAW --cap-add=NET_ADMIN ...   (and the host's traffic: --network=host)"
    dumpcap = find("dumpcap")
    if dumpcap is not None and is_privileged(dumpcap):
        return 'sudo usermod -aG wireshark "$USER"   (then log in again)'
    path = dumpcap or find("tcpdump")
    if path is None:
        return installation(*PROGRAMS["dumpcap"][1:])
    return f"sudo setcap cap_net_raw,cap_net_admin+eip {path}"


def is_root() -> bool:
    """Whether this is the superuser (never on Windows)."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_contained() -> bool:
    """Whether this seems to be a container."""
    return any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))


def has_net_raw() -> bool:
    """Whether this process has CAP_NET_RAW (Linux), or is the superuser (elsewhere)."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) >> _CAP_NET_RAW & 1)
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
