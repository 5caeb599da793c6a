"""``--format github``: workflow commands that GitHub Actions shows as annotations.

What is in the baseline or ignored makes none: of each kind GitHub shows ten a step.
"""

from __future__ import annotations

from tcptrace_py.report.as_lint import message, totals
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Verdict, checkout_path, file_name, source_of

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def text(verdict: Verdict, _style: Style) -> str:
    """A command a finding, and one an expectation that is not met; the line of an annotation is the frame."""
    lines = []
    for r in verdict.reported:
        if r.decision in ("fails", "reported"):
            f = r.finding
            lines.append(command(_COMMANDS[f.severity], verdict.file_of(r), f.frame, f.rule, message(r)))
    for case in verdict.cases:
        if case.result == "failed":
            frame = case.misses[0].frame if case.misses else -1
            name = file_name(verdict, source_of(verdict.capture, frame))
            lines.append(command("error", name, frame, f"expectation: {case.name}", case.message))
    return "\n".join([*lines, totals(verdict)]) + "\n"


def command(kind: str, name: str, frame: int, title: str, said: str) -> str:
    """``::error file=…,line=…,title=…::message``."""
    line = f",line={frame}" if frame >= 0 else ""
    where = f"frame {frame}: " if frame >= 0 else ""
    return f"::{kind} file={of_property(checkout_path(name))}{line},title={of_property(title)}::{of_data(where + said)}"


def of_data(value: str) -> str:
    """A message, such that nothing in it ends the command."""
    return printable(value).replace("%", "%25")


def of_property(value: str) -> str:
    """A property, likewise."""
    return of_data(value).replace(":", "%3A").replace(",", "%2C")
