from __future__ import annotations

import pytest

from tcptrace_py.report.as_markdown import escaped
from tools.program import SAMPLES
from tools.sinking import write


def test_it_says_what_the_table_says() -> None:
    sample = SAMPLES / "stuck-close-wait.pcap"
    text = write(sample, "markdown").decode()
    assert text.splitlines()[0] == "# " + write(sample, "table").decode().splitlines()[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert any("FIN_WAIT_2" in row for row in rows)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("`code`", r"\`code\`"),
        ("**bold**", r"\*\*bold\*\*"),
        ("FIN_WAIT_2", "FIN_WAIT_2"),
        ("_it_", r"\_it\_"),
        ("line\nbreak", r"line\\nbreak"),
        ("\x1b[0m", r"\\x1b\[0m"),
    ],
)
def test_nothing_is_markup(raw: str, shown: str) -> None:
    assert escaped(raw) == shown
