"""The table of formats of ``tcpfsm check``: one row a format, one module a format, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from tcptrace_py.report.sink import Style
    from tcptrace_py.report.verdict import Verdict


class CheckFormat(NamedTuple):
    """A format that a verdict can have; its module has ``text(verdict, style)``."""

    name: str
    module: str
    meaning: str
    wants_endpoints: bool = False
    """It tells the states of both sides of connections with findings."""


CHECK_FORMATS: tuple[CheckFormat, ...] = (
    CheckFormat("text", "as_lint", "a line a finding, as linters print them"),
    CheckFormat("json", "as_check_json", "one object: findings with what was decided about them, and expectations"),
    CheckFormat("sarif", "as_sarif", "SARIF 2.1.0, for code scanning", wants_endpoints=True),
    CheckFormat("junit", "as_junit", "JUnit XML: a test case a rule, and one an expectation"),
    CheckFormat("github", "as_github", "annotations of GitHub Actions"),
    CheckFormat("markdown", "as_step_summary", "a summary of the step of a GitHub workflow"),
    CheckFormat("gitlab", "as_gitlab", "code quality report of GitLab"),
)
CHECK_NAMES: tuple[str, ...] = tuple(row.name for row in CHECK_FORMATS)


def check_writer(name: str) -> Callable[[Verdict, Style], str]:
    """What makes the text of a format.  KeyError: there is no such format."""
    row = {row.name: row for row in CHECK_FORMATS}[name]
    module = import_module(f"tcptrace_py.report.{row.module}")
    return cast("Callable[[Verdict, Style], str]", module.text)
