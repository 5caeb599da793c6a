"""All topics, in the order of a connection's life."""

from __future__ import annotations

from tcptrace_py.explain.topic import Topic
from tcptrace_py.explain.topics_closing import CLOSING
from tcptrace_py.explain.topics_losses import LOSSES
from tcptrace_py.explain.topics_opening import OPENING

GROUPS: tuple[tuple[str, tuple[Topic, ...]], ...] = (
    ("Opening", OPENING),
    ("Closing", CLOSING),
    ("When one segment is lost", LOSSES),
)

TOPICS: dict[str, Topic] = {topic.name: topic for _, topics in GROUPS for topic in topics}


def about(name: str) -> list[str]:
    """The topics that tell of a rule, a state or a transition (``FROM:TO``)."""
    return [topic.name for topic in TOPICS.values() if name in topic.see]
