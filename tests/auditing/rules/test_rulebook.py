"""Rules, rulebooks and rules.md: each rule has one file, one heading, and the limits it uses."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from harness.auditing.rules import BY_ID, BY_NAME, GROUPS, RULES
from harness.auditing.rules.base import ENDPOINT_PACKAGES, Rule
from harness.auditing.rules.reference import OUTCOMES, reference, round_page
from harness.auditing.rules.rulebook import (
    FOLDER,
    OWN,
    describe_rounds,
    family_of_round,
    limit_text,
    load_rulebook,
    rounds,
    rulebook,
    rulebook_for,
)
from harness.auditing.rules.selection import choose, find_rule
from harness.cli import cli
from harness.core.documents import read_document
from harness.core.errors import SchemaError, UsageError
from harness.core.resources import resource
from harness.core.schemas import check
from tests.auditing.rules import builders as b

REPOSITORY = Path(__file__).resolve().parents[3]


def test_rules_have_ids_of_their_own() -> None:
    assert [rule.id for rule in RULES] == list(BY_ID)


def test_earlier_ids_are_no_ids_of_other_rules() -> None:
    aliases = [alias for rule in RULES for alias in rule.aliases]
    assert len(set(aliases)) == len(aliases)
    assert not BY_ID.keys() & set(aliases)
    assert len(BY_NAME) == len(RULES) + len(aliases)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.aliases], ids=lambda rule: rule.id)
def test_earlier_id_selects_the_rule_it_names_today(rule: Rule) -> None:
    (alias,) = rule.aliases
    assert choose(select=[alias]) == {rule.id}
    assert choose(ignore=[alias]) == BY_ID.keys() - {rule.id}
    assert find_rule(alias) is rule


def test_earlier_id_in_a_rulebook_sets_the_rule_it_names_today(tmp_path: Path) -> None:
    old_name = "{planted-scaling: {severity: warn, clause: c}}"
    books(tmp_path, a=BASE, b=based("b", "a", old_name))
    assert "scaling-factor" in load_rulebook(tmp_path, "b")["rules"]
    assert "planted-scaling" not in load_rulebook(tmp_path, "b")["rules"]


def test_rulebook_that_sets_a_rule_by_two_names_is_refused(tmp_path: Path) -> None:
    names = "{planted-scaling: {severity: warn, clause: c}, scaling-factor: {severity: fail}}"
    books(tmp_path, a=BASE, b=based("b", "a", names))
    with pytest.raises(SchemaError, match="sets one rule twice"):
        load_rulebook(tmp_path, "b")


OWN_RULES = [rule for rule in RULES if rule.applies_to != ENDPOINT_PACKAGES]
"""Rules with a module each. Those of MLPerf's checker stand in families, tested in one table:
tests/auditing/rules/endpoints/test_checks.py."""


def test_one_module_for_each_rule_named_like_the_rule() -> None:
    for rule in OWN_RULES:
        package, _, module = rule.check.__module__.rpartition(".")
        assert module == rule.id.replace("-", "_")
        assert package in {f"harness.auditing.rules.{group}" for group in GROUPS}


def test_each_rule_has_a_test_module_that_shows_it_pass_and_breached() -> None:
    for rule in OWN_RULES:
        text = module_of_tests(rule).read_text("utf-8")
        assert f'RULE = "{rule.id}"' in text
        assert re.search(r"^def test_pass_\w+", text, re.MULTILINE), rule.id
        assert re.search(r"^def test_(fail|question|warn)_\w+", text, re.MULTILINE), rule.id


def test_tests_are_named_after_the_outcome_that_they_assert() -> None:
    for rule in OWN_RULES:
        tree = ast.parse(module_of_tests(rule).read_text("utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_fail_"):
                source = ast.unparse(function)
                assert "'fail'" in source or "'invalid'" in source, function.name


def module_of_tests(rule: Rule) -> Path:
    """The file that tests a rule."""
    group, module = rule.check.__module__.split(".")[-2:]
    return Path(b.__file__).parent / group / f"test_{module}.py"


def test_rules_md_is_what_the_generator_prints() -> None:
    assert resource("rules.md").read_text("utf-8") == reference()
    printed = subprocess.run(
        [sys.executable, "-m", "harness.auditing.rules.reference"], capture_output=True, check=True
    )
    assert printed.stdout.decode() == reference()


def test_rules_md_has_one_heading_for_each_rule() -> None:
    headings = re.findall(r"^## (.+)$", resource("rules.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [rule.id for rule in RULES]


def test_rules_md_states_each_limit_of_each_round_once() -> None:
    text = reference()
    for rule in RULES:
        section = text.split(f"\n## {rule.id}\n")[1].split("\n## ")[0]
        for name, settings in describe_rounds(lambda rules, at=rule.id: rules.get(at)):
            rows = [line for line in section.splitlines() if line.startswith(f"| {name} |")]
            if settings is None:
                assert rows == [], "a round that does not judge such entries has no row"
                continue
            (row,) = rows
            assert row.count("|") == 5, "no cell breaks the table"
            assert f"| {OUTCOMES[settings['severity']]} |" in row
            assert settings["clause"] in row
            for item in stated_limits(settings):
                assert item in row


def stated_limits(settings: dict[str, Any]) -> Iterator[str]:
    """The texts of limits and lists that a row must hold; none for a rule that is off."""
    if settings["severity"] == "off":
        return
    for limit, item in settings.get("limits", {}).items():
        yield f"`{limit}` {limit_text(item)}"
    for kind, texts in settings.get("accepts", {}).items():
        yield f"`{kind}` {', '.join(texts) or '(no list)'}"


@pytest.mark.parametrize("name", rounds())
def test_page_of_a_round_says_what_each_of_its_rules_does(name: str) -> None:
    page = round_page(name)
    for rule_id, settings in rulebook(name)["rules"].items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{rule_id}` |")]
        assert f"| {OUTCOMES[settings['severity']]} |" in row
        assert settings["clause"] in row


def test_neighbouring_rounds_with_one_description_share_a_row() -> None:
    margins = describe_rounds(
        lambda rules: (
            rules.get("ptd-commands", {}).get("limits", {}).get("current_margin", {}).get("value")
        )
    )
    assert margins == [
        ("joulemark-2026", None),
        ("mlperf-endpoints-v0.7 to v1.1", None),
        ("mlperf-inference-v0.7 to v3.0", 1),
        ("mlperf-inference-v3.1 to v5.1", 1.1),
        ("mlperf-tiny-v0.7 to v1.3", None),
        ("mlperf-training-v4.0 to v5.0", None),
    ]


def test_peers_md_names_only_rules_that_exist() -> None:
    text = (REPOSITORY / "docs/reference/peers.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", text))
    assert {name for name in named if "-" in name} <= BY_ID.keys()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_rulebook_is_valid_and_names_rules_that_exist_with_their_limits(path: Path) -> None:
    read_document("rulebook", path)
    book = rulebook(path.stem)
    check("rulebook", book)
    assert book["round"] == path.stem
    assert "based_on" not in book
    family = family_of_round(path.stem)
    assert set(book["rules"]) == {rule.id for rule in RULES if family in rule.applies_to}
    for name, settings in book["rules"].items():
        assert set(settings.get("limits", {})) == set(BY_ID[name].limits), name
        assert set(settings.get("accepts", {})) == set(BY_ID[name].accepts), name


@pytest.mark.parametrize(
    ("stated", "judged", "note"),
    [
        ("mlperf-inference-v4.1", "mlperf-inference-v4.1", ""),
        ("mlperf-inference-v5.1", "mlperf-inference-v5.1", ""),
        ("mlperf-inference-v5.0", "mlperf-inference-v5.0", ""),
        (
            "mlperf-inference-v4.5",
            "mlperf-inference-v4.1",
            "states mlperf-inference-v4.5, which has no rulebook",
        ),
        ("mlperf-inference-v4.0", "mlperf-inference-v4.0", ""),
        ("mlperf-inference-v1.0", "mlperf-inference-v1.0", ""),
        ("mlperf-inference-v0.7", "mlperf-inference-v0.7", ""),
        (
            "mlperf-inference-v0.5",
            "mlperf-inference-v0.7",
            "states mlperf-inference-v0.5, which has no rulebook",
        ),
        ("mlperf-inference-v3.2", "mlperf-inference-v3.1", "judged by mlperf-inference-v3.1"),
        ("mlperf-inference-v6.0", "mlperf-inference-v5.1", "judged by mlperf-inference-v5.1"),
        ("mlperf-inference-v10.0", "mlperf-inference-v5.1", "judged by mlperf-inference-v5.1"),
        ("mlperf-training-v5.0", "mlperf-training-v5.0", ""),
        (
            "mlperf-training-v4.2",
            "mlperf-training-v4.1",
            "states mlperf-training-v4.2, which has no rulebook",
        ),
        ("mlperf-training-v6.0", "mlperf-training-v5.0", "judged by mlperf-training-v5.0"),
        ("mlperf-training-v3.1", "mlperf-training-v4.0", "judged by mlperf-training-v4.0"),
        ("mlperf-storage-v1.0", OWN, "states mlperf-storage-v1.0"),
        ("../../etc", OWN, "states ../../etc"),
        ("", OWN, ""),
    ],
)
def test_nearest_round_and_its_note(stated: str, judged: str, note: str) -> None:
    book, said = rulebook_for(b.entry(round=stated))
    assert book["round"] == judged
    assert note in said if note else said == ""


def test_a_tree_without_a_round_is_judged_by_its_format() -> None:
    book, said = rulebook_for(b.entry(round="", family="mlperf-training"))
    assert book["round"] == "mlperf-training-v5.0", "the newest"
    assert said == "the entry states no round; judged by mlperf-training-v5.0"


@pytest.mark.parametrize(
    ("stated", "asked", "note"),
    [
        (b.INFERENCE, b.INFERENCE, ""),
        (
            "mlperf-inference-v5.0",
            b.INFERENCE,
            f"judged by {b.INFERENCE}, as asked; the entry states mlperf-inf",
        ),
        ("", b.TRAINING, f"judged by {b.TRAINING}, as asked; for such an entry {OWN} is meant"),
    ],
)
def test_a_round_that_the_auditor_asks_for(stated: str, asked: str, note: str) -> None:
    book, said = rulebook_for(b.entry(round=stated), asked)
    assert book["round"] == asked
    assert said.startswith(note) if note else said == ""


@pytest.mark.parametrize("name", ["mlperf-inference-v9.9", "", "../base", "joulemark-2026.yaml"])
def test_a_round_without_a_rulebook_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="one of joulemark-2026, mlperf-endpoints"):
        rulebook(name)


# A rulebook that states only what differs

BASE = """
schema_version: "1.0"
round: a
title: A
source: s
formats: [csv]
rules:
  coverage:
    severity: fail
    clause: c
    limits: {one: {value: 1, unit: s, why: w}, two: {value: 2, unit: s}}
  meter-identity: {severity: warn, clause: m, accepts: {models: [x, y], versions: ["1"]}}
"""


def books(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def based(name: str, on: str, rules: str = "{}") -> str:
    return (
        f'schema_version: "1.0"\nround: {name}\nbased_on: {on}\ntitle: T\nsource: s\nrules: '
        f"{rules}\n"
    )


def test_what_a_rulebook_does_not_state_is_that_of_its_base(tmp_path: Path) -> None:
    rules = """
  coverage: {limits: {two: {value: 3, unit: s}}}
  meter-identity: {severity: fail, accepts: {models: [z]}}
  time-order: {severity: "off", clause: t}"""
    books(tmp_path, a=BASE, b=based("b", "a", rules), c=based("c", "b"))
    for name in ("b", "c"):
        book = load_rulebook(tmp_path, name)
        assert (book["round"], book["title"], book["formats"]) == (name, "T", ["csv"])
        assert book["rules"]["coverage"] == {
            "severity": "fail",
            "clause": "c",
            "limits": {
                "one": {"value": 1, "unit": "s", "why": "w"},
                "two": {"value": 3, "unit": "s"},
            },
        }
        identity = {
            "severity": "fail",
            "clause": "m",
            "accepts": {"models": ["z"], "versions": ["1"]},
        }
        assert book["rules"]["meter-identity"] == identity
        assert book["rules"]["time-order"] == {"severity": "off", "clause": "t"}
    assert load_rulebook(tmp_path, "a")["rules"]["coverage"]["limits"]["two"]["value"] == 2


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        ("c", "goes in a circle; got b > c > b, expected one of a"),
        ("b", "goes in a circle; got b > b, expected one of a, c"),
        ("z", "names a round that has no rulebook; got b > z, expected one of a, c"),
        ("../a", "names a round that has no rulebook"),
    ],
)
def test_base_that_leads_nowhere_is_refused(on: str, fault: str, tmp_path: Path) -> None:
    books(tmp_path, a=BASE, b=based("b", on), c=based("c", "b"))
    with pytest.raises(
        SchemaError, match=rf"#/based_on: is a rulebook whose base {re.escape(fault)}"
    ):
        load_rulebook(tmp_path, "b")


def test_rule_that_neither_rulebook_completes_is_refused(tmp_path: Path) -> None:
    books(tmp_path, a=BASE, b=based("b", "a", "{time-order: {severity: warn}}"))
    with pytest.raises(SchemaError, match=r"b\.yaml#/rules/time-order/clause"):
        load_rulebook(tmp_path, "b")


def test_command_line_explains_a_rule_by_its_earlier_id() -> None:
    shown = [
        CliRunner().invoke(cli, ["rules", name]) for name in ("record-sound", "record-consistent")
    ]
    assert shown[0].exit_code == 0
    assert shown[0].output == shown[1].output


# What each round of MLPerf Inference enforced


class Enforced(NamedTuple):
    """What differs between rounds: severities of four rules, a limit, and PTDaemon's versions."""

    uncertainty: str
    duration: str
    power: str
    documents: str
    ending: str
    skew_s: float
    ptd: tuple[str, ...]


OLD_PTD = ("1.9.1", "1.9.2")
ENFORCED = {
    "v0.7": Enforced("warn", "fail", "warn", "off", "fail", 0.2, OLD_PTD),
    "v1.0": Enforced("warn", "fail", "warn", "off", "fail", 0.2, OLD_PTD),
    "v1.1": Enforced("warn", "fail", "warn", "off", "fail", 0.2, OLD_PTD),
    "v2.0": Enforced("warn", "fail", "warn", "warn", "fail", 0.2, OLD_PTD),
    "v2.1": Enforced("warn", "fail", "warn", "question", "fail", 0.5, OLD_PTD),
    "v3.0": Enforced("warn", "fail", "warn", "question", "fail", 0.5, ("1.10.0",)),
    "v3.1": Enforced("fail", "warn", "fail", "fail", "fail", 0.8, ("1.10.0",)),
    "v4.0": Enforced("fail", "warn", "fail", "fail", "off", 0.8, ("1.10.0",)),
    "v4.1": Enforced("fail", "warn", "fail", "fail", "off", 0.8, ("1.10.0",)),
    "v5.0": Enforced("fail", "warn", "fail", "fail", "off", 0.8, ("1.11.1",)),
    "v5.1": Enforced("fail", "warn", "fail", "fail", "off", 0.8, ("1.11.1",)),
}


@pytest.mark.parametrize("number", ENFORCED)
def test_rulebook_states_what_its_round_enforced(number: str) -> None:
    rules = rulebook(f"mlperf-inference-{number}")["rules"]
    severities = [
        rules[name]["severity"]
        for name in (
            "ptd-uncertainty",
            "ranging-duration",
            "ranging-matches-testing",
            "power-documents",
            "trace-ending",
        )
    ]
    skew_s = rules["phases-and-clocks"]["limits"]["phase_skew_max_s"]["value"]
    ptd = tuple(rules["meter-identity"]["accepts"]["ptd_versions"])
    assert Enforced(*severities, skew_s, ptd) == ENFORCED[number]


def test_every_round_of_inference_is_in_the_table() -> None:
    of_inference = {name for name in rounds() if name.startswith("mlperf-inference-")}
    assert {f"mlperf-inference-{number}" for number in ENFORCED} == of_inference


def test_own_round_fails_what_is_questioned_elsewhere() -> None:
    questioned = {
        rule_id
        for name in rounds()
        for rule_id, settings in rulebook(name)["rules"].items()
        if settings["severity"] == "question"
    }
    own = rulebook(OWN)["rules"]
    open_points = {rule_id for rule_id, item in own.items() if item["severity"] == "question"}
    judged = (questioned & own.keys()) - open_points
    assert {own[rule_id]["severity"] for rule_id in judged} == {"fail"}
    assert open_points == {"interconnect-declared"}  # evidence does not tell if there is a switch


def test_shares_of_the_window_are_printed_in_percent() -> None:
    assert limit_text({"value": 0.05, "unit": "share of the window"}) == "5 % of the window"
    assert limit_text({"value": 10, "unit": "s"}) == "10 s"


@pytest.mark.parametrize(
    "fault", ["severity: fatal", "severity: fail, clause: 7", "severity: fail, claws: c"]
)
def test_a_rulebook_of_ones_own_is_checked_even_without_a_base(fault: str, tmp_path: Path) -> None:
    books(tmp_path, a=f"{BASE}\n  time-order: {{{fault}}}\n")
    with pytest.raises(SchemaError, match=r"a\.yaml"):
        load_rulebook(tmp_path, "a")
