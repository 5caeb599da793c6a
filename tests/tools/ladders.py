"""Golden ladders: what ``tcpfsm show`` draws of each sample, kept in tests/ladders.

``python tests/tools/ladders.py`` writes them anew; a test shows what differs.  Read the difference before committing it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (2, 1)]

from tcptrace_py.cli.showing import read_ladder
from tcptrace_py.config import Config
from tcptrace_py.ladder.choice import parse
from tcptrace_py.ladder.formats import render
from tcptrace_py.ladder.model import Ladder
from tcptrace_py.report.model import Tool
from tools.stories import EXPECTED, capture

LADDERS = Path(__file__).resolve().parents[1] / "ladders"
MOST = 8
"""Connections of a sample that are kept."""
OTHERS = ("stuck-close-wait", "time-wait-restart", "icmp-rejected")
"""Samples whose first connection with findings is kept in the other formats, too."""
NUMBERS = {"stuck-close-wait": 3}


def drawn(data: bytes | Path, words: str, **options: bool) -> Ladder:
    """The ladder of a connection, the same with every version and engine."""
    paths, stdin = ([str(data)], None) if isinstance(data, Path) else (["-"], io.BytesIO(data))
    made, _ = read_ladder(paths, Config(), parse([words]), None, stdin, **options)
    return msgspec.structs.replace(
        made, tool=Tool("tcpfsm", "0", "compiled"), sources=[Path(name).name for name in made.sources]
    )


def ladders(name: str) -> dict[str, str]:
    """The golden files of one sample: name → content."""
    count = min(len(EXPECTED[name]["connections"]), MOST)
    texts = [render(drawn(capture(name), str(number)), "text") for number in range(1, count + 1)]
    files = {f"{name}.txt": "\n".join(texts)}
    if name in OTHERS:
        one = drawn(capture(name), str(NUMBERS.get(name, 1)))
        for kind, suffix in (("json", "json"), ("mermaid", "mmd"), ("svg", "svg")):
            files[f"{name}.{suffix}"] = render(one, kind)
    return files


def renew() -> None:
    """Write all, and remove what belongs to no sample."""
    LADDERS.mkdir(exist_ok=True)
    wanted = {file: text for name in EXPECTED for file, text in ladders(name).items()}
    for path in LADDERS.iterdir():
        if path.name not in wanted:
            path.unlink()
    for file, text in wanted.items():
        (LADDERS / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
