"""The table is total: every state and every event have an arrow, or a reason why there is none.

What RFC 9293 says of each cell is written down here a second time, in another shape (by event, not by state), so
that a slip in one of the two shows.
"""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import events as ev
from tcptrace_py.machine import states as st
from tcptrace_py.machine.table import ARROWS, BEFORE, NEXT, NOWHERE, after, arrow_for, fold, image, next_state
from tools.properties import REPEATABLE

STATES = range(st.COUNT)
EVENTS = range(ev.COUNT)

IMPOSSIBLE = "it cannot send this from there: having sent it proves that it was elsewhere"
DROPPED = "it stays where it is: the segment is dropped, or answered without a change of state"
NOT_RUNNING = "no such timer runs there"
NOTHING_TO_CLOSE = "there is nothing to close, or it is being closed already"

C, L, SS, SR, E = st.CLOSED, st.LISTEN, st.SYN_SENT, st.SYN_RECEIVED, st.ESTABLISHED
F1, F2, CW, CL, LA, TW = st.FIN_WAIT_1, st.FIN_WAIT_2, st.CLOSE_WAIT, st.CLOSING, st.LAST_ACK, st.TIME_WAIT

WANTED: dict[int, dict[int, int]] = {
    # 3.10.1 (and 3.8.1 for what is sent again); RFC 6191 for TIME_WAIT
    ev.SEND_SYN: {C: SS, L: SS, SS: SS, TW: SS},
    ev.SEND_SYN_ACK: {C: SR, L: SR, SS: SR, SR: SR},
    # 3.10.4: FIN_WAIT_2 and TIME_WAIT have theirs acknowledged and never send it again
    ev.SEND_FIN: {SR: F1, E: F1, CW: LA, F1: F1, CL: CL, LA: LA},
    # 3.10.7.1 and 3.10.7.2: answers that leave the state as it is; 3.10.5: aborts
    ev.SEND_RST: {C: C, L: L, **dict.fromkeys((SS, SR, E, F1, F2, CW, CL, LA, TW), C)},
    # 3.10.7.3, fourth check; in LISTEN it is the SYN-ACK that makes SYN_RECEIVED
    ev.RECEIVE_SYN: {SS: SR},
    # 3.10.7.3, fourth check; 3.10.7.4, fifth check (figure 7)
    ev.RECEIVE_SYN_ACK: {SS: E, SR: E},
    ev.RECEIVE_ACK_OF_SYN: {SR: E},
    # 3.10.7.4, eighth check
    ev.RECEIVE_FIN: {SR: CW, E: CW, F1: CL, F2: TW, TW: TW},
    # 3.10.7.4, fifth check
    ev.RECEIVE_ACK_OF_FIN: {F1: F2, CL: TW, LA: C},
    # 3.10.7.3, second check; 3.10.7.4, second check; LISTEN ignores it (3.10.7.2)
    ev.RECEIVE_RST: dict.fromkeys((SS, SR, E, F1, F2, CW, CL, LA, TW), C),
    ev.TIMEOUT_2MSL: {TW: C},
    # 3.8.3 and 3.10.8 "for any state"; FIN_WAIT_2 by every implementation's orphan timer
    ev.TIMEOUT_GIVE_UP: dict.fromkeys((SS, SR, E, CW, F1, F2, CL, LA), C),
    # 3.10.4: queued behind data, or in SYN_SENT nothing to say
    ev.CLOSE_UNSEEN: {E: F1, CW: LA, SS: C},
    # 3.9.2.2: hard errors; in synchronized states they are soft (RFC 5927)
    ev.RECEIVE_ICMP: {SS: C},
}

WITHOUT: dict[int, str] = {
    ev.SEND_SYN: IMPOSSIBLE,
    ev.SEND_SYN_ACK: IMPOSSIBLE,
    ev.SEND_FIN: IMPOSSIBLE,
    ev.SEND_RST: IMPOSSIBLE,
    ev.RECEIVE_SYN: DROPPED,
    ev.RECEIVE_SYN_ACK: DROPPED,
    ev.RECEIVE_ACK_OF_SYN: DROPPED,
    ev.RECEIVE_FIN: DROPPED,
    ev.RECEIVE_ACK_OF_FIN: DROPPED,
    ev.RECEIVE_RST: DROPPED,
    ev.TIMEOUT_2MSL: NOT_RUNNING,
    ev.TIMEOUT_GIVE_UP: NOT_RUNNING,
    ev.CLOSE_UNSEEN: NOTHING_TO_CLOSE,
    ev.RECEIVE_ICMP: DROPPED,
}
"""What it means that a cell of an event's row is empty."""

MAY_BE_EITHER: set[tuple[int, int]] = {(SR, ev.CLOSE_UNSEEN)}
"""Cells that the RFC allows an arrow in and that the machine may do without: SYN_RECEIVED queues its FIN until it is
ESTABLISHED (3.10.4), so the step can be told as the one from there."""


def test_every_cell_is_as_the_rfc_has_it() -> None:
    differing = [
        f"{st.NAMES[state]}, {ev.NAMES[event]}: {name(next_state(state, event))}, not {name(wanted)}"
        for state, event in itertools.product(STATES, EVENTS)
        if (wanted := WANTED[event].get(state, NOWHERE)) != next_state(state, event)
        and (state, event) not in MAY_BE_EITHER
    ]
    assert differing == []


def name(state: int) -> str:
    """A state's name, or that there is none."""
    return "nowhere" if state == NOWHERE else st.NAMES[state]


def test_every_event_says_what_an_empty_cell_means() -> None:
    assert set(WANTED) == set(WITHOUT) == set(EVENTS)
    assert len(ev.NAMES) == ev.COUNT
    assert len(set(ev.NAMES)) == ev.COUNT
    assert len(st.NAMES) == st.COUNT
    for event, meaning in WITHOUT.items():
        assert (meaning == IMPOSSIBLE) == ev.NAMES[event].startswith("send ")


def test_no_two_arrows_start_alike() -> None:
    starts = [(arrow.from_state, arrow.event) for arrow in ARROWS]
    assert len(starts) == len(set(starts))


def test_a_second_arrow_is_refused() -> None:
    with pytest.raises(ValueError, match="two arrows from ESTABLISHED on send FIN"):
        fold((*ARROWS, next(a for a in ARROWS if a.from_state == E and a.event == ev.SEND_FIN)))


SECTION = re.compile(
    r"3\.(?:4(?:\.[1-3])?|5(?:\.[1-3])?|6(?:\.1)?|8\.[1-6](?:\.[1-3])?|9\.2\.[1-3]|10\.[1-8]|10\.7\.[1-4])"
)
NAMED = re.compile(r"RFC (?:1337|4987|5961|6191|6298|7413)|Linux [a-z_]+")


@pytest.mark.parametrize("arrow", ARROWS, ids=lambda a: f"{st.NAMES[a.from_state]}-{ev.NAMES[a.event]}")
def test_every_arrow_says_who_says_so_and_why(arrow: tuple[int, int, int, str, str]) -> None:
    _, event, _, section, because = arrow
    assert SECTION.fullmatch(section) or NAMED.fullmatch(section), section
    assert because
    assert not because.endswith(".")
    # sections that cannot be the source of such an event
    if ev.NAMES[event].startswith("receive ") and section.startswith("3."):
        assert section.startswith(("3.10.7", "3.9.2"))


def test_resets_cite_the_abort_call_only_where_that_sends_one() -> None:
    # 3.10.5: in SYN_SENT the TCB is deleted, in CLOSING, LAST_ACK and TIME_WAIT "respond with ok"; a RST from there is the
    # answer of a host that has closed meanwhile (3.10.7.1), or of one that closes both ways with data unread (3.6.1)
    citing = {a.from_state for a in ARROWS if a.event == ev.SEND_RST and a.section == "3.10.5"}
    assert citing == {SR, E, F1, F2, CW}


def test_arrows_are_found_for_explanations() -> None:
    for state, event in itertools.product(STATES, EVENTS):
        arrow = arrow_for(state, event)
        if next_state(state, event) == NOWHERE:
            assert arrow is None
        else:
            assert arrow is not None
            assert arrow.to_state == next_state(state, event)


def test_the_flat_table_holds_the_arrows_and_nothing_else() -> None:
    arrows = {(a.from_state, a.event): a.to_state for a in ARROWS}
    assert len(NEXT) == st.COUNT * ev.COUNT
    for state, event in itertools.product(STATES, EVENTS):
        assert NEXT[state * ev.COUNT + event] == arrows.get((state, event), NOWHERE)


@REPEATABLE
@given(some.sets(some.sampled_from(list(STATES))), some.sampled_from(list(EVENTS)))
def test_the_image_of_a_set_is_the_set_of_the_images(states: set[int], event: int) -> None:
    wanted = {a.to_state for a in ARROWS if a.event == event and a.from_state in states}
    assert image(mask(states), event) == mask(wanted)


@REPEATABLE
@given(some.sets(some.sampled_from(list(STATES))), some.sampled_from(list(EVENTS)))
def test_after_an_event_what_has_no_arrow_stays(states: set[int], event: int) -> None:
    moved = {a.from_state: a.to_state for a in ARROWS if a.event == event}
    assert after(mask(states), event) == mask({moved.get(state, state) for state in states})


def mask(states: set[int]) -> int:
    """A set as a bit mask."""
    return sum(1 << state for state in states)


def test_before_is_what_can_come_earlier_in_the_same_connection() -> None:
    # a SYN out of TIME_WAIT is another connection's, and so is what came before CLOSED or LISTEN at the beginning
    steps = {
        (a.from_state, a.to_state)
        for a in ARROWS
        if a.from_state != a.to_state and (a.from_state, a.to_state) != (TW, SS)
    }
    for state in STATES:
        found: set[int] = set()
        edge = {state}
        while edge:  # walk against the arrows
            edge = {before for before, after in steps if after in edge} - found
            found |= edge
            edge -= {C, L}
        assert mask(found) == BEFORE[state], st.NAMES[state]


def test_every_state_can_be_reached() -> None:
    steps = {(a.from_state, a.to_state) for a in ARROWS}
    reached = {C, L}  # LISTEN comes of a passive OPEN, which nobody sees
    while grown := {after for before, after in steps if before in reached} - reached:
        reached |= grown
    assert reached == set(STATES)


def test_the_sets_of_states_are_those_of_the_rfc() -> None:
    # 3.5.2, the three groups; 3.10.2 and 3.10.4 for who may send
    assert st.mask_names(st.NO_CONNECTION) == ["CLOSED", "LISTEN"]
    assert mask({E, F1, F2, CW, CL, LA, TW}) == st.SYNCHRONIZED
    assert st.ANY == st.SYNCHRONIZED | st.NO_CONNECTION | st.IN_SYN_SENT | st.IN_SYN_RECEIVED
    assert mask({F1, F2, CL, LA, TW}) == st.FIN_SENT
    assert mask({F1, CL, LA}) == st.FIN_UNACKNOWLEDGED
    assert mask({CW, LA, CL, TW}) == st.FIN_RECEIVED
    assert mask({E, CW}) == st.MAY_SEND_DATA
    # whatever may send a FIN again has one that is not acknowledged
    assert mask({s for s in STATES if next_state(s, ev.SEND_FIN) == s}) == st.FIN_UNACKNOWLEDGED
