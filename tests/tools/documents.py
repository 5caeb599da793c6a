"""README.md and docs/: their fenced blocks, the commands in them, what those print, and where links lead.

A block ```sh with a block ```text right behind it is a command and its output, run as a whole; in any other ```sh block each
line is a command of its own.  A comment ``# exit 1`` at the end of a command says that it does not end with 0.
``PYTHONPATH=.:tests python tests/tools/documents.py README.md`` writes all output anew; a test compares.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.program import COMMAND, environment

CHECKOUT = Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
EXIT = re.compile(r"#\s*exit (\d+)\s*$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE = re.compile(r"(?<!`)`(tcpfsm [^`\n]+)`(?!`)")


class Command(NamedTuple):
    """A command, and where the document shows its output (None: it does not)."""

    text: str
    shown: str | None
    place: tuple[int, int]
    """Of the output: from, to."""

    @property
    def status(self) -> int:
        """The exit status that the document promises."""
        promised = EXIT.search(self.text)
        return int(promised[1]) if promised else 0


def commands(text: str) -> Iterator[Command]:
    """The commands of a document that call tcpfsm, in their order."""
    blocks = list(FENCE.finditer(text))
    for block, after in zip(blocks, [*blocks[1:], None], strict=False):
        if block["language"] != "sh":
            continue
        if after is not None and after["language"] == "text" and not text[block.end() : after.start()].strip():
            yield Command(block["body"], after["body"], after.span("body"))
        else:
            for line in block["body"].replace("\\\n", " ").splitlines():
                if line.startswith("tcpfsm "):
                    yield Command(line, None, (0, 0))


def output_of(command: Command, folder: Path = CHECKOUT) -> str:
    """What it prints, run in the folder with the samples; ``tcpfsm`` is the one under test."""
    script = f'set -o pipefail; tcpfsm() {{ {shlex.join(COMMAND)} "$@"; }}\n{command.text}'
    with tempfile.TemporaryDirectory() as scratch:  # for what the commands make with mktemp
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=environment(TMPDIR=scratch, PYTHONUTF8="1"),
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (command.status, ""), f"{command.text}: {done.returncode}\n{done.stderr}"
    return done.stdout


def renew(text: str) -> str:
    """The document with all output as it is now."""
    for command in reversed(list(commands(text))):
        if command.shown is not None:
            start, end = command.place
            text = text[:start] + output_of(command) + text[end:]
    return text


def links(text: str) -> Iterator[str]:
    """Where its links lead, but for the web; those in code are none."""
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" not in target:
            yield target


def anchors(text: str) -> set[str]:
    """The places of a document that a link may name: its headings, as GitHub writes them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(renew(path.read_text(encoding="utf-8")), encoding="utf-8")
