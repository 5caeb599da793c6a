"""README.md and docs/ are true: what they show is printed, what they tell to type works, and where they point is something."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tcptrace_py.cli.exits import EXITS
from tcptrace_py.cli.main import COMMANDS
from tcptrace_py.config import PROFILES
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.topics import TOPICS
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS
from tcptrace_py.report.check_formats import CHECK_NAMES
from tcptrace_py.report.formats import FORMATS
from tcptrace_py.rules.catalogue import RULES
from tools import machine_pages, rule_pages, topic_pages
from tools.documents import CHECKOUT, FENCE, INLINE, Command, anchors, commands, links, output_of, renew
from tools.helpers import need_for

README = CHECKOUT / "README.md"
DOCUMENTS = [README, CHECKOUT / "CHANGELOG.md", CHECKOUT / "samples" / "README.md", *sorted(CHECKOUT.glob("docs/*.md"))]
# docs/jq.md has a test of its own, which compares the same way
TYPED = [
    pytest.param(command, id=f"{path.name}-{n}")
    for path in DOCUMENTS
    if path.name != "jq.md"
    for n, command in enumerate(commands(path.read_text(encoding="utf-8")), 1)
]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# ---- what is typed


def test_there_are_commands_with_and_without_output() -> None:
    found = list(commands(read(README)))
    assert found[0].text == "tcpfsm analyze samples/stuck-close-wait.pcap\n"
    assert sum(command.shown is not None for command in found) >= 3
    assert sum(command.shown is None for command in found) >= 3


@pytest.mark.parametrize("command", TYPED)
def test_a_command_does_what_the_document_shows(command: Command) -> None:
    need_for(command.text)
    printed = output_of(command)
    if command.shown is not None:
        renewal = "write it anew: PYTHONPATH=.:tests python tests/tools/documents.py README.md"
        assert command.shown == printed, renewal
        assert printed.strip()


def test_the_readme_begins_with_a_verdict_that_names_the_cause() -> None:
    shown = next(commands(read(README))).shown
    assert shown is not None
    verdict = " ".join(shown.split())
    assert "FIN_WAIT_2" in verdict
    assert "CLOSE_WAIT" in verdict
    assert re.search(
        r"The server's application \(\S+\) received the client's FIN \(frame \d+\) and has not called", verdict
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_running_text_exists(path: Path) -> None:
    for typed in INLINE.findall(FENCE.sub("", read(path))):
        assert typed.split()[1] in {*COMMANDS, "--help", "--version"}, typed


def test_the_readme_names_all_formats_profiles_and_exit_statuses() -> None:
    section = read(README).partition("\n## Formats and exit status\n")[2].partition("\n## ")[0]
    for name in (*(row.name for row in FORMATS), *CHECK_NAMES, *PROFILES):
        assert f"`{name}`" in section
    for status in EXITS:
        assert re.search(rf"^\|[^|]*\b{status}\b", section, re.MULTILINE), status


# ---- where it points


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in links(read(path)):
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        assert there.resolve().is_relative_to(CHECKOUT), target
        if anchor:
            assert anchor in anchors(read(there)), target


def test_the_readme_links_every_document() -> None:
    targets = set(links(read(README)))
    assert {f"docs/{path.name}" for path in CHECKOUT.glob("docs/*.md")} <= targets


# ---- what is made from the program


def test_the_rules_are_documented_one_by_one() -> None:
    text = read(CHECKOUT / "docs" / "rules.md")
    assert rule_pages.fill(text) == text, (
        "write them anew: PYTHONPATH=.:tests python tests/tools/rule_pages.py docs/rules.md"
    )
    assert anchors(text) >= {rule.name for rule in RULES}


@pytest.mark.parametrize(("pages", "name"), [(topic_pages, "topics"), (machine_pages, "machine")])
def test_topics_states_and_transitions_are_documented_one_by_one(pages: ModuleType, name: str) -> None:
    text = read(CHECKOUT / "docs" / f"{name}.md")
    renewal = f"PYTHONPATH=.:tests python tests/tools/{name.removesuffix('s')}_pages.py docs/{name}.md"
    assert pages.fill(text) == text, f"write them anew: {renewal}"
    wanted = TOPICS if name == "topics" else [*STATES, *(f"{start} to {end}" for start, end in (*TRANSITIONS, *ASIDES))]
    assert anchors(text) >= {title.lower().replace(" ", "-") for title in wanted}


def test_every_rule_stands_in_the_changelog() -> None:
    text = read(CHECKOUT / "CHANGELOG.md")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in text] == []


def test_the_architecture_names_every_room_and_what_lies_between() -> None:
    text = read(CHECKOUT / "docs" / "architecture.md")
    package = CHECKOUT / "tcptrace_py"
    rooms = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    modules = {path.name for path in package.glob("[a-z]*.py")}
    assert [name for name in sorted(rooms | modules) if f"`{name}`" not in text] == []


# ---- the tool that reads documents


SPOKEN = """\
```sh
tcpfsm one |
  cat
```

```text
shown
```

```sh
tcpfsm two \\
  --more
other three
tcpfsm four  # exit 2
```

Text between.

```text
no output of a command
```
"""


def test_commands_are_told_apart() -> None:
    one, two, four = commands(SPOKEN)
    assert (one.text, one.shown, one.status) == ("tcpfsm one |\n  cat\n", "shown\n", 0)
    assert SPOKEN[slice(*one.place)] == "shown\n"
    assert (two.text.split(), two.shown) == (["tcpfsm", "two", "--more"], None)
    assert (four.shown, four.status) == (None, 2)


def test_output_that_has_changed_is_renewed() -> None:
    text = "```sh\ntcpfsm --version\n```\n\n```text\nold\n```\nend\n"
    new = renew(text)
    assert new != text
    assert "old" not in new
    assert new.startswith("```sh\ntcpfsm --version\n```\n\n```text\ntcpfsm, version ")
    assert new.endswith("\n```\nend\n")
    assert renew(new) == new


def test_a_command_that_fails_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no command"):
        output_of(Command("tcpfsm nonsense", None, (0, 0)))
    with pytest.raises(AssertionError):
        output_of(Command("tcpfsm --version  # exit 1", None, (0, 0)))
