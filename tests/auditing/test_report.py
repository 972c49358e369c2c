"""The audit as a page, SARIF and JUnit; choosing rules; what no verdict may depend on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.auditing.report import EntryReport, Finding, Report
from harness.auditing.rules import BY_ID, RULES
from harness.auditing.rules.rulebook import describe_rounds, rounds, rulebook
from harness.auditing.rules.selection import choose
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.render.audit_report.html import audit_html
from harness.render.audit_report.junit import junit_text
from harness.render.audit_report.sarif import sarif_text
from harness.render.terminal.rules import rule_text, rules_text
from tests.auditing.rules import builders as b
from tests.cli.test_cli import EXAMPLES, assert_refused
from tests.command_line import in_a_process, joulemark

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[31m]]>&{{\ud800\x00'


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> api.Tree:
    """A clean result, one with a hole and copied logs, and one that cannot be read."""
    root = tmp_path_factory.mktemp("tree")
    b.training(root / "clean", runs=2)
    bad = b.training(root / "bad", TrainingForm(copied_nodes=True), nodes=2, runs=2)
    b.edit_lines(b.node(bad, 1, 0), lambda k, line: None if 20 < k < 50 else line, "power_reading")
    (root / "native" / "run_1").mkdir(parents=True)
    (root / "native" / "run_1" / "run.json").write_text("{", "utf-8")
    return api.read(root)


@pytest.fixture(scope="module")
def report(tree: api.Tree) -> Report:
    return api.audit(tree)


def hostile(report: Report) -> Report:
    """The same report with hostile text in each field that a submission can fill."""
    found = tuple(
        Finding("largest-gap", s, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)
        for s in ("fail", "warn", "skip")
    )  # type: ignore[arg-type]
    entry = EntryReport(EVIL, b.TRAINING, "invalid", found, (EVIL,))
    return Report((entry, *report.entries), ((EVIL, EVIL),), ((EVIL, EVIL),))


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


# One page


def test_page_shows_each_entry_with_verdict_findings_and_picture(
    tree: api.Tree, report: Report
) -> None:
    text = audit_html(report, tree.entries)
    names = Elements(text).names
    entries = re.findall('class="entry ', text)
    assert len(entries) == len(report.entries) + len(report.unreadable) == 3
    assert names.count("svg") == 2
    for entry in report.entries:
        assert entry.id in text
    assert "<title>window</title>" in text
    assert "largest-gap" in text
    assert "could not be read" in text


def test_page_loads_nothing_and_runs_only_what_its_policy_names(
    tree: api.Tree, report: Report
) -> None:
    text = audit_html(report, tree.entries)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    attributes = Elements(text).attributes
    names = {name for name, _ in attributes}
    assert not names & {"src", "style", "action"}
    assert all(value.startswith("#e") for name, value in attributes if name == "href")
    assert not [name for name in names if name.startswith("on")]


def test_page_escapes_every_text(tree: api.Tree, report: Report) -> None:
    plain_page, text = audit_html(report, tree.entries), audit_html(hostile(report), tree.entries)
    found = Elements(text).names
    assert "img" not in found
    assert found.count("script") == Elements(plain_page).names.count("script") == 1
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\x00" not in text
    text.encode("utf-8")


def test_page_escapes_the_evidence(tmp_path: Path) -> None:
    folder = b.training(tmp_path, runs=1)
    shutil.copy(folder / "result_0.txt", folder / "result_<img src=x>.txt")
    shutil.copytree(folder / "power" / "result_0", folder / "power" / "result_<img src=x>")
    tree = api.read(tmp_path)
    assert "img" not in Elements(audit_html(api.audit(tree), tree.entries)).names


def test_page_of_nothing() -> None:
    assert "Audit" in audit_html(Report((), (), ()))


def test_page_of_inference_and_examples() -> None:
    tree = api.read(EXAMPLES)
    text = audit_html(api.audit(tree), tree.entries)
    assert Elements(text).names.count("svg") == len(tree.entries)
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
        assert "nan" not in svg


# SARIF and JUnit


def test_sarif_has_one_result_for_each_finding(report: Report) -> None:
    document = json.loads(sarif_text(report))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    findings = [finding for entry in report.entries for finding in entry.findings]
    assert len(run["results"]) == len(findings) + len(report.unreadable)
    for result, finding in zip(run["results"], findings, strict=False):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule
        assert (result["level"] == "none") == (result["kind"] != "fail"), (
            "3.27.10: another kind has level none"
        )
        assert result["message"]["text"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w./%~+-]+", uri, re.ASCII)
    prints = [result["partialFingerprints"]["joulemark/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_and_junit_of_hostile_text(report: Report) -> None:
    document = json.loads(sarif_text(hostile(report)))
    uri = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
        "uri"
    ]
    assert re.fullmatch(r"[\w./%~+-]+", uri, re.ASCII)
    parsed = ElementTree.fromstring(junit_text(hostile(report)))
    assert "<script>" in parsed[0].attrib["name"], "escaped, not lost"


def test_junit_counts_what_it_holds(report: Report) -> None:
    for strict in (False, True):
        root = ElementTree.fromstring(junit_text(report, strict=strict))
        for node in (root, *root.iter("testsuite")):
            cases = list(node.iter("testcase"))
            assert int(node.attrib["tests"]) == len(cases)
            for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                if node is root and tag == "skipped":
                    assert tag not in node.attrib, "the schema of Jenkins has none at the root"
                else:
                    assert int(node.attrib[name]) == sum(
                        case.find(tag) is not None for case in cases
                    )
        suite = root.find("testsuite")
        assert suite is not None
        rules = rulebook(report.entries[0].round)["rules"]
        assert len(suite.findall("testcase")) == len(rules)


def test_junit_counts_a_warning_only_when_strict() -> None:
    warned = Finding("padding", "warn", "w", "g", "e", "f", "c")
    report = Report((EntryReport("e", b.TRAINING, "valid", (warned,)),), (), ())
    assert 'failures="0"' in junit_text(report)
    assert 'failures="1"' in junit_text(report, strict=True)


def test_junit_of_nothing_is_xml() -> None:
    assert ElementTree.fromstring(junit_text(Report((), (), ()))).attrib["tests"] == "0"


# Choosing rules


def test_select_and_ignore(tree: api.Tree) -> None:
    only = api.audit(tree, select=["largest-gap", "duplicate-traces"], ignore=["duplicate-traces"])
    assert {f.rule for entry in only.entries for f in entry.findings} == {"largest-gap"}
    without = api.audit(tree, ignore=["largest-gap"])
    assert "largest-gap" not in {f.rule for entry in without.entries for f in entry.findings}
    assert choose() is None


@pytest.mark.parametrize(
    ("name", "near"), [("largest-gaps", "largest-gap"), ("node_count", "node-count")]
)
def test_an_unknown_rule_is_named_with_its_neighbours(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=near):
        choose([name])
    with pytest.raises(UsageError, match=near):
        choose((), [name])


def test_an_unknown_rule_ends_the_command_before_anything_is_read(tmp_path: Path) -> None:
    assert_refused(
        joulemark("audit", tmp_path / "none", "--select", "coverage,covrage"), "covrage", "coverage"
    )
    assert_refused(
        joulemark("audit", tmp_path / "none", "--ignore", "zzz"), "zzz", "joulemark rules"
    )


def test_strict_makes_a_warning_count(tmp_path: Path) -> None:
    b.training(tmp_path, TrainingForm(padding_s=55.0))
    assert joulemark("audit", tmp_path).returncode == 0
    assert joulemark("audit", tmp_path, "--strict").returncode == 1
    assert joulemark("audit", tmp_path, "--strict", "--ignore", "padding").returncode == 0


def test_all_forms_are_written_beside_the_text(tmp_path: Path) -> None:
    files = [tmp_path / f"report.{form}" for form in ("html", "sarif", "junit")]
    options = [part for path in files for part in (f"--{path.suffix[1:]}", path)]
    done = joulemark("audit", EXAMPLES, *options)
    assert done.returncode == 1, done.stderr
    assert all(path.stat().st_size > 1000 for path in files)
    assert done.stderr.count("wrote") == 3


def test_since_shows_what_changed(tmp_path: Path) -> None:
    folder = b.training(tmp_path / "tree", runs=2)
    before = tmp_path / "before.json"
    before.write_text(joulemark("audit", tmp_path / "tree", "--json").stdout, "utf-8")
    same = joulemark("audit", tmp_path / "tree", "--since", before)
    assert "Nothing changed" in same.stdout
    shutil.copy(b.node(folder, 0), b.node(folder, 1))
    done = joulemark("audit", tmp_path / "tree", "--since", before, "--json")
    (change,) = json.loads(done.stdout)["changes"]
    assert (change["before"], change["after"]) == ("valid", "invalid")
    assert "fail duplicate-traces" in change["appeared"]
    text = joulemark("audit", tmp_path / "tree", "--since", before).stdout
    assert "valid -> invalid" in text
    broken = joulemark("audit", tmp_path / "tree", "--since", tmp_path / "none.json")
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr


# The rules themselves


def test_rules_command_lists_and_explains() -> None:
    done = joulemark("rules")
    assert done.returncode == 0, done.stderr
    assert all(rule.id in done.stdout for rule in RULES)
    one = joulemark("rules", "near-copies")
    assert "share_min = 0.5" in one.stdout
    assert_refused(joulemark("rules", "near-copy"), "near-copies")


def test_rules_as_a_document_say_what_the_rulebooks_say() -> None:
    done = joulemark("rules", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    check("rules", document)
    assert [rule["id"] for rule in document["rules"]] == [rule.id for rule in RULES]
    for rule in document["rules"]:
        assert tuple(rule["rounds"]) == rounds()
        for name, said in rule["rounds"].items():
            settings = rulebook(name)["rules"].get(rule["id"])
            assert (said is None) == (settings is None)
            for key, item in (settings or {}).get("limits", {}).items():
                assert said["limits"][key]["value"] == item["value"]
    (one,) = json.loads(joulemark("rules", "near-copies", "--json").stdout)["rules"]
    assert one in document["rules"]
    assert_refused(joulemark("rules", "near-copy", "--json"), "near-copies")


def test_every_rule_is_explained_for_every_round() -> None:
    head = rules_text().splitlines()[0]
    assert head.split("  ")[0] == "Rule"
    assert "inference-v5.1" in head
    assert "training-v5.0" in head
    for rule in RULES:
        text = rule_text(rule)
        assert all(len(line) <= 80 or " " not in line.strip() for line in text.splitlines())
        for name, settings in describe_rounds(lambda rules, at=rule.id: rules.get(at)):
            stated = settings["clause"] if settings else f"{name}: not applied"
            assert stated in " ".join(text.split())
    assert BY_ID


# What no verdict may depend on


def test_jobs_change_nothing(tree: api.Tree, report: Report) -> None:
    assert api.audit(tree, jobs=3) == report


def test_jobs_order_zone_and_locale_change_no_byte(tmp_path: Path) -> None:
    b.training(tmp_path / "a", TrainingForm(copied_nodes=True), nodes=2, runs=2)
    b.training(tmp_path / "b", seed=8, runs=2)
    plain = joulemark("audit", tmp_path, "--json")
    assert plain.returncode == 1, plain.stderr
    for options, environment in (
        (("--jobs", 2), {}),
        (("--jobs", 5), {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"}),
        ((), {"TZ": "America/St_Johns", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"}),
    ):
        done = in_a_process("audit", tmp_path, "--json", *options, **environment)
        assert done.stderr == plain.stderr
        assert done.stdout == plain.stdout
    forward = json.loads(joulemark("audit", tmp_path / "a", tmp_path / "b", "--json").stdout)[
        "entries"
    ]
    backward = json.loads(joulemark("audit", tmp_path / "b", tmp_path / "a", "--json").stdout)[
        "entries"
    ]
    assert forward == backward[::-1]


def test_pages_are_the_same_bytes_each_time(tree: api.Tree, report: Report) -> None:
    again = api.audit(tree, jobs=2)
    assert audit_html(again, tree.entries) == audit_html(report, tree.entries)
    assert sarif_text(again) == sarif_text(report)
    assert junit_text(again) == junit_text(report)
