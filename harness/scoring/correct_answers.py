"""Energy per correct answer: accuracy is a count, as uncertain as its questions are few.

At 30 % accuracy and 100 questions the number of correct answers is known to 15 %, thirty times
worse than a meter of 0.5 %. Counts come from the grading of an LLM endpoint, or from the accuracy
that MLPerf states over a data set of known size.

Answers to one question are not independent, so the number of different questions counts, not how
often they were asked. A correct answer that guessing gives as often is no answer: where the
interval of the accuracy does not lie above chance, there is no figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Quality
from harness.scoring.repeated_runs import energy_per_amount
from harness.scoring.run_scatter import ScatterEvidence
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MultiplicativeComponent
from harness.uncertainty.coverage_interval import interval
from harness.uncertainty.estimate import Estimate, estimate
from harness.uncertainty.monte_carlo import draw
from harness.uncertainty.proportion import share_draws
from harness.uncertainty.random_draws import Floats

UNIT = "J/correct-answer"
DATA_SET_SIZES: Mapping[tuple[str, str], int] = {("inference", "resnet50"): 50_000}
"""Questions of the data sets whose accuracy is a share of correct answers (MLPerf inference rules,
datasets: ImageNet 2012 validation set)."""
UNKNOWN_QUESTIONS = "the number of questions is not known: the interval leaves the accuracy out"
MIN_ACCURACY = 1e-6
"""A smaller share of correct answers gives no energy per correct answer."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share of correct answers.

    Attributes:
        share: Correct answers over answers, 0 to 1.
        questions: Different questions; ``None`` where their number is not known.
        chance: Share that guessing gives.
        answers: Answers of each run; empty where the work of a run counts them.
    """

    share: float
    questions: int | None
    chance: float = 0.0
    answers: tuple[float, ...] = ()

    @property
    def relative_error(self) -> float:
        """Standard deviation of its logarithm, about; 0 for an unknown number."""
        if self.questions is None:
            return 0.0
        correct = self.share * self.questions
        return math.sqrt(max(0.0, 1 / (correct + 0.5) - 1 / (self.questions + 1)))

    def draws(self, entry_id: str, seed: int, draws: int) -> Floats | None:
        """Return draws of the share; ``None`` for an unknown number of questions."""
        if self.questions is None:
            return None
        right = self.share * self.questions
        return share_draws(right, self.questions, seed=seed, key=entry_id, draws=draws)


class PerCorrect(NamedTuple):
    """Energy per correct answer.

    Attributes:
        estimate: Its estimate, or why there is none.
        budget: Its budget, with the accuracy as a factor; None without an energy.
    """

    estimate: Estimate
    budget: Budget | None = None


def energy_per_correct(
    entry: Entry,
    runs: Sequence[RunEnergy],
    budget: Budget,
    quality: Quality | None,
    amounts: Sequence[float],
    evidence: ScatterEvidence,
    *,
    level: float,
    seed: int,
    draws: int,
) -> PerCorrect | None:
    """Return the energy per correct answer; ``None`` where quality is no share of correct answers.

    Args:
        entry: The evidence.
        runs: Runs that count.
        budget: Budget of their mean energy.
        quality: Quality that the entry reached.
        amounts: Samples of each run; empty where the log does not say.
        evidence: What shows the scatter between runs besides the runs.
        level: Coverage probability of the interval.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
    """
    accuracy = _graded(runs) or _stated(entry, quality)
    if accuracy is None:
        return None
    answers = accuracy.answers or tuple(amounts)
    if not answers or min(answers) <= 0:
        return None
    if accuracy.share < MIN_ACCURACY:
        return PerCorrect(Estimate(None, None, None, UNIT, level, "no answer was correct"))
    shares = accuracy.draws(entry.id, seed, draws)
    lowest = accuracy.share if shares is None else interval(shares, level)[0]
    if lowest <= accuracy.chance:
        note = f"the accuracy of {accuracy.share:.1%} is not above chance, {accuracy.chance:.1%}"
        return PerCorrect(Estimate(None, None, None, UNIT, level, note))
    correct = [count * accuracy.share for count in answers]
    output = energy_per_amount(UNIT, runs, budget, correct, evidence)
    scaled = budget.scaled(output.factor, output.run_scatter)
    energy = estimate(scaled, UNIT, level=level, seed=seed, draws=draws)
    if shares is None:
        return PerCorrect(replace(energy, note=UNKNOWN_QUESTIONS), scaled)
    factor = MultiplicativeComponent("accuracy", accuracy.relative_error, None, "binomial")
    with_accuracy = replace(scaled, factors=(*scaled.factors, factor))
    return PerCorrect(_joint(scaled, energy, accuracy, shares, seed), with_accuracy)


def _joint(
    budget: Budget, energy: Estimate, accuracy: Accuracy, shares: Floats, seed: int
) -> Estimate:
    """Return the energy per correct answer with the uncertainty of energy and of accuracy.

    Args:
        budget: Budget of the energy per correct answer at the accuracy that was reached.
        energy: Its estimate, without the uncertainty of the accuracy.
        accuracy: The accuracy.
        shares: Draws of it.
        seed: Seed of the Monte Carlo.
    """
    ratios = draw(budget.standalone(), seed=seed, draws=len(shares)) * accuracy.share / shares
    low, high = interval(ratios, energy.level)
    value, u_energy = energy.value or 0.0, energy.u_c or 0.0
    relative_energy_error = u_energy / value if value else math.inf
    return replace(
        energy,
        low=max(0.0, min(low, value)),
        high=max(high, value),
        u_c=value * math.hypot(relative_energy_error, accuracy.relative_error),
        nu_eff=None,
        k=None,
        tolerance=None,
        tolerance_met=None,
        note=_note(accuracy, relative_energy_error),
    )


def _note(accuracy: Accuracy, relative_energy_error: float) -> str:
    """Return how well the accuracy is known, and whether it or the energy sets the interval."""
    dominant = "accuracy" if accuracy.relative_error > relative_energy_error else "energy"
    return (
        f"accuracy {accuracy.share:.1%} of {accuracy.questions} questions, "
        f"known to {accuracy.relative_error:.2%}, energy to {relative_energy_error:.2%}: "
        f"the {dominant} sets the interval"
    )


def _stated(entry: Entry, quality: Quality | None) -> Accuracy | None:
    """Return the accuracy that an entry states."""
    if quality is None or quality.metric != "accuracy":
        return None
    share = quality.value / 100 if quality.value > 1 else quality.value
    if not 0 <= share <= 1:
        return None
    return Accuracy(share, DATA_SET_SIZES.get((entry.task, entry.benchmark)))


def _graded(runs: Sequence[RunEnergy]) -> Accuracy | None:
    """Return the accuracy that the grading of an LLM endpoint counted over the runs."""
    gradings = [_grading(run) for run in runs]
    counts = [grading for grading in gradings if grading is not None]
    if not counts or len(counts) < len(gradings):
        return None
    correct = sum(grading["correct"] for grading in counts)
    asked = [float(grading["asked"]) for grading in counts]
    questions = min(grading["questions"] for grading in counts)
    chance = max(grading["chance"] for grading in counts)
    return Accuracy(correct / sum(asked), int(questions), chance, tuple(asked))


def _grading(run: RunEnergy) -> dict[str, float] | None:
    """Return the counts of one run, where they are numbers that fit each other."""
    evidence = run.run.evidence.endpoint
    if evidence is None:
        return None
    grading: Mapping[str, Any] = evidence.grading
    correct, asked = _count(grading, "correct"), _count(grading, "asked")
    if correct is None or not asked or correct > asked:
        return None
    questions = _count(grading, "questions") or asked
    chance = grading.get("chance")
    return {
        "correct": correct,
        "asked": asked,
        "questions": min(questions, asked),
        "chance": float(chance) if isinstance(chance, int | float) and 0 <= chance < 1 else 0.0,
    }


def _count(grading: Mapping[str, Any], name: str) -> float | None:
    value = grading.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None
