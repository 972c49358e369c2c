"""Two results against each other: errors that both share cancel, the remaining ones decide.

The logarithm of the ratio of both energies per unit of work is drawn jointly. The results are tied
where 0 lies in its interval. Three answers are none of better, worse and tied:

- *not comparable*: both count different work, or have different boundaries, or one is simulated or
  modelled;
- *not resolved*: the scatter between runs of one side is unknown, so there is no interval;
- *tied*, without an interval, for two results of the same recorded runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.core.errors import UsageError
from harness.ranking.break_even import break_even_cv, fixed_error
from harness.ranking.paired_questions import PairedQuestions, pair_questions
from harness.ranking.shared_meters import evidence_of, with_own_ids, with_separate_errors
from harness.scoring.result import ESTIMATED_CLASSES, Result
from harness.uncertainty.budget import Budget, run_variance
from harness.uncertainty.closed_form import coverage_factor
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw
from harness.uncertainty.random_draws import Floats

ComparisonVerdict = Literal["better", "worse", "tied", "not resolved", "not comparable"]
MAX_RUNS_EXPONENT = 19
"""More runs than two to this power are not counted out."""
RUNS_THAT_SHOW_SCATTER = 5
"""Runs of each side that are asked for where scatter is unknown."""
SAME_RUNS = "both are results of the same recorded runs"
OTHER_MODELS = frozenset({"benchmark", "unit"})
"""Differences that leave energy per correct answer comparable: other models, other tokens."""
UNKNOWN_SCATTER = "from single runs, scatter between runs is unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A against B, per unit of work; lower energy is better.

    Attributes:
        a: First result.
        b: Second result.
        log_ratio: ln(A/B); without an interval where the verdict has none.
        ratio: A/B.
        difference: A - B, in the unit of both.
        p_a_better: Share of joint draws in which A needs less energy; ``None`` without them.
        verdict: Whether A is better or worse, or why that cannot be said.
        cancelled: Correlation keys of the errors that both share: meters.
        more_runs: Further runs of each that would resolve the difference; ``None`` where it is
            resolved, or where no number of runs would resolve it.
        resolving: What would resolve the comparison, in words.
        reasons: Why the results are not comparable, or what else to know of both sides.
        break_even_cv: Where scatter is unknown: the scatter of single runs up to which the order
            holds.
        questions: Both over one set of graded questions; ``None`` where they share none.
    """

    a: Result
    b: Result
    log_ratio: Estimate
    ratio: Estimate
    difference: Estimate
    p_a_better: float | None
    verdict: ComparisonVerdict
    cancelled: tuple[str, ...]
    more_runs: int | None
    resolving: str
    reasons: tuple[str, ...] = ()
    break_even_cv: float | None = None
    questions: PairedQuestions | None = None


def compare(
    a: Result, b: Result, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Comparison:
    """Compare the energy per unit of work of two results.

    Args:
        a: First result.
        b: Second result.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.

    Raises:
        UsageError: One of the results has no energy.
    """
    for result in (a, b):
        _check_energy(result)
    differences = dict(_differences(a, b))
    reasons = tuple(differences.values())
    separate_a, separate_b = with_separate_errors([a, b])
    comparison = _compare_units(separate_a, separate_b, reasons, level, seed, draws)
    if differences.keys() <= OTHER_MODELS and SAME_RUNS not in comparison.reasons:
        questions = pair_questions(a, b, level=level, seed=seed, draws=draws)
        return replace(comparison, questions=questions)
    return comparison


def compare_at_equal_quality(
    a: Result,
    b: Result,
    *,
    one_meter: bool = False,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Comparison:
    """Compare two workloads that reach one target in different ways, per unit of work.

    Their benchmarks may differ; metric and target of their quality must not, and all runs of both
    must have reached it: those that did would be a selection.

    Args:
        a: First result.
        b: Second result.
        one_meter: Whether the caller recorded both with one meter on one machine, in alternation.
            Errors of one calibration then cancel without the evidence that is otherwise asked for.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.

    Raises:
        UsageError: One of the results has no energy.
    """
    for result in (a, b):
        _check_energy(result)
    a, b = map(_of_one_meter, with_own_ids([a, b])) if one_meter else with_separate_errors([a, b])
    reasons = [text for name, text in _differences(a, b) if name != "benchmark"]
    reasons += _other_quality(a, b)
    return _compare_units(a, b, tuple(reasons), level, seed, draws)


def _of_one_meter(result: Result) -> Result:
    """Return a result whose meters have keys without its id, so that another can share them."""
    budget = result.per_unit_budget
    assert budget is not None
    suffix = f"|{result.entry.id}"
    metered = [
        replace(item, correlation_key=item.correlation_key.removesuffix(suffix))
        for item in budget.metered
    ]
    return replace(result, per_unit_budget=replace(budget, metered=tuple(metered)))


def _other_quality(a: Result, b: Result) -> Iterator[str]:
    """Yield why two results are not of equal quality."""
    targets = [
        (result.quality.metric, result.quality.target) for result in (a, b) if result.quality
    ]
    if len(targets) < 2 or None in (target for _, target in targets):
        yield "there is no target that both have reached"
        return
    if targets[0] != targets[1]:
        texts = [f"{metric} {target:g}" for metric, target in targets]
        yield f"different targets: {texts[0]} and {texts[1]}"
    for letter, result in (("A", a), ("B", b)):
        misses_target = result.quality is not None and result.quality.misses_target
        if misses_target or any(run.success is False for run in result.entry.runs):
            yield f"{letter} misses its target"


def _compare_units(
    a: Result, b: Result, reasons: tuple[str, ...], level: float, seed: int, draws: int
) -> Comparison:
    """Compare the energy per unit of work; with reasons why not, only say so."""
    if reasons:
        return _without_interval(a, b, "not comparable", level, reasons[0], reasons)
    if evidence_of(a) and evidence_of(a) == evidence_of(b):
        return _without_interval(a, b, "tied", level, SAME_RUNS, (SAME_RUNS,))
    budget_a, budget_b = _log_budget(a), _log_budget(b)
    if budget_a.run_scatter is None or budget_b.run_scatter is None:
        limit = break_even_cv(budget_a, budget_b, level, seed)
        unresolved = _without_interval(a, b, "not resolved", level, UNKNOWN_SCATTER, ())
        more, resolving = _unknown_scatter_text(budget_a, budget_b, limit, level)
        return replace(unresolved, more_runs=more, resolving=resolving, break_even_cv=limit)
    return _drawn(a, b, budget_a, budget_b, level=level, seed=seed, draws=draws)


def _check_energy(result: Result) -> None:
    budget = result.per_unit_budget
    if budget is None or budget.value <= 0:
        raise UsageError(
            "has no energy to compare",
            where=result.entry.id,
            got=result.energy_per_unit.note or "none",
        )


def _differences(a: Result, b: Result) -> Iterator[tuple[str, str]]:
    """Yield in what two results are not comparable, by name and in words."""
    key_a, key_b = a.table, b.table
    for name, text in (
        ("task", "tasks"),
        ("benchmark", "benchmarks"),
        ("scenario", "scenarios"),
        ("unit", "units of work"),
        ("boundary", "boundaries"),
    ):
        first, second = getattr(key_a, name), getattr(key_b, name)
        if first != second:
            yield name, f"different {text}: {first or 'unknown'} and {second or 'unknown'}"
    if key_a.simulated != key_b.simulated:
        yield "simulated", f"{'A' if key_a.simulated else 'B'} is simulated, the other is real"
    estimated = [key.measurement_class in ESTIMATED_CLASSES for key in (key_a, key_b)]
    if estimated[0] != estimated[1]:
        yield "class", f"{'A' if estimated[0] else 'B'} is modelled, the other is measured"


def _without_interval(
    a: Result,
    b: Result,
    verdict: ComparisonVerdict,
    level: float,
    note: str,
    reasons: tuple[str, ...],
) -> Comparison:
    """Return a comparison of the two values alone."""
    value_a, value_b = _log_budget(a).value, _log_budget(b).value
    comparable = verdict != "not comparable"
    ratio = value_a / value_b if comparable else None
    unit = a.energy_per_unit.unit
    return Comparison(
        a=a,
        b=b,
        log_ratio=Estimate(math.log(ratio) if ratio else None, None, None, "ln", level, note),
        ratio=Estimate(ratio, None, None, "A/B", level, note),
        difference=Estimate(
            value_a - value_b if comparable else None, None, None, unit, level, note
        ),
        p_a_better=0.5 if verdict == "tied" else None,
        verdict=verdict,
        cancelled=(),
        more_runs=None,
        resolving=note,
        reasons=reasons,
    )


def _drawn(
    a: Result,
    b: Result,
    budget_a: Budget,
    budget_b: Budget,
    *,
    level: float,
    seed: int,
    draws: int,
) -> Comparison:
    """Return the comparison of two results whose scatter is known, by joint draws."""
    draws_a = draw(budget_a, seed=seed, draws=draws)
    draws_b = draw(budget_b, seed=seed, draws=draws)
    _check_positive(draws_a, draws_b)
    log_ratios = np.log(draws_a) - np.log(draws_b)
    low, high = interval(log_ratios, level)
    value = _expected_log_ratio(budget_a, budget_b, seed, draws)
    value = min(max(value, low), high)  # apart from the noise of draws it lies inside
    difference = interval(draws_a - draws_b, level)
    verdict = _verdict(low, high)
    more_runs, resolving = _runs_to_resolve(budget_a, budget_b, value, verdict, level, seed)
    return Comparison(
        a=a,
        b=b,
        log_ratio=Estimate(value, low, high, "ln", level),
        ratio=Estimate(math.exp(value), math.exp(low), math.exp(high), "A/B", level),
        difference=Estimate(
            min(max(budget_a.value - budget_b.value, difference[0]), difference[1]),
            *difference,
            a.energy_per_unit.unit,
            level,
        ),
        p_a_better=float((log_ratios < 0).mean() + 0.5 * (log_ratios == 0).mean()),
        verdict=verdict,
        cancelled=tuple(sorted(correlation_keys(budget_a) & correlation_keys(budget_b))),
        more_runs=more_runs,
        resolving=resolving,
    )


def _check_positive(*draws: Floats) -> None:
    smallest = min(float(values.min()) for values in draws)
    largest = max(float(values.max()) for values in draws)
    if smallest <= 0 or not math.isfinite(largest):
        raise UsageError(
            "an energy is not positive and finite within its uncertainty",
            fix="Look at the budget with score --explain.",
        )


def _expected_log_ratio(budget_a: Budget, budget_b: Budget, seed: int, draws: int) -> float:
    """Return the expectation of ln(A/B): scatter between runs is symmetric and does not move it."""
    means = []
    for budget in (budget_a, budget_b):
        fixed = draw(replace(budget, run_scatter=None), seed=seed, draws=draws)
        means.append(float(np.log(fixed).mean()))
    return means[0] - means[1]


def _verdict(low: float, high: float) -> ComparisonVerdict:
    if high < 0:
        return "better"
    return "worse" if low > 0 else "tied"


def _log_budget(result: Result) -> Budget:
    """Return the budget per unit of work with its scatter as a factor."""
    assert result.per_unit_budget is not None
    return result.per_unit_budget.logarithmic()


def correlation_keys(budget: Budget) -> set[str]:
    """Return the keys whose draws another budget may share."""
    meters = {item.correlation_key for item in budget.metered if item.gain_mpe or item.offset_mpe_j}
    components = {
        item.correlation_key for item in budget.components if item.correlation_key is not None
    }
    return meters | components


def _unknown_scatter_text(
    budget_a: Budget, budget_b: Budget, limit: float, level: float
) -> tuple[int | None, str]:
    """Return how many more runs show the scatter, and up to which the difference is resolved."""
    if limit <= 0:
        return (
            None,
            "no number of runs: the difference is within the meters' errors; "
            "use one meter for both",
        )
    runs = [run_variance(budget)[1] for budget in (budget_a, budget_b)]
    more = max(RUNS_THAT_SHOW_SCATTER - n for n in runs)
    total = [n + more for n in runs]
    # the same difference, with t in place of the normal distribution and more runs of each
    k = coverage_factor(level, math.inf) / coverage_factor(level, sum(total) - 2)
    single, several = (sum(1 / n for n in counts) for counts in (runs, total))
    largest = limit * k * math.sqrt(single / several)
    return more, (
        f"{more} more runs of each, if they scatter by less than {largest:.2%}; "
        f"the order of the single runs holds while they scatter by less than {limit:.2%}"
    )


def _runs_to_resolve(
    budget_a: Budget,
    budget_b: Budget,
    value: float,
    verdict: ComparisonVerdict,
    level: float,
    seed: int,
) -> tuple[int | None, str]:
    """Return how many more runs of each would resolve the difference, and the same in words."""
    if verdict != "tied":
        return None, "resolved"
    # 1. What more runs cannot reduce: the difference without scatter between runs.
    k, fixed = coverage_factor(level, math.inf), fixed_error(budget_a, budget_b, seed)
    if abs(value) <= k * fixed:
        return (
            None,
            "no number of runs: the difference is within the meters' errors; "
            "use one meter for both",
        )
    # 2. What they can.
    scatters = [run_variance(budget_a), run_variance(budget_b)]
    for power in range(MAX_RUNS_EXPONENT + 1):
        more = 2**power
        if _half_width(k, fixed, scatters, more) < abs(value):
            fewest = next(
                candidate
                for candidate in range(more // 2 + 1, more + 1)
                if _half_width(k, fixed, scatters, candidate) < abs(value)
            )
            return fewest, f"{fewest} more runs of each, if the difference is what it seems"
    return None, "more than half a million runs"


def _half_width(k: float, fixed: float, scatters: Sequence[tuple[float, int]], more: int) -> float:
    """Return the half-width of the interval of ln(A/B) after `more` runs of each."""
    between_runs = sum(variance / (n + more) for variance, n in scatters)
    return k * math.sqrt(fixed**2 + between_runs)
