"""Every tamper of a training package is caught by the right rule, or listed as not detectable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from harness.auditing.report import SEVERITIES
from harness.auditing.rules import BY_ID
from tests.auditing.rules import builders as b
from tests.tampers.training import MORE, NODES, RUNS, TABLE, UNSEEN, Tamper, switches

QUIET = {"skip"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean submission: ssd, five runs on four nodes of eight H100, with a rated switch of
    this year."""
    root = tmp_path_factory.mktemp("package")
    form = TrainingForm(interconnect_power_w=4000.0)
    folder = b.submitted(root, form, nodes=NODES, runs=RUNS)
    for path in switches(folder):
        at = b.first_ms(path.with_name("node_0.txt"))
        b.edit_lines(path, lambda _, line, at=at: b.set_mllog(line, time_ms=at), "interconnect")
    return root


@pytest.fixture
def folder(package: Path, tmp_path: Path) -> Path:
    shutil.copytree(package, tmp_path / "copy")
    return tmp_path / "copy" / "training_results_v4.0" / "Lab" / "results" / "sim-1" / "ssd"


def test_the_untouched_package_is_valid_and_silent(folder: Path) -> None:
    found = b.report(folder)
    assert found.verdict == "valid"
    assert {f.status for f in found.findings} <= QUIET, found.findings


@pytest.mark.parametrize(("name", "tamper"), [*TABLE.items(), *MORE.items()], ids=[*TABLE, *MORE])
def test_tamper_is_caught_by_the_right_rule(folder: Path, name: str, tamper: Tamper) -> None:
    tamper.apply(folder)
    found = b.report(folder)
    outcomes = {(f.rule, f.severity or f.status) for f in found.findings}
    for rule in tamper.rules:
        assert rule in BY_ID
        assert rule in {rule for rule, outcome in outcomes if outcome in SEVERITIES}, outcomes
    assert any((rule, tamper.status) in outcomes for rule in tamper.rules), f"{name}: {outcomes}"
    assert "error" not in {f.status for f in found.findings}
    if tamper.status == "fail":
        assert found.verdict == "invalid"
    if tamper.status == "question":
        assert found.verdict in ("questioned", "invalid")


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_detectable_is_known(folder: Path, name: str) -> None:
    """If one of these is caught one day, it moves to the others."""
    apply, why = UNSEEN[name]
    apply(folder)
    found = b.report(folder)
    assert why
    assert {f.status for f in found.findings} <= QUIET, found.findings


def test_the_table_of_the_reference_is_whole() -> None:
    assert len(TABLE) == 18
    assert len(MORE) >= 20
