"""The benchmark itself calls the run valid, and it reached its quality target."""

from collections.abc import Iterator

from harness.formats.base import Quality
from harness.formats.benchmarks import benchmarks
from harness.rules.base import Case, Hit, Rule, place


def check(case: Case) -> Iterator[Hit]:
    known = benchmarks().get((case.entry.task, case.entry.benchmark))
    for run in case.entry.runs:
        if run.success is False:
            yield Hit(
                place(run), "the log says INVALID, or that the run was aborted", "VALID, or success",
                "Submit a run that its benchmark accepts.",
            )  # fmt: skip
        elif run.success is None:
            yield Hit(
                place(run), "the log does not say whether the run is valid", "result_validity, or a status of run_stop",
                "Submit the whole log.", status="warn",
            )  # fmt: skip
        if run.quality is not None and _missed(run.quality, known.better if known else "higher"):
            yield Hit(
                place(run), f"{run.quality.metric} {run.quality.value:g}", f"target {run.quality.target:g}",
                "Submit a run that reaches the quality target.",
            )  # fmt: skip


def _missed(quality: Quality, better: str) -> bool:
    if quality.target is None:
        return False
    return quality.value > quality.target if better == "lower" else quality.value < quality.target


RULE = Rule(
    id="result-valid",
    title="The run is valid and reached its target",
    why="Joules of a run that does not count, or of a worse model, compare with nothing.",
    evidence="LoadGen's result_validity, the status of run_stop, accuracy against the target of the benchmark.",
    remedy="Submit a run that the benchmark accepts.",
    check=check,
)
