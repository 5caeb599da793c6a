"""Golden reports: what tcpfsm says of each sample, kept in tests/golden as JSON and as a table; of a few as a page, too.

``python tests/tools/golden.py`` writes them anew; a test shows what differs.  Read the difference before committing it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (2, 1)]

import tcptrace_py
from tcptrace_py.cli.picturing import pictures_of
from tcptrace_py.config import Config
from tools.sinking import write
from tools.stories import EXPECTED, capture, report

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TOO_LARGE = {"syn-flood"}
"""Of these the connections are left out."""
PAGES = {"four-way-close", "stuck-close-wait"}
"""These are kept as HTML."""


def reports(name: str) -> dict[str, str]:
    """The golden files of one sample: name → content, without what depends on version and engine."""
    made = report(capture(name))
    del made["tool"]
    if name in TOO_LARGE:
        del made["connections"]
    table = write(capture(name), "table", captures=(f"samples/{name}.pcap",))
    as_json = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    made_files = {f"{name}.json": as_json, f"{name}.txt": table.decode()}
    if name in PAGES:
        made_files[f"{name}.html"] = page(capture(name)).replace(tcptrace_py.__version__, "VERSION")
    return made_files


def page(path: Path, config: Config | None = None) -> str:
    """The report on a capture as HTML, with its pictures."""
    pictures = pictures_of([str(path)], config or Config())
    return write(path, "html", config, captures=(f"samples/{path.name}",), pictures=pictures).decode()


def renew() -> None:
    """Write all, and remove what belongs to no sample."""
    GOLDEN.mkdir(exist_ok=True)
    wanted = {file: text for name in EXPECTED for file, text in reports(name).items()}
    for path in GOLDEN.iterdir():
        if path.name not in wanted:
            path.unlink()
    for file, text in wanted.items():
        (GOLDEN / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
