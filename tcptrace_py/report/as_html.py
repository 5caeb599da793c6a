"""``--format html``: what the table says, as one page that needs nothing else: no script, no network, light or dark as the reader has it.

It ends with the ladders of the worst connections, where the captures can be read a second time.  All that comes from a capture or
a command line is escaped; a content security policy says that nothing on the page may run or be loaded.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib import resources
from typing import BinaryIO

from tcptrace_py.report import phrases
from tcptrace_py.report.digest import CAPTURE_FAMILY, Digest, Group, Row, Side
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import BY_NAME
from tcptrace_py.rules.finding import Finding

MOST_ROWS = 100
MOST_LADDERS = 20
ABOUT = (
    ("seen", "What was seen"),
    ("matters", "Why it matters"),
    ("causes", "Usual causes"),
    ("harmless", "When it is harmless"),
    ("unknown", "What cannot be known"),
    ("confirm", "How to confirm it on the host"),
)
_COMMAND = re.compile("`([^`]+)`")


class Html:
    """A Sink."""

    wants_first = MOST_ROWS
    detailed = False

    def __init__(self, out: BinaryIO, style: Style) -> None:
        self._out = out
        self._style = style
        self._digest = Digest(self.wants_first, style.labels)
        self.connection = self._digest.connection

    def finish(self, ending: Ending) -> None:
        """Write everything."""
        for f in ending.findings:
            self._digest.finding(f)
        page = "\n".join([*head(ending), *self._body(ending), "</main></body></html>"]) + "\n"
        self._out.write(page.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Nothing is held."""

    def _body(self, ending: Ending) -> list[str]:
        groups = self._digest.groups()
        causes = [g for g in groups if g.family != CAPTURE_FAMILY]
        rows = self._digest.rows()
        wanted = [row.number for row in rows if row.client.findings or row.server.findings][:MOST_LADDERS]
        pictures = self._style.pictures(wanted) if wanted and self._style.pictures is not None else {}
        lines = [
            f"<header><h1>{text(phrases.verdict(ending.summary))}</h1>",
            f"<p>{text(phrases.circumstances(ending.capture, self._style))}</p>",
        ]
        if ending.summary.outcomes:
            lines.append(f"<p>Outcomes: {text(phrases.outcomes(ending.summary))}</p>")
        lines.append("</header>")
        if causes:
            lines += ['<section id="findings"><h2>What was found</h2>']
            lines += [line for group in causes for line in cause(group, set(pictures))]
            lines += ["</section>"]
        if rows:
            title = phrases.rows_title(len(rows), ending.summary)
            lines += [f'<section id="connections"><h2>{text(title)}</h2>', *table(rows, set(pictures)), "</section>"]
        if pictures:
            lines += ladders(rows, pictures)
        unknown = phrases.unknowns(ending, groups, self._style)
        if unknown:
            lines += ['<section id="unknown"><h2>What this capture cannot tell, and what is wrong with it</h2><ul>']
            lines += [f"<li>{text(line)}</li>" for line in unknown]
            lines += ["</ul></section>"]
        commands = phrases.next_commands(self._style, causes, rows)
        if commands:
            lines += [f'<section id="next"><h2>Next</h2><pre>{text_lines(commands)}</pre></section>']
        return [*lines, f"<footer>{text(ending.tool.name)} {text(ending.tool.version)}</footer>"]


def text(value: str) -> str:
    """Text that is only text, whatever is in it."""
    return escape(printable(value))


def text_lines(lines: list[str]) -> str:
    """Several lines of it."""
    return "\n".join(map(text, lines))


def head(ending: Ending) -> list[str]:
    """Up to the beginning of the body.  The policy names the style by its hash, and nothing else is allowed."""
    style = resources.files("tcptrace_py").joinpath("data").joinpath("report.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{text(phrases.verdict(ending.summary))}</title>",
        f"<style>{style}</style></head>",
        "<body><main>",
    ]


def cause(group: Group, drawn: set[int]) -> list[str]:
    """A group of findings: how many, whose, what that means, the first of them, and what the rule has to say."""
    times = phrases.number(group.connections or group.count)
    severity = text(group.severity)
    badge = f'<span class="badge {severity}">{severity}</span>'
    what = f"{times} × <code>{text(group.rule)}</code> {text(phrases.whom(group))}"
    lines = [f'<article class="cause {severity}"><h3>{badge}{what}</h3>']
    lines += [f"<p>{text(said)}</p>" for said in phrases.causes(group)]
    shown = len(group.examples)
    title = "This finding" if group.count == 1 else f"The first {shown} of {phrases.number(group.count)}"
    title = f"All {shown} findings" if shown == group.count > 1 else title
    lines += [f"<details><summary>{title}</summary><ul>"]
    lines += [example(f, drawn) for f in group.examples]
    lines += ["</ul></details>", *about(group.rule), "</article>"]
    return lines


def example(f: Finding, drawn: set[int]) -> str:
    """One finding of a group."""
    where = f"frame {f.frame}, " if f.frame >= 0 else ""
    which = f"{link(f.connection, drawn, 'connection ')}, " if f.connection is not None else ""
    others = "".join(f"<br>or: {text(other)}" for other in f.alternatives)
    return f"<li>{which}{text(where)}{text(f.confidence)}: {text(f.message)}{others}</li>"


def about(rule: str) -> list[str]:
    """What a rule explains of itself."""
    told = BY_NAME[rule].explanation()._asdict()
    parts = [(title, told[key]) for key, title in ABOUT if told[key]]
    parts.append(("References", "; ".join(BY_NAME[rule].references)))
    lines = [f"<details><summary>About <code>{text(rule)}</code></summary><dl>"]
    for title, said in parts:
        if said:
            marked = _COMMAND.sub(r"<code>\1</code>", text(said))
            lines.append(f"<dt>{title}</dt><dd>{marked}</dd>")
    return [*lines, "</dl></details>"]


def link(connection: int, drawn: set[int], prefix: str = "") -> str:
    """A connection's number, which leads to its ladder if that is on the page."""
    shown = f"{prefix}{connection}"
    return f'<a href="#connection-{connection}">{shown}</a>' if connection in drawn else shown


def table(rows: list[Row], drawn: set[int]) -> list[str]:
    """Two rows a connection, one an endpoint."""
    lines = ['<div class="wide"><table><thead><tr>']
    lines += [f"<th{number_class(i)}>{text(name)}</th>" for i, name in enumerate(phrases.HEADERS)]
    lines += ["</tr></thead><tbody>"]
    for row in rows:
        lines += [line_of(row, row.client, "client", drawn), line_of(row, row.server, "server", drawn)]
    return [*lines, "</tbody></table></div>"]


def line_of(row: Row, side: Side, name: str, drawn: set[int]) -> str:
    """One endpoint."""
    cells = [text(cell) for cell in phrases.cells(row, side)]
    if cells[0]:
        cells[0] = link(row.number, drawn)
    columns = "".join(f"<td{number_class(i)}>{cell}</td>" for i, cell in enumerate(cells))
    return f'<tr class="{name}">{columns}</tr>'


def number_class(column: int) -> str:
    """Of the columns that hold figures."""
    return ' class="number"' if phrases.HEADERS[column] in ("id", "for") else ""


def ladders(rows: list[Row], pictures: dict[int, str]) -> list[str]:
    """The pictures of the worst connections, in the order of the table."""
    lines = ['<section id="ladders"><h2>Frame by frame</h2>']
    shown = [row for row in rows if row.number in pictures]
    for row in shown:
        title = f"Connection {row.number}: {row.client.name} to {row.server.name}"
        lines += [f'<details id="connection-{row.number}" open><summary>{text(title)}</summary><div class="wide">']
        lines += [pictures[row.number], "</div></details>"]
    without = sum(bool(row.client.findings or row.server.findings) for row in rows) - len(shown)
    if without:
        lines.append(
            f'<p class="dim">{phrases.count(without, "more connection")} of the table without a picture here.</p>'
        )
    return [*lines, "</section>"]
