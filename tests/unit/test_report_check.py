"""The formats of ``tcpfsm check``, each against what its readers ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from tcptrace_py.report.as_github import command
from tcptrace_py.report.as_sarif import moment, uri
from tcptrace_py.report.text import seconds
from tcptrace_py.report.verdict import checkout_path
from tools.program import SAMPLES, run

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
ALL_SAMPLES = sorted(SAMPLES.glob("*.pcap"))
STUCK = "stuck-close-wait.pcap"
CONFIGURATION = """
[[ignores]]
rule = "stuck-close-wait"
address = "10.1.0.12"
reason = "<known> & 'said' [so]"
[[expect]]
name = "all | closed, 100% <sure>"
outcome = ["closed"]
[[expect]]
name = "clients close"
closed_by = "client"
[[expect]]
name = "nobody on port 9"
port = 9
closed_by = "client"
[[expect]]
name = "many"
min_connections = 100
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The stuck sample in every format: one finding ignored, one in the baseline, four that fail; two expectations not met."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "tcpfsm.toml").write_text(CONFIGURATION)
    (folder / STUCK).write_bytes((SAMPLES / STUCK).read_bytes())
    run("check", "--write-baseline", "known.json", STUCK, cwd=folder)
    known = json.loads((folder / "known.json").read_text(encoding="utf-8"))
    known["findings"] = known["findings"][:1]
    (folder / "known.json").write_text(json.dumps(known))
    names = ("json", "sarif", "junit", "github", "markdown", "gitlab")
    outputs = [part for name in names for part in ("-o", f"{name}:{name}")]
    done = run("check", "--baseline", "known.json", *outputs, STUCK, cwd=folder)
    assert (done.returncode, done.stderr) == (1, b"")
    whole = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    decisions = json.loads(whole["json"])["decisions"]
    assert decisions == {"fails": 4, "reported": 0, "baselined": 1, "ignored": 1}
    return whole


# ---- SARIF


def sarif_faults(log: Any) -> Iterator[str]:
    """What is wrong with a log: its shape, and that every index leads to what it says."""
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    for error in jsonschema.Draft4Validator(schema).iter_errors(log):
        yield f"{error.json_path}: {error.message}"
    for sarif_run in log["runs"]:
        rules = [rule["id"] for rule in sarif_run["tool"]["driver"]["rules"]]
        if len(set(rules)) != len(rules):
            yield "two rules have one id"
        artifacts = [artifact["location"]["uri"] for artifact in sarif_run["artifacts"]]
        results = sarif_run["results"]
        for result in results:
            if rules[result["ruleIndex"]] != result["ruleId"]:
                yield f"ruleIndex {result['ruleIndex']} is not {result['ruleId']}"
            for flow in result.get("codeFlows", []):
                for thread in flow["threadFlows"]:
                    order = [step["executionOrder"] for step in thread["locations"]]
                    if order != sorted(order) and len(set(order)) == len(order):
                        yield f"{thread['id']}: out of order"
        for location in re.findall(r'\{"uri": "[^"]*", "index": \d+\}', json.dumps(results)):
            found = json.loads(location)
            if artifacts[found["index"]] != found["uri"]:
                yield f"artifact {found}"
        for key in ("suppressions", "baselineState"):
            if len({key in result for result in results}) > 1:
                yield f"some results have {key}, and others have not"
        if len({result["partialFingerprints"]["tcpfsm/v1"] for result in results}) != len(results):
            yield "two results have one fingerprint"


def test_sarif_is_valid_and_complete(reports: dict[str, str]) -> None:
    log = json.loads(reports["sarif"])
    assert list(sarif_faults(log)) == []
    results = log["runs"][0]["results"]
    assert len(results) == 8
    assert [r["baselineState"] for r in results].count("unchanged") == 1
    assert sorted(s["justification"] for r in results for s in r["suppressions"]) == [
        "<known> & 'said' [so]",
        "in the baseline",
    ]
    assert {r["ruleId"] for r in results} == {"stuck-close-wait", "stuck-fin-wait-2", "expectation"}


def test_a_code_flow_has_a_thread_flow_for_each_endpoint(reports: dict[str, str]) -> None:
    result = json.loads(reports["sarif"])["runs"][0]["results"][0]
    [flow] = result["codeFlows"]
    client, server = flow["threadFlows"]
    assert (client["id"], server["id"]) == ("client 10.1.0.12:40002", "server 10.1.0.7:8080")
    assert [step["state"]["tcp.state"]["text"] for step in client["locations"]] == [
        "SYN_SENT",
        "ESTABLISHED",
        "FIN_WAIT_1",
        "FIN_WAIT_2",
    ]
    assert server["locations"][-1]["state"]["tcp.state"]["text"] == "CLOSE_WAIT"
    assert server["locations"][-1]["location"]["physicalLocation"]["region"] == {"startLine": 30}
    assert server["locations"][-1]["location"]["physicalLocation"]["artifactLocation"]["uri"] == STUCK


def test_the_validator_finds_faults(reports: dict[str, str]) -> None:
    def fault(change: str) -> list[str]:
        log = json.loads(reports["sarif"])
        exec(change, {"run": log["runs"][0], "result": log["runs"][0]["results"][0], "log": log})
        return list(sarif_faults(log))

    for change in (
        "log['version'] = '2.0.0'",
        "del log['$schema']; del run['tool']['driver']['name']",
        "result['level'] = 'info'",
        "result['ruleIndex'] += 1",
        "del result['suppressions']",
        "result['locations'][0]['physicalLocation']['region']['startLine'] = 0",
        "result['locations'][0]['physicalLocation']['artifactLocation']['uri'] = 'b'",
        "result['codeFlows'][0]['threadFlows'] = []",
        "result['partialFingerprints']['tcpfsm/v1'] = run['results'][1]['partialFingerprints']['tcpfsm/v1']",
    ):
        assert fault(change), change


def test_every_sample_is_valid_in_the_structured_formats(tmp_path: Path) -> None:
    outputs = [part for name in ("sarif", "junit", "gitlab") for part in ("-o", f"{name}:{tmp_path / name}")]
    assert run("check", *outputs, *ALL_SAMPLES).returncode == 1
    log = json.loads((tmp_path / "sarif").read_text(encoding="utf-8"))
    assert list(sarif_faults(log)) == []
    assert len(log["runs"][0]["results"]) > 50
    assert len(log["runs"][0]["artifacts"]) == len(ALL_SAMPLES)
    validate_junit((tmp_path / "junit").read_text(encoding="utf-8"))
    issues = json.loads((tmp_path / "gitlab").read_text(encoding="utf-8"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 50


def test_the_schemas_are_as_published() -> None:
    told = (SCHEMAS / "README.md").read_text(encoding="utf-8")
    for path in SCHEMAS.iterdir():
        if path.name != "README.md":
            row = next(line for line in told.splitlines() if line.startswith(f"| `{path.name}` |"))
            assert sha256(path.read_bytes()).hexdigest() in row
    jsonschema.Draft4Validator.check_schema(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8")))


def test_a_rule_has_all_that_code_scanning_asks_of_it(reports: dict[str, str]) -> None:
    for rule in json.loads(reports["sarif"])["runs"][0]["tool"]["driver"]["rules"]:
        for key in ("shortDescription", "fullDescription", "help"):
            most = 1024 if key != "help" else 1 << 16
            assert 10 < len(rule[key]["text"]) <= most, (rule["id"], key)


def test_files_are_named_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkout_path(f"{tmp_path}/a/b.pcap") == "a/b.pcap"
    assert checkout_path("./b.pcap") == "b.pcap"
    assert checkout_path("a/../b.pcap") == "b.pcap"
    assert checkout_path("../b.pcap") == "../b.pcap"
    assert checkout_path("/else/where/b.pcap") == "/else/where/b.pcap"
    assert checkout_path("<stdin>") == "<stdin>"


def test_names_of_files_become_uris() -> None:
    assert uri("a b/c#1%.pcap") == "a%20b/c%231%25.pcap"
    assert uri("/x/y.pcap") == "file:///x/y.pcap"
    assert uri("-") == "stdin"


def test_a_year_that_no_calendar_has_is_left_out() -> None:
    assert moment(seconds(1_795_260_645_701_241_084)) == "2026-11-21T11:30:45.701Z"
    assert moment(seconds(1 << 90)) == ""


# ---- JUnit


def validate_junit(text: str) -> ET.Element:
    """Against the schema, and its counts against its cases."""
    etree: Any = import_module("lxml.etree")
    etree.XMLSchema(etree.parse(str(SCHEMAS / "junit-10.xsd"))).assertValid(etree.fromstring(text.encode()))
    root = ET.fromstring(text)
    for suite in root:
        for counted, element in (("tests", "."), ("failures", "failure"), ("skipped", "skipped")):
            assert int(suite.get(counted, "-1")) == sum(case.find(element) is not None for case in suite)
    for counted in ("tests", "failures", "errors"):
        assert int(root.get(counted, "-1")) == sum(int(suite.get(counted, "-1")) for suite in root)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)
    return root


def test_junit_is_valid_and_has_a_case_for_each_expectation(reports: dict[str, str]) -> None:
    root = validate_junit(reports["junit"])
    rules, expectations = root
    failed = {case.get("name") for case in rules if case.find("failure") is not None}
    assert failed == {"stuck-close-wait", "stuck-fin-wait-2"}
    results = {
        case.get("name"): next((child.tag for child in case), "passed") for case in expectations.iter("testcase")
    }
    assert results == {
        "all | closed, 100% <sure>": "failure",
        "clients close": "passed",
        "nobody on port 9": "skipped",
        "many": "failure",
    }


def test_in_junit_a_rule_whose_findings_are_known_is_skipped(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    done = run("check", "-f", "junit", "--write-baseline", known, SAMPLES / STUCK)
    [suite] = validate_junit(done.stdout.decode())
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "2")


# ---- GitHub


def test_github_annotates_what_is_new(reports: dict[str, str]) -> None:
    lines = reports["github"].splitlines()
    pattern = re.compile(r"::(error|warning|notice) file=stuck-close-wait\.pcap(,line=\d+)?,title=[^:,]+::.+")
    assert [line for line in lines[:-1] if not pattern.fullmatch(line)] == []
    assert len(lines) == 4 + 2 + 1
    assert any(",title=expectation%3A all | closed%2C 100%25 <sure>::" in line for line in lines)


def test_nothing_in_a_message_ends_a_github_command() -> None:
    line = command("error", "a:b,c.pcap", 3, "x,y", "100%\n::error::z")
    assert line == "::error file=a%3Ab%2Cc.pcap,line=3,title=x%2Cy::frame 3: 100%25\\n::error::z"


def test_the_step_summary_is_markdown(reports: dict[str, str]) -> None:
    text = reports["markdown"]
    assert text.startswith("## tcpfsm: FAILED: 6 findings (4 fail, 1 in the baseline, 1 ignored)")
    assert r"| all \| closed, 100% \<sure\> | failed |" in text
    rows = [line for line in text.splitlines() if line.startswith("| stuck-close-wait.pcap:frame ")]
    assert len(rows) == 6
    assert all(len(re.split(r"(?<!\\)\|", row)) == 6 for row in rows)


# ---- GitLab


def test_gitlab_has_what_it_requires_of_an_issue(reports: dict[str, str]) -> None:
    issues = json.loads(reports["gitlab"])
    assert len(issues) == 4 + 2
    for issue in issues:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(issue)
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert re.fullmatch("[0-9a-f]{64}", issue["fingerprint"])
        assert issue["location"]["path"] == STUCK
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
