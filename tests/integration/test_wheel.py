"""The wheel, as a user installs it: in a fresh environment far from the checkout, with its data."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness.cli import main

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


def requirements(name: str, extra: str) -> Iterator[tuple[str, str]]:
    """Yield the distributions, each with an extra or none, that a distribution of this
    environment requires on this machine."""
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                yield requirement.name, wanted


def declared_distributions(wheel: Path) -> set[str]:
    """Return the distributions that pip would install with the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        required = metadata.PathDistribution(zipfile.Path(archive, f"{name.split('/')[0]}/"))
        first = [Requirement(text) for text in required.requires or ()]
    pending = [
        (item.name, wanted)
        for item in first
        if item.marker is None or item.marker.evaluate({"extra": ""})
        for wanted in ("", *item.extras)
    ]
    seen: set[tuple[str, str]] = set()
    while pending:
        item = pending.pop()
        if item not in seen:
            seen.add(item)
            pending += requirements(*item)
    return {name for name, _ in seen}


def link_distribution(name: str, site_packages: Path) -> None:
    """Link what a distribution of this environment installed into another environment."""
    distribution = metadata.distribution(name)
    for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
        link = site_packages / top
        if not link.exists():
            link.symlink_to(distribution.locate_file(top))


def test_installed_joulemark_runs_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The environment holds the wheel, and of its requirements what the wheel declares."""
    place = tmp_path / "env"
    venv.create(place)
    python = place / "bin" / "python"
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
    for name in declared_distributions(wheel):
        link_distribution(name, site_packages)
    joulemark = [python, "-W", "error", "-m", "harness"]
    demo = run(*joulemark, "demo", "--out", "demo", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert "INVALID: duplicate-traces" in demo.stdout
    version = run(*joulemark, "--version", cwd=tmp_path)
    assert version.stdout.startswith("joulemark, version ")
    where = run(python, "-c", "import harness; print(harness.__file__)", cwd=tmp_path)
    assert str(place) in where.stdout
    (script,) = metadata.entry_points(group="console_scripts", name="joulemark")
    assert script.load() is main
