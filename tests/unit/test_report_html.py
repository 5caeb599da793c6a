"""The page: it needs nothing, runs nothing, leads where it says, and shows hostile text as text."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from tcptrace_py.cli.picturing import pictures_of
from tcptrace_py.config import Config, Thresholds
from tcptrace_py.report import model
from tcptrace_py.report.as_html import MOST_LADDERS, Html, text
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.rules.finding import Finding
from tools.golden import page
from tools.program import SAMPLES, run
from tools.sinking import analysed
from tools.stories import EXPECTED, capture

HOSTILE = "<script>alert('1')</script>\"&\x1b[31m\u202eevil\n</style><img src=x onerror=a>\udcff.pcap"
VOID = {"meta", "br", "line", "path", "rect"}
ATTRIBUTES = {
    "charset", "http-equiv", "content", "name", "lang", "class", "id", "href", "open", "aria-label", "role",
    "viewbox", "x", "y", "x1", "x2", "y1", "y2", "d", "fill", "text-anchor",
}  # fmt: skip
TAGS = VOID | {
    "html", "head", "title", "style", "body", "main", "header", "section", "article", "footer", "details", "summary",
    "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "pre", "code", "span", "div", "a",
    "table", "thead", "tbody", "tr", "th", "td", "svg", "text",
}  # fmt: skip


class Page(HTMLParser):
    """A page taken apart, strictly: every element that is opened is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.style = ""
        self.said = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.found[tag] = self.found.get(tag, 0) + 1
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.said += data


def checked(source: str) -> Page:
    """Taken apart, with what must be so of every page."""
    found = Page(source)
    digest = b64encode(sha256(found.style.encode()).digest()).decode()
    assert found.policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in found.style
    assert "@import" not in found.style
    assert "prefers-color-scheme: dark" in found.style
    assert len(set(found.ids)) == len(found.ids)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", source)
    return found


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "syn-flood"])
def test_a_page_is_whole_and_needs_nothing(name: str) -> None:
    found = checked(page(capture(name)))
    assert found.said.strip().startswith(re.match(r"\d+ connections?: ", found.said.strip())[0])  # type: ignore[index]


def test_verdict_causes_states_and_ladders_are_there() -> None:
    found = checked(page(capture("stuck-close-wait")))
    assert "13 connections: 10 look fine, 3 have findings (6 errors)." in found.said
    assert "has not called close() for 96.7 s" in found.said
    assert found.found["svg"] == 3
    assert {"connection-3", "connection-5", "connection-6"} <= set(found.ids)
    assert found.links.count("#connection-3") == 2, "from its finding and from the table"
    for cell in ("client 10.1.0.12:40002", "FIN_WAIT_2 (+1)", "CLOSE_WAIT", "FIN first", "stuck-fin-wait-2"):
        assert cell in found.said
    assert "PSH ACK seq 1 ack 1 len 67" in found.said
    assert "How to confirm it on the host" in found.said


def test_where_all_is_fine_there_are_connections_and_no_ladder() -> None:
    found = checked(page(capture("four-way-close")))
    assert "all look fine" in found.said or "it looks fine" in found.said
    assert "svg" not in found.found
    assert found.found["table"] == 1


def test_the_number_of_ladders_is_bounded() -> None:
    found = checked(page(capture("syn-flood"), Config(thresholds=Thresholds(told_singly=30))))
    assert found.found["svg"] == MOST_LADDERS
    assert "10 more connections of the table without a picture here" in found.said


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    directory = tmp_path / "a"
    directory.mkdir()
    name = directory / HOSTILE.replace("/", "_")
    name.write_bytes(capture("stuck-close-wait").read_bytes())
    done = run("analyze", "--format", "html", name, cwd=tmp_path)
    assert done.returncode == 0
    found = checked(done.stdout.decode())
    assert "script" not in found.found
    assert "<script>alert('1')<_script>" in found.said
    assert found.found["svg"] == 3


def test_hostile_messages_are_shown_as_text() -> None:
    out = BytesIO()
    sink = Html(out, Style(captures=(HOSTILE,)))
    for severity in ("error", "info"):
        sink._digest.finding(
            Finding("reset", "open", severity, "certain", 1, "client", 0, 3, HOSTILE, alternatives=(HOSTILE,))
        )
    _, result = analysed(capture("four-way-close"), "csv")
    problem = model.Problem("corrupt", HOSTILE, None, None, 0)
    seen = msgspec.structs.replace(result.capture, problems=[problem], skipped={HOSTILE: 3})
    sink.finish(Ending(model.Tool("tcpfsm", "0", "interpreted"), seen, result.summary))
    found = checked(out.getvalue().decode())
    assert "script" not in found.found
    assert found.said.count("<script>alert('1')</script>") >= 5


def test_text_is_only_text() -> None:
    assert text("<a href='x'>&\x1b\n") == "&lt;a href=&#x27;x&#x27;&gt;&amp;\\x1b\\n"


# ---- pictures


def test_a_pipe_has_no_second_reading() -> None:
    done = run("analyze", "--format", "html", "-", stdin=capture("stuck-close-wait").read_bytes())
    found = checked(done.stdout.decode())
    assert done.returncode == 0
    assert "svg" not in found.found
    assert found.links == []
    assert pictures_of(["-"], Config()) is None


def test_a_capture_that_is_gone_costs_the_pictures_only(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(capture("stuck-close-wait").read_bytes())
    pictures = pictures_of([str(path)], Config())
    assert pictures is not None
    assert set(pictures([3, 5])) == {3, 5}
    path.unlink()
    assert pictures([3, 5]) == {}


def test_several_captures_are_drawn_as_one_observation() -> None:
    both = [str(SAMPLES / f"{name}.pcap") for name in ("four-way-close", "stuck-close-wait")]
    done = run("analyze", "--format", "html", *both)
    found = checked(done.stdout.decode())
    assert found.found["svg"] >= 3
    assert run("demo", "--format", "html").stdout.count(b"<svg") >= 3
