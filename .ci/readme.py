"""The commands that README.md promises, read from README.md itself.

Under the heading "Install and test" stand two fenced blocks marked ``sh``, each of exactly one line: the first installs tcpfsm and
runs it on a sample, the second installs it and runs the tests.  ``python .ci/readme.py install`` and ``... test`` print them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HEADING = "## Install and test"
NAMES = ("install", "test")


def read_commands(readme: str) -> dict[str, str]:
    """The two commands, by name; ValueError says what is wrong with the text of the README."""
    head, found, section = readme.partition(f"{HEADING}\n")
    if not found or (head and not head.endswith("\n")):
        raise ValueError(f"README.md has no heading {HEADING!r}")
    section = re.split(r"^## ", section, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    if len(blocks) < len(NAMES):
        raise ValueError(f"README.md: {HEADING!r} has {len(blocks)} fenced sh blocks, not {len(NAMES)}")
    for block in blocks[: len(NAMES)]:
        if len(block.splitlines()) != 1 or not block.strip():
            raise ValueError(f"README.md: a command under {HEADING!r} is not one line: {block!r}")
    return dict(zip(NAMES, (block.strip() for block in blocks), strict=False))


def main() -> None:
    try:
        print(read_commands(Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8"))[sys.argv[1]])
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    except (IndexError, KeyError) as error:
        raise SystemExit(f"usage: readme.py {'|'.join(NAMES)}") from error


if __name__ == "__main__":
    main()
