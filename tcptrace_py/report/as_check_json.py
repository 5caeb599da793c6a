"""``--format json`` of ``tcpfsm check``: the verdict as one object."""

from __future__ import annotations

from tcptrace_py.report import model
from tcptrace_py.report.encoding import to_json
from tcptrace_py.report.sink import Style
from tcptrace_py.report.verdict import Decision, Verdict, as_dict

_DECISIONS: tuple[Decision, ...] = ("fails", "reported", "baselined", "ignored")


def text(verdict: Verdict, _style: Style) -> str:
    """The keys ``schema``, ``tool``, ``capture`` and ``summary`` are those of the report; a finding a line."""
    parts = [
        ("schema", model.SCHEMA),
        ("tool", verdict.tool),
        ("capture", verdict.capture),
        ("summary", verdict.summary),
        ("failed", verdict.failed),
        ("decisions", {decision: verdict.count(decision) for decision in _DECISIONS}),
        ("rules", verdict.rules),
        ("expectations", verdict.cases),
        ("baseline", {"used": verdict.has_baseline, "gone": verdict.gone}),
    ]
    lines = [f'"{key}":{to_json(value).decode()}' for key, value in parts]
    findings = ",\n".join(to_json(as_dict(verdict, r)).decode() for r in verdict.reported)
    return "{" + ",\n".join(lines) + f',\n"findings":[\n{findings}\n]' + "}\n"
