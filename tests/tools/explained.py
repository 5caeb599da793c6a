"""What the pages of rules, topics, states and transitions share: Markdown of what ``tcptrace_py.explain`` tells, and links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tcptrace_py.explain.names import find
from tcptrace_py.explain.told import Told, parts
from tcptrace_py.explain.topics import about

PAGES = {"rule": "rules.md", "topic": "topics.md", "state": "machine.md", "transition": "machine.md"}


def plain(text: str) -> str:
    """Text that Markdown leaves alone but for its `code`."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else re.sub(r"([|<>*])", r"\\\1", piece) for piece in pieces)


def heading(name: str) -> str:
    """The title under which a name stands on its page."""
    return name.replace(":", " to ")


def link(name: str, page: str) -> str:
    """A link from ``page`` to where a name is explained."""
    kind, right, _ = find(name)
    assert right == name
    file = PAGES[kind] if PAGES[kind] != page else ""
    return f"[{name}]({file}#{heading(name).lower().replace(' ', '-')})"


def bullets(entry: Told, name: str, page: str) -> Iterator[str]:
    """The parts of a rule, a state or a transition, in the order in which ``tcpfsm explain`` tells them."""
    for title, body in parts(entry):
        yield f"- **{title}:** {plain(body)}"
    if found := about(name):
        yield f"- **Topics:** {', '.join(link(topic, page) for topic in found)}"
