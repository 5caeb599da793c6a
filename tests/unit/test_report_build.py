from __future__ import annotations

import json
import struct
from decimal import Decimal
from typing import Any

import pytest

from tools.program import SAMPLES
from tools.sinking import write
from tools.talk import SECOND, Talk


def report(talk: Talk) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(write(talk.frames, "json"), parse_float=Decimal)
    return result


def test_a_connection_from_first_to_last() -> None:
    talk = Talk(time=1_700_000_000_000_000_001).handshake().close()
    (c,) = report(talk)["connections"]
    assert c["client"] == {"address": "10.0.0.1", "port": 40000}
    assert c["server"] == {"address": "10.0.0.2", "port": 80}
    assert (c["first_frame"], c["last_frame"], c["packets"], c["id"]) == (1, 7, 7, 1)
    assert (c["opening"], c["closing"], c["outcome"], c["closed_by"]) == ("three_way", "four_way", "closed", "client")
    assert c["start"] == Decimal("1700000000.001000001")
    assert c["duration"] == Decimal("0.006")
    assert c["rtt"] == {"to_server": Decimal("0.001"), "to_client": Decimal("0.001")}


def test_the_placeholder_before_the_first_segment_is_not_told() -> None:
    (c,) = report(Talk().handshake().close())["connections"]
    assert [entry["state"] for entry in c["endpoints"]["client"]["timeline"]] == [
        "SYN_SENT",
        "ESTABLISHED",
        "FIN_WAIT_1",
        "FIN_WAIT_2",
        "TIME_WAIT",
    ]
    assert c["endpoints"]["server"]["timeline"][0]["state"] == "SYN_RECEIVED"


def test_the_placeholder_is_told_when_it_is_all_there_is() -> None:
    (c,) = report(Talk().send("client", "S", 100))["connections"]
    assert [entry["state"] for entry in c["endpoints"]["server"]["timeline"]] == ["LISTEN"]


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.pcap")), ids=lambda path: path.stem)
def test_what_must_hold_of_every_connection(sample: Any) -> None:
    whole = json.loads(write(sample, "json"), parse_float=Decimal)
    assert [c["id"] for c in whole["connections"]] == list(range(1, whole["summary"]["connections"] + 1))
    for c in whole["connections"]:
        for e in c["endpoints"].values():
            assert sum(e["time_in_state"].values()) == c["observed_until"] - c["start"]
            assert e["state"] in e["possible"]
            last = e["timeline"][-1]
            assert (last["state"], last["frame"]) == (e["state"], e["since_frame"])
            assert e["since"] == last["time"]
            assert e["sent"]["unique_bytes"] <= e["sent"]["payload_bytes"]
        assert sum(e["sent"]["packets"] for e in c["endpoints"].values()) <= c["packets"]


def test_unknown_is_null() -> None:
    talk = Talk().send("client", "PA", 500, 900, b"x").send("server", "A", 900, 501)
    (c,) = report(talk)["connections"]
    assert c["opening"] == "midstream"
    assert c["closed_by"] is None
    assert c["rtt"] == {"to_server": None, "to_client": None}
    sent = c["endpoints"]["server"]["sent"]
    assert [sent[name] for name in ("mss", "window_scale", "sack_permitted", "timestamps")] == [None] * 4
    assert (sent["rtt_samples"], sent["rtt_min"], sent["rtt_avg"], sent["rtt_max"]) == (0, None, None, None)


def test_an_offer_that_was_seen_is_no_longer_unknown() -> None:
    (c,) = report(Talk().handshake())["connections"]
    sent = c["endpoints"]["client"]["sent"]
    assert sent["sack_permitted"] is False
    assert sent["timestamps"] is False
    assert sent["mss"] is None  # no such option


def test_time_in_state_goes_on_to_the_end_of_observation() -> None:
    talk = Talk().handshake().stay(30)
    (c,) = report(talk)["connections"]
    assert c["endpoints"]["client"]["time_in_state"]["ESTABLISHED"] > 29
    assert c["observed_until"] == Decimal(talk.time) / SECOND


def test_times_that_run_backwards_never_give_negative_durations() -> None:
    talk = Talk().handshake()
    talk.send("client", "FA", 101, 301, after=-SECOND).send("server", "A", 301, 102, after=-SECOND)
    (c,) = report(talk)["connections"]
    assert c["duration"] >= 0
    for e in c["endpoints"].values():
        assert all(spent >= 0 for spent in e["time_in_state"].values())
        assert sum(e["time_in_state"].values()) == max(c["observed_until"] - c["start"], 0)


def test_both_closed_it_when_the_fins_crossed() -> None:
    talk = Talk().handshake()
    talk.send("client", "FA", 101, 301).send("server", "FA", 301, 101)
    talk.send("client", "A", 102, 302).send("server", "A", 302, 102)
    (c,) = report(talk)["connections"]
    assert (c["closing"], c["closed_by"]) == ("simultaneous", "both")


def test_every_nanosecond_of_a_recording_survives() -> None:
    data = (SAMPLES / "four-way-close.pcap").read_bytes()
    assert data[:4] == b"\x4d\x3c\xb2\xa1", "a pcap with nanoseconds"
    seconds, nanoseconds = struct.unpack_from("<II", data, 24)
    first = f"{seconds}.{nanoseconds:09d}"
    text = write(data, "json").decode()
    assert f'"start":{first},' in text
    assert '"first_frame":1,' in text
    assert first in write(data, "csv").decode()
    assert first in write(data, "ndjson").decode()


def test_ipv6() -> None:
    (c,) = report(Talk(client=("2001:db8::1", 1024), server=("2001:db8::2", 443)).handshake())["connections"]
    assert c["client"]["address"] == "2001:db8::1"
    assert c["server"] == {"address": "2001:db8::2", "port": 443}
