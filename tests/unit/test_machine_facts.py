"""The facts: each a bit of its own, a name, a meaning and a source."""

from __future__ import annotations

import re

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import CLIENT, SERVER, Connection
from tcptrace_py.machine.endpoint import Endpoint
from tools.segments import TO_SERVER

SOURCE = re.compile(r"(RFC \d{3,4}(, (figure \d+|\d+(\.\d+)*(, (\w+ check|figure \d+))?))?(; )?)+|Linux|capture")


def constants() -> dict[str, int]:
    """The bits of the module by name."""
    return {
        name: value
        for name, value in vars(fa).items()
        if name.isupper() and isinstance(value, int) and name != "MAX_NOTES"
    }


def test_every_bit_has_its_row_and_its_name() -> None:
    assert {f.name.upper(): f.bit for f in fa.FACTS} == constants()


def test_bits_are_single_and_distinct() -> None:
    bits = [f.bit for f in fa.FACTS]
    assert all(bit.bit_count() == 1 for bit in bits)
    assert len(set(bits)) == len(bits)
    assert max(bits) < 1 << 63, "an i64 holds them all"


def test_every_fact_says_what_it_means_and_who_says_so() -> None:
    for fact in fa.FACTS:
        assert len(fact.meaning) > 10
        assert SOURCE.fullmatch(fact.section), fact.section


def test_notes_are_bounded_and_bits_are_not() -> None:
    ends = [Endpoint(st.ESTABLISHED, 0, 1, "here") for _ in range(2)]
    c = Connection(1, TO_SERVER, ends[CLIENT], ends[SERVER], 0, 1)
    for n in range(fa.MAX_NOTES + 5):
        c.note(fa.RETRANSMISSION if n < fa.MAX_NOTES else fa.FIN_AGAIN, SERVER, n + 1, n, -1, n)
    assert len(c.notes) == fa.MAX_NOTES
    assert c.notes_lost == 5
    assert c.facts == fa.RETRANSMISSION | fa.FIN_AGAIN
    assert (c.notes[3].frame, c.notes[3].side, c.notes[3].state, c.notes[3].value) == (4, SERVER, st.ESTABLISHED, 3)
