"""Which use of a four-tuple a frame belongs to, and how memory is shared."""

from __future__ import annotations

from tcptrace_py.packet import Segment
from tcptrace_py.reassembly.assembly import Assembly, Chosen, Roster, turned
from tools.outlets import Kept
from tools.segments import CLIENT_IP, SERVER_IP, TO_CLIENT, TO_SERVER, key, segment


def at(frame: int, way: bytes = TO_SERVER, data: bytes = b"x", seq: int = 1) -> Segment:
    made = segment(frame, frame * 1000, way, ".", seq, 1, len(data))
    made.buf, made.payload_at, made.captured = data + bytes(64), 0, len(data)
    return made


def found(roster: Roster, frame: int, way: bytes = TO_SERVER) -> int:
    part = roster.find(at(frame, way))
    return -1 if part is None else int(part.number)


def test_a_key_can_be_turned() -> None:
    assert turned(TO_SERVER) == TO_CLIENT
    v6 = key(bytes(range(16)), 1, bytes(range(16, 32)), 2)
    assert turned(turned(v6)) == v6 != turned(v6)


def test_frames_belong_to_the_use_that_they_fall_in() -> None:
    roster = Roster()
    roster.add(Chosen(3, TO_SERVER, 10, 10, 19, wanted=True))
    roster.add(Chosen(5, TO_SERVER, 20, 20, 29, wanted=False))
    roster.add(Chosen(7, TO_CLIENT, 30, 30, 39, wanted=True))  # the other side opened it
    assert [found(roster, frame) for frame in (9, 10, 19, 20, 29)] == [-1, 3, 3, -1, -1]
    assert found(roster, 30, TO_CLIENT) == 7
    assert roster.side == 0
    assert found(roster, 31, TO_SERVER) == 7
    assert roster.side == 1
    assert found(roster, 32, key(CLIENT_IP, 1, SERVER_IP, 2)) == -1
    roster.rewind()
    assert found(roster, 15) == 3


def test_a_syn_that_waited_belongs_to_what_it_began() -> None:
    roster = Roster()
    roster.add(Chosen(1, TO_SERVER, 1, 1, 30, wanted=True))
    roster.add(Chosen(2, TO_SERVER, 20, 25, 40, wanted=True))
    assert [found(roster, frame) for frame in (19, 20, 21, 24, 25)] == [1, 2, 1, 1, 2]


def test_what_is_only_taken_along_gives_frames_and_no_streams() -> None:
    roster = Roster()
    along = Chosen(1, TO_SERVER, 1, 1, 9, wanted=False)
    along.taken_along = True
    roster.add(along)
    assert found(roster, 5) == 1
    assembly = Assembly(Kept(), roster)
    assert assembly.segment(along, 0, at(5)) is None
    assert assembly.rest() == []


def test_a_conversation_is_over_with_its_last_frame() -> None:
    roster, kept = Roster(), Kept()
    part = Chosen(1, TO_SERVER, 1, 1, 3, wanted=True)
    roster.add(part)
    assembly = Assembly(kept, roster)
    assert assembly.segment(part, 0, at(1, data=b"a", seq=1)) is None
    talk = assembly.segment(part, 0, at(3, data=b"b", seq=2))
    assert talk is not None
    talk.close()
    assert kept.text() == b"ab"
    assert assembly.segment(part, 0, at(4, data=b"c", seq=3)) is None  # a copy that the capture made
    assert assembly.rest() == []


def test_all_streams_share_one_bound() -> None:
    roster, kept = Roster(), Kept()
    assembly = Assembly(kept, roster, memory=200_000)
    parts = [Chosen(n, key(CLIENT_IP, n, SERVER_IP, 80), 1, 1, 10**6, wanted=True) for n in range(1, 40)]
    block = bytes(1000)
    for n in range(100):
        for part in parts:
            assembly.segment(part, 0, at(n + 1, data=block, seq=1 + n * 1000))
            assert assembly.budget.held <= 200_000 + 2000
    assert assembly.relieved > 10
    for talk in assembly.rest():
        talk.close()
    assert len(kept.text()) == 39 * 100 * 1000
    assert kept.holes[0] == []
    assert assembly.budget.held == 0


def test_where_memory_is_short_holes_are_given_up() -> None:
    roster, kept = Roster(), Kept()
    assembly = Assembly(kept, roster, memory=200_000)
    part = Chosen(1, TO_SERVER, 1, 1, 10**6, wanted=True)
    assembly.segment(part, 0, at(1, data=b"x", seq=1))
    for n in range(300):
        assembly.segment(part, 0, at(n + 2, data=bytes(1000), seq=1002 + n * 1000))
        assert assembly.budget.held <= 202_000
    (talk,) = assembly.rest()
    assert talk.client.forced_bytes == 1000
    talk.close()
    assert [(h.start, h.end) for h in kept.holes[0]] == [(1, 1001)]
