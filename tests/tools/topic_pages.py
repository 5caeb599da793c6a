"""The topics in docs/topics.md, made from ``tcptrace_py.explain``.

They stand between ``<!-- topics -->`` and ``<!-- end -->``.  ``PYTHONPATH=.:tests python tests/tools/topic_pages.py docs/topics.md``
writes them anew; a test compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.explain.topic import Example, Topic
from tcptrace_py.explain.topics import GROUPS
from tools.explained import link, plain

MARKS = re.compile(r"(<!-- topics -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PAGE = "topics.md"


def fill(text: str) -> str:
    """The document with its topics as they should be."""
    lines = []
    for group, topics in GROUPS:
        lines += [f"## {group}", "", *(f"- {link(topic.name, PAGE)}: {topic.title}" for topic in topics), ""]
        for topic in topics:
            lines += of_topic(topic)
    pages = "\n".join(lines)
    return MARKS.sub(lambda m: f"{m[1]}\n{pages}\n{m[3]}", text)


def of_topic(topic: Topic) -> Iterator[str]:
    """A topic, as ``tcpfsm explain`` tells it."""
    yield from (f"### {topic.name}", "", f"**{topic.title}**", "")
    for paragraph in topic.paragraphs:
        yield from (plain(paragraph), "")
    for example in topic.examples:
        yield from of_example(example)
    yield f"- **See also:** {', '.join(link(name, PAGE) for name in topic.see)}"
    yield f"- **References:** {'; '.join(topic.references)}"
    yield ""


def of_example(example: Example) -> Iterator[str]:
    """A connection of a sample, frame by frame."""
    yield from (
        f"`{example.command}`",
        "",
        "| frame | seconds | segment | client | server |",
        "| ---: | ---: | --- | --- | --- |",
    )
    for step in example.steps:
        yield f"| {step.frame or ''} | {step.seconds} | {step.segment} | {step.client} | {step.server} |"
    yield ""
    said = [f"taken back in frame {b.by}: {b.side} {b.state} of frame {b.frame}" for b in example.taken_back]
    if example.findings:
        said.append("findings: " + ", ".join(link(rule, PAGE) for rule in example.findings))
    if said:
        text = "; ".join(said)
        yield from (f"{text[:1].upper()}{text[1:]}.", "")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
