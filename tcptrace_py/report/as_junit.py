"""``--format junit``: a test case a rule, and one an expectation, in the XML that CI servers read.

A rule fails where one of its findings does; where all of them are in the baseline or ignored, it is skipped.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tcptrace_py.report.as_lint import location, message, remark
from tcptrace_py.report.sink import Style
from tcptrace_py.report.text import printable
from tcptrace_py.report.verdict import Case, Reported, Verdict
from tcptrace_py.rules.catalogue import BY_NAME


def text(verdict: Verdict, _style: Style) -> str:
    """Two suites: rules, and expectations if there are any."""
    by_rule: dict[str, list[Reported]] = {name: [] for name in verdict.rules}
    for r in verdict.reported:
        by_rule.setdefault(r.finding.rule, []).append(r)
    suites = [("tcpfsm.rules", [rule_case(verdict, name, found) for name, found in by_rule.items()])]
    if verdict.cases:
        suites.append(("tcpfsm.expectations", [expectation_case(case) for case in verdict.cases]))
    root = ET.Element("testsuites", name="tcpfsm")
    for name, cases in suites:
        suite = ET.SubElement(root, "testsuite", name=name)
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
        suite.set("errors", "0")
        suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
        suite.set("time", "0")
        suite.extend(cases)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def rule_case(verdict: Verdict, name: str, found: list[Reported]) -> ET.Element:
    """A rule, with its findings a line each."""
    case = ET.Element("testcase", classname=f"tcpfsm.{BY_NAME[name].family}", name=name, time="0")
    lines = "\n".join(f"{location(verdict, r)}: {r.finding.severity}: {message(r)}{remark(r)}" for r in found)
    failing = [r for r in found if r.decision == "fails"]
    if failing:
        severity = failing[0].finding.severity
        failure = ET.SubElement(case, "failure", message=message(failing[0]), type=severity)
        failure.text = lines
    elif found and all(r.decision in ("baselined", "ignored") for r in found):
        ET.SubElement(case, "skipped", message=f"{len(found)} in the baseline or ignored")
    if found and not failing:
        ET.SubElement(case, "system-out").text = lines
    return case


def expectation_case(expected: Case) -> ET.Element:
    """An expectation."""
    case = ET.Element("testcase", classname="tcpfsm.expectations", name=printable(expected.name), time="0")
    if expected.result == "failed":
        failure = ET.SubElement(case, "failure", message=printable(expected.message), type="expectation")
        failure.text = "\n".join(
            f"connection {miss.place.connection}, {miss.place.client} > {miss.place.server}: {printable(miss.message)}"
            for miss in expected.misses
        )
    elif expected.result == "skipped":
        ET.SubElement(case, "skipped", message=printable(expected.message))
    return case
