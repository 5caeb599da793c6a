"""The scorer, the cutting of runs, and the merging of witnesses, on histories short enough to check by hand."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.evidence import Evidence, Sample
from kernel.runs import Run, cut, packets, pcap
from kernel.score import Score, score
from kernel.sockdiag import Address, Sock
from kernel.tracing import Step
from kernel.truth import Merged, merge

SECOND = 1_000_000_000
MS = SECOND // 1000
START = 1_000_000 * SECOND
CLIENT: Address = ("10.1.0.11", 40001)
SERVER: Address = ("10.1.0.7", 80)
SIDES = {CLIENT[0]: "c", SERVER[0]: "s"}


# ---- a run with one connection: open at 0 s, the client's FIN at 2 s, the end at 10 s


def history(*entries: tuple[float, str], final: str, **bounds: tuple[float, float]) -> dict[str, Any]:
    timeline: list[dict[str, Any]] = [{"t": START + round(t * SECOND), "state": state} for t, state in entries]
    for entry in timeline:
        if entry["state"] in bounds:
            low, high = bounds[entry["state"]]
            entry.update(lo=START + round(low * SECOND), hi=START + round(high * SECOND))
    return {"timeline": timeline, "final": final}


def record(number: int = 1, begin: float = 0.0) -> dict[str, Any]:
    client = history((begin, "CLOSED"), (begin, "ESTABLISHED"), (begin + 2, "FIN_WAIT_1"), final="FIN_WAIT_1")
    server = history((begin, "LISTEN"), (begin, "ESTABLISHED"), final="ESTABLISHED")
    return {
        "id": number,
        "scenario": "close_by_client",
        "t_start": START + round(begin * SECOND),
        "first_frame": {"client": START + round(begin * SECOND), "server": START + round((begin + 3) * SECOND)},
        "client": {"addr": CLIENT[0], "port": CLIENT[1], **client},
        "server": {"addr": SERVER[0], "port": SERVER[1], **server},
    }


def run(*records: dict[str, Any]) -> Run:
    facts = {"t_capture_start": START, "t_capture_end": START + 10 * SECOND, "parameters": {"preset": "fast"}}
    frames = pcap((START + n * SECOND, bytes(60), 60) for n in range(10))
    return Run("small", facts, list(records), dict.fromkeys(("client", "middle", "server"), frames))


def endpoint(*entries: tuple[float, str, str], possible: str = "", evidence: str = "assumed") -> dict[str, Any]:
    timeline = [
        {"time": START / SECOND + t, "state": state, "evidence": kind, "frame": 1} for t, state, kind in entries
    ]
    state = entries[-1][1]
    return {"state": state, "evidence": evidence, "possible": possible.split() or [state], "timeline": timeline}


def connection(client: dict[str, Any], server: dict[str, Any], begin: float = 0.0, end: float = 3.0) -> dict[str, Any]:
    return {
        "client": {"address": CLIENT[0], "port": CLIENT[1]},
        "server": {"address": SERVER[0], "port": SERVER[1]},
        "start": START / SECOND + begin,
        "end": START / SECOND + end,
        "endpoints": {"client": client, "server": server},
    }


OPEN = (0.0, "ESTABLISHED", "assumed")
RIGHT = connection(endpoint(OPEN, (2.0, "FIN_WAIT_1", "proven"), evidence="proven"), endpoint(OPEN))


def figures(*connections: dict[str, Any], tap: str = "client", **changes: float) -> None:
    """Score one connection, and compare some of the figures."""
    found = score(run(record()), tap, list(connections)).figures()
    assert {name: found[name] for name in changes} == changes


def test_a_report_that_is_right_has_no_faults() -> None:
    figures(RIGHT, matched=100, endpoints=2, final_wrong=0, possible_miss=0, possible_size=1, extra=0)
    figures(RIGHT, proven_final_wrong=0, proven_violations=0, time_wrong=0, ordinary_time_wrong=0, timeline_entries=3)


def test_a_wrong_final_state_counts_for_its_side() -> None:
    wrong = connection(RIGHT["endpoints"]["client"], endpoint(OPEN, (2.0, "CLOSE_WAIT", "assumed")))
    figures(wrong, final_wrong=50, final_wrong_near=0, final_wrong_far=100, possible_miss=50)
    figures(wrong, tap="server", final_wrong_near=100, final_wrong_far=0)
    found = score(run(record()), "client", [wrong])
    assert [(f.inferred, f.true) for f in found.finals] == [("FIN_WAIT_1", "FIN_WAIT_1"), ("CLOSE_WAIT", "ESTABLISHED")]


def test_the_set_counts_by_its_size() -> None:
    both = endpoint(OPEN, (2.0, "CLOSE_WAIT", "assumed"), possible="CLOSE_WAIT ESTABLISHED")
    figures(connection(RIGHT["endpoints"]["client"], both), final_wrong=50, possible_miss=0, possible_size=1.5)


def test_closed_and_listen_are_one() -> None:
    known = record()
    known["server"].update(history((0, "LISTEN"), final="LISTEN"))
    reported = connection(RIGHT["endpoints"]["client"], endpoint((0.0, "CLOSED", "assumed")))
    assert score(run(known), "client", [reported]).figures()["final_wrong"] == 0


def test_time_counts_from_the_first_frame_to_a_second_after_the_last() -> None:
    late = connection(endpoint(OPEN, (3.0, "FIN_WAIT_1", "proven")), endpoint(OPEN))
    figures(late, time_wrong=12.5, ordinary_time_wrong=12.5)  # one of 2 x 4 seconds


def test_time_that_the_truth_does_not_know_does_not_count() -> None:
    known = record()
    known["client"].update(
        history((0, "ESTABLISHED"), (3, "CLOSED"), final="CLOSED", CLOSED=(2.0, 3.0)), final_uncertain=True
    )
    said = connection(endpoint(OPEN, (2.1, "CLOSED", "timer")), endpoint(OPEN))
    found = score(run(known), "client", [said])
    assert (round(found.all.right, 6), found.all.wrong) == (7.1, 0.0)  # 0.9 s are left out
    assert [f.side for f in found.finals] == ["server"]


def test_what_is_proven_must_be_true_by_then() -> None:
    early = connection(endpoint(OPEN, (1.9, "FIN_WAIT_1", "proven")), endpoint(OPEN))
    never = connection(endpoint(OPEN, (2.0, "CLOSING", "proven"), evidence="proven"), endpoint(OPEN))
    figures(early, proven_violations=1, proven_final_wrong=0)
    figures(never, proven_violations=1, proven_final_wrong=1)


def test_a_connection_may_be_missed_split_or_the_other_way_round() -> None:
    figures(matched=0)
    figures(RIGHT, {**RIGHT, "start": RIGHT["start"] + 1}, extra=1, matched=100)
    ends = RIGHT["endpoints"]
    turned = {**RIGHT, "client": RIGHT["server"], "server": RIGHT["client"]}
    turned["endpoints"] = {"client": ends["server"], "server": ends["client"]}
    figures(turned, matched=100, final_wrong=0, time_wrong=0, final_wrong_near=0)


def test_only_what_the_tap_saw_is_asked_for() -> None:
    assert score(run(record()), "middle", []).truth == 0


def test_uses_of_the_same_ports_are_told_apart() -> None:
    second = connection(
        endpoint((5.0, "ESTABLISHED", "assumed"), (7.0, "FIN_WAIT_1", "proven")),
        endpoint((5.0, "ESTABLISHED", "assumed")),
        begin=5.0,
        end=8.0,
    )
    both = score(run(record(), record(2, 5.0)), "client", [second, RIGHT])
    assert (both.truth, both.matched, both.extra, both.all.wrong) == (2, 2, 0, 0)
    assert len(both.finals) == 2, "the first use has no end of its own"
    one = score(run(record(), record(2, 5.0)), "client", [RIGHT])
    assert one.matched == 2
    assert one.figures()["final_wrong"] == 0


def test_scores_add_up() -> None:
    total = Score("client")
    for reported in (RIGHT, connection(endpoint(OPEN), endpoint(OPEN))):
        total.add(score(run(record()), "client", [reported]))
    found = total.figures()
    assert (found["truth"], found["endpoints"], found["final_wrong"], found["final_wrong_near"]) == (2, 4, 25, 50)
    assert found["time_wrong"] == 12.5


# ---- cutting


def test_a_run_can_be_cut() -> None:
    known = record()
    known["server"].update(history((0, "LISTEN"), (0, "ESTABLISHED"), final="ESTABLISHED", ESTABLISHED=(1.0, 2.0)))
    shorter = cut(run(known, record(2, 5.0)), START + 1500 * MS)
    assert [time for time, _, _ in packets(shorter.captures["middle"])] == [START, START + SECOND]
    (left,) = shorter.truth
    assert (left["client"]["final"], left["server"]["final"]) == ("ESTABLISHED", "ESTABLISHED")
    assert (left["client"]["final_uncertain"], left["server"]["final_uncertain"]) == (False, True)
    assert shorter.seen_by("client", left)
    assert not shorter.seen_by("server", left), "its first frame there comes later"
    assert run(known).truth[0]["client"]["final"] == "FIN_WAIT_1", "the whole is left alone"


# ---- merging


class Kernel:
    """What the witnesses of one connection say, built up step by step; times are milliseconds."""

    def __init__(self) -> None:
        ends = {"client": list(CLIENT), "server": list(SERVER), "listening": True}
        self.log: list[dict[str, Any]] = [
            {"kind": "connection", "id": 1, "time": START, "scenario": "some", "rules": [], **ends}
        ]
        self.steps: list[Step] = []
        self.samples: list[Sample] = []

    def trace(self, at: float, old: str, new: str, socket: int = 1) -> Kernel:
        self.steps.append(Step(START + round(at * MS), socket, old, new, SERVER, CLIENT))
        return self

    def look(
        self, at: float, state: str | None, *, mini: bool = False, cookie: int = 7, source: str = "probe"
    ) -> Kernel:
        sock = Sock(SERVER, CLIENT, state, mini, cookie, 300) if state else None
        before = START + round(at * MS)
        self.samples.append(Sample(before, before + MS // 10, "s", SERVER, CLIENT, sock, source))
        return self

    def merged(self) -> Merged:
        return merge(self.log, self.steps, self.samples, Evidence(end=START + 10_000 * MS), SIDES)

    def states(self) -> list[tuple[float, str]]:
        """The server's."""
        merged = self.merged()
        assert merged.problems == []
        timeline = merged.records[0]["server"]["timeline"]
        return [((entry["t"] - START) / MS, entry["state"]) for entry in timeline]


def test_a_request_is_known_from_a_probe_and_a_socket_from_the_trace() -> None:
    kernel = Kernel().look(5, "SYN_RECEIVED")
    kernel.trace(13, "LISTEN", "SYN_RECEIVED").trace(13.001, "SYN_RECEIVED", "ESTABLISHED").look(13, "ESTABLISHED")
    assert kernel.look(9999, "ESTABLISHED", source="final").states() == [
        (0, "LISTEN"),
        (5.1, "SYN_RECEIVED"),
        (13.001, "ESTABLISHED"),
    ]


def opened() -> Kernel:
    return Kernel().look(5, "SYN_RECEIVED").trace(13, "SYN_RECEIVED", "ESTABLISHED").look(13, "ESTABLISHED")


def established() -> Kernel:
    kernel = Kernel().look(5, "SYN_RECEIVED").trace(13, "LISTEN", "SYN_RECEIVED")
    return kernel.trace(13, "SYN_RECEIVED", "ESTABLISHED").look(13, "ESTABLISHED")


def test_a_socket_older_than_the_trace_is_not_ours() -> None:
    assert opened().merged().records[0]["server"]["timeline"][-1]["state"] == "SYN_RECEIVED"


def test_closed_means_time_wait_when_a_minisock_is_left() -> None:
    kernel = established().trace(100, "ESTABLISHED", "FIN_WAIT_1").trace(108, "FIN_WAIT_1", "FIN_WAIT_2")
    kernel.look(107.99, "FIN_WAIT_2").trace(120.01, "FIN_WAIT_2", "CLOSED").look(120, "TIME_WAIT", mini=True)
    kernel.look(5000, "TIME_WAIT", mini=True, source="dump").look(5200, None, source="dump")
    assert kernel.states()[3:] == [
        (100, "FIN_WAIT_1"),
        (108, "FIN_WAIT_2"),
        (120.01, "TIME_WAIT"),
        (5100.05, "CLOSED"),  # its timer (300 ms) would end after it was found missing: half way
    ]


def test_an_orphan_waits_in_fin_wait_2_until_a_fin_comes() -> None:
    kernel = established().trace(100, "ESTABLISHED", "FIN_WAIT_1").trace(108, "FIN_WAIT_1", "FIN_WAIT_2")
    kernel.trace(108.001, "FIN_WAIT_2", "CLOSED").look(108, "FIN_WAIT_2", mini=True)
    kernel.look(300, "TIME_WAIT", mini=True).look(9999, "TIME_WAIT", mini=True, source="final")
    assert kernel.states()[3:] == [(100, "FIN_WAIT_1"), (108, "FIN_WAIT_2"), (300.1, "TIME_WAIT")]


def test_a_minisock_that_was_not_seen_before_its_fin_was_an_orphan() -> None:
    kernel = established().trace(100, "ESTABLISHED", "FIN_WAIT_1").trace(108, "FIN_WAIT_1", "FIN_WAIT_2")
    kernel.trace(150, "FIN_WAIT_2", "CLOSED").look(300, "TIME_WAIT", mini=True)
    kernel.look(9999, "TIME_WAIT", mini=True, source="final")
    assert kernel.states()[-2:] == [(108, "FIN_WAIT_2"), (300.1, "TIME_WAIT")]


def test_closed_is_closed_when_nothing_is_left() -> None:
    kernel = established().trace(100, "ESTABLISHED", "CLOSED").look(200, None)
    assert kernel.states()[-1] == (100, "CLOSED")


def test_a_dump_that_misses_a_socket_says_nothing() -> None:
    kernel = Kernel().look(5, "SYN_RECEIVED").look(200, None, source="dump").look(400, "SYN_RECEIVED", source="dump")
    kernel.look(600, None, source="dump")
    merged = kernel.merged()
    states = [entry["state"] for entry in merged.records[0]["server"]["timeline"]]
    assert states == ["LISTEN", "SYN_RECEIVED", "CLOSED"]
    assert merged.records[0]["server"]["timeline"][-1]["lo"] == START + 400 * MS


def test_a_dump_during_a_probe_says_nothing() -> None:
    kernel = established().trace(100, "ESTABLISHED", "FIN_WAIT_1").trace(108, "FIN_WAIT_1", "FIN_WAIT_2")
    kernel.trace(108.001, "FIN_WAIT_2", "CLOSED").look(108, "FIN_WAIT_2", mini=True).look(300, "TIME_WAIT", mini=True)
    kernel.look(300.05, "FIN_WAIT_2", mini=True, source="dump").look(9999, "TIME_WAIT", mini=True, source="final")
    assert kernel.states()[-2:] == [(108, "FIN_WAIT_2"), (300.1, "TIME_WAIT")]


def test_another_cookie_is_another_use_of_the_ports() -> None:
    kernel = established().trace(100, "ESTABLISHED", "FIN_WAIT_1").trace(108, "FIN_WAIT_1", "FIN_WAIT_2")
    kernel.trace(120, "FIN_WAIT_2", "CLOSED").look(119.99, "TIME_WAIT", mini=True)
    kernel.log.append({**kernel.log[0], "id": 2, "time": START + 990 * MS})
    kernel.look(1000, "SYN_RECEIVED", cookie=8).look(9999, "SYN_RECEIVED", cookie=8, source="final")
    merged = kernel.merged()
    first, second = ([e["state"] for e in r["server"]["timeline"]] for r in merged.records)
    assert merged.problems == []
    assert first[-2:] == ["TIME_WAIT", "CLOSED"]
    assert second == ["LISTEN", "SYN_RECEIVED"]
    assert [(r["incarnation"], r["of"]) for r in merged.records] == [(1, 2), (2, 2)]


@pytest.mark.parametrize("lost", ["CLOSE_WAIT", "LAST_ACK", "CLOSED"])
def test_a_lost_step_is_noticed(lost: str) -> None:
    kernel = established().trace(100, "ESTABLISHED", "CLOSE_WAIT").look(99.99, "CLOSE_WAIT")
    kernel.trace(200, "CLOSE_WAIT", "LAST_ACK").look(203, "LAST_ACK", source="dump")
    kernel.trace(208, "LAST_ACK", "CLOSED").look(207.99, None).look(400, None, source="dump")
    assert kernel.states()[-1] == (208, "CLOSED")
    kernel.steps = [step for step in kernel.steps if step.new != lost]
    assert kernel.merged().problems != []
