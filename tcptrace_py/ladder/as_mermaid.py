"""The ladder as a Mermaid sequence diagram, for Markdown that renders them (GitHub, GitLab)."""

from __future__ import annotations

from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import words
from tcptrace_py.report.text import printable

_SPECIAL = str.maketrans({c: f"#{ord(c)};" for c in "#;<>&\"'`%{}\\|"})
_ENDS = {"client": "C", "server": "S"}
CHARACTERS = 56
"""Of a line in a note."""
_OTHER = {"client": "S", "server": "C"}


def escape(text: str) -> str:
    """Text that is only text: control characters visible, Mermaid's own characters as entities."""
    return printable(text).translate(_SPECIAL)


def folded(text: str) -> str:
    """A sentence in a note, which does not fold by itself."""
    return "<br/>".join(escape(line) for line in words.paragraph(text, CHARACTERS))


def render(ladder: lm.Ladder) -> str:
    """The whole diagram."""
    c = ladder.connection
    lines = [
        "sequenceDiagram",
        f"    accTitle: {escape(words.head(ladder)[0])}",
        f"    participant C as client {escape(words.name(c.client))}",
        f"    participant S as server {escape(words.name(c.server))}",
    ]
    lines += [entry(state) for state in ladder.before]
    lines += [entry(item) for item in ladder.items]
    lines += [f"    Note over C,S: At the end: {escape(line)}" for line in words.foot(ladder)]
    return "\n".join(lines) + "\n"


def entry(item: lm.Item) -> str:
    """One item, one line."""
    if isinstance(item, lm.FrameItem):
        text = f"{item.frame}: {words.label(item)} {words.marks(item)}".rstrip()
        if item.icmp is not None:
            return f"    {_OTHER[item.sender]}-->>{_ENDS[item.sender]}: {escape(text)}"
        arrow = "-x" if words.is_lost(item) else "->>"
        return f"    {_ENDS[item.sender]}{arrow}{_OTHER[item.sender]}: {escape(text)}"
    if isinstance(item, lm.StateItem):
        return f"    Note over {_ENDS[item.endpoint]}: {escape(words.entered(item))}"
    if isinstance(item, lm.RetractionItem):
        return f"    Note over {_ENDS[item.endpoint]}: {folded(words.retracted(item))}"
    if isinstance(item, lm.FoldItem):
        frames = f"({item.first_frame}-{item.last_frame}) {words.folded(item, 'to server', 'to client')}"
        return f"    Note over C,S: {folded(frames)}"
    if isinstance(item, lm.IdleItem):
        return f"    Note over C,S: {escape(words.idle(item))}"
    over = "C,S" if item.endpoint is None else _ENDS[item.endpoint]
    return f"    Note over {over}: {folded(words.told(item))}"
