"""The ladder for a terminal: client on the left, server on the right, an arrow a frame."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

from tcptrace_py.ladder import model as lm
from tcptrace_py.ladder import words
from tcptrace_py.report.phrases import quoted

LEAST_WIDTH = 64
MOST_WIDTH = 132
COLORS = {"error": "1;31", "warning": "33", "info": "36", "state": "32", "lost": "31", "dim": "2", "retracted": "35"}


class Signs(NamedTuple):
    """The characters it is drawn with."""

    line: str
    dash: str
    right: str
    left: str
    lost: str
    idle: str
    finding: str


PRETTY = Signs("│", "─", "▶", "◀", "✕", "┊", "●")
PLAIN = Signs("|", "-", ">", "<", "x", ":", "*")


def render(ladder: lm.Ladder, *, width: int = 80, ascii_only: bool = False, color: bool = False) -> str:
    """The whole as text.  ``width``: columns to fit in."""
    return "\n".join(Drawing(ladder, width, PLAIN if ascii_only else PRETTY, color=color).lines) + "\n"


class Drawing:
    """One ladder being drawn."""

    def __init__(self, ladder: lm.Ladder, width: int, signs: Signs, *, color: bool) -> None:
        self.ladder = ladder
        self.signs = signs
        self.color = color
        self.width = max(LEAST_WIDTH, min(width, MOST_WIDTH))
        frames = [item for item in ladder.items if isinstance(item, lm.FrameItem)]
        self.number_width = max(len("frame"), *(len(str(f.frame)) for f in frames)) if frames else len("frame")
        self.start = frames[0].time if frames else ladder.connection.start
        longest = max((len(f"{f.time - self.start:.6f}") for f in frames), default=8)
        self.time_width = max(len("seconds"), longest)
        self.margin = self.number_width + self.time_width + 3
        self.inner = self.width - self.margin - 2
        self.lines: list[str] = []
        self.draw()

    def draw(self) -> None:
        """From head to foot."""
        for line in words.head(self.ladder):
            self.lines += wrap(line, self.width)
        self.lines.append("")
        self.title()
        waiting: dict[str, lm.StateItem] = {item.endpoint: item for item in self.ladder.before}
        for item in self.ladder.items:
            if isinstance(item, lm.StateItem):
                if item.endpoint in waiting:
                    self.states(waiting)
                    waiting = {}
                waiting[item.endpoint] = item
                continue
            self.states(waiting)
            waiting = {}
            self.item(item)
        self.states(waiting)
        self.lines.append("")
        self.foot()

    def title(self) -> None:
        """Who stands left and right."""
        c = self.ladder.connection
        client, server = f"client {words.name(c.client)}", f"server {words.name(c.server)}"
        numbers = f"{'frame':>{self.number_width}} {'seconds':>{self.time_width}}  "
        if len(client) + len(server) + 2 <= self.inner + 2:
            self.lines.append(numbers + client + server.rjust(self.inner + 2 - len(client)))
        else:
            self.lines.append(numbers + client)
            self.lines.append(" " * self.margin + server.rjust(self.inner + 2))

    def item(self, item: lm.FrameItem | lm.FoldItem | lm.IdleItem | lm.RetractionItem | lm.FindingItem) -> None:
        """Anything but a state."""
        if isinstance(item, lm.FrameItem):
            self.frame(item)
        elif isinstance(item, lm.FoldItem):
            frames = f"{item.first_frame}-{item.last_frame}"
            text = f"({frames}) {words.folded(item, self.signs.right, self.signs.left)}"
            self.note(text, "dim", line=self.signs.idle)
        elif isinstance(item, lm.IdleItem):
            self.rung(f" {words.idle(item)} ".center(self.inner), "dim", self.signs.idle)
        elif isinstance(item, lm.RetractionItem):
            self.note(words.retracted(item), "retracted")
        else:
            self.note(f"{self.signs.finding} {words.told(item)}", item.severity)

    def frame(self, item: lm.FrameItem) -> None:
        """An arrow."""
        signs = self.signs
        label, marks = words.label(item), words.marks(item)
        room = self.inner - 6
        text = f"{label} {marks}" if marks else label
        below = ""
        if len(text) > room:
            text, below = label[:room], marks
        lost = words.is_lost(item)
        head = signs.lost if lost else signs.right if item.sender == "client" else signs.left
        if item.icmp is not None:
            # it comes from somewhere in between, and goes to the sender of what it quotes
            body = f"{signs.dash * 2} {text} " if item.sender == "client" else f" {text} {signs.dash * 2}"
            body = f"{signs.left}{body}" if item.sender == "client" else f"{body}{signs.right}"
            body = body.ljust(self.inner) if item.sender == "client" else body.rjust(self.inner)
        elif item.sender == "client":
            body = f"{signs.dash * 2} {text} ".ljust(self.inner - 1, signs.dash) + head
        else:
            body = head + f" {text} {signs.dash * 2}".rjust(self.inner - 1, signs.dash)
        stamp = f"{item.frame:>{self.number_width}} {item.time - self.start:>{self.time_width}.6f}  "
        self.lines.append(stamp + signs.line + self.paint(body, "lost" if lost else "") + signs.line)
        if below:
            self.note(below, "lost" if lost else "")

    def states(self, entered: dict[str, lm.StateItem]) -> None:
        """The states that are entered, each at its lifeline; side by side where there is room."""
        left = words.entered(entered["client"]) if "client" in entered else ""
        right = words.entered(entered["server"]) if "server" in entered else ""
        if left and right and len(left) + len(right) + 4 > self.inner:
            self.rung(f" {left}".ljust(self.inner), "state")
            left = ""
        if left or right:
            self.rung(f" {left}" + f"{right} ".rjust(self.inner - len(left) - 1), "state")

    def note(self, text: str, color: str, line: str = "") -> None:
        """A sentence between the lifelines."""
        for n, part in enumerate(words.paragraph(text, self.inner - 5)):
            self.rung(("  " if n == 0 else "    ") + part, color, line)

    def rung(self, body: str, color: str = "", line: str = "") -> None:
        """One line between the lifelines."""
        line = line or self.signs.line
        self.lines.append(" " * self.margin + line + self.paint(body.ljust(self.inner), color) + line)

    def paint(self, text: str, color: str) -> str:
        """In a colour, where there are colours."""
        return f"\x1b[{COLORS[color]}m{text}\x1b[0m" if self.color and color else text

    def foot(self) -> None:
        """How it stands at the end, and what the signs mean."""
        for n, line in enumerate(words.foot(self.ladder)):
            self.lines += wrap(
                f"{'At the end:' if n == 0 else '           '} {line}", self.width, subsequent_indent=" " * 14
            )
        for text in words.legend(self.ladder, self.signs.lost):
            self.lines += wrap(text, self.width, subsequent_indent="  ")
        rules = list(dict.fromkeys(f.rule for f in self.ladder.findings))
        self.lines += [f"More: {quoted('tcpfsm', 'explain', rule)}" for rule in rules[:4]]
