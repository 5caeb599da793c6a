"""``--format text`` of ``tcpfsm check``: a line a finding, as compilers and linters print them."""

from __future__ import annotations

from tcptrace_py.report.phrases import count, filters_of, number
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Case, Decision, Reported, Verdict, file_name, source_of

_COLORS = {"error": "1;31", "warning": "33", "info": "36"}


def text(verdict: Verdict, style: Style) -> str:
    """Findings in the order of their frames, expectations that are not met, and one line of figures."""
    lines = [finding_line(verdict, r, style) for r in verdict.reported]
    lines += [case_line(verdict, case, style) for case in verdict.cases if case.result != "passed" or style.verbose]
    if style.verbose:
        lines += [f"{printable(fingerprint)}: in the baseline, and not found any more" for fingerprint in verdict.gone]
    lines.append(totals(verdict))
    return "\n".join(lines) + "\n"


def finding_line(verdict: Verdict, r: Reported, style: Style) -> str:
    """``capture.pcap:frame 42: error: RULE: what was found (connection 3)``."""
    f = r.finding
    word = f"\x1b[{_COLORS[f.severity]}m{f.severity}\x1b[0m" if style.color else f.severity
    return f"{location(verdict, r)}: {word}: {f.rule}: {message(r)}{remark(r)}"


def location(verdict: Verdict, r: Reported) -> str:
    """The file, and the frame in it."""
    name = printable(verdict.file_of(r))
    return f"{name}:frame {r.finding.frame}" if r.finding.frame >= 0 else name


def message(r: Reported) -> str:
    """The sentence of a finding, and its connection."""
    said = printable(r.finding.message).rstrip(".")
    if r.place is None:
        return said
    return f"{said} (connection {r.place.connection}, {r.place.client} > {r.place.server})"


def remark(r: Reported) -> str:
    """What was decided, where that is not plain."""
    if r.decision == "baselined":
        return " [in the baseline]"
    if r.decision == "ignored":
        return f" [ignored: {printable(r.reason)}]"
    return ""


def case_line(verdict: Verdict, case: Case, style: Style) -> str:
    """An expectation: where it is not met first, and how."""
    frame = case.misses[0].frame if case.misses else -1
    name = printable(file_name(verdict, source_of(verdict.capture, frame)))
    where = f"{name}:frame {frame}" if frame >= 0 else name
    word = {"failed": "error", "skipped": "skipped", "passed": "passed"}[case.result]
    if style.color and word == "error":
        word = f"\x1b[{_COLORS['error']}m{word}\x1b[0m"
    said = f": {printable(case.message)}" if case.message else ""
    return f"{where}: {word}: expectation {printable(case.name)!r}{said}"


def totals(verdict: Verdict) -> str:
    """The last line: what it comes to."""
    parts = [count(len(verdict.reported), "finding")]
    kinds: list[tuple[Decision, str]] = [
        ("fails", "fail"),
        ("reported", "below the threshold"),
        ("baselined", "in the baseline"),
    ]
    named = [f"{number(verdict.count(d))} {name}" for d, name in kinds if verdict.count(d)]
    if verdict.count("ignored"):
        named.append(f"{number(verdict.count('ignored'))} ignored")
    if named:
        parts.append(f" ({', '.join(named)})")
    summary = verdict.summary
    filters = filters_of(summary)
    if not filters:
        parts.append(f" in {count(summary.connections, 'connection')}")
    else:
        whole = count(summary.connections + summary.others, "connection")
        parts.append(f" in the {number(summary.connections)} of {whole} that match {filters}")
    if verdict.cases:
        met = sum(case.result == "passed" for case in verdict.cases)
        parts.append(f"; {number(met)} of {count(len(verdict.cases), 'expectation')} met")
    if verdict.gone:
        parts.append(f"; {number(len(verdict.gone))} of the baseline not found any more")
    return f"{'FAILED' if verdict.failed else 'passed'}: {''.join(parts)}"
