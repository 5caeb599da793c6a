"""What no observer can know: connections whose frames are alike at a tap while the kernels behind them were in different states.

Whoever sees only the frames must say the same of all of them.  The least that can be wrong is what is left when, at every age
(seconds since nothing new came), the state is said that most of them are in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from kernel.runs import SIDES
from kernel.score import SECOND, Score, Spell, compare, pieces, share
from kernel.shapes import Seen, shape

CHANGES = 2
"""How often, with the age, the best observer may change its mind on the state at the end of a capture.  (At every age another
state would fit any few connections, and be no knowledge.)"""


class Group(NamedTuple):
    """Scenarios that may look alike."""

    frames: str
    """What the taps see."""
    histories: tuple[str, ...]
    """What may be behind it."""
    taps: tuple[str, ...]
    scenarios: frozenset[str]


def group(taps: str, scenarios: str, frames: str, *histories: str) -> Group:
    return Group(frames, histories, tuple(taps.split()), frozenset(scenarios.split()))


IDLE = "idle_established reuse_client_time_wait_2 client_vanishes_silently"
NO_END = "server_never_closes server_never_closes_orphan"
GROUPS = (
    group(
        "client middle server",
        "zero_window_stuck zero_window_close",
        "data up to a closed window, then probes, each answered: the window stays closed",
        "the client waits: ESTABLISHED",
        "it has called close(), and the FIN waits behind the data: FIN_WAIT_1",
    ),
    group(
        "client",
        "syn_blackhole firewall_drop acceptq_full_syn synack_lost_all",
        "SYN again and again, no answer",
        "none arrives, or none is accepted: the server is CLOSED",
        "all arrive, and the SYN-ACKs are lost: SYN_RECEIVED",
    ),
    group(
        "client",
        "partition_at_client_fin partition_after_client_fin",
        "the client's FIN again and again, no answer",
        "it is lost: the server is ESTABLISHED",
        "it arrived, and the answers are lost: CLOSE_WAIT, LAST_ACK, at last CLOSED",
    ),
    group(
        "server",
        "last_ack_lost_all partition_after_client_fin server_vanishes_after_fin_ack",
        "the client's FIN, its ACK, the server's FIN again and again, no answer",
        "it arrives, and the last ACKs are lost: the client is in TIME_WAIT",
        "nothing arrives, not even the ACK of the client's FIN: FIN_WAIT_1, at last CLOSED",
        "that ACK arrived, the server's FIN does not: FIN_WAIT_2",
    ),
    group(
        "client",
        f"{NO_END} server_vanishes_after_fin_ack",
        "the client's FIN, its ACK, silence",
        "the client still reads: FIN_WAIT_2; the server has not closed: CLOSE_WAIT",
        "the client has closed its socket, and its kernel forgets it: CLOSED",
        "the server has closed, and its FINs are lost: LAST_ACK, at last CLOSED",
    ),
    group(
        "middle server",
        NO_END,
        "the client's FIN, its ACK, silence",
        "the client still reads: FIN_WAIT_2",
        "it has closed its socket, and its kernel forgets it: CLOSED",
    ),
    group(
        "client",
        f"{IDLE} forged_rst_out_of_window rst_lost_server keepalive_dead_peer",
        "some data, silence",
        "both are idle: ESTABLISHED",
        "the client has lost power: CLOSED",
        "the server's RST is lost, or its keep-alive probes found nobody: CLOSED",
    ),
    group(
        "middle",
        IDLE,
        "some data, silence",
        "both are idle: ESTABLISHED",
        "the client has lost power: CLOSED",
    ),
    group(
        "server",
        f"{IDLE} rst_lost_client user_timeout partition_at_client_fin",
        "some data, silence",
        "both are idle: ESTABLISHED",
        "the client has lost power, its RST is lost, or all its data is, until it gives up: CLOSED",
        "the client's FIN is lost: FIN_WAIT_1, at last CLOSED",
    ),
    group(
        "client middle",
        "rst_by_client reuse_after_rst rst_lost_client",
        "the client's RST, silence",
        "it arrived: the server is CLOSED",
        "it is lost: the server is ESTABLISHED",
    ),
    group(
        "middle server",
        "rst_by_server rst_lost_server",
        "the server's RST, silence",
        "it arrived: the client is CLOSED",
        "it is lost: the client is ESTABLISHED",
    ),
)


class Member(NamedTuple):
    """One endpoint of a connection that may look like another one's."""

    alike: tuple[object, ...]
    """The same for members that do: the run, the group, the shape, the side."""
    since: float
    """Seconds since the epoch: when nothing new came any more."""
    spell: Spell
    end: float
    """Of the frames, likewise."""


class Wrong(NamedTuple):
    """Of endpoints."""

    time: float
    """Seconds."""
    finals: Counter[str]
    """By side: states at the end."""

    def figures(self, score: Score) -> dict[str, float | None]:
        """Under the names of ``Score.figures``, and of the same wholes."""
        sides = Counter(final.side for final in score.finals)
        far = [side for side in SIDES if side != score.tap and score.tap in SIDES]
        near = [side for side in SIDES if side == score.tap]

        def finals(some: Sequence[str]) -> float | None:
            return share(sum(self.finals[side] for side in some), sum(sides[side] for side in some))

        return {
            "time_wrong": share(self.time, score.all.right + score.all.wrong),
            "final_wrong_near": finals(near),
            "final_wrong_far": finals(far),
            "final_wrong": finals(SIDES),
        }


class Unknowable(NamedTuple):
    """Of what looks alike: the least that is wrong whatever is said, and what is wrong of what was said."""

    least: Wrong
    guessed: Wrong


def members(seen: Seen, tap: str, spells: Iterable[Spell]) -> Iterator[Member]:
    """The endpoints that are in a group of this tap."""
    listed = list(spells)
    for number, found in enumerate(GROUPS):
        for spell in listed if tap in found.taps else ():
            if spell.record["scenario"] in found.scenarios:
                heads = seen.heads(spell.record, spell.frames_until)
                if heads:
                    look = shape(heads)
                    alike = number, look.kinds, look.pause, spell.side
                    yield Member(alike, look.since, spell, spell.frames_until / SECOND)


def judge(some: Iterable[Member]) -> Unknowable:
    """What the best observer of these has wrong, and what tcpfsm has."""
    least, guessed = Wrong(0.0, Counter()), Wrong(0.0, Counter())
    for alike in classes(some):
        side = alike[0].spell.side
        spans = (compare(m.spell, begin) for m in alike if (begin := max(m.since, m.spell.begin)) < m.spell.until)
        ends = sorted((m.end - m.since, m.spell.final, m.spell.said_final) for m in alike if m.spell.final is not None)
        least = least._replace(time=least.time + least_time(alike))
        guessed = guessed._replace(time=guessed.time + sum(span.wrong for span in spans))
        least.finals[side] += least_changes([true for _, true, _ in ends])
        guessed.finals[side] += sum(true != said for _, true, said in ends)
    return Unknowable(least, guessed)


def classes(some: Iterable[Member]) -> Iterator[list[Member]]:
    """Those that look alike, where there are several scenarios among them."""
    by_look: dict[tuple[object, ...], list[Member]] = defaultdict(list)
    for member in some:
        by_look[member.alike].append(member)
    for alike in by_look.values():
        if len({member.spell.record["scenario"] for member in alike}) > 1:
            yield alike


def least_time(alike: Sequence[Member]) -> float:
    """Seconds that are wrong if at every age the state is said that most are in."""
    steps: list[tuple[float, int, str]] = []
    for member in alike:
        since = max(member.since, member.spell.begin)
        if since < member.spell.until:
            for low, high, state in pieces(member.spell, since):
                steps += [(low - member.since, 1, state), (high - member.since, -1, state)]
    wrong, before, now = 0.0, 0.0, Counter[str]()
    for age, found in groupby(sorted(steps), key=lambda step: step[0]):
        if now:
            wrong += (age - before) * (now.total() - max(now.values()))
        for _, change, state in found:
            now[state] += change
        before = age
    return wrong


def least_changes(states: Sequence[str | None]) -> int:
    """How many of these are not what is said, if that changes ``CHANGES`` times at most."""
    fewest = [0] + [len(states)] * len(states)  # by how many of the first are decided
    for _ in range(CHANGES + 1):
        better = list(fewest)
        for start in range(len(states)):
            counts: Counter[str | None] = Counter()
            for stop in range(start + 1, len(states) + 1):
                counts[states[stop - 1]] += 1
                better[stop] = min(better[stop], fewest[start] + stop - start - max(counts.values()))
        fewest = better
    return fewest[-1]
