"""planted-scaling: the scaling factor is the one that the reference convergence gives."""

import json
from pathlib import Path
from typing import Any

import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.formats.convergence import points, reference
from harness.rules.rulebook import rulebook
from tests.rules import builders as b

RULE = "planted-scaling"


def llama(root: Path, factor: object = None, *, batch: object = 8, count: Any = (3072,)) -> Path:
    """Ten runs at a batch size of the reference, each with its count at the target."""
    folder = b.submitted(root, benchmark="llama2_70b_lora", runs=10, duration_s=40.0)
    for run in range(10):
        path = folder / f"result_{run}.txt"
        value = count[run % len(count)]
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=batch), '"global_batch_size"')
        b.edit_lines(
            path,
            lambda _, line, value=value: b.set_mllog(line, metadata={"status": "success", "samples_count": value}),
            '"run_stop"',
        )
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=0.92), '"eval_accuracy"')
    if factor is not None:
        (folder / "scaling.json").write_text(json.dumps({"scaling_factor": factor}), "utf-8")
    return folder


def test_reference_is_that_of_the_published_packages() -> None:
    point = reference(b.TRAINING, "llama2_70b_lora", 8)
    assert point is not None
    assert point.mean / 3072 == pytest.approx(1.034722222222222, rel=1e-9)
    between = reference(b.TRAINING, "bert", 768)
    assert between is not None
    assert between.mean / 2418091.5 == pytest.approx(1.0106869564123353, rel=1e-9)
    assert reference(b.TRAINING, "bert", 1) is None
    assert reference(b.TRAINING, "nothing", 1) is None
    for (round_name, _), items in points().items():
        most = rulebook(round_name)["rules"][RULE]["limits"]["factor_max"]["value"]
        assert all(1 <= (p.max_speedup or 1) < most for p in items), "no legal factor is refused"


def test_pass_the_factor_of_the_reference(tmp_path: Path) -> None:
    found = b.report(llama(tmp_path, 1.034722222222222))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


def test_pass_slower_than_the_reference_needs_none(tmp_path: Path) -> None:
    b.assert_pass(b.report(llama(tmp_path, count=(3456,))), RULE)


def test_pass_a_batch_that_has_no_reference(tmp_path: Path) -> None:
    b.assert_pass(b.report(llama(tmp_path, batch=7)), RULE)


def test_pass_factors_of_the_real_packages(real_data: Path) -> None:
    for found in api.audit(real_data / "mlperf-training-v4.0").entries:
        b.assert_pass(found, RULE)


@pytest.mark.parametrize("factor", [0.5, 0.999, 1.3, 50])
def test_fail_a_factor_that_no_reference_gives(tmp_path: Path, factor: float) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(scaling_factor=factor)))
    b.assert_found(found, RULE, "fail", where="scaling.json", got=f"a factor of {factor:g}", expected="from 1 to 1.2")


def test_fail_planted_in_the_open_division(tmp_path: Path) -> None:
    folder = b.training(tmp_path, TrainingForm(scaling_factor=0.5))
    b.describe(folder, division="open")
    b.assert_found(b.report(folder), RULE, "fail", where="scaling.json", got="in the open division", expected="none")


def test_fail_a_factor_nothing_explains_is_a_warning(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(scaling_factor=1.03)))
    b.assert_found(found, RULE, "warn", where="scaling.json", got="that nothing in the logs explains", expected="mean")
    assert found.verdict == "valid"


@pytest.mark.parametrize(("factor", "got"), [(1.01, "a factor of 1.01"), (None, "no scaling.json")])
def test_fail_another_factor_than_the_counts_give(tmp_path: Path, factor: float | None, got: str) -> None:
    b.assert_found(
        b.report(llama(tmp_path, factor)), RULE, "warn", where="scaling.json", got=got, expected="1.03472222"
    )


@pytest.mark.parametrize("batch", ["much", None, [8], 1e400])
def test_fail_a_batch_that_is_no_number_leaves_the_factor_unexplained(tmp_path: Path, batch: object) -> None:
    b.assert_found(
        b.report(llama(tmp_path, 1.034722222222222, batch=batch)),
        RULE,
        "warn",
        where="scaling",
        got="nothing in",
        expected="",
    )
