from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from tcptrace_py.config import Config
from tcptrace_py.machine import states, story
from tcptrace_py.machine.endpoint import EVIDENCE_NAMES
from tcptrace_py.report import model
from tcptrace_py.report.schema import report_schema
from tcptrace_py.rules import finding
from tools.program import SAMPLES
from tools.sinking import write
from tools.talk import Talk

SCHEMA = report_schema()
REPORT = jsonschema.Draft202012Validator(SCHEMA)
LINE = jsonschema.Draft202012Validator({**SCHEMA["$defs"]["Line"], "$defs": SCHEMA["$defs"]})


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.pcap")), ids=lambda path: path.stem)
def test_reports_of_samples_obey_the_schema(sample: Path) -> None:
    config = Config(verify_checksums=True)
    text = write(sample, "json", config)
    whole = json.loads(text)
    REPORT.validate(whole)
    msgspec.json.decode(text, type=model.Report)
    lines = [json.loads(line) for line in write(sample, "ndjson", config).splitlines()]
    for line in lines:
        LINE.validate(line)
    # and both formats say the same
    by_type = {kind: [line for line in lines if line["type"] == kind] for kind in ("connection", "finding")}
    assert sorted(by_type["connection"], key=lambda c: c["id"]) == whole["connections"]
    assert len(by_type["finding"]) == len(whole["findings"])
    assert all(f in whole["findings"] for f in by_type["finding"])
    assert [line["type"] for line in lines[-2:]] == ["capture", "summary"]
    assert lines[-1] == {"type": "summary", **whole["summary"]}
    assert lines[-2] == {"type": "capture", **whole["capture"], "schema": 1, "tool": whole["tool"]}


def test_an_empty_capture_obeys_it_too() -> None:
    whole = json.loads(write([], "json"))
    REPORT.validate(whole)
    assert whole["capture"]["start"] is None
    assert whole["connections"] == whole["findings"] == []


def test_the_schema_refuses_what_is_wrong() -> None:
    good = json.loads(write(Talk().handshake().frames, "json"))
    REPORT.validate(good)

    def spoil(*path: Any, value: Any) -> None:
        bad = copy.deepcopy(good)
        place = bad
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        assert not REPORT.is_valid(bad), path

    spoil("schema", value=2)
    spoil("connections", 0, "start", value="1.5")
    spoil("connections", 0, "start", value=None)
    spoil("connections", 0, "opening", value="sideways")
    spoil("connections", 0, "endpoints", "client", "state", value="OPEN")
    spoil("connections", 0, "endpoints", "client", "sent", "mss", value=-1.5)
    bad = copy.deepcopy(good)
    del bad["connections"][0]["history"]
    assert not REPORT.is_valid(bad)


def test_every_field_says_what_it_means() -> None:
    for name, definition in SCHEMA["$defs"].items():
        assert definition.get("description"), name
        for field, what in definition.get("properties", {}).items():
            assert what.get("description") or field == "type", f"{name}.{field}"


def test_the_words_are_those_of_the_engine_and_the_rules() -> None:
    def words(alias: Any) -> set[str]:
        return set(alias.__args__)

    assert words(model.State) == set(states.NAMES)
    assert words(model.Evidence) == set(EVIDENCE_NAMES)
    assert words(model.Opening) == set(story.OPENINGS)
    assert words(model.Closing) == set(story.CLOSINGS)
    assert words(model.Outcome) == set(story.OUTCOMES)
    assert words(model.Severity) == set(finding.SEVERITIES)
    assert words(model.Confidence) == set(finding.CONFIDENCES)
