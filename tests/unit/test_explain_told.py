"""tcptrace_py.explain.told: every rule, state and transition is told in all its parts, and what it tells to type works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcptrace_py.explain.names import compact
from tcptrace_py.explain.states import STATES
from tcptrace_py.explain.told import SHOWN, TITLES, Told, of_rule, parts
from tcptrace_py.explain.topics import TOPICS
from tcptrace_py.explain.transitions import ASIDES, TRANSITIONS, arrows, ways
from tcptrace_py.machine.states import NAMES
from tcptrace_py.machine.table import ARROWS
from tcptrace_py.rules.catalogue import BY_NAME
from tcptrace_py.rules.rule import SECTIONS

EVERYTHING: dict[str, Told] = {
    **{name: of_rule(rule) for name, rule in BY_NAME.items()},
    **STATES,
    **{":".join(pair): entry for pair, entry in TRANSITIONS.items()},
}
everything = pytest.mark.parametrize("name", EVERYTHING)

# The sections of RFC 9293 that say what TCP is
RFC9293 = {
    *("3.1", "3.2", "3.2.1", "3.2.2", "3.3", "3.3.1", "3.3.2", "3.4", "3.4.1", "3.4.2", "3.4.3"),
    *("3.5", "3.5.1", "3.5.2", "3.5.3", "3.6", "3.6.1", "3.7", "3.7.1", "3.7.2", "3.7.3", "3.7.4", "3.7.5"),
    *("3.8", "3.8.1", "3.8.2", "3.8.3", "3.8.4", "3.8.5", "3.8.6", "3.8.6.1", "3.8.6.2", "3.8.6.3"),
    *("3.9", "3.9.1", *(f"3.9.1.{n}" for n in range(1, 10)), "3.9.2", *(f"3.9.2.{n}" for n in range(1, 4))),
    *("3.10", *(f"3.10.{n}" for n in range(1, 9)), *(f"3.10.7.{n}" for n in range(1, 5))),
}
PLACE = re.compile(
    r"(first|second|third|fourth|fifth|sixth|seventh|eighth) check|figures? \d+(?: and \d+)?|note \d|REQ-\d+"
)
FIGURES = {
    "5": "3.3.2",
    "6": "3.5",
    "7": "3.5",
    "8": "3.5",
    "9": "3.5.1",
    "10": "3.5.1",
    "11": "3.5.1",
    "12": "3.6",
    "13": "3.6",
}

TOOLS = """ss nstat sysctl tcpdump tshark ethtool capinfos editcap mergecap reordercap conntrack arping uptime"""


@everything
def test_no_part_is_missing(name: str) -> None:
    entry = EVERYTHING[name]
    assert tuple(TITLES) == tuple(SHOWN) == tuple(SECTIONS)
    titles = [
        *(TITLES if name in BY_NAME else SHOWN).values(),
        *(["Thresholds"] if entry.thresholds else []),
        "References",
    ]
    assert [title for title, _ in parts(entry)] == titles
    for part, text in entry.text._asdict().items():
        assert len(text) >= len("Always."), part
        assert text[0].isupper() or re.match(r"`|2 MSL|[a-z]+\(\)|net\.", text), (part, text)
        assert text.endswith("."), part
    assert len(entry.text.summary) < 130
    assert entry.text.confirm.count("`") % 2 == 0


@everything
def test_it_says_how_to_confirm_it_with_a_command(name: str) -> None:
    commands = re.findall(r"`([^`]+)`", EVERYTHING[name].text.confirm)
    assert {command.split()[0] for command in commands} & set(TOOLS.split())
    if name in STATES or ":" in name:  # of an endpoint its own host knows
        assert {command.split()[0] for command in commands} & {"ss", "nstat", "sysctl"}


@pytest.mark.parametrize(
    "reference",
    sorted(
        {reference for entry in EVERYTHING.values() for reference in entry.references}
        | {reference for topic in TOPICS.values() for reference in topic.references}
        | {reference for aside in ASIDES.values() for reference in aside.references}
    ),
)
def test_a_reference_is_an_rfc_and_a_section_of_it(reference: str) -> None:
    rfc, *places = reference.split(", ")
    assert re.fullmatch(r"RFC \d{3,4}", rfc)
    if rfc == "RFC 9293":
        assert places[0] in RFC9293
        figures = re.findall(r"\d+", places[1]) if len(places) > 1 and places[1].startswith("figure") else []
        assert all(FIGURES[figure] == places[0] for figure in figures)
        assert all(place.endswith("check") <= (places[0] in {"3.10.7.3", "3.10.7.4"}) for place in places[1:])
    elif places:
        assert re.fullmatch(r"\d+(\.\d+)*|REQ-\d+", places[0])
    assert all(PLACE.fullmatch(place) for place in places[1:])


def test_every_state_and_every_transition_is_told() -> None:
    assert tuple(STATES) == NAMES or set(STATES) == set(NAMES)
    assert set(TRANSITIONS) == {(NAMES[arrow.from_state], NAMES[arrow.to_state]) for arrow in ARROWS}
    assert sum(len(arrows(pair)) for pair in TRANSITIONS) == len(ARROWS)


def test_what_is_told_aside_is_no_arrow_and_made_of_some() -> None:
    assert not set(ASIDES) & set(TRANSITIONS)
    for (start, end), aside in ASIDES.items():
        assert {start, end} <= set(NAMES)
        assert set(aside.instead) <= set(TRANSITIONS)
        assert aside.text.endswith(".")
        assert ways(start)


def test_no_two_things_have_one_name() -> None:
    names = [*STATES, *BY_NAME, *TOPICS]
    assert len({compact(name) for name in names}) == len(names)


# ---- what it tells to type


def texts() -> Iterator[str]:
    for entry in EVERYTHING.values():
        yield " ".join(entry.text)
    for topic in TOPICS.values():
        yield " ".join(topic.paragraphs)


TYPED = sorted({command for text in texts() for command in re.findall(r"`([^`]+)`", text)})


def test_ss_takes_what_it_is_told() -> None:
    if shutil.which("ss") is None:
        pytest.skip("ss (iproute2) is not installed")
    told = [command for command in TYPED if command.startswith("ss ")]
    assert len(told) > 20
    for command in told:
        words = shlex.split(command.partition("|")[0].replace("PORT", "80").replace("SERVER", "192.0.2.1"))
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), command


def test_sysctl_names_are_those_of_the_kernel() -> None:
    names = {name for text in texts() for name in re.findall(r"\bnet\.(?:ipv4|core)\.[a-z0-9_]+", text)}
    assert len(names) > 20
    base = Path("/proc/sys")
    if not (base / "net/ipv4/tcp_syn_linear_timeouts").exists():
        pytest.skip("needs the settings of Linux 6.5 or later in /proc/sys/net")
    assert [name for name in sorted(names) if not (base / name.replace(".", "/")).exists()] == []


def test_counters_are_those_of_the_kernel() -> None:
    names = {
        word
        for command in TYPED
        if command.startswith("nstat ")
        for word in re.findall(r"\b(?:Tcp|Icmp)\w+\*?", command)
    }
    assert len(names) > 30
    netstat, snmp = Path("/proc/net/netstat"), Path("/proc/net/snmp")
    if not netstat.exists() or "TCPDSACKRecvSegs" not in netstat.read_text():
        pytest.skip("needs the counters of a newer Linux in /proc/net/netstat")
    known = set()
    for line in (netstat.read_text() + snmp.read_text()).splitlines()[::2]:
        group, _, fields = line.partition(": ")
        known |= {group + field for field in fields.split()}
    missing = [n for n in sorted(names) if not any(k == n or (n[-1] == "*" and k.startswith(n[:-1])) for k in known)]
    assert missing == []
