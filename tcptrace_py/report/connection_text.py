"""A connection, as the engine holds it → its text: an object of JSON, or a row of CSV.

What each field means is in ``model``, and what it is made of in ``build``; this is the same compiled, without the objects
between, because a report of every connection would otherwise be mostly the making of objects.  Tests hold the two against
each other, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from tcptrace_py.machine import states as st
from tcptrace_py.machine import story
from tcptrace_py.machine.connection import CLIENT, LETTERS, Connection, count_bits
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES, Endpoint, Step
from tcptrace_py.report.cells import Cells
from tcptrace_py.report.digits import whole
from tcptrace_py.report.identity import address_text, community_id
from tcptrace_py.report.sent_text import write_sent
from tcptrace_py.words import vec

_NAMES: Final = [name.encode("ascii") for name in st.NAMES]
_MEMBERS: Final = [b'"%b":' % name for name in _NAMES]
_EVIDENCE: Final = [name.encode("ascii") for name in EVIDENCE_NAMES]
_OPENINGS: Final = [name.encode("ascii") for name in story.OPENINGS]
_CLOSINGS: Final = [name.encode("ascii") for name in story.CLOSINGS]
_OUTCOMES: Final = [name.encode("ascii") for name in story.OUTCOMES]

_LETTERS: Final = LETTERS.encode("ascii")

_ITEM: Final = b""
_QUOTE: Final = 0x22
_SPACE: Final = 0x20
_COMMA: Final = 0x2C
_AT: Final = 0x40

_MOST_ADDRESSES: Final = 1 << 16


class ConnectionText:
    """Makes the text of one connection after another."""

    def __init__(
        self, encode: Callable[[str], bytes], labels: dict[int, str] | None, end: bytes, *, is_json: bool
    ) -> None:
        """``encode``: any text as it is to stand there; ``labels``: application protocols, by number, if they were asked
        for; ``end``: what stands behind each connection.
        """
        self.cells = Cells(encode, named=is_json)
        self.end = end
        self.labels = labels
        self.addresses: dict[bytes, bytes] = {}  # those of IPv6 as text, for many come again
        self.spent = vec[i64]([0] * st.COUNT)  # ns in each state

    def as_object(self, c: Connection, rules: list[str]) -> bytes:
        """The object that JSON has of a connection in which ``rules`` found something."""
        t = self.cells
        t.begin()
        t.open(_ITEM)
        t.word(b'"type":', b"connection")
        self._story(t, c)
        t.open(b'"endpoints":')
        t.open(b'"client":')
        self._endpoint(t, c, c.client, c.server)
        t.close()
        t.open(b'"server":')
        self._endpoint(t, c, c.server, c.client)
        t.close()
        t.close()
        t.begin_list(b'"findings":')
        for rule in rules:
            t.text(_ITEM, rule)
        t.end_list()
        t.number(b'"incarnation":', c.incarnation)
        t.seconds(b'"observed_until":', c.observed_until)
        t.truth(b'"evicted":', c.evicted)
        self._application(t, c)
        t.close()
        return t.taken(self.end)

    def as_row(self, c: Connection, rules: list[str]) -> bytes:
        """The row that CSV has of it."""
        t = self.cells
        t.begin()
        self._story(t, c)
        t.text(_ITEM, " ".join(rules))
        _endpoint_cells(t, c, c.client, c.server)
        _endpoint_cells(t, c, c.server, c.client)
        self._application(t, c)
        return t.taken(self.end)

    def _story(self, t: Cells, c: Connection) -> None:
        """What both begin with."""
        key = c.key
        size: i64 = len(key)
        half: i64 = (size - 4) // 2
        t.number(b'"id":', c.number)
        t.open(b'"client":')
        self._address(t, b'"address":', key[:half])
        t.number(b'"port":', key[size - 4] << 8 | key[size - 3])
        t.close()
        t.open(b'"server":')
        self._address(t, b'"address":', key[half : 2 * half])
        t.number(b'"port":', key[size - 2] << 8 | key[size - 1])
        t.close()
        t.moment(b'"start":', c.start)
        t.moment(b'"end":', c.end)
        t.seconds(b'"duration":', max(c.end - c.start, 0))
        t.number(b'"first_frame":', c.first_frame)
        t.number(b'"last_frame":', c.last_frame)
        t.number(b'"packets":', c.packets)
        t.word(b'"opening":', _OPENINGS[c.opening])
        t.word(b'"closing":', _CLOSINGS[c.closing])
        t.word(b'"outcome":', _OUTCOMES[c.outcome])
        _closed_by(t, b'"closed_by":', c)
        t.word(b'"community_id":', community_id(key).encode("ascii"))
        _history(t, b'"history":', c)
        t.open(b'"rtt":')
        t.maybe_seconds(b'"to_server":', c.handshake_to_server)
        t.maybe_seconds(b'"to_client":', c.handshake_to_client)
        t.close()

    def _address(self, t: Cells, name: bytes, packed: bytes) -> None:
        """An address: one of IPv4 is sooner written than found."""
        if len(packed) == 4:
            t.dotted(name, packed)
            return
        text = self.addresses.get(packed)
        if text is None:
            if len(self.addresses) >= _MOST_ADDRESSES:
                self.addresses.clear()
            text = address_text(packed).encode("ascii")
            self.addresses[packed] = text
        t.word(name, text)

    def _application(self, t: Cells, c: Connection) -> None:
        labels = self.labels
        if labels is None:
            return
        label = labels.get(c.number)
        if label is None:
            t.unknown(b'"application":')
        else:
            t.text(b'"application":', label)

    def _endpoint(self, t: Cells, c: Connection, e: Endpoint, p: Endpoint) -> None:
        """One side, ``p`` being the other: what is inferred of it, as members of an object, and what it sent."""
        steps = e.steps
        top = steps[len(steps) - 1]
        t.word(b'"state":', _NAMES[e.state])
        t.word(b'"evidence":', _EVIDENCE[e.evidence_at_end()])
        possible: i64 = e.possible | 1 << e.state
        t.begin_list(b'"possible":')
        for state in range(st.COUNT):
            if possible >> state & 1:
                t.word(_ITEM, _NAMES[state])
        t.end_list()
        t.moment(b'"since":', top.time)
        t.known(b'"since_frame":', top.frame)
        t.begin_list(b'"timeline":')
        for i in range(_first_step(steps), len(steps)):
            step = steps[i]
            t.open(_ITEM)
            t.word(b'"state":', _NAMES[step.state])
            t.moment(b'"time":', step.time)
            t.known(b'"frame":', step.frame)
            t.word(b'"evidence":', _EVIDENCE[step.evidence])
            t.known(b'"confirmed_by":', step.confirmed_by)
            t.text(b'"why":', step.why)
            t.close()
        t.end_list()
        t.begin_list(b'"retracted":')
        for retraction in e.retracted:
            step = retraction.step
            t.open(_ITEM)
            t.word(b'"state":', _NAMES[step.state])
            t.moment(b'"time":', step.time)
            t.known(b'"frame":', step.frame)
            t.number(b'"refuted_by":', retraction.refuted_by)
            t.text(b'"why":', retraction.why)
            t.close()
        t.end_list()
        t.open(b'"time_in_state":')
        self._time_in_state(t, steps, c.start, c.observed_until)
        t.close()
        t.open(b'"sent":')
        write_sent(t, e, p, c.end)
        t.close()

    def _time_in_state(self, t: Cells, steps: list[Step], start: i64, until: i64) -> None:
        """How long it was in each state, in the order in which it was there first; not in those that took no time.

        A step takes effect when all before it have: captures may run backwards in time, states do not.
        """
        spent = self.spent
        for i in range(st.COUNT):
            spent[i] = -1
        order: i64 = 0  # four bits a state
        count: i64 = 0
        now: i64 = start
        state: i64 = steps[0].state
        for at in range(1, len(steps) + 1):
            is_last: bool = at == len(steps)
            then: i64 = until if is_last else min(steps[at].time, until)
            if then > now or is_last:
                if spent[state] < 0:
                    spent[state] = 0
                    order |= state << 4 * count
                    count += 1
                spent[state] += max(then - now, 0)
                now = max(then, now)
            if not is_last:
                state = steps[at].state
        for i in range(count):
            state = order >> 4 * i & 15
            t.seconds(_MEMBERS[state], spent[state])


def _first_step(steps: list[Step]) -> i64:
    """The step before anything was seen of it is a placeholder, unless it is all there is."""
    if len(steps) > 1 and 1 << steps[0].state & st.NO_CONNECTION:
        return 1
    return 0


def _history(t: Cells, name: bytes, c: Connection) -> None:
    """The letters of its events, in their order."""
    w = t.w
    if t.named:
        w.write(name)
        w.append(_QUOTE)
    for i in range(count_bits(c.written)):
        w.append(_LETTERS[c.letters >> 4 * i & 15])
    if t.named:
        w.append(_QUOTE)
    w.append(_COMMA)


def _closed_by(t: Cells, name: bytes, c: Connection) -> None:
    """Who closed first; both when neither had seen the other's FIN."""
    if c.closing == story.SIMULTANEOUS_CLOSE:
        t.word(name, b"both")
    elif c.first_closer < 0:
        t.unknown(name)
    else:
        t.word(name, b"client" if c.first_closer == CLIENT else b"server")


def _endpoint_cells(t: Cells, c: Connection, e: Endpoint, p: Endpoint) -> None:
    """One side as cells of a row."""
    w = t.w
    steps = e.steps
    top = steps[len(steps) - 1]
    t.word(_ITEM, _NAMES[e.state])
    t.word(_ITEM, _EVIDENCE[e.evidence_at_end()])
    possible: i64 = e.possible | 1 << e.state
    for state in range(st.COUNT):
        if possible >> state & 1:
            w.write(_NAMES[state])
            possible &= ~(1 << state)
            if possible:
                w.append(_SPACE)
    w.append(_COMMA)
    t.moment(_ITEM, top.time)
    t.known(_ITEM, top.frame)
    first: i64 = _first_step(steps)
    for i in range(first, len(steps)):
        step = steps[i]
        if i > first:
            w.append(_SPACE)
        w.write(_NAMES[step.state])
        if step.frame >= 0:
            w.append(_AT)
            whole(w, step.frame)
    w.append(_COMMA)
    write_sent(t, e, p, c.end)
