"""A benchmark over the rounds: in their order, with what makes them incomparable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import api
from harness.auditing.report import EntryReport
from harness.cli import cli
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.formats.base import Quality
from harness.formats.reference.definitions import definition_changes
from harness.ranking.history import Series, history
from harness.render.terminal.history import history_text
from harness.scoring.result import Result

SUBMISSIONS = Path(__file__).resolve().parents[2] / "submissions"


@pytest.fixture(scope="module")
def result() -> Result:
    return api.score(SUBMISSIONS / "joulemark-2026", draws=10_000)[0]


def in_round(result: Result, name: str, *, factor: float = 1.0, target: float = 0.9) -> Result:
    """Return the result as if a round had it, with another energy and quality to reach."""
    entry = replace(
        result.entry, id=f"{name} {factor}", round=name, benchmark="b", scenario="MultiStream"
    )
    per_unit = result.energy_per_unit
    assert per_unit.value is not None
    return replace(
        result,
        entry=entry,
        energy_per_unit=replace(per_unit, value=factor * per_unit.value),
        quality=Quality("accuracy", 0.95, target),
    )


def series_of(*results: Result, invalid: tuple[str, ...] = ()) -> Series:
    reports = {
        item.entry.id: EntryReport(
            item.entry.id,
            item.entry.round,
            "invalid" if item.entry.id in invalid else "valid",
            (),
        )
        for item in results
    }
    (series,) = history(results, reports, "b")
    return series


def test_rounds_stand_in_their_order_and_results_in_that_of_their_energy(result: Result) -> None:
    names = ["mlperf-inference-v10.0", "mlperf-inference-v4.1", "mlperf-inference-v5.0"]
    results = [in_round(result, name, factor=factor) for name in names for factor in (2, 1, 3)]
    series = series_of(*results, invalid=(f"{names[1]} 1",))
    assert [group.round for group in series.rounds] == [names[1], names[2], names[0]]
    factors = [[row.result.entry.id[-1] for row in group.rows] for group in series.rounds]
    assert factors == [["2", "3", "1"], ["1", "2", "3"], ["1", "2", "3"]]
    best = series.rounds[0].best
    assert best is not None
    assert best.verdict == "valid"


def test_a_round_whose_results_are_all_invalid_has_no_best(result: Result) -> None:
    only = in_round(result, "mlperf-inference-v4.1")
    assert series_of(only, invalid=(only.entry.id,)).rounds[0].best is None


def test_a_change_of_definition_makes_energies_incomparable(result: Result) -> None:
    names = ["mlperf-inference-v1.0", "mlperf-inference-v1.1", "mlperf-inference-v2.1"]
    series = series_of(*(in_round(result, name) for name in names))
    unchanged, changed = series.transitions
    assert unchanged.energies_comparable
    assert not changed.energies_comparable
    assert "eight samples" in changed.definitions[0][0]
    assert "NOT comparable" in history_text([series])


@pytest.mark.parametrize(
    ("earlier", "later", "is_between"),
    [("v1.1", "v2.0", True), ("v2.0", "v2.1", False), ("v1.0", "v1.1", False)],
)
def test_a_definition_changes_with_the_round_that_brought_it(
    earlier: str, later: str, is_between: bool, result: Result
) -> None:
    """A query of MultiStream has eight samples from v2.0 on."""
    names = [f"mlperf-inference-{version}" for version in (earlier, later)]
    (change,) = series_of(*(in_round(result, name) for name in names)).transitions
    assert bool(change.definitions) is is_between


def test_another_quality_to_reach_makes_energies_incomparable(result: Result) -> None:
    names = ["mlperf-inference-v4.0", "mlperf-inference-v4.1"]
    (change,) = series_of(
        in_round(result, names[0]), in_round(result, names[1], target=0.99)
    ).transitions
    assert change.targets == ((0.9,), (0.99,))
    assert not change.energies_comparable


def test_rules_that_judge_differently_are_named(result: Result) -> None:
    names = ["mlperf-inference-v3.1", "mlperf-inference-v4.0", "mlperf-inference-v99.0"]
    first, unknown = series_of(*(in_round(result, name) for name in names)).transitions
    assert first.energies_comparable
    assert first.rulebooks_known
    assert {rule.kind for rule in first.rules} <= {"added", "removed", "severity", "limits"}
    assert first.verdicts_comparable == (not first.rules)
    assert all(rule.before != rule.after for rule in first.rules)
    assert not unknown.rulebooks_known
    assert not unknown.verdicts_comparable


def test_a_rule_is_added_or_removed_or_of_another_severity(result: Result) -> None:
    rounds = ["v1.0", "v1.1", "v2.0", "v2.1", "v3.0", "v3.1", "v4.0", "v4.1", "v5.0", "v5.1"]
    series = series_of(*(in_round(result, f"mlperf-inference-{name}") for name in rounds))
    kinds = set()
    for rule in (rule for change in series.transitions for rule in change.rules):
        kinds.add(rule.kind)
        if rule.kind != "limits":
            there = bool(rule.before), bool(rule.after)
            assert rule.kind == {(0, 1): "added", (1, 0): "removed", (1, 1): "severity"}[there]
    assert {"added", "severity"} <= kinds


def test_each_known_change_has_a_source() -> None:
    for change in definition_changes():
        assert change.change
        assert change.source
        assert change.version > (0, 0)


def test_the_command_reads_trees_and_names_what_it_has(tmp_path: Path) -> None:
    tree = str(SUBMISSIONS / "joulemark-2026")
    benchmark = api.read(tree).entries[0].benchmark
    arguments = ["history", tree, "--benchmark", benchmark, "-q"]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    document = json.loads(done.stdout)
    check("history", document)
    assert document["series"][0]["rounds"][0]["rows"]
    collected = CliRunner().invoke(
        cli, ["collect", tree, "-q", "--out", str(tmp_path / "s.duckdb")]
    )
    assert collected.exit_code == 0
    stored = CliRunner().invoke(
        cli, ["history", str(tmp_path / "s.duckdb"), "--benchmark", benchmark, "--json"]
    )
    assert stored.stdout == done.stdout
    assert benchmark in CliRunner().invoke(cli, arguments).stdout
    refused = CliRunner().invoke(cli, ["history", tree, "--benchmark", "resnet51", "-q"])
    assert isinstance(refused.exception, UsageError)
    assert benchmark in str(refused.exception)
