"""SARIF and JUnit have the properties that their readers demand, and agree in themselves.

Both forms were checked against the official schemas as well (sarif-2.1.0-rtm.5.json,
junit-10.xsd). No Python package ships these as data, so the requirements are written out here, each
with its place in the standard.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import jsonschema
import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.auditing.report import EntryReport, Finding, Report
from harness.render.audit_report.junit import junit_text
from harness.render.audit_report.sarif import sarif_text
from tests.auditing.rules import builders as b

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """An object of these properties and no other: who adds one uses a property bag (3.8)."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


MESSAGE = closed("text", text=TEXT)
RULE = closed(  # 3.49: reportingDescriptor
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=closed("", level={"enum": ["none", "note", "warning", "error"]}),  # 3.50.3
)
LOCATION = closed(  # 3.28
    "",
    physicalLocation=closed(
        "artifactLocation", artifactLocation=closed("uri", uri=TEXT)
    ),  # 3.29.3, 3.4.3
    logicalLocations={
        "type": "array",
        "items": closed("fullyQualifiedName", fullyQualifiedName=TEXT),
    },  # 3.33.5
)
RESULT = closed(  # 3.27
    "ruleId message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},  # 3.27.9
    level={"enum": ["none", "note", "warning", "error"]},  # 3.27.10
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},  # 3.27.17
    properties={"type": "object"},  # 3.8
)
DRIVER = closed(  # 3.19
    "name",
    name=TEXT,
    semanticVersion=TEXT,
    rules={"type": "array", "uniqueItems": True, "items": RULE},
)
RUN = closed(  # 3.14
    "tool",
    tool=closed("driver", driver=DRIVER),  # 3.18.2
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},  # 3.14.17
    invocations={
        "type": "array",
        "items": closed("executionSuccessful", executionSuccessful={"type": "boolean"}),
    },
    results={"type": "array", "items": RESULT},  # 3.14.23
)
SARIF = closed(  # 3.13
    "version runs",
    version={"const": "2.1.0"},
    runs={"type": "array", "items": RUN},
    **{"$schema": TEXT},
)

COUNTS = {"name", "tests", "failures", "errors"}
OUTCOME = ({"message"}, {"message", "type"}, set())
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), COUNTS | {"time"}, {"testsuite"}),
    "testsuite": (
        COUNTS,
        COUNTS | {"skipped", "time", "timestamp", "hostname", "id", "package"},
        {"testcase", "properties"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, {"name", "value"}, set()),
    "testcase": (
        {"name", "classname"},
        {"name", "classname", "time", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": OUTCOME,
    "error": OUTCOME,
    "skipped": OUTCOME,
    "system-out": (set(), set(), set()),
}
"""Element -> (attributes it must have, may have, children), by junit-10.xsd of Jenkins' xUnit
plugin.

`classname` and `message` are optional there; readers group and show by them.
"""


@pytest.fixture(scope="module", params=["real", "hostile", "empty"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of a tree with each status in it; with text that is no name of anything; and of nothing."""
    if request.param == "empty":
        return Report((), (), ())
    root = tmp_path_factory.mktemp("forms")
    b.inference(root / "inference")
    folder = b.training(
        root / "training", TrainingForm(copied_nodes=True, padding_s=55.0), nodes=2, runs=2
    )
    found = api.audit(root)
    broken = Finding("coverage", "error", str(folder), "ValueError: ]]> & <", "e", "f", "c", "W")
    if request.param == "real":
        odd = EntryReport("a b/ä%20", b.TRAINING, "unjudged", (broken,), ())
        return Report((*found.entries, odd), (("x y", "cut\x00off"),), ())
    text = "\"'><&]]>\u202e\x1b\ud800 C:\\..\\é?#[1]"
    evil = tuple(
        Finding("coverage", status, text, text, text, text, text, text)
        for status in ("fail", "skip")
    )
    return Report((EntryReport(text, b.TRAINING, "invalid", evil),), ((text, text),), ())


def test_sarif_has_the_properties_of_the_standard_and_no_other(report: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SARIF)
    jsonschema.validate(json.loads(sarif_text(report)), SARIF)


def test_sarif_agrees_with_itself(report: Report) -> None:
    (run,) = json.loads(sarif_text(report))["runs"]
    rules = run["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert len(set(ids)) == len(ids)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"], "3.27.6"
        assert (result["kind"] == "fail") == (result["level"] != "none"), "3.27.9, 3.27.10"
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"(?:[A-Za-z0-9._~/!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+", uri), (
                "3.10.1: RFC 3986"
            )
            assert not uri.startswith("/"), "3.4.3: relative to the tree that was given"


def test_sarif_is_utf8_and_ends_in_a_line(report: Report) -> None:
    text = sarif_text(report)
    assert text.isascii(), "3.1: UTF-8 without a byte order mark"
    assert text.endswith("}\n")


def test_junit_has_the_attributes_and_children_that_its_schema_allows(report: Report) -> None:
    root = ElementTree.fromstring(junit_text(report).encode("utf-8"))
    assert root.tag == "testsuites"
    for node in root.iter():
        must, may, children = JUNIT[node.tag]
        assert must <= node.attrib.keys() <= may, node.tag
        assert {child.tag for child in node} <= children, node.tag
        for name in ("tests", "failures", "errors", "skipped"):
            assert re.fullmatch(r"\d+", node.attrib.get(name, "0"))


def test_junit_has_one_outcome_for_each_case_and_no_two_cases_of_a_name(report: Report) -> None:
    root = ElementTree.fromstring(junit_text(report).encode("utf-8"))
    for suite in root:
        cases = suite.findall("testcase")
        names = [case.attrib["name"] for case in cases]
        assert len(set(names)) == len(names)
        assert all(len(case) <= 1 for case in cases)


def test_each_status_has_its_place_in_both_forms() -> None:
    findings = tuple(
        Finding(rule, status, "w", "g", "e", "f", "c")
        for rule, status in (
            ("coverage", "fail"),
            ("padding", "warn"),
            ("time-order", "skip"),
            ("clock-zone", "error"),
        )
    )
    report = Report((EntryReport("e", b.TRAINING, "invalid", findings),), (), ())
    (run,) = json.loads(sarif_text(report))["runs"]
    assert [(r["kind"], r["level"]) for r in run["results"]] == [
        ("fail", "error"),
        ("fail", "warning"),
        ("notApplicable", "none"),
        ("open", "none"),
    ]
    cases = {
        c.attrib["name"]: [x.tag for x in c]
        for c in ElementTree.fromstring(junit_text(report)).iter("testcase")
    }
    assert [cases[f.rule] for f in findings] == [
        ["failure"],
        ["system-out"],
        ["skipped"],
        ["error"],
    ]
