"""`joulemark new` in a copy of the tree: what it writes passes the gates without further edits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.core.documents import read_document
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.live.system import REQUIRED

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("harness", "tests", "schemas", "workloads", "benchmarks", "docs", "pyproject.toml")
NAMES = {
    "rule": "power-ceiling",
    "meter": "battery",
    "reader": "two-columns",
    "workload": "line-fitting",
}
WRITTEN = {
    "rule": (
        "harness/auditing/rules/plausibility/power_ceiling.py",
        "tests/auditing/rules/plausibility/test_power_ceiling.py",
    ),
    "meter": ("harness/meters/adapters/battery.py", "tests/meters/adapters/test_battery.py"),
    "reader": (
        "harness/formats/loggers/two_columns.py",
        "tests/formats/loggers/test_two_columns.py",
    ),
    "workload": (
        "workloads/line-fitting/workload.yaml",
        "workloads/line-fitting/train.py",
        "workloads/line-fitting/README.md",
        "tests/workloads/test_line_fitting.py",
    ),
}
GATES = (
    "tests/integration/test_vocabulary.py",
    "tests/auditing/rules/test_rulebook.py",
    "tests/meters/test_contract.py",
)
"""Tests that look at all rules, meters and names."""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with one new thing of each kind."""
    tree = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", "samples")
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy(source, tree / name)
    types = REPOSITORY / ".mypy_cache"  # what `make check` found out is not found out again
    if types.is_dir():
        shutil.copytree(types, tree / types.name)
    for kind, name in NAMES.items():
        run(tree, "-m", "harness", "new", kind, name)
    rules = run(tree, "-m", "harness.auditing.rules.reference")
    (tree / "rules.md").write_text(rules, "utf-8")
    return tree


def run(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
def test_only_the_files_of_the_new_things_and_one_rulebook_are_written(extended: Path) -> None:
    expected = {path for paths in WRITTEN.values() for path in paths}
    for path in expected:
        assert (extended / path).is_file()
    changed = {
        path.relative_to(extended).as_posix()
        for name in ("harness", "tests", "workloads")
        for path in (extended / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and differs(path, extended)
    }
    assert changed == {*expected, "harness/auditing/rules/rulebooks/joulemark-2026.yaml"}


def differs(path: Path, tree: Path) -> bool:
    original = REPOSITORY / path.relative_to(tree)
    return not original.is_file() or original.read_bytes() != path.read_bytes()


@pytest.mark.slow
def test_new_things_pass_style_types_and_layers(extended: Path) -> None:
    run(extended, "-m", "ruff", "check", "--no-cache", ".")
    run(extended, "-m", "ruff", "format", "--no-cache", "--check", ".")
    run(extended, "-m", "mypy")
    main = "import sys, importlinter.cli as c; sys.exit(c.lint_imports(no_cache=True))"
    run(extended, "-c", main)


@pytest.mark.slow
def test_new_things_pass_their_tests_and_those_of_all(extended: Path) -> None:
    tests = [path for paths in WRITTEN.values() for path in paths if path.startswith("tests/")]
    run(
        extended,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-k",
        "not documentation",
        "-p",
        "no:cacheprovider",
        *tests,
        *GATES,
    )


@pytest.mark.slow
def test_new_things_are_discovered(extended: Path) -> None:
    assert "power-ceiling" in run(extended, "-m", "harness", "rules")
    assert "battery" in run(extended, "-m", "harness", "meters")
    assert "line-fitting" in run(extended, "-m", "harness", "workloads")


@pytest.mark.parametrize("name", ["Upper", "two words", "../up", "under_score", "-x", "x-", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    done = CliRunner().invoke(cli, ["new", "--out", str(REPOSITORY), "rule", "--", name])
    assert isinstance(done.exception, UsageError)


def test_what_exists_is_not_overwritten() -> None:
    done = CliRunner().invoke(cli, ["new", "rule", "node-count", "--out", str(REPOSITORY)])
    assert isinstance(done.exception, UsageError)
    assert "exists already" in str(done.exception)


@pytest.mark.parametrize("kind", ["rule", "meter", "reader"])
def test_outside_a_checkout_only_workloads_and_systems_are_written(
    kind: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(cli, ["new", kind, "mine", "--out", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert list(tmp_path.iterdir()) == []


def test_a_workload_outside_a_checkout_can_be_run_from_its_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["new", "workload", "mine", "--out", str(tmp_path), "-q", "--json"]
    )
    assert done.exit_code == 0, done.output
    check("written", json.loads(done.stdout))
    assert (tmp_path / "mine" / "workload.yaml").is_file()
    assert (tmp_path / "tests" / "test_mine.py").is_file()


def test_a_system_description_is_valid_as_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["new", "system", "oak-1", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = read_document("system", tmp_path / "system.yaml")
    assert (document["system_name"], document["submitter"]) == ("oak-1", None)
    for field in REQUIRED:
        if field not in ("host_processor_model_name", "host_memory_capacity"):
            assert field in document
