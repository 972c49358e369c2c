"""reference-convergence: the runs did not converge faster than the reference can."""

from pathlib import Path

import pytest

from harness import api
from tests.auditing.rules import builders as b
from tests.auditing.rules.runs.test_scaling_factor import llama

RULE = "reference-convergence"


@pytest.mark.parametrize("count", [2961, 3072, 5000])
def test_pass_within_the_largest_speed_up(tmp_path: Path, count: int) -> None:
    """The reference needs 3178.7 at a batch of 8, and may be beaten 1.07364 times."""
    b.assert_pass(b.report(llama(tmp_path, count=(count,))), RULE)


def test_pass_one_lucky_run_is_dropped(tmp_path: Path) -> None:
    b.assert_pass(b.report(llama(tmp_path, count=(2304, *[3072] * 9))), RULE)


def test_pass_real_packages(real_data: Path) -> None:
    for found in api.audit(real_data / "mlperf-training-v4.0").entries:
        b.assert_pass(found, RULE)


def test_fail_faster_than_the_reference_can(tmp_path: Path) -> None:
    found = b.report(llama(tmp_path, count=(2304, 2688)))
    b.assert_found(
        found, RULE, "fail", where="llama2_70b_lora", got="a mean of 2496", expected="3178.66667"
    )


def test_warn_by_the_points_of_another_round(tmp_path: Path) -> None:
    folder = b.of_round(llama(tmp_path, count=(2304,)), "v6.0")
    hit = b.assert_found(
        b.report(folder), RULE, "warn", where="llama2", got="2304", expected="3178.66667"
    )
    assert "the reference of mlperf-training-v5.0" in hit.expected


def test_fail_whatever_round_the_submitter_names_its_system_after(tmp_path: Path) -> None:
    folder = llama(tmp_path, count=(2304,))
    system = folder.parent.rename(folder.parent.with_name("training_v6.0"))
    (folder.parents[2] / "systems" / "sim-1.json").rename(
        folder.parents[2] / "systems" / "training_v6.0.json"
    )
    b.assert_found(
        b.report(system / folder.name),
        RULE,
        "fail",
        where="llama2",
        got="2304",
        expected="3178.66667",
    )


def test_pass_the_open_division_is_free(tmp_path: Path) -> None:
    folder = llama(tmp_path, count=(2304,))
    b.describe(folder, division="open")
    b.assert_pass(b.report(folder), RULE)
