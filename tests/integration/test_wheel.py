"""The wheel, as a user installs it: in a fresh environment far from the checkout, with its data."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        out,
        REPOSITORY,
        cwd=out,
    )
    assert built.returncode == 0, built.stderr
    return next(out.glob("joulemark-*.whl"))


def test_wheel_ships_schemas_workloads_rules_and_examples(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "harness/data/schemas/run.schema.json",
        "harness/data/rules.md",
        "harness/data/workloads/lab_simulator/workload.yaml",
        "harness/data/submissions/lab-2026/truth.json",
        "harness/auditing/rules/rulebooks/joulemark-2026.yaml",
        "harness/traces/instruments.csv",
        "harness/formats/reference/benchmarks.csv",
        "harness/py.typed",
        "harness/carbon/catalogue/patterson-2021/gpt-3.json",
        "harness/carbon/grid/annual.csv",
        "harness/carbon/grid/sources.json",
    ):
        assert name in names
    assert not [
        name
        for name in names
        if name.startswith(("tests/", "benchmarks/")) or "__pycache__" in name
    ]


def test_installed_joulemark_runs_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "env"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    installed = run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        wheel,
        cwd=tmp_path,
    )
    if installed.returncode and "No matching distribution" in installed.stderr + installed.stdout:
        pytest.skip(
            "no package index can be reached from here: the wheel's dependencies cannot be "
            "installed"
        )
    assert installed.returncode == 0, installed.stderr
    demo = run(place / "bin" / "joulemark", "demo", "--out", "demo", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert "INVALID: duplicate-traces" in demo.stdout
    version = run(place / "bin" / "joulemark", "--version", cwd=tmp_path)
    assert version.stdout.startswith("joulemark, version ")
    where = run(python, "-c", "import harness; print(harness.__file__)", cwd=tmp_path)
    assert str(place) in where.stdout
