"""The flow table against a dictionary with two keys a flow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcptrace_py.machine import states as st
from tcptrace_py.machine.connection import Connection, Flow
from tcptrace_py.machine.endpoint import Endpoint
from tcptrace_py.machine.flowtable import FlowTable, reverse
from tools.properties import REPEATABLE


def key(client: int, server: int, six: bool = False) -> bytes:
    address = bytes(12) if six else b""
    hosts = b"".join(address + bytes((10, 0, 0, n % 7)) for n in (client, server))
    return hosts + (1024 + client).to_bytes(2, "big") + (80 + server).to_bytes(2, "big")


def connection(number: int, at: bytes) -> Connection:
    return Connection(number, at, Endpoint(st.CLOSED, 0, 1, ""), Endpoint(st.LISTEN, 0, 1, ""), 0, number)


def test_both_directions_lead_to_the_flow_and_say_which_they_are() -> None:
    for six in (False, True):
        table = FlowTable()
        c = connection(1, key(1, 2, six))
        table.put(c)
        ways = []
        for at in (c.key, reverse(c.key)):
            assert table.find(at) is c
            ways.append(table.backwards)
        assert ways == [False, True]
        assert table.find(key(2, 1, six)) is None


def test_a_later_flow_of_the_same_ports_takes_the_place_of_the_older() -> None:
    table = FlowTable()
    table.put(connection(1, key(1, 2)))
    c = connection(2, reverse(key(1, 2)))
    table.put(c)
    assert table.count == 1
    assert table.find(key(1, 2)) is c
    assert table.backwards


def test_it_grows_and_forgets_nothing() -> None:
    table = FlowTable()
    flows = [connection(n, n.to_bytes(4, "big") + bytes(4) + bytes((4, 210, 0, 80))) for n in range(1, 5000)]
    for c in flows:
        table.put(c)
    assert table.count == len(flows)
    assert all(table.find(c.key) is c for c in flows)
    assert table.connections() == flows
    for c in flows[::2]:
        table.remove(c)
    assert [table.find(c.key) is c for c in flows] == [n % 2 == 1 for n in range(len(flows))]
    assert table.connections() == flows[1::2]


def test_what_is_parked_is_found_but_is_no_connection() -> None:
    for six in (False, True):
        table = FlowTable()
        flows = [connection(n, key(n, n + 1, six)) for n in range(1, 2000)]
        for c in flows:
            table.put(c)
        parked = [Flow(c.number, c.key, 0, c.number) for c in flows[::2]]
        for c, flow in zip(flows[::2], parked, strict=True):
            table.replace(c, flow)
        assert table.count == len(flows)
        assert table.connections() == flows[1::2]
        assert all(table.find(reverse(flow.key)) is flow and table.backwards for flow in parked)
        table.replace(parked[0], flows[0])
        assert table.connections() == [flows[0], *flows[1::2]]
        for flow in parked[1:]:
            table.remove(flow)
        assert table.count == len(flows) - len(parked) + 1
        assert table.find(flows[2].key) is None


@REPEATABLE
@given(some.lists(some.tuples(some.sampled_from("pqrcm"), some.integers(0, 40), some.integers(0, 3), some.booleans())))
def test_it_agrees_with_a_dictionary(steps: list[tuple[str, int, int, bool]]) -> None:
    table, model = FlowTable(), dict[bytes, Flow]()
    for number, (verb, client, server, six) in enumerate(steps, 1):
        at = key(client, server, six)
        if verb == "q":
            at = reverse(at)
        if verb == "r":
            gone = model.get(at)
            if gone is not None:
                table.remove(gone)
                del model[gone.key], model[reverse(gone.key)]
        elif verb == "c":  # parked, or whole again
            old = model.get(at)
            if old is not None:
                new = Flow(number, old.key, 0, number) if isinstance(old, Connection) else connection(number, old.key)
                table.replace(old, new)
                model[old.key] = model[reverse(old.key)] = new
        elif verb == "m":
            table.move()
        else:
            c = connection(number, at)
            table.put(c)
            model[at] = model[reverse(at)] = c
        assert table.count * 2 == len(model)
    for at, flow in model.items():
        assert table.find(at) is flow
    whole = [flow for flow in set(model.values()) if isinstance(flow, Connection)]
    assert table.connections() == sorted(whole, key=lambda c: c.number)
