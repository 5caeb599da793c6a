"""The ladder as an SVG picture: no scripts, no fonts of its own, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape

from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import words
from tcptrace_py.report.text import printable

WIDTH = 900
LEFT = 130
RIGHT = 880
LINE = 18
CHARACTERS = 100
"""Of a sentence between the lifelines."""
STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}"
    ".dim{fill:#656d76}.state{fill:#116329;font-weight:bold}.error{fill:#cf222e}.warning{fill:#9a6700}.info{fill:#0969da}"
    ".retracted{fill:#8250df}.lost{fill:#cf222e}line{stroke:#656d76}line.lost{stroke:#cf222e;stroke-dasharray:6 3}"
)


def render(ladder: lm.Ladder) -> str:
    """The whole picture."""
    return Picture(ladder).text()


def inline(ladder: lm.Ladder) -> str:
    """The picture as an element of a page, whose style sheet has a class ``ladder``."""
    return Picture(ladder).element()


class Picture:
    """One ladder being drawn, from top to bottom."""

    def __init__(self, ladder: lm.Ladder) -> None:
        self.ladder = ladder
        self.y = 0
        self.parts: list[str] = []
        frames = [item for item in ladder.items if isinstance(item, lm.FrameItem)]
        self.start = frames[0].time if frames else ladder.connection.start
        c = ladder.connection
        for line in words.head(ladder):
            self.say(10, line)
        self.y += LINE
        self.say(LEFT, f"client {words.name(c.client)}")
        self.y -= LINE
        self.say(RIGHT, f"server {words.name(c.server)}", anchor="end")
        self.top = self.y + 6
        before: lm.Item | None = None
        for item in (*ladder.before, *ladder.items):
            if self.beside(before, item):
                self.y -= LINE
                before = None
            else:
                before = item
            self.item(item)
        self.bottom = self.y + 6
        self.y += LINE
        for line in words.foot(ladder):
            self.say(10, f"At the end: {line}")
        for line in words.legend(ladder, "✕"):
            self.say(10, line, "dim")

    def text(self) -> str:
        """As a document."""
        height = self.y + LINE
        title = escape(printable(words.head(self.ladder)[0]))
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
                f"<title>{title}</title>",
                f"<style>{STYLE}</style>",
                f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
                *self.lifelines(),
                *self.parts,
                "</svg>\n",
            ]
        )

    def element(self) -> str:
        """As an element without any style of its own."""
        title = escape(printable(words.head(self.ladder)[0]))
        head = f'<svg class="ladder" viewBox="0 0 {WIDTH} {self.y + LINE}" role="group" aria-label="{title}">'
        return "\n".join([head, *self.lifelines(), *self.parts, "</svg>"])

    def lifelines(self) -> list[str]:
        """Of both sides."""
        return [f'<line x1="{x}" y1="{self.top}" x2="{x}" y2="{self.bottom}"/>' for x in (LEFT, RIGHT)]

    def say(self, x: int, text: str, kind: str = "", anchor: str = "start") -> None:
        """A line of text."""
        self.y += LINE
        style = f' class="{kind}"' if kind else ""
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(f'<text x="{x}" y="{self.y}"{style}{where}>{escape(printable(text))}</text>')

    def note(self, text: str, kind: str) -> None:
        """A sentence between the lifelines."""
        for line in words.paragraph(text, CHARACTERS):
            self.say(LEFT + 14, line, kind)

    @staticmethod
    def beside(before: lm.Item | None, item: lm.Item) -> bool:
        """Whether a state goes beside the one before it, which the other side enters."""
        return isinstance(before, lm.StateItem) and isinstance(item, lm.StateItem) and before.endpoint != item.endpoint

    def item(self, item: lm.Item) -> None:
        """One item."""
        if isinstance(item, lm.FrameItem):
            self.frame(item)
        elif isinstance(item, lm.StateItem):
            is_client = item.endpoint == "client"
            x, anchor = (LEFT + 6, "start") if is_client else (RIGHT - 6, "end")
            self.say(x, words.entered(item), "state", anchor)
        elif isinstance(item, lm.RetractionItem):
            self.note(words.retracted(item), "retracted")
        elif isinstance(item, lm.FoldItem):
            self.note(f"({item.first_frame}-{item.last_frame}) {words.folded(item, '▶', '◀')}", "dim")
        elif isinstance(item, lm.IdleItem):
            self.say((LEFT + RIGHT) // 2, words.idle(item), "dim", "middle")
        else:
            self.note(f"● {words.told(item)}", item.severity)

    def frame(self, item: lm.FrameItem) -> None:
        """An arrow with its label above."""
        kind = "lost" if words.is_lost(item) else ""
        to_server = (item.sender == "client") == (item.icmp is None)
        self.say((LEFT + RIGHT) // 2, f"{words.label(item)} {words.marks(item)}".rstrip(), kind, "middle")
        self.y += 6
        self.parts.append(f'<text x="10" y="{self.y}" class="dim">{item.frame} {item.time - self.start:.6f}</text>')
        style = f' class="{kind}"' if kind else ""
        begin, end = (LEFT, RIGHT) if to_server else (RIGHT, LEFT)
        if item.icmp is not None:
            begin = (LEFT + RIGHT) // 2
        back = -8 if to_server else 8
        y = self.y
        self.parts.append(f'<line x1="{begin}" y1="{y}" x2="{end + back}" y2="{y}"{style}/>')
        if kind:
            x = end + back
            self.parts.append(f'<text x="{x}" y="{y + 4}" class="lost" text-anchor="middle">✕</text>')
        else:
            self.parts.append(f'<path d="M{end} {y}l{back} -4v8z" fill="#656d76"/>')
