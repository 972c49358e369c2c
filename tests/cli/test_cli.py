"""The command line as a person meets it: exit codes, one clear line per error, valid JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.core.errors import JoulemarkError
from harness.core.schemas import check
from tests.command_line import REPOSITORY, Done, in_a_process, joulemark

EXAMPLES = REPOSITORY / "submissions" / "lab-2026"


def assert_refused(done: Done, *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("joulemark:")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_help_lists_the_commands() -> None:
    done = joulemark("--help")
    assert done.returncode == 0
    for command in ("import", "score", "audit", "leaderboard", "demo"):
        assert command in done.stdout


def test_help_loads_no_numerical_library() -> None:
    code = "import sys, harness.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += (
        "print([m for m in ('numpy','scipy','yaml','jsonschema','msgspec','tabulate') if m "
        "in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_score_of_single_runs_loads_neither_rules_nor_scipy() -> None:
    single = next(EXAMPLES.rglob("Offline"))
    code = (
        f"import sys, harness.cli as c\ntry: c.main(['score', {str(single)!r}])\nexcept "
        f"SystemExit: pass\n"
    )
    code += (
        "print([m for m in ('scipy.special', 'harness.auditing.rules', 'jsonschema', "
        "'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert "mean power" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("command", "kind"),
    [("score", "result"), ("audit", "audit-report"), ("leaderboard", "leaderboard")],
)
def test_json_is_one_document_of_its_schema(command: str, kind: str) -> None:
    done = joulemark(command, EXAMPLES, "--json")
    assert done.returncode == (1 if command == "audit" else 0), done.stderr
    document = json.loads(done.stdout)
    check(kind, document)
    entries = document["tables"] if command == "leaderboard" else document["entries"]
    assert entries
    assert "\x1b" not in done.stdout


def test_ids_are_paths_inside_the_given_tree() -> None:
    document = json.loads(joulemark("score", EXAMPLES / "inference", "--json").stdout)
    assert (
        next(entry["id"] for entry in document["entries"])
        == "closed/SimulatedAlder/results/alder-2/resnet50/Offline"
    )


def test_import_then_score_gives_the_same_numbers(tmp_path: Path) -> None:
    done = joulemark("import", EXAMPLES, "--out", tmp_path / "runs", "--json")
    assert done.returncode == 0, done.stderr
    check("import-report", json.loads(done.stdout))
    foreign = json.loads(joulemark("score", EXAMPLES, "--json").stdout)["entries"]
    native = json.loads(joulemark("score", tmp_path / "runs", "--json").stdout)["entries"]
    for one, other in zip(foreign, native, strict=True):
        for field in (
            "id",
            "energy",
            "mean_power",
            "energy_per_unit",
            "compat",
            "coverage",
            "runs",
            "performance",
            "quality",
        ):
            assert one[field] == other[field], field


def test_import_never_overwrites(tmp_path: Path) -> None:
    first = joulemark("import", EXAMPLES / "training", "--out", tmp_path)
    assert first.returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert_refused(
        joulemark("import", EXAMPLES / "training", "--out", tmp_path), "is there already", "--out"
    )
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_audit_exit_codes(tmp_path: Path) -> None:
    assert joulemark("audit", EXAMPLES / "inference/closed/SimulatedAlder").returncode == 0
    questioned = EXAMPLES / "inference/closed/SimulatedDogwood"
    assert joulemark("audit", questioned).returncode == 0
    assert joulemark("audit", questioned, "--strict").returncode == 1
    assert joulemark("audit", EXAMPLES / "training/SimulatedElm").returncode == 1
    assert_refused(
        joulemark("audit", EXAMPLES, "--round", "mlperf-inference-v99.0"),
        "no rulebook",
        "mlperf-inference-v4.1",
    )
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "run.json").write_text("{")
    broken = joulemark("audit", tmp_path / "runs")
    assert broken.returncode == 2
    assert "unjudged" in broken.stdout
    assert "Traceback" not in broken.stderr


@pytest.mark.parametrize("command", ["score", "audit", "leaderboard"])
@pytest.mark.parametrize("what", ["missing", "empty file", "binary", "empty folder", "device"])
def test_unusable_input_is_refused_in_one_line(command: str, what: str, tmp_path: Path) -> None:
    path = {"device": Path("/dev/zero"), "missing": tmp_path / "no"}.get(what, tmp_path / "input")
    if what in ("empty file", "binary"):
        path.write_bytes(b"" if what == "empty file" else bytes(range(256)) * 64)
    elif what == "empty folder":
        path.mkdir()
    assert_refused(joulemark(command, path))


def test_ten_thousand_empty_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    for i in range(100):
        for j in range(100):
            (tmp_path / f"{i:02}" / f"{j:02}").mkdir(parents=True)
    assert_refused(joulemark("score", tmp_path), "holds no result")


@pytest.mark.parametrize("form", ["terminal", "md", "csv", "html", "latex", "json"])
def test_leaderboard_in_every_form(form: str, tmp_path: Path) -> None:
    done = joulemark("leaderboard", EXAMPLES, "--format", form, "--out", tmp_path / "board")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "board").read_text("utf-8")
    for word in ("SimulatedAlder", "largest-gap", "duplicate-traces"):
        assert word in text.replace("\\", "")


def test_verdicts_do_not_depend_on_zone_and_locale() -> None:
    plain = joulemark("audit", EXAMPLES, "--json").stdout
    assert (
        in_a_process("audit", EXAMPLES, "--json", TZ="Asia/Kathmandu", LC_ALL="C").stdout == plain
    )


def test_bad_option_is_explained() -> None:
    done = joulemark("score", EXAMPLES, "--level", "2")
    assert done.returncode == 2
    assert "--level" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_pipe_is_quiet() -> None:
    reader = subprocess.run(
        f"{sys.executable} -m harness score {EXAMPLES} --json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert reader.stderr == ""


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "1e999", "", "x"])
@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--level", ["score", EXAMPLES]),
        ("--timeout", ["audit", EXAMPLES]),
        ("--idle", ["run", "digits-training", "--out", "none"]),
        ("--interval", ["run", "digits-training", "--out", "none"]),
        ("--watts", ["footprint", "compute"]),
        ("--pue", ["score", EXAMPLES, "--zone", "DE"]),
        ("--intensity-g-per-kwh", ["score", EXAMPLES]),
    ],
)
def test_an_option_that_is_no_finite_number_is_refused(
    option: str, command: list[object], value: str
) -> None:
    done = CliRunner().invoke(cli, [*map(str, command), f"{option}={value}"])
    assert done.exit_code == 2 or isinstance(done.exception, JoulemarkError), done.output
