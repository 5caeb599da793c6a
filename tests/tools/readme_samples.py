"""The lines "tcpfsm says: …" in samples/README.md: state pairs (client/server) and findings of each sample, with how often.

``python tests/tools/readme_samples.py`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (2, 1)]

from tools.stories import SAMPLES, capture, report

README = SAMPLES / "README.md"
SAID = re.compile(r"^- tcpfsm says: .*\n(?:  .*\n)*", re.MULTILINE)
SECTION = re.compile(r"^### (?P<name>\S+)\.pcap: .*\n(?:(?!##).*\n)*?- Findings: .*\n(?:  .*\n)*", re.MULTILINE)


def fill(text: str) -> str:
    """The document with those lines as they should be, each below the findings that were expected."""
    return SECTION.sub(lambda m: m[0] + says(m["name"]), SAID.sub("", text))


def says(name: str) -> str:
    """The line of one sample."""
    summary = report(capture(name))["summary"]
    states = [pair + times(count) for pair, count in summary["states"].items()]
    rules = [f"`{rule}`" + times(count) for rule, count in summary["findings"].items()]
    line = f"- tcpfsm says: {', '.join(states)}; findings: {', '.join(rules) or 'none'}."
    wrapped = textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return wrapped + "\n"


def times(count: int) -> str:
    """How often, unless once."""
    return f" (×{count})" if count > 1 else ""


if __name__ == "__main__":
    README.write_text(fill(README.read_text(encoding="utf-8")), encoding="utf-8")
