"""Rules, rulebooks and rules.md: one file and one heading for each rule, and limits for what it asks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.documents.errors import UsageError
from harness.documents.resources import resource
from harness.documents.validate import read_document
from harness.rules import BY_ID, RULES
from harness.rules.reference import reference
from harness.rules.rulebook import FOLDER, OWN, rounds, rulebook, rulebook_for
from tests.rules import builders as b

RULES_FOLDER = FOLDER.parent
TRAINING_ONLY = {
    "clock-of-power-log", "dc-above-ac", "description-against-log", "interconnect-plausible", "malformed-lines",
    "padding", "planted-scaling", "power-plausible", "reference-convergence", "run-count", "run-seeds",
}  # fmt: skip
"""Rules over what only MLPerf training packages hold."""
INFERENCE_ONLY = {
    "declared-hashes", "frozen-readings", "loadgen-summary", "meter-identity", "meter-range", "phases-and-clocks",
    "power-arithmetic", "power-documents", "ptd-commands", "ptd-errors", "ptd-raw-readings", "ptd-replies",
    "ptd-uncertainty",
    "ranging-against-testing", "session-identity", "window-and-load", "workflow-sources",
}  # fmt: skip
"""Rules over what only MLPerf inference results hold: hashes, and the files of a power session."""
LIVE_ONLY = {"meter-plausible", "record-against-log", "record-sound", "traces-from-journals"}
"""Rules over what only joulemark records."""
NOT_AT_THE_WALL = {"node-count", "stop-after-start", "conversion-efficiency"}
"""Rules that inference leaves out: the whole system is measured at the wall."""
ABSENT = {
    "joulemark-2026": TRAINING_ONLY - {"run-seeds"}
    | INFERENCE_ONLY,  # a store of another hash is refused before any rule sees it
    "mlperf-inference-v4.1": TRAINING_ONLY | NOT_AT_THE_WALL | LIVE_ONLY,
    "mlperf-inference-v5.0": TRAINING_ONLY | NOT_AT_THE_WALL | LIVE_ONLY,
    "mlperf-inference-v5.1": TRAINING_ONLY | NOT_AT_THE_WALL | LIVE_ONLY,
    "mlperf-training-v4.0": INFERENCE_ONLY | LIVE_ONLY,
    "mlperf-training-v4.1": INFERENCE_ONLY | LIVE_ONLY,
    "mlperf-training-v5.0": INFERENCE_ONLY | LIVE_ONLY,
}
"""Rules a rulebook leaves out, on purpose."""


def test_rules_have_ids_of_their_own() -> None:
    assert [rule.id for rule in RULES] == list(BY_ID)


def test_one_file_for_each_rule_and_one_rule_in_each_file() -> None:
    files = {path.stem for path in RULES_FOLDER.glob("*.py")} - {"__init__", "base", "rulebook", "reference"}
    assert files == {rule.id.replace("-", "_") for rule in RULES}
    for rule in RULES:
        assert rule.check.__module__ == f"harness.rules.{rule.id.replace('-', '_')}"


def test_one_test_module_for_each_rule_with_a_pass_and_a_fail() -> None:
    folder = Path(b.__file__).parent
    for rule in RULES:
        text = (folder / f"test_{rule.id.replace('-', '_')}.py").read_text("utf-8")
        assert f'RULE = "{rule.id}"' in text
        assert re.search(r"^def test_pass_\w+", text, re.MULTILINE), rule.id
        assert re.search(r"^def test_fail_\w+", text, re.MULTILINE), rule.id


def test_rules_md_is_what_the_generator_prints() -> None:
    assert resource("rules.md").read_text("utf-8") == reference()
    printed = subprocess.run([sys.executable, "-m", "harness.rules.reference"], capture_output=True, check=True)
    assert printed.stdout.decode() == reference()


def test_rules_md_has_one_heading_for_each_rule() -> None:
    headings = re.findall(r"^## (.+)$", resource("rules.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [rule.id for rule in RULES]


def test_rules_md_states_each_limit_of_each_round_once() -> None:
    text = reference()
    for name in rounds():
        for rule, settings in rulebook(name)["rules"].items():
            section = text.split(f"\n## {rule}\n")[1].split("\n## ")[0]
            (row,) = [line for line in section.splitlines() if line.startswith(f"| {name} |")]
            assert row.count("|") == 5, "no cell breaks the table"
            assert settings["clause"] in row
            assert f"`{settings['severity']}`" in row
            for limit, item in settings.get("limits", {}).items():
                assert f"`{limit}` {item['value']:g} {item['unit']}" in row
            for kind, texts in settings.get("accepts", {}).items():
                assert f"`{kind}` {', '.join(texts) or '(no list)'}" in row


def test_peers_md_names_every_rule_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "peers.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", text))
    assert BY_ID.keys() <= named, "each rule answers a peer, or has a row among those that no peer has"
    assert {name for name in named if "-" in name} <= BY_ID.keys()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_rulebook_is_valid_and_names_rules_that_exist_with_their_limits(path: Path) -> None:
    book = read_document("rulebook", path)
    assert book["round"] == path.stem
    assert set(book["rules"]) == set(BY_ID) - ABSENT[path.stem]
    for name, settings in book["rules"].items():
        assert set(settings.get("limits", {})) == set(BY_ID[name].limits), name
        assert set(settings.get("accepts", {})) == set(BY_ID[name].accepts), name


def test_every_rulebook_is_listed_above() -> None:
    assert set(ABSENT) == set(rounds())


@pytest.mark.parametrize(
    ("stated", "judged", "note"),
    [
        ("mlperf-inference-v4.1", "mlperf-inference-v4.1", ""),
        ("mlperf-inference-v5.1", "mlperf-inference-v5.1", ""),
        ("mlperf-inference-v5.0", "mlperf-inference-v5.0", ""),
        ("mlperf-inference-v4.5", "mlperf-inference-v4.1", "states mlperf-inference-v4.5, which has no rulebook"),
        ("mlperf-inference-v4.0", "mlperf-inference-v4.1", "states mlperf-inference-v4.0"),
        ("mlperf-inference-v10.0", "mlperf-inference-v5.1", "judged by mlperf-inference-v5.1"),
        ("mlperf-training-v5.0", "mlperf-training-v5.0", ""),
        ("mlperf-training-v4.2", "mlperf-training-v4.1", "states mlperf-training-v4.2, which has no rulebook"),
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
    book, said = rulebook_for(b.entry(round="", format="mlperf-training-power"))
    assert book["round"] == "mlperf-training-v5.0", "the newest"
    assert said == "the entry states no round; judged by mlperf-training-v5.0"


@pytest.mark.parametrize(
    ("stated", "asked", "note"),
    [
        (b.INFERENCE, b.INFERENCE, ""),
        ("mlperf-inference-v5.0", b.INFERENCE, f"judged by {b.INFERENCE}, as asked; the entry states mlperf-inf"),
        ("", b.TRAINING, f"judged by {b.TRAINING}, as asked; for such an entry {OWN} is meant"),
    ],
)
def test_a_round_that_the_auditor_asks_for(stated: str, asked: str, note: str) -> None:
    book, said = rulebook_for(b.entry(round=stated), asked)
    assert book["round"] == asked
    assert said.startswith(note) if note else said == ""


@pytest.mark.parametrize("name", ["mlperf-inference-v9.9", "", "../base", "joulemark-2026.yaml"])
def test_a_round_without_a_rulebook_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="one of joulemark-2026, mlperf-inference"):
        rulebook(name)
