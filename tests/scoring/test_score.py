"""Results with few, equal or odd runs are marked or explained, and no interval is silent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.schemas import check
from harness.formats.base import Entry, Quality, Quantity, Run, Work
from harness.formats.evidence import Evidence, TrainingEvidence
from harness.formats.evidence_facts import evidence_from_facts
from harness.render.json import result_document
from harness.render.terminal.score import score_text
from harness.scoring.mlperf_metrics import trimmed_interval
from harness.scoring.result import Result
from harness.scoring.run_scatter import pooled_scatter
from harness.scoring.score import score, score_all
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace, Window
from harness.uncertainty import estimate
from harness.uncertainty.budget import Budget, run_variance
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy
from harness.uncertainty.monte_carlo import Block, blocks

S = 1_000_000_000
T0 = 1_700_000_000 * S


def counted(*progress: Any) -> Evidence:
    return Evidence(training=TrainingEvidence(progress=progress))


def run(
    power_w: float, number: int, *, seconds: int = 100, meter: str = "m", **given: object
) -> Run:
    """A run at constant power, so that its energy is exactly power times length."""
    channel = Channel(
        id="total",
        kind="mean",
        boundary="wall",
        meter="yokogawa-wt310e",
        calibration_id=meter,
        clock="c",
        clock_error_s=0.0,
        accuracy=Accuracy(reading_limit_pct=0.1, source="test"),
        nominal_interval_s=1.0,
        resolution=1e-6,
    )
    start = T0 + number * 1000 * S
    t_ns = start + np.arange(-5, seconds + 6, dtype=np.int64) * S
    trace = Trace(channel, t_ns, np.full(len(t_ns), float(power_w)))
    facts = {"work": Work(1000, "query")} | given
    return Run(
        id=f"run_{number}", window=Window(start, start + seconds * S), traces=(trace,), **facts
    )  # type: ignore[arg-type]


def entry(name: str, *powers_w: float, task: str = "inference", **given: object) -> Entry:
    runs = tuple(run(power, number) for number, power in enumerate(powers_w))
    return Entry(
        id=name,
        directory=Path(name),
        format="csv",
        round="",
        task=task,
        submitter=name,
        system=name,  # type: ignore[arg-type]
        benchmark="b",
        scenario="Offline",
        **{"runs": runs} | given,
    )


def relative_width(result: Result) -> float:
    assert result.energy.low is not None
    assert result.energy.high is not None
    assert result.energy.value is not None
    return (result.energy.high - result.energy.low) / result.energy.value


def test_no_run_has_no_number_and_says_why() -> None:
    found = score(entry("a"))
    assert (found.energy.value, found.energy.low) == (None, None)
    assert "no run" in found.energy.note


def test_one_run_is_realised_and_marked() -> None:
    found = score(entry("a", 100.0))
    assert found.measurand == "realised"
    assert found.energy.value == pytest.approx(10_000)
    assert any("one run" in note for note in found.notes)


def lenders(count: int, *, cv: float = 0.01, seed: int = 1) -> list[Entry]:
    """Entries of five runs each, with a scatter of `cv`."""
    rng = np.random.default_rng(seed)
    return [entry(f"lender {i}", *(100 * (1 + cv * rng.normal(size=5)))) for i in range(count)]


def per_unit_width(result: Result) -> float:
    per_unit = result.energy_per_unit
    assert per_unit.low is not None
    assert per_unit.high is not None
    assert per_unit.value is not None
    return (per_unit.high - per_unit.low) / per_unit.value


def test_one_run_borrows_the_scatter_of_five_comparable_results_and_says_so() -> None:
    alone, *_ = score_all([entry("a", 100.0)])
    borrowed, *_ = score_all([entry("a", 100.0), *lenders(5)])
    assert per_unit_width(borrowed) > 3 * per_unit_width(alone)
    assert relative_width(borrowed) == pytest.approx(relative_width(alone), rel=1e-6)
    assert borrowed.scatter is not None
    assert borrowed.scatter.source == "borrowed"
    assert any("borrowed" in note for note in borrowed.notes)
    elsewhere, *_ = score_all(
        [entry("a", 100.0), *(replace(lender, benchmark="another") for lender in lenders(5))]
    )
    assert per_unit_width(elsewhere) == per_unit_width(alone)


def test_each_entry_is_drawn_once_whether_it_lends_or_borrows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []

    def counting(*arguments: Any) -> Iterator[Block]:
        drawn.append(arguments)
        return blocks(*arguments)

    monkeypatch.setattr(estimate, "blocks", counting)
    entries = [entry("a", 100.0), entry("b", 100.0, 100.5), *lenders(5)]
    results = score_all(entries, draws=10_000)
    borrowing = [result.entry.id for result in results if _borrows(result)]
    assert borrowing == ["a", "b"]
    assert len(drawn) == len(entries) == 7


def _borrows(result: Result) -> bool:
    return result.scatter is not None and result.scatter.source == "borrowed"


def test_four_lenders_lend_nothing() -> None:
    result, *_ = score_all([entry("a", 100.0), *lenders(4)])
    assert result.scatter is not None
    assert (result.scatter.source, result.scatter.cv) == ("unknown", None)


def test_two_runs_that_disagree_with_their_lenders_keep_their_own_scatter() -> None:
    alike, *_ = score_all([entry("a", 100.0, 100.5), *lenders(6)])
    noisy, *_ = score_all([entry("a", 90.0, 110.0), *lenders(6)])
    assert alike.scatter is not None
    assert noisy.scatter is not None
    assert (alike.scatter.source, noisy.scatter.source) == ("borrowed", "own runs")
    assert per_unit_width(noisy) > 1


@pytest.mark.parametrize("n", [3, 4])
def test_three_and_four_runs_are_shown_and_marked(n: int) -> None:
    found = score(entry("a", *np.linspace(99, 101, n)))
    assert found.energy.low is not None
    assert any("provisional" in note for note in found.notes)


def test_equal_runs_leave_the_meter() -> None:
    found = score(entry("a", *[100.0] * 5))
    assert relative_width(found) == pytest.approx(2 * 0.95 * 0.001, rel=0.01)
    assert not any(row.term == "run to run" for row in found.rows)


def test_interval_shrinks_with_more_runs_and_never_below_the_meter() -> None:
    rng = np.random.default_rng(5)
    widths = [
        np.mean(
            [
                relative_width(score(entry("a", *rng.normal(100, 1, n)), draws=20_000))
                for _ in range(20)
            ]
        )
        for n in (3, 5, 20)
    ]
    assert widths[0] > widths[1] > widths[2] > 2 * 0.94 * 0.001


def test_copies_of_a_run_count_once() -> None:
    five = entry("a", 99, 100, 101, 100.5, 99.5)
    twice = replace(five, runs=(*five.runs, *(replace(r, id=f"{r.id}_again") for r in five.runs)))
    assert score(twice).energy == score(five).energy
    assert score(twice).n_runs == 10
    assert score(twice).distinct_runs == 5


def test_aborted_runs_do_not_count_and_are_said() -> None:
    good = entry("a", 99, 100, 101, 100.5, 99.5, task="training")
    aborted = replace(run(500.0, 9), success=False)
    found = score(replace(good, runs=(*good.runs, aborted)))
    assert found.energy.value == score(good).energy.value
    assert any("1 of 6 runs do not count" in note for note in found.notes)


def test_energy_per_correct_answer_divides_by_the_share_of_right_ones() -> None:
    plain = entry("a", 100.0)
    found = score(replace(plain, runs=(replace(plain.runs[0], quality=Quality("accuracy", 80.0)),)))
    assert found.per_correct is not None
    assert found.per_correct.unit == "J/correct-answer"
    assert found.per_correct.value == pytest.approx(found.energy_per_unit.value / 0.8)  # type: ignore[operator]
    f1 = score(replace(plain, runs=(replace(plain.runs[0], quality=Quality("f1", 80.0)),)))
    assert f1.per_correct is None


def test_training_is_taken_apart_into_step_and_steps() -> None:
    """Energy per step scatters by 0.1 %, steps by 10 %: the first is known far better than the
    whole."""
    steps = [900, 1000, 1100, 1050, 950]
    powers = [
        100.0 * s / 1000 * f for s, f in zip(steps, (1, 1.001, 0.999, 1.0005, 0.9995), strict=True)
    ]
    plain = entry("a", *powers, task="training")
    runs = tuple(
        replace(r, evidence=counted("samples_count", s), work=Work(1, "run"))
        for r, s in zip(plain.runs, steps, strict=True)
    )
    found = score(replace(plain, runs=runs, scaling_factor=1.2))
    taken = found.training
    assert taken is not None
    assert (taken.steps, taken.reference_steps) == (1000, 1200)
    assert taken.energy_per_step.value == pytest.approx(10.0, rel=1e-3)
    assert taken.energy_at_reference.value == pytest.approx(12_000, rel=1e-3)
    assert taken.steps_cv > 0.05 > taken.energy_cv
    at_reference = (
        taken.energy_at_reference.high - taken.energy_at_reference.low
    ) / taken.energy_at_reference.value  # type: ignore[operator]
    assert at_reference < relative_width(found) / 5
    unknown = score(replace(plain, runs=runs))
    assert unknown.training is not None
    assert (unknown.training.reference_steps, unknown.training.energy_at_reference) == (None, None)
    assert "which the reference needs" not in score_text([unknown])
    check("result", result_document([unknown]))
    mixed = (replace(runs[0], evidence=counted("epoch_num", 3)), *runs[1:])
    assert score(replace(plain, runs=mixed)).training is None


@pytest.mark.parametrize(("fewest", "is_taken_apart"), [(1, True), (0, False)])
def test_a_training_of_one_step_has_steps_and_one_of_none_has_not(
    fewest: int, is_taken_apart: bool
) -> None:
    plain = entry("a", 100.0, 201.0, 299.0, task="training")
    runs = tuple(
        replace(item, evidence=counted("epoch_num", count), work=Work(1, "run"))
        for item, count in zip(plain.runs, (fewest, 2, 3), strict=True)
    )
    assert (score(replace(plain, runs=runs)).training is not None) is is_taken_apart


def test_what_the_reference_needs_is_its_convergence_point() -> None:
    """llama2_70b_lora at a batch of 8: 3178.67 samples in v4.0, whatever factor was given."""
    plain = replace(
        entry("a", 100.0, 101.0, 102.0, task="training"),
        benchmark="llama2_70b_lora",
        round="mlperf-training-v4.0",
    )
    stated = {"progress": ["samples_count", 3072.0], "stated": {"global_batch_size": 8}}
    runs = tuple(
        replace(run, evidence=evidence_from_facts(stated)[0], work=Work(1, "run"))
        for run in plain.runs
    )
    for factor in (None, 1.034722222222222, 1.3):
        found = score(replace(plain, runs=runs, scaling_factor=factor))
        assert found.training is not None
        assert found.training.reference_steps == pytest.approx(3178.66666667)
        text = score_text([found])
        assert "at 3,179, which the reference needs" in text
        assert "J/sample [" in text
        assert "per joule" not in text, "runs per joule say nothing"
    other = score(replace(plain, runs=runs, round="mlperf-training-v6.0"))
    assert other.training is not None
    assert other.training.reference_steps is None, "no point of that round is known"


def test_tukey_mclaughlin_of_known_numbers() -> None:
    """Ten values, one dropped at each end: winsorised deviation, h - 1 = 7 degrees of freedom
    (by hand)."""
    values = [float(v) for v in (1, 2, 3, 4, 5, 6, 7, 8, 9, 30)]
    low, high = trimmed_interval(values, list(range(10)), list(range(1, 9)), None, 0.95)
    winsorised = np.array([2, 2, 3, 4, 5, 6, 7, 8, 9, 9], float)
    half = 2.364624 * winsorised.std(ddof=1) / (0.8 * math.sqrt(10))
    assert (low, high) == (pytest.approx(5.5 - half, rel=1e-6), pytest.approx(5.5 + half, rel=1e-6))
    assert trimmed_interval([1.0, None, 3.0], [1, 2, 3], [1], None, 0.95) == (None, None)


def test_pooled_scatter_is_that_of_the_results() -> None:
    scales = (0.01, 0.012, 0.009, 0.011, 0.0105)
    budgets = [
        Budget(str(i), (MeteredEnergy("m", 100.0, 0.0),), (), BetweenRunScatter(s, 4, log=True))
        for i, s in enumerate(scales)
    ]
    pooled = pooled_scatter(map(run_variance, budgets))
    assert pooled is not None
    assert pooled.variance == pytest.approx(5 * 0.0105**2, rel=0.1)
    assert pooled.dof == 4, "a borrower is not known better than the number of lenders allows"
    assert pooled.lenders == 5
    assert pooled_scatter(map(run_variance, budgets[:4])) is None


def test_unknown_clocks_of_two_entries_are_not_one_clock() -> None:
    one, other = (
        score(
            replace(
                e,
                runs=tuple(
                    replace(r, traces=tuple(_unclocked(t) for t in r.traces)) for r in e.runs
                ),
            )
        )
        for e in (entry("a", 100.0), entry("b", 100.0))
    )
    keys = [{row.key for row in result.rows if row.term == "clock"} for result in (one, other)]
    assert keys[0] != keys[1]


def _unclocked(trace: Trace) -> Trace:
    value = trace.value.copy()
    value[[*range(6), *range(-5, 0)]] = 10.0  # idle outside, so that a clock error matters
    return Trace(replace(trace.channel, clock="unknown", clock_error_s=0.5), trace.t_ns, value)


def test_contradictory_limits_of_one_calibration_are_said() -> None:
    plain = entry("a", 100.0, 101.0, 99.0)
    first, *rest = plain.runs
    looser = replace(
        first.traces[0].channel, accuracy=Accuracy(reading_limit_pct=1.0, source="test")
    )
    odd = replace(first, traces=(Trace(looser, first.traces[0].t_ns, first.traces[0].value),))
    assert any(
        "2 sets of limits" in note for note in score(replace(plain, runs=(odd, *rest))).notes
    )
    assert not any("sets of limits" in note for note in score(plain).notes)


def test_two_folders_of_one_name_share_no_draws() -> None:
    """Rated parts and scatter of two submissions are their own, though both lie in folders
    called `bert`."""
    from click.testing import CliRunner

    from harness.cli import cli

    examples = Path(__file__).resolve().parents[2] / "submissions/lab-2026/training"
    sides = [
        next(examples.glob(f"{name}/results/*/bert"))
        for name in ("SimulatedAlder", "SimulatedBirch")
    ]
    done = CliRunner().invoke(cli, ["compare", *map(str, sides)])
    assert "cancelled: nothing" in done.output
    itself = CliRunner().invoke(cli, ["compare", str(sides[0]), str(sides[0])])
    assert "A and B are tied: A/B = 1.0000, no interval: both are results of the same recorded" in (
        itself.output
    )


def test_few_scattering_runs_can_be_compared() -> None:
    from harness.ranking.comparison import compare

    one = score(entry("a", 99.0, 100.0, 104.0, task="training"))
    other = score(entry("b", 120.0, 119.0, 124.0, task="training"))
    found = compare(one, other)
    assert found.verdict in ("better", "tied")
    assert math.isfinite(found.log_ratio.low or math.nan)


def test_ranking_keeps_borrowed_scatter() -> None:
    from harness.ranking.rank_sets import Contender, rank

    lone, *rich = score_all([entry("a", 101.0), *lenders(5, cv=0.02)])
    assert lone.per_unit_budget is not None
    assert lone.per_unit_budget.run_scatter is not None
    assert lone.per_unit_budget.run_scatter.source == "borrowed"
    contenders = [Contender(r.energy_per_unit, r.per_unit_budget) for r in (lone, *rich)]  # type: ignore[arg-type]
    ranks = rank(contenders)
    assert (ranks[0].low, ranks[0].high) == (1, 6)
    assert 0.02 < ranks[0].p_first < 0.5


def test_no_energy_is_below_zero_however_few_the_runs() -> None:
    found = score(entry("a", 50.0, 150.0))
    assert (found.energy.low, found.mean_power.low) == (0.0, 0.0)
    assert found.energy.high > 50_000  # type: ignore[operator]


def test_performance_of_inference_is_the_mean_of_its_runs() -> None:
    plain = entry("a", 100.0, 100.0, 100.0)
    rates = (10.0, 20.0, 60.0)
    for count, expected in ((1, 10.0), (2, 15.0), (3, 30.0)):
        runs = tuple(
            replace(item, performance=Quantity(rate, "Samples/s", "throughput"))
            for item, rate in zip(plain.runs[:count], rates, strict=False)
        )
        found = score(replace(plain, runs=runs)).performance
        assert found == Quantity(expected, "Samples/s", "throughput")
    assert score(plain).performance is None


def test_performance_of_training_is_its_time_to_train() -> None:
    """Olympic mean of 100, 200 and 600 s without fastest and slowest, times the scaling factor."""
    plain = entry("a", 100.0, 100.0, 100.0, task="training")
    runs = tuple(
        replace(item, seconds=seconds, success=True, performance=Quantity(1.0, "min", "x"))
        for item, seconds in zip(plain.runs, (100.0, 600.0, 200.0), strict=True)
    )
    found = score(replace(plain, runs=runs, scaling_factor=1.2)).performance
    assert found is not None
    assert (found.unit, found.value) == ("min", pytest.approx(200 * 1.2 / 60))


def test_a_run_of_several_trainings_took_its_share_of_the_time_for_each() -> None:
    plain = entry("a", 100.0, 100.0, 100.0, task="training")
    runs = tuple(
        replace(
            item,
            seconds=600.0,
            success=True,
            work=Work(count, "run"),
            performance=Quantity(1.0, "min", "x"),
        )
        for item, count in zip(plain.runs, (1, 2, 5), strict=True)
    )
    found = score(replace(plain, runs=runs)).performance
    assert found is not None
    assert found.value == pytest.approx(600 / 2 / 60)


def test_an_energy_below_a_joule_is_not_below_zero_either() -> None:
    """Two runs of half a joule and of one and a half: t of one degree reaches below zero."""
    runs = run(0.05, 0, seconds=10), run(0.15, 1, seconds=10)
    found = score(replace(entry("a"), runs=runs))
    assert (found.energy.low, found.mean_power.low) == (0.0, 0.0)
    assert found.energy.value == pytest.approx(1.0, rel=0.01)


def test_lenders_of_unequal_runs_count_by_their_degrees_of_freedom() -> None:
    """Variances that scatter less than chance are pooled: sum of d s^2 over sum of d (by hand)."""
    squares, runs = (1.0, 1.1, 0.9, 1.05, 0.8), (3, 5, 3, 5, 9)
    budgets = [
        Budget(
            str(i),
            (MeteredEnergy("m", 100.0, 0.0),),
            (),
            BetweenRunScatter(0.01 * math.sqrt(square / n), n - 1, log=True, n=n),
        )
        for i, (square, n) in enumerate(zip(squares, runs, strict=True))
    ]
    pooled = pooled_scatter(map(run_variance, budgets))
    assert pooled is not None
    assert pooled.variance == pytest.approx(1e-4 * 18.8 / 20, rel=1e-9)
