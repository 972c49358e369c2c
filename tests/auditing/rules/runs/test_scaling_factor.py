"""scaling-factor: the scaling factor is the one that the reference convergence gives."""

import json
from pathlib import Path
from typing import Any

import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.auditing.rules.rulebook import rounds, rulebook
from harness.formats.reference.convergence import points, reference
from tests.auditing.rules import builders as b

RULE = "scaling-factor"


def llama(root: Path, factor: object = None, *, batch: object = 8, count: Any = (3072,)) -> Path:
    """Ten runs at a batch size of the reference, each with its count at the target."""
    folder = b.submitted(root, benchmark="llama2_70b_lora", runs=10, duration_s=40.0)
    for run in range(10):
        path = folder / f"result_{run}.txt"
        value = count[run % len(count)]
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=batch), '"global_batch_size"')
        b.edit_lines(
            path,
            lambda _, line, value=value: b.set_mllog(
                line, metadata={"status": "success", "samples_count": value}
            ),
            '"run_stop"',
        )
        b.edit_lines(
            path,
            lambda _, line, value=value: b.set_mllog(
                line, value=0.92, metadata={"samples_count": value}
            ),
            '"eval_accuracy"',
        )
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
    latest = reference("mlperf-training-v5.1", "llama31_8b", 32)
    assert latest is not None
    assert latest.mean / (172_000 + 12_288 / 2) == pytest.approx(1.004011735824202, rel=1e-9)
    for (round_name, _), items in points().items():
        book = rulebook(round_name if round_name in rounds() else "mlperf-training-v5.0")
        most = book["rules"][RULE]["limits"]["factor_max"]["value"]
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
    b.assert_found(
        found,
        RULE,
        "fail",
        where="scaling.json",
        got=f"a factor of {factor:g}",
        expected="from 1 to 1.2",
    )


def test_fail_planted_in_the_open_division(tmp_path: Path) -> None:
    folder = b.training(tmp_path, TrainingForm(scaling_factor=0.5))
    b.describe(folder, division="open")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="scaling.json",
        got="in the open division",
        expected="none",
    )


def test_warn_a_factor_nothing_explains(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(scaling_factor=1.03)))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="scaling.json",
        got="that nothing in the logs explains",
        expected="mean",
    )
    assert found.verdict == "valid"


def stable_diffusion(root: Path, factor: float, round_name: str = "v5.0") -> Path:
    """Evaluations that count samples and, as MLPerf's reference logs do, a run_stop that counts
    steps of 256."""
    folder = b.submitted(root, benchmark="stable_diffusion", runs=10, duration_s=40.0)
    for run in range(10):
        path = folder / f"result_{run}.txt"
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=256), '"global_batch_size"')
        b.edit_lines(path, _two_metrics, '"eval_accuracy"')
        b.edit_lines(
            path,
            lambda _, line: b.set_mllog(line, metadata={"status": "success", "step_num": 8000}),
            '"run_stop"',
        )
    (folder / "scaling.json").write_text(json.dumps({"scaling_factor": factor}), "utf-8")
    return b.of_round(folder, round_name)


def _two_metrics(nth: int, line: str) -> str | None:
    if nth:
        return None
    rows = (
        (1536000, 90.80931484542555, 0.16126911342144012),
        (2048000, 84.20111464624688, 0.1657453030347824),
    )
    return "".join(
        b.set_mllog(line, value=value, metadata={"samples_count": count, "metric": metric})
        for count, fid, clip in rows
        for metric, value in (("FID", fid), ("CLIP", clip))
    )


def test_pass_a_factor_of_evaluations_that_count_samples_where_run_stop_counts_steps(
    tmp_path: Path,
) -> None:
    """The batch of 256 needs 2,048,000 samples in v4.1, as the runs did, and fewer in v5.0."""
    b.assert_pass(b.report(stable_diffusion(tmp_path / "a", 1.0, "v4.1")), RULE)
    b.assert_pass(b.report(stable_diffusion(tmp_path / "b", 1.0, "v5.0")), RULE)
    found = b.report(stable_diffusion(tmp_path / "c", 1.25, "v5.0"))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="scaling.json",
        got="a factor of 1.25",
        expected="1, the reference mean",
    )


def test_fail_only_by_the_points_of_its_own_round(tmp_path: Path) -> None:
    folder = b.of_round(llama(tmp_path / "a", 1.02), "v6.0")
    b.assert_found(
        b.report(folder),
        RULE,
        "skip",
        where="scaling.json",
        got="1.02",
        expected="mlperf-training-v6.0",
    )
    folder = b.of_round(llama(tmp_path / "b", 1.5), "v6.0")
    b.assert_found(
        b.report(folder), RULE, "warn", where="scaling.json", got="1.5", expected="from 1 to 1.4"
    )
    folder = b.of_round(llama(tmp_path / "c", 0.9), "v6.0")
    b.assert_found(
        b.report(folder), RULE, "fail", where="scaling.json", got="0.9", expected="from 1 to 1.4"
    )


@pytest.mark.parametrize(("factor", "got"), [(1.01, "a factor of 1.01"), (None, "no scaling.json")])
def test_warn_another_factor_than_the_counts_give(
    tmp_path: Path, factor: float | None, got: str
) -> None:
    b.assert_found(
        b.report(llama(tmp_path, factor)),
        RULE,
        "warn",
        where="scaling.json",
        got=got,
        expected="1.03472222",
    )


@pytest.mark.parametrize("batch", ["much", None, [8], 1e400])
def test_warn_a_batch_that_is_no_number_leaves_the_factor_unexplained(
    tmp_path: Path, batch: object
) -> None:
    b.assert_found(
        b.report(llama(tmp_path, 1.034722222222222, batch=batch)),
        RULE,
        "warn",
        where="scaling",
        got="nothing in",
        expected="",
    )
