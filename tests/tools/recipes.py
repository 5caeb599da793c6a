"""Commands in a document, each followed by what it prints: a block ```sh, and after it a block ```text.

``python tests/tools/recipes.py docs/jq.md`` runs them and writes their output anew; a test compares.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.program import COMMAND, environment

PAIR = re.compile(r"```sh\n(?P<command>.*?)```\n+```text\n(?P<output>.*?)```", re.DOTALL)


class Recipe(NamedTuple):
    """A command, and what the document says it prints."""

    command: str
    output: str


def recipes(text: str) -> Iterator[Recipe]:
    """Those of a document."""
    for match in PAIR.finditer(text):
        yield Recipe(match["command"], match["output"])


def output_of(command: str, folder: Path) -> str:
    """What a command prints, run in the folder with the samples; ``tcpfsm`` is the one under test."""
    script = f'set -e -o pipefail; tcpfsm() {{ {shlex.join(COMMAND)} "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{command}\n{done.stderr}"
    return done.stdout


def renew(text: str, folder: Path) -> str:
    """The document with the output of every command as it is now."""
    return PAIR.sub(lambda m: m[0].replace(m["output"], output_of(m["command"], folder)), text)


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path.cwd())
    path = Path(sys.argv[1])
    path.write_text(renew(path.read_text(encoding="utf-8"), path.resolve().parents[1]), encoding="utf-8")
