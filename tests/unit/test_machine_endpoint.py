"""An endpoint's trail: what is assumed, proven, confirmed and taken back (inference: sections 2 to 4 of docs/states.md)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.endpoint import ASSUMED, MAX_STEPS, PROVEN, Endpoint, likeliest
from tcptrace_py.machine.figures import Detail
from tcptrace_py.machine.ranges import Ranges
from tcptrace_py.machine.recovery import Recovery
from tcptrace_py.machine.space import Space
from tcptrace_py.machine.table import BEFORE
from tools.properties import REPEATABLE
from tools.segments import names, taken_back, trail
from tools.twins import attributes


def endpoint(state: int = st.CLOSED) -> Endpoint:
    """One that nothing has happened to."""
    return Endpoint(state, 0, 1, "nothing seen before")


def test_what_it_sends_is_proven() -> None:
    e = endpoint()
    e.act(ev.SEND_SYN, 10, 1, PROVEN, "SYN sent")
    assert trail(e) == "CLOSED? SYN_SENT"
    assert names(e.possible) == {"SYN_SENT"}
    assert e.is_sure()


def test_what_passes_towards_it_is_assumed_and_leaves_both_states_possible() -> None:
    e = endpoint()
    e.act(ev.SEND_SYN, 10, 1, PROVEN, "SYN sent")
    e.pass_by(ev.RECEIVE_SYN_ACK, 20, 2, "SYN-ACK received")
    assert trail(e) == "CLOSED? SYN_SENT ESTABLISHED?"
    assert names(e.possible) == {"SYN_SENT", "ESTABLISHED"}
    assert not e.is_sure()


def test_its_own_segment_confirms_and_names_itself() -> None:
    e = endpoint()
    e.act(ev.SEND_SYN, 10, 1, PROVEN, "SYN sent")
    e.pass_by(ev.RECEIVE_SYN_ACK, 20, 2, "SYN-ACK received")
    e.prove(st.SYNCHRONIZED, 30, 3, "ACK sent")
    top = e.top()
    assert trail(e) == "CLOSED? SYN_SENT ESTABLISHED"
    assert (top.frame, top.confirmed_by, top.time) == (2, 3, 20)  # it keeps its own frame and time
    assert names(e.possible) == {"ESTABLISHED"}


def test_its_own_segment_takes_back() -> None:
    e = endpoint(st.ESTABLISHED)
    e.act(ev.SEND_FIN, 10, 1, PROVEN, "FIN sent")
    e.pass_by(ev.RECEIVE_ACK_OF_FIN, 20, 2, "ACK received")
    e.prove(st.FIN_UNACKNOWLEDGED, 300, 3, "FIN sent again")
    assert trail(e) == "ESTABLISHED? FIN_WAIT_1"
    assert taken_back(e) == ["FIN_WAIT_2"]
    (retraction,) = e.retracted
    assert (retraction.step.frame, retraction.refuted_by, retraction.why) == (2, 3, "FIN sent again")
    assert names(e.possible) == {"FIN_WAIT_1"}


def test_closed_can_be_taken_back() -> None:
    e = endpoint(st.CLOSE_WAIT)
    e.act(ev.SEND_FIN, 10, 1, PROVEN, "FIN sent")
    e.pass_by(ev.RECEIVE_ACK_OF_FIN, 20, 2, "ACK of its FIN received")
    assert names(e.possible) == {"CLOSED", "LAST_ACK"}
    e.prove(st.FIN_UNACKNOWLEDGED, 300, 3, "FIN sent again")
    assert trail(e).endswith("LAST_ACK")
    assert taken_back(e) == ["CLOSED"]


def test_a_fin_after_the_peers_steps_over_close_wait() -> None:
    e = endpoint()
    e.act(ev.SEND_SYN, 10, 1, PROVEN, "SYN sent")
    e.pass_by(ev.RECEIVE_SYN_ACK, 20, 2, "SYN-ACK received")
    e.prove(st.SYNCHRONIZED, 30, 3, "ACK sent")
    e.pass_by(ev.RECEIVE_FIN, 40, 4, "FIN received")
    e.prove(st.FIN_RECEIVED, 50, 5, "its ACK covers it")
    e.act(ev.SEND_FIN, 50, 5, PROVEN, "FIN sent")
    assert trail(e) == "CLOSED? SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK"


def test_an_event_without_an_arrow_changes_nothing() -> None:
    e = endpoint(st.ESTABLISHED)
    e.pass_by(ev.RECEIVE_ACK_OF_FIN, 10, 2, "it has sent none")
    assert trail(e) == "ESTABLISHED?"
    assert names(e.possible) == {"ESTABLISHED"}


def test_the_trail_is_bounded_and_ends_with_the_step_in_force() -> None:
    e = endpoint()
    for n in range(3 * MAX_STEPS):
        e.enter(st.ESTABLISHED if n % 2 else st.CLOSED, n, n + 1, ASSUMED, "to and fro")
    assert len(e.steps) == MAX_STEPS
    assert e.top().frame == 3 * MAX_STEPS
    assert e.steps[1].frame == 1, "the first ones are kept"


def test_retractions_are_bounded() -> None:
    e = endpoint(st.ESTABLISHED)
    e.act(ev.SEND_FIN, 0, 1, PROVEN, "FIN sent")
    for n in range(2 * MAX_STEPS):
        e.enter(st.FIN_WAIT_2, n, n + 2, ASSUMED, "ACK received")
        e.retract(n + 3, "FIN sent again")
    assert len(e.retracted) == MAX_STEPS


def test_it_takes_over_all_of_a_sequence_space() -> None:
    e, s = endpoint(), Space()
    for n, name in enumerate(sorted(attributes(s))):
        if isinstance(getattr(s, name), int):
            setattr(s, name, not getattr(s, name) if isinstance(getattr(s, name), bool) else 1000 + n)
    s.holes, s.recovery, s.detail = Ranges(1), Recovery(), Detail()
    e.adopt(s)
    for name in attributes(s):
        assert getattr(e, name) == getattr(s, name), name


@REPEATABLE
@given(some.integers(1, st.ANY))
def test_the_likeliest_state_is_one_of_the_set(mask: int) -> None:
    assert mask >> likeliest(mask) & 1


def test_to_be_open_is_likelier_than_anything_else() -> None:
    assert likeliest(st.ANY) == st.ESTABLISHED
    assert likeliest(st.NO_CONNECTION | st.IN_TIME_WAIT) == st.TIME_WAIT


SENDS = [ev.SEND_SYN, ev.SEND_SYN_ACK, ev.SEND_FIN, ev.SEND_RST]
PASSES = [e for e in range(ev.COUNT) if e not in SENDS]
DOINGS = some.one_of(
    some.tuples(some.just("act"), some.sampled_from(SENDS)),
    some.tuples(some.just("pass_by"), some.sampled_from(PASSES)),
    some.tuples(some.just("prove"), some.integers(1, st.ANY)),
)


@REPEATABLE
@given(some.sampled_from([st.CLOSED, st.LISTEN, st.ESTABLISHED]), some.lists(DOINGS, max_size=30))
def test_whatever_happens_the_trail_holds_together(first: int, doings: list[tuple[str, int]]) -> None:
    e = endpoint(first)
    for n, (verb, what) in enumerate(doings, 2):
        if verb == "act":
            e.act(what, n * 10, n, PROVEN, verb)
        elif verb == "pass_by":
            e.pass_by(what, n * 10, n, verb)
        else:
            e.prove(what, n * 10, n, verb)
        assert e.possible
        assert e.possible & ~st.ANY == 0
        assert e.possible >> e.state & 1, f"{st.NAMES[e.state]} is not in {names(e.possible)}"
        assert e.top().state == e.state
        frames = [step.frame for step in e.steps]
        assert frames == sorted(frames)
        for step in e.steps:
            assert step.confirmed_by == -1 or step.confirmed_by > step.frame
    assert BEFORE[st.CLOSED]  # the table is the one the trail was made with
