from __future__ import annotations

import socket

import pytest

from tcptrace_py.report.identity import address_text, community_id, endpoint_text, ports


def key(source: str, port: int, target: str, other_port: int) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    return addresses + port.to_bytes(2, "big") + other_port.to_bytes(2, "big")


# From the baseline of the specification (github.com/corelight/community-id-spec, seed 0)
@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (("128.232.110.120", 34855, "66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (("66.35.250.204", 80, "128.232.110.120", 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ],
)
def test_community_id_is_that_of_the_specification(one: tuple[str, int, str, int], expected: str) -> None:
    assert community_id(key(*one)) == expected


def test_community_id_is_one_for_both_directions_when_the_addresses_are_equal() -> None:
    assert community_id(key("::1", 5, "::1", 6)) == community_id(key("::1", 6, "::1", 5))
    assert community_id(key("::1", 5, "::1", 6)) != community_id(key("::1", 5, "::1", 7))


def test_addresses_and_ports() -> None:
    four = key("10.0.0.1", 40000, "10.0.0.2", 80)
    assert address_text(four[:4]) == "10.0.0.1"
    assert ports(four) == (40000, 80)
    six = key("2001:db8::1", 1, "2001:db8::2", 65535)
    assert address_text(six[:16]) == "2001:db8::1"
    assert ports(six) == (1, 65535)
    assert endpoint_text("2001:db8::1", 1) == "[2001:db8::1]:1"
    assert endpoint_text("10.0.0.1", 1) == "10.0.0.1:1"
