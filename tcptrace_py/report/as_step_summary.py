"""``--format markdown`` of ``tcpfsm check``: the verdict as a page, as for the summary of a step in GitHub Actions."""

from __future__ import annotations

from tcptrace_py.report.as_lint import location, message, remark, totals
from tcptrace_py.report.as_markdown import escaped
from tcptrace_py.report.sink import Style
from tcptrace_py.report.verdict import Reported, Verdict

MOST_ROWS = 100
"""Of each table: GitHub takes a mebibyte."""


def text(verdict: Verdict, _style: Style) -> str:
    """The figures, what fails, and the rest folded away."""
    failing = [r for r in verdict.reported if r.decision == "fails"]
    others = [r for r in verdict.reported if r.decision != "fails"]
    lines = [f"## tcpfsm: {escaped(totals(verdict))}", ""]
    if verdict.cases:
        lines += ["| expectation | | |", "| --- | --- | --- |"]
        lines += [f"| {escaped(case.name)} | {case.result} | {escaped(case.message)} |" for case in verdict.cases]
        lines += [""]
    if failing:
        lines += [*table(verdict, failing), ""]
    if others:
        lines += [
            "<details><summary>Findings that do not fail</summary>",
            "",
            *table(verdict, others),
            "",
            "</details>",
        ]
    return "\n".join(lines).rstrip() + "\n"


def table(verdict: Verdict, reported: list[Reported]) -> list[str]:
    """A row a finding."""
    lines = ["| where | severity | rule | what |", "| --- | --- | --- | --- |"]
    for r in reported[:MOST_ROWS]:
        said = escaped(message(r) + remark(r))
        lines.append(f"| {escaped(location(verdict, r))} | {r.finding.severity} | `{r.finding.rule}` | {said} |")
    if len(reported) > MOST_ROWS:
        lines.append(f"| … | | | {len(reported) - MOST_ROWS} more |")
    return lines
