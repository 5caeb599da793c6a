"""``--format gitlab``: a code quality report of GitLab, in which the line is the frame.

What is in the baseline or ignored is left out, as GitLab compares reports itself.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from tcptrace_py.report.as_lint import message
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Verdict, checkout_path, file_name, source_of

_SEVERITIES = {"error": "critical", "warning": "minor", "info": "info"}


def text(verdict: Verdict, _style: Style) -> str:
    """A list of issues."""
    issues = [
        issue(r.finding.rule, message(r), _SEVERITIES[r.finding.severity], verdict.file_of(r), r.finding.frame)
        | {"fingerprint": sha256(r.fingerprint.encode()).hexdigest()}
        for r in verdict.reported
        if r.decision in ("fails", "reported")
    ]
    for case in verdict.cases:
        if case.result == "failed":
            frame = case.misses[0].frame if case.misses else -1
            name = file_name(verdict, source_of(verdict.capture, frame))
            fingerprint = sha256(f"expectation/{case.name}".encode()).hexdigest()
            found = issue("expectation", f"{case.name}: {case.message}", "critical", name, frame)
            issues.append(found | {"fingerprint": fingerprint})
    return json.dumps(issues, indent=1) + "\n"


def issue(rule: str, said: str, severity: str, name: str, frame: int) -> dict[str, Any]:
    """One of them, but for its fingerprint."""
    return {
        "type": "issue",
        "check_name": rule,
        "description": printable(said),
        "severity": severity,
        "location": {"path": checkout_path(name), "lines": {"begin": max(frame, 1)}},
    }
