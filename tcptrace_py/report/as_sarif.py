"""``--format sarif``: SARIF 2.1.0 (OASIS), for code scanning and for viewers.

A capture has no lines: ``startLine`` is the frame.  A finding about a connection has one code flow, in which each endpoint is a
thread flow through its states.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from tcptrace_py.report import model
from tcptrace_py.report.as_lint import message
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Case, Place, Reported, Verdict, checkout_path, source_of
from tcptrace_py.rules.catalogue import BY_NAME

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
EXPECTATION = "expectation"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}

Json = dict[str, Any]


def text(verdict: Verdict, _style: Style) -> str:
    """One run."""
    results = [finding_result(verdict, r) for r in verdict.reported]
    results += [case_result(verdict, case) for case in verdict.cases if case.result == "failed"]
    run = {
        "tool": {"driver": driver(verdict)},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": printable(problem.message)}}
                    for problem in verdict.capture.problems
                ],
            }
        ],
        "artifacts": [artifact(source) for source in verdict.capture.sources],
        "results": results,
        "columnKind": "utf16CodeUnits",
    }
    whole = {"$schema": SCHEMA, "version": VERSION, "runs": [run]}
    return msgspec.json.format(to_json(whole), indent=1).decode() + "\n"


def driver(verdict: Verdict) -> Json:
    """The program, and every rule that was asked."""
    rules = [rule_descriptor(name) for name in verdict.rules]
    rules.append(
        {
            "id": EXPECTATION,
            "shortDescription": {"text": "What the project's configuration expects of its connections."},
            "fullDescription": {"text": "An expectation of the project's configuration is not met."},
            "help": {
                "text": "Each [[expect]] of tcpfsm.toml is one; the message says which connections are not as expected."
            },
            "defaultConfiguration": {"level": "error"},
        }
    )
    return {"name": verdict.tool.name, "version": verdict.tool.version, "rules": rules}


def rule_descriptor(name: str) -> Json:
    """A rule, with its explanation as help."""
    rule = BY_NAME[name]
    told = rule.explanation()
    parts = [("What was seen", told.seen), ("Why it matters", told.matters), ("Usual causes", told.causes)]
    parts += [("When it is harmless", told.harmless), ("What cannot be known", told.unknown)]
    parts += [("How to confirm", told.confirm), ("References", "; ".join(rule.references))]
    plain = "\n\n".join(f"{title}: {body}" for title, body in parts if body) or told.summary
    marked = "\n\n".join(f"**{title}:** {body}" for title, body in parts if body) or told.summary
    return {
        "id": name,
        "shortDescription": {"text": told.summary or name},
        "fullDescription": {"text": told.seen or told.summary or name},  # GitHub takes no rule without
        "help": {"text": plain or name, "markdown": marked or name},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family]},
    }


def artifact(source: model.Source) -> Json:
    """A capture."""
    found: Json = {"location": {"uri": uri(source.name)}, "roles": ["analysisTarget"]}
    if source.size is not None:
        found["length"] = source.size
    return found


def uri(name: str) -> str:
    """A path as a URI: relative to the current folder where it is below that."""
    if name == "-":
        return "stdin"
    path = checkout_path(name)
    return ("file://" if path.startswith("/") else "") + quote(path, safe="/")


def physical(verdict: Verdict, frame: int | None) -> Json:
    """Where a frame is; None: in no frame."""
    source = source_of(verdict.capture, frame or 0)
    sources = verdict.capture.sources
    artifact_location = {"uri": uri(sources[source].name), "index": source}
    if frame is None or frame < 1:
        return {"artifactLocation": artifact_location}
    return {"artifactLocation": artifact_location, "region": {"startLine": frame}}


def place_at(verdict: Verdict, frame: int | None, place: Place | None, said: str = "") -> Json:
    """A location."""
    found: Json = {"physicalLocation": physical(verdict, frame)}
    if place is not None:
        name = f"connection {place.connection}, {place.client} > {place.server}"
        found["logicalLocations"] = [{"name": name, "fullyQualifiedName": place.community_id, "kind": "resource"}]
    if said:
        found["message"] = {"text": printable(said)}
    return found


def finding_result(verdict: Verdict, r: Reported) -> Json:
    """A finding."""
    f = r.finding
    found: Json = {
        "ruleId": f.rule,
        "ruleIndex": verdict.rules.index(f.rule),
        "kind": "fail",
        "level": _LEVELS[f.severity],
        "message": {"text": f"{message(r)}."},
        "locations": [place_at(verdict, f.frame, r.place, f"frame {f.frame}" if f.frame >= 0 else "")],
        "partialFingerprints": {"tcpfsm/v1": r.fingerprint},
        "properties": {"confidence": f.confidence, "evidence": f.evidence, "alternatives": list(f.alternatives)},
    }
    if f.related_frames:
        found["relatedLocations"] = [
            place_at(verdict, frame, None, f"frame {frame}") | {"id": n} for n, frame in enumerate(f.related_frames, 1)
        ]
    if verdict.has_baseline:
        found["baselineState"] = "unchanged" if r.decision == "baselined" else "new"
    suppressed = {"baselined": "in the baseline", "ignored": printable(r.reason)}.get(r.decision)
    # Where one result tells whether it is suppressed, all must
    found["suppressions"] = [{"kind": "external", "justification": suppressed}] if suppressed else []
    if r.endpoints is not None and r.place is not None:
        found["codeFlows"] = [code_flow(verdict, r.endpoints, r.place)]
    return found


def code_flow(verdict: Verdict, endpoints: model.Endpoints, place: Place) -> Json:
    """Both endpoints side by side; ``executionOrder`` counts over both."""
    both = [("client", place.client, endpoints.client), ("server", place.server, endpoints.server)]
    moments = sorted({entry.time for _, _, endpoint in both for entry in endpoint.timeline})
    order = {time: n for n, time in enumerate(moments, 1)}
    return {
        "message": {"text": "The states of both endpoints"},
        "threadFlows": [
            {
                "id": f"{side} {name}",
                "message": {"text": f"The {side}, {name}"},
                "locations": [step(verdict, entry, order[entry.time]) for entry in endpoint.timeline],
            }
            for side, name, endpoint in both
            if endpoint.timeline
        ],
    }


def step(verdict: Verdict, entry: model.Entry, order: int) -> Json:
    """An endpoint enters a state."""
    frame = "" if entry.frame is None else f", frame {entry.frame}"
    said = f"{entry.state} ({entry.evidence}{frame}): {entry.why}"
    found: Json = {
        "location": place_at(verdict, entry.frame, None, said),
        "state": {"tcp.state": {"text": entry.state}},
        "executionOrder": order,
        "importance": "essential",
    }
    time = moment(entry.time)
    if time:
        found["executionTimeUtc"] = time
    return found


def moment(time: Decimal) -> str:
    """A date-time of RFC 3339; empty where a capture claims a year that has none."""
    from datetime import datetime, timezone

    try:
        date = datetime.fromtimestamp(int(time), timezone.utc)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{date.replace(tzinfo=None).isoformat()}.{int(time % 1 * 1000):03d}Z"


def case_result(verdict: Verdict, case: Case) -> Json:
    """An expectation that is not met."""
    misses = case.misses
    place = misses[0].place if misses else None
    found: Json = {
        "ruleId": EXPECTATION,
        "ruleIndex": len(verdict.rules),
        "kind": "fail",
        "level": "error",
        "message": {"text": printable(f"{case.name}: {case.message}")},
        "locations": [place_at(verdict, misses[0].frame if misses else None, place)],
        "partialFingerprints": {"tcpfsm/v1": f"{EXPECTATION}/{case.name}"},
        "suppressions": [],
    }
    if verdict.has_baseline:
        found["baselineState"] = "new"
    return found
